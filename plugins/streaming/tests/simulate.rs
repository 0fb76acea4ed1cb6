//! False alarms, delays and speed of the stream detectors, measured: the numbers of the documentation.
//!
//! `cargo test --release -p leeway-streaming --test simulate -- --ignored --nocapture` prints them; a quick one runs with all tests.
#![allow(clippy::print_stdout, reason = "the table is the result")]
#![allow(clippy::unwrap_used, reason = "a test fails where it is")]

use std::time::Instant;

use leeway_statistics::adwin::Adwin;
use leeway_statistics::always_valid::AlwaysValid;
use leeway_statistics::change::ChangeDetector;
use leeway_statistics::cusum::Cusum;
use leeway_statistics::ddm::Ddm;
use leeway_statistics::eddm::Eddm;
use leeway_statistics::error_bets::{ErrorBets, ErrorBetsParams};
use leeway_statistics::hddm_a::HddmA;
use leeway_statistics::hddm_w::HddmW;
use leeway_statistics::kswin::Kswin;
use leeway_statistics::page_hinkley::PageHinkley;
use leeway_statistics::rng::Rng;
use leeway_statistics::spc::Spc;
use leeway_statistics::two_sample_bets::{TwoSampleBets, TwoSampleBetsParams};

/// Chance of any false alarm, for ever.
const LEVEL: f64 = 0.05;

/// A law that rows are drawn from.
#[derive(Clone, Copy)]
enum Law {
    Coin(f64),
    Normal(f64, f64),
    Lognormal(f64),
    /// Whole numbers below a bound.
    Levels(u64),
    /// A loss in `[0, 1]`: the cube of a uniform number.
    Cube,
    Cauchy,
}

impl Law {
    fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Coin(p) => f64::from(u8::from(rng.uniform() < p)),
            Self::Normal(mean, sd) => mean + sd * rng.normal(),
            Self::Lognormal(mean) => libm::exp(mean + rng.normal()),
            Self::Levels(levels) => rng.below(levels) as f64,
            Self::Cube => {
                let u = rng.uniform();
                u * u * u
            }
            Self::Cauchy => rng.normal() / rng.normal(),
        }
    }
}

/// Any detector: takes a row, says whether it alarms.
type Update = Box<dyn FnMut(f64) -> bool>;
/// Makes one that has seen nothing, given a seed.
type Start = fn(u64) -> Update;

fn change<D: ChangeDetector + Default + 'static>(_seed: u64) -> Update {
    let mut detector = D::default();
    Box::new(move |value| detector.update(value))
}

/// Of errors, which are 0 or 1.
fn error_bets(_seed: u64) -> Update {
    let params = ErrorBetsParams {
        binary: true,
        ..ErrorBetsParams::default()
    };
    let mut monitor = ErrorBets::new(params).unwrap();
    Box::new(move |value| monitor.update(value, LEVEL))
}

/// Of any losses in `[0, 1]`.
fn loss_bets(_seed: u64) -> Update {
    let mut monitor = ErrorBets::default();
    Box::new(move |value| monitor.update(value, LEVEL))
}

fn two_sample_bets(seed: u64) -> Update {
    let params = TwoSampleBetsParams {
        seed,
        ..TwoSampleBetsParams::default()
    };
    let mut monitor = TwoSampleBets::new(params).unwrap();
    Box::new(move |value| monitor.update(value, LEVEL))
}

/// Streams with any alarm, and alarms, of `streams` streams of `rows` rows.
fn alarms(start: Start, law: Law, streams: u64, rows: usize) -> (u64, u64) {
    let (mut any, mut all) = (0, 0);
    for seed in 0..streams {
        let (mut rng, mut update) = (Rng::new(0x5eed ^ seed), start(seed));
        let found = (0..rows).filter(|_| update(law.draw(&mut rng))).count() as u64;
        any += u64::from(found > 0);
        all += found;
    }
    (any, all)
}

/// Of `streams` streams that change after `before` rows: how many alarm before that, how many within `after` rows of it, and the
/// median delay of those.
fn delays(
    start: Start,
    laws: (Law, Law),
    streams: u64,
    (before, after): (usize, usize),
) -> (usize, usize, usize) {
    let (mut early, mut delays) = (0, Vec::new());
    for seed in 0..streams {
        let (mut rng, mut update) = (Rng::new(0xde1a ^ seed), start(seed));
        let alarmed = (0..before)
            .filter(|_| update(laws.0.draw(&mut rng)))
            .count();
        early += usize::from(alarmed > 0);
        delays.extend((1..=after).find(|_| update(laws.1.draw(&mut rng))));
    }
    delays.sort_unstable();
    let median = delays.get(delays.len() / 2).copied().unwrap_or(0);
    (early, delays.len(), median)
}

