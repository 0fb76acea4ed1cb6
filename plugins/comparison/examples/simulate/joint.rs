//! Detectors of many columns at once, and of texts: windows of five columns of each law, and of invented texts.

use leeway_correlation::CorrelationChange;
use leeway_domain_classifier::DomainClassifier;
use leeway_matrix::simulate::{Draw, Law, Rows};
use leeway_mmd::Mmd;
use leeway_pca_reconstruction::PcaReconstruction;
use leeway_sdk::{BatchDetector, Verdict, Window};
use leeway_statistics::rng::Rng;
use leeway_text_drift::TextDrift;

use crate::rate::{ALL, Rate, alarms, head, progress};

/// Rows of the reference and of the current window.
const SIZES: [(usize, usize); 6] = [
    (50, 50),
    (100, 100),
    (200, 200),
    (500, 100),
    (1_000, 1_000),
    (2_000, 200),
];
/// Columns of a window.
const COLUMNS: usize = 5;
/// Rows of each window in which power is measured.
const POWER_ROWS: usize = 500;

/// Whether anything drifts. Without floors no effect is too small.
pub(crate) fn drifts<D: BatchDetector>(
    reference: &dyn Window,
    current: &dyn Window,
    floors: bool,
    seed: u64,
) -> bool {
    let config = if floors { "{}" } else { r#"{"effect_min": 0}"# };
    let baseline = D::fit(reference, config, seed).unwrap();
    let found = D::evaluate(&baseline, current, config, seed).unwrap();
    assert!(!found.is_empty(), "a verdict each time");
    found.iter().any(|one| one.verdict == Verdict::Drifted)
}

type Drifts = fn(&dyn Window, &dyn Window, bool, u64) -> bool;

/// A detector of rows: its name, what runs it, whether it takes numbers alone, and which part of the wanted windows each size is worth;
/// 0 for none.
struct Joint {
    name: &'static str,
    drifts: Drifts,
    numbers: bool,
    parts: [usize; 6],
}

const DETECTORS: [Joint; 4] = [
    Joint {
        name: "correlation",
        drifts: drifts::<CorrelationChange>,
        numbers: true,
        parts: [1, 1, 1, 1, 1, 1],
    },
    Joint {
        name: "pca-reconstruction",
        drifts: drifts::<PcaReconstruction>,
        numbers: false,
        parts: [1, 1, 1, 1, 1, 1],
    },
    Joint {
        name: "mmd",
        drifts: drifts::<Mmd>,
        numbers: false,
        parts: [1, 1, 1, 1, 10, 0],
    },
    Joint {
        name: "domain-classifier",
        drifts: drifts::<DomainClassifier>,
        numbers: false,
        parts: [1, 1, 1, 1, 5, 2],
    },
];

/// Texts of words that are as unequally frequent as those of a language; with a chance `new` a text has a word of its own topic.
fn texts(rows: usize, new: f64, rng: &mut Rng) -> Rows {
    let texts = (0..rows).map(|_| {
        let mut words: Vec<String> = (0..10 + rng.below(10))
            .map(|_| format!("w{}", libm::exp(7.0 * rng.uniform()).floor()))
            .collect();
        if rng.uniform() < new {
            words.push("invoice".to_owned());
        }
        Some(words.join(" "))
    });
    Rows::default().names("text", texts.collect())
}

/// Windows that drift without floors, and with them: the latter are among the former.
pub(crate) fn both(
    repeats: usize,
    drifts: Drifts,
    draw: impl Fn(&mut Rng) -> (Rows, Rows),
) -> (Rate, Rate) {
    let mut floors = Rate::default();
    let alone = Rate::of(repeats, |repeat| {
        let (reference, current) = draw(&mut Rng::new(repeat + 1000));
        let found = drifts(&reference, &current, false, repeat);
        floors.add(found && drifts(&reference, &current, true, repeat));
        found
    });
    (alone, floors)
}

fn row(name: &str, law: &str, rates: &[Rate]) {
    let told: Vec<String> = SIZES
        .iter()
        .zip(rates)
        .map(|((n, m), rate)| alarms(|| format!("{name}, {law}, {n} / {m}"), *rate))
        .collect();
    println!("| {name} | {law} | {} |", told.join(" | "));
}

fn title(first: &[&str]) {
    let sizes = SIZES.map(|(n, m)| format!("{n} / {m}"));
    let names: Vec<&str> = first
        .iter()
        .copied()
        .chain(sizes.iter().map(String::as_str))
        .collect();
    head(&names);
}

/// Only the detectors of `TESTS=mmd,pca-reconstruction`, the sizes of `ROWS=50/50` and the laws of `LAWS=normal`, where these are set.
fn chosen(variable: &str, name: &str) -> bool {
    std::env::var(variable).map_or(true, |names| names.split(',').any(|one| one == name))
}

pub(crate) fn table(wanted: usize) {
    println!(
        "\n### Many columns at once, and texts\n\nFalse alarms, %, of windows of five columns; floors taken away but in the last rows."
    );
    title(&["detector", "law"]);
    for one in DETECTORS.iter().filter(|one| chosen("TESTS", one.name)) {
        let mut whole = [(Rate::default(), Rate::default()); SIZES.len()];
        for law in Law::ALL {
            let name = format!("{law:?}").to_lowercase();
            if one.numbers && matches!(law, Law::Names(_)) || !chosen("LAWS", &name) {
                continue;
            }
            let mut rates = [Rate::default(); SIZES.len()];
            for (at, (n, m)) in SIZES.into_iter().enumerate() {
                if one.parts[at] == 0 || !chosen("ROWS", &format!("{n}/{m}")) {
                    continue;
                }
                progress(&format!("{} {law:?} {n} / {m}", one.name));
                let draw = |rng: &mut Rng| {
                    let reference = law.rows(Draw::new(n, COLUMNS), rng);
                    (reference, law.rows(Draw::new(m, COLUMNS), rng))
                };
                let found = both(wanted / one.parts[at], one.drifts, draw);
                rates[at] = found.0;
                whole[at] = (whole[at].0.with(found.0), whole[at].1.with(found.1));
            }
            row(one.name, &name, &rates);
        }
        row(one.name, ALL, &whole.map(|rates| rates.0));
        row(
            one.name,
            &format!("{ALL}, defaults"),
            &whole.map(|rates| rates.1),
        );
    }
    if chosen("TESTS", "text-drift") {
        let mut whole = [(Rate::default(), Rate::default()); SIZES.len()];
        for (at, (n, m)) in SIZES
            .into_iter()
            .enumerate()
            .filter(|(_, size)| size.0 <= 1_000)
        {
            progress(&format!("text-drift {n} / {m}"));
            let part = if n + m > 1_000 { 2 } else { 1 };
            let draw = |rng: &mut Rng| (texts(n, 0.0, rng), texts(m, 0.0, rng));
            whole[at] = both(wanted / part, drifts::<TextDrift>, draw);
        }
        row("text-drift", "texts", &whole.map(|rates| rates.0));
        row(
            "text-drift",
            &format!("{ALL}, defaults"),
            &whole.map(|rates| rates.1),
        );
    }
    power(wanted / 5);
}

fn power(repeats: usize) {
    println!("\nFound in %, at the defaults, with {POWER_ROWS} rows a window.");
    head(&[
        "detector",
        "half a standard deviation of one of five normal columns",
        "a correlation of two of five from 0 to 0.6",
        "a new word in a fifth of the texts",
    ]);
    let same = Draw::new(POWER_ROWS, COLUMNS);
    let shifted = Draw { shift: 0.5, ..same };
    let together = Draw {
        rho: 0.6,
        correlated: 2,
        ..same
    };
    for one in DETECTORS.iter().filter(|one| chosen("TESTS", one.name)) {
        progress(&format!("power of {}", one.name));
        let found = |current: Draw| {
            Rate::of(repeats, |repeat| {
                let mut rng = Rng::new(repeat + 2000);
                let reference = Law::Normal.rows(same, &mut rng);
                (one.drifts)(
                    &reference,
                    &Law::Normal.rows(current, &mut rng),
                    true,
                    repeat,
                )
            })
        };
        println!(
            "| {} | {} | {} | – |",
            one.name,
            found(shifted).told(),
            found(together).told()
        );
    }
    if chosen("TESTS", "text-drift") {
        progress("power of text-drift");
        let found = Rate::of(repeats, |repeat| {
            let mut rng = Rng::new(repeat + 2000);
            let reference = texts(POWER_ROWS, 0.0, &mut rng);
            drifts::<TextDrift>(&reference, &texts(POWER_ROWS, 0.2, &mut rng), true, repeat)
        });
        println!("| text-drift | – | – | {} |", found.told());
    }
}
