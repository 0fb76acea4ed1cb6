//! The detectors that come with the host: components like any other, and trusted no more.

/// A component and the name it is asked for by.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Name of the detector.
    pub name: &'static str,
    /// The component.
    pub component: &'static [u8],
}

macro_rules! builtin {
    ($name:literal) => {
        Builtin {
            name: $name,
            component: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm")),
        }
    };
}

/// Every detector that comes with the host.
pub const ALL: [Builtin; 22] = [
    builtin!("data-drift"),
    builtin!("prior-drift"),
    builtin!("concept-drift"),
    builtin!("data-quality"),
    builtin!("performance"),
    builtin!("label-shift"),
    builtin!("pca-reconstruction"),
    builtin!("correlation"),
    builtin!("mmd"),
    builtin!("domain-classifier"),
    builtin!("text-drift"),
    builtin!("adwin"),
    builtin!("page-hinkley"),
    builtin!("hddm-a"),
    builtin!("hddm-w"),
    builtin!("cusum"),
    builtin!("spc"),
    builtin!("ddm"),
    builtin!("eddm"),
    builtin!("kswin"),
    builtin!("error-bets"),
    builtin!("two-sample-bets"),
];

/// The detector of a name.
pub fn find(name: &str) -> Option<Builtin> {
    ALL.into_iter().find(|builtin| builtin.name == name)
}