/// Largest count that has a chance of 1 in 100 or more where each of `n` has one of `LEVEL`: normal approximation, rounded up.
fn most(n: u64) -> u64 {
    let n = n as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count"
    )]
    let most = (n * LEVEL + 2.326 * (n * LEVEL * (1.0 - LEVEL)).sqrt()).ceil() as u64;
    most
}

/// Laws on which nobody may alarm too often, for monitors of losses and for those of any values.
const ERRORS: [(&str, Law); 4] = [
    ("errors of 2%", Law::Coin(0.02)),
    ("errors of 10%", Law::Coin(0.1)),
    ("errors of 30%", Law::Coin(0.3)),
    ("errors of 50%", Law::Coin(0.5)),
];
const LOSSES: [(&str, Law); 3] = [
    ("cubes of uniform", Law::Cube),
    ("errors of 10%", Law::Coin(0.1)),
    ("errors of 50%", Law::Coin(0.5)),
];
const VALUES: [(&str, Law); 5] = [
    ("normal", Law::Normal(0.0, 1.0)),
    ("lognormal", Law::Lognormal(0.0)),
    ("Cauchy", Law::Cauchy),
    ("five values", Law::Levels(5)),
    ("coins of 10%", Law::Coin(0.1)),
];

#[test]
fn bets_alarm_on_few_short_streams_and_find_a_large_shift_in_each() {
    for (start, (name, law)) in [
        (error_bets as Start, ERRORS[2]),
        (loss_bets as Start, LOSSES[0]),
    ] {
        let (any, _) = alarms(start, law, 100, 3_000);
        assert!(any <= most(100), "{name}: {any}");
    }
    for (name, law) in [VALUES[0], VALUES[3]] {
        let (any, _) = alarms(two_sample_bets, law, 100, 3_000);
        assert!(any <= most(100), "{name}: {any}");
    }
    let errors = (Law::Coin(0.1), Law::Coin(0.4));
    let (_, found, _) = delays(error_bets, errors, 20, (2_000, 1_000));
    assert_eq!(found, 20);
    let values = (Law::Normal(0.0, 1.0), Law::Normal(1.0, 1.0));
    let (_, found, _) = delays(two_sample_bets, values, 20, (2_000, 1_000));
    assert_eq!(found, 20);
}

#[test]
#[ignore = "a minute: prints the table of the documentation"]
fn false_alarms_over_whole_streams() {
    let (streams, rows) = (1_000, 20_000);
    println!(
        "share of {streams} streams of {rows} rows without a change that were ever alarmed on, level 5%"
    );
    for (monitor, start, laws) in [
        ("error-bets", error_bets as Start, &ERRORS[..]),
        ("the same, losses", loss_bets as Start, &LOSSES[..]),
        ("two-sample-bets", two_sample_bets as Start, &VALUES[..]),
    ] {
        for &(name, law) in laws {
            let (any, _) = alarms(start, law, streams, rows);
            let (adwin, _) = alarms(change::<Adwin>, law, 200, rows);
            let (percent, adwin) = (any as f64 / streams as f64 * 100.0, adwin as f64 / 2.0);
            println!("{monitor:16} {name:26} {percent:5.1}%   adwin {adwin:5.1}%");
            assert!(any <= most(streams), "{monitor}, {name}: {any}");
        }
    }
}

