//! Detectors of streams: how many streams of 20,000 rows without a change are ever alarmed on.

use leeway_adwin::AdwinDetector;
use leeway_cusum::CusumDetector;
use leeway_ddm::DdmDetector;
use leeway_eddm::EddmDetector;
use leeway_error_bets::ErrorBetsDetector;
use leeway_hddm_a::HddmADetector;
use leeway_hddm_w::HddmWDetector;
use leeway_kswin::KswinDetector;
use leeway_outcomes::table::Table;
use leeway_page_hinkley::PageHinkleyDetector;
use leeway_sdk::{Role, StreamDetector, Verdict};
use leeway_spc::SpcDetector;
use leeway_statistics::rng::Rng;
use leeway_two_sample_bets::TwoSampleBetsDetector;

use crate::rate::{Rate, alarms_above, head, progress};

/// Rows of a stream, and of a batch of them.
const ROWS: usize = 20_000;
const BATCH: usize = 1_000;
/// Streams of a cell, for detectors that take their time.
const STREAMS_SLOW: usize = 60;

/// A law that rows are drawn from.
#[derive(Clone, Copy, PartialEq)]
enum Law {
    Errors(f64),
    /// Cubes of uniform numbers: losses in `[0, 1]`.
    Losses,
    Normal,
    Lognormal,
    /// Cauchy's: no mean.
    Heavy,
    /// Five values, equally likely.
    Five,
}

const LAWS: [(&str, Law); 8] = [
    ("errors of 2%", Law::Errors(0.02)),
    ("errors of 10%", Law::Errors(0.1)),
    ("errors of 30%", Law::Errors(0.3)),
    ("losses", Law::Losses),
    ("normal", Law::Normal),
    ("lognormal", Law::Lognormal),
    ("five values", Law::Five),
    ("heavy", Law::Heavy),
];

impl Law {
    fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Errors(share) => f64::from(u8::from(rng.uniform() < share)),
            Self::Losses => {
                let u = rng.uniform();
                u * u * u
            }
            Self::Normal => rng.normal(),
            Self::Lognormal => libm::exp(rng.normal()),
            Self::Heavy => rng.normal() / rng.normal(),
            Self::Five => rng.below(5) as f64,
        }
    }

    fn unit(self) -> bool {
        matches!(self, Self::Errors(_) | Self::Losses)
    }
}

/// Whether a stream without a change is ever alarmed on.
fn ever<D: StreamDetector>(law: Law, seed: u64) -> bool {
    let mut rng = Rng::new(0x5eed ^ seed);
    let role = match law {
        Law::Errors(_) => Role::Error,
        Law::Losses => Role::Brier,
        _ => Role::Feature,
    };
    let mut state = Vec::new();
    (0..ROWS / BATCH).any(|_| {
        let rows: Vec<f64> = (0..BATCH).map(|_| law.draw(&mut rng)).collect();
        let step = D::update(
            &state,
            &Table::default().numbers("x", role, &rows),
            "{}",
            seed,
        )
        .unwrap();
        state = step.state;
        step.measurements
            .iter()
            .any(|one| one.verdict == Verdict::Drifted)
    })
}

/// A stream detector: its name, what runs it, the laws it is made for, whether its level holds for ever, and whether it takes its time.
struct Stream {
    name: &'static str,
    ever: fn(Law, u64) -> bool,
    takes: fn(Law) -> bool,
    promises: bool,
    slow: bool,
}

fn stream<D: StreamDetector>(name: &'static str, takes: fn(Law) -> bool) -> Stream {
    Stream {
        name,
        ever: ever::<D>,
        takes,
        promises: false,
        slow: false,
    }
}

pub(crate) fn table(wanted: usize) {
    println!(
        "\n### Streams\n\nStreams of {ROWS} rows without a change that were ever alarmed on, %, at the defaults."
    );
    let names: Vec<&str> = ["detector"]
        .into_iter()
        .chain(LAWS.map(|law| law.0))
        .collect();
    head(&names);
    let errors = |law: Law| matches!(law, Law::Errors(_));
    let detectors = [
        Stream {
            promises: true,
            ..stream::<ErrorBetsDetector>("error-bets", Law::unit)
        },
        Stream {
            promises: true,
            ..stream::<TwoSampleBetsDetector>("two-sample-bets", |_| true)
        },
        stream::<AdwinDetector>("adwin", |_| true),
        stream::<HddmADetector>("hddm-a", Law::unit),
        stream::<HddmWDetector>("hddm-w", Law::unit),
        stream::<PageHinkleyDetector>("page-hinkley", |_| true),
        stream::<CusumDetector>("cusum", |_| true),
        stream::<DdmDetector>("ddm", errors),
        stream::<EddmDetector>("eddm", errors),
        Stream {
            slow: true,
            ..stream::<KswinDetector>("kswin", |_| true)
        },
        stream::<SpcDetector>("spc", |_| true),
    ];
    for one in detectors {
        let told = LAWS.map(|(name, law)| {
            if !(one.takes)(law) {
                return Rate::default().told();
            }
            progress(&format!("{} {name}", one.name));
            let streams = match (one.slow, one.promises) {
                (true, _) => STREAMS_SLOW,
                (_, true) => 2 * wanted,
                _ => wanted,
            };
            let rate = Rate::of(streams, |seed| (one.ever)(law, seed));
            if one.promises {
                alarms_above(0.05, || format!("{}, {name}", one.name), rate)
            } else {
                rate.told()
            }
        });
        println!("| {} | {} |", one.name, told.join(" | "));
    }
}