#[test]
#[ignore = "a minute: prints the table of the documentation"]
fn delays_after_a_change() {
    let cases: [(&str, Law, Law); 9] = [
        ("errors 10% to 12%", Law::Coin(0.1), Law::Coin(0.12)),
        ("errors 10% to 15%", Law::Coin(0.1), Law::Coin(0.15)),
        ("errors 10% to 20%", Law::Coin(0.1), Law::Coin(0.2)),
        ("errors 20% to 40%", Law::Coin(0.2), Law::Coin(0.4)),
        ("errors 2% to 5%", Law::Coin(0.02), Law::Coin(0.05)),
        (
            "normal, mean + 0.1 sd",
            Law::Normal(0.0, 1.0),
            Law::Normal(0.1, 1.0),
        ),
        (
            "normal, mean + 0.25 sd",
            Law::Normal(0.0, 1.0),
            Law::Normal(0.25, 1.0),
        ),
        (
            "normal, mean + 0.5 sd",
            Law::Normal(0.0, 1.0),
            Law::Normal(0.5, 1.0),
        ),
        (
            "normal, sd x 1.5",
            Law::Normal(0.0, 1.0),
            Law::Normal(0.0, 1.5),
        ),
    ];
    let (streams, span) = (100, (5_000, 10_000));
    println!(
        "of {streams} streams that change after 5,000 rows: alarmed before, found within 10,000 rows, median delay of those"
    );
    for (name, from, to) in cases {
        let coins = matches!(from, Law::Coin(_));
        let mut detectors: Vec<(&str, Start)> = vec![
            ("two-sample-bets", two_sample_bets),
            ("adwin", change::<Adwin>),
        ];
        if coins {
            detectors.push(("error-bets", error_bets));
        }
        for (detector, start) in detectors {
            let (early, found, median) = delays(start, (from, to), streams, span);
            println!("{name:26} {detector:16} {early:4} {found:4} {median:6}");
        }
    }
}

#[test]
#[ignore = "a minute: prints the table of the documentation"]
fn false_alarms_and_delays_of_the_classics() {
    let detectors: [(&str, Start); 9] = [
        ("adwin", change::<Adwin>),
        ("hddm-a", change::<HddmA>),
        ("hddm-w", change::<HddmW>),
        ("page-hinkley", change::<PageHinkley>),
        ("cusum", change::<Cusum>),
        ("ddm", change::<Ddm>),
        ("eddm", change::<Eddm>),
        ("kswin", change::<Kswin>),
        ("spc", change::<Spc>),
    ];
    println!(
        "false alarms in 10,000 rows: errors of 10%, of 30%, normal; early alarms in 3,000 rows of 100 streams, median delay: 10% to 20%, 20% to 40%"
    );
    for (name, start) in detectors {
        let per = |law| {
            let (_, all) = alarms(start, law, 40, 10_000);
            all as f64 / 40.0
        };
        let (a, b) = (per(Law::Coin(0.1)), per(Law::Coin(0.3)));
        let values = ["adwin", "page-hinkley", "cusum", "kswin", "spc"].contains(&name);
        let normal = if values {
            format!("{:6.2}", per(Law::Normal(0.0, 1.0)))
        } else {
            "     -".to_owned()
        };
        let delay = |from, to| {
            let laws = (Law::Coin(from), Law::Coin(to));
            let (early, found, median) = delays(start, laws, 100, (3_000, 5_000));
            format!("{early:4} {found:4} {median:6}")
        };
        let (small, large) = (delay(0.1, 0.2), delay(0.2, 0.4));
        println!("{name:14} {a:6.2} {b:6.2} {normal}   {small}   {large}");
    }
}

fn time(name: &str, rows: &[f64], mut update: impl FnMut(f64) -> bool) {
    let start = Instant::now();
    let found = rows.iter().filter(|&&row| update(row)).count();
    let seconds = start.elapsed().as_secs_f64();
    let speed = rows.len() as f64 / seconds / 1e6;
    println!("{name:16} {speed:8.2} million rows a second ({found} alarms)");
}
fn of<D: ChangeDetector + Default>(name: &str, rows: &[f64]) {
    let mut detector = D::default();
    time(name, rows, |row| detector.update(row));
}

#[test]
#[ignore = "prints rows a second, which depend on the machine"]
fn rows_a_second() {
    let mut rng = Rng::new(1);
    let rows: Vec<f64> = (0..1_000_000)
        .map(|_| Law::Coin(0.1).draw(&mut rng))
        .collect();
    of::<Adwin>("adwin", &rows);
    of::<PageHinkley>("page-hinkley", &rows);
    of::<Cusum>("cusum", &rows);
    of::<Ddm>("ddm", &rows);
    of::<Eddm>("eddm", &rows);
    of::<HddmA>("hddm-a", &rows);
    of::<HddmW>("hddm-w", &rows);
    of::<Spc>("spc", &rows);
    of::<Kswin>("kswin", &rows[..100_000]);
    let mut errors = ErrorBets::default();
    time("error-bets", &rows, |row| errors.update(row, LEVEL));
    let mut values = TwoSampleBets::new(TwoSampleBetsParams::default()).unwrap();
    time("two-sample-bets", &rows, |row| values.update(row, LEVEL));
}
