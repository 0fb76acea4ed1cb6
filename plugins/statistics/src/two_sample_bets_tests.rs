//! Bets on ranks: their guarantee, and what they find.

use super::*;
use crate::check::{any_cut_of_a_monitor_goes_on, damage_of_a_monitor_is_refused_or_harmless};
use crate::rng::Rng;
use proptest::prelude::*;

fn monitor(reference_rows: u32, seed: u64) -> TwoSampleBets {
    TwoSampleBets::new(TwoSampleBetsParams {
        reference_rows,
        seed,
        ..TwoSampleBetsParams::default()
    })
    .unwrap()
}

/// Row of the alarm, if any.
fn play(monitor: &mut TwoSampleBets, rows: usize, mut next: impl FnMut() -> f64) -> Option<usize> {
    (0..rows).find(|_| monitor.update(next(), 0.05))
}

#[test]
fn ranks_are_uniform_and_unrelated_whatever_the_law() {
    // Coins, the extreme of ties: the first two moments, and the product of neighbours, of 20,000 ranks.
    let mut rng = Rng::new(1);
    let mut monitor = monitor(100, 9);
    let mut ranks = Vec::new();
    for row in 0..20_100 {
        let value = f64::from(u8::from(rng.uniform() < 0.3));
        if row < 100 {
            monitor.update(value, 1e-300);
        } else {
            let pair = (value, monitor.chance(0));
            ranks.push(monitor.rank(pair));
            monitor.taken += 1;
        }
    }
    let mean = |f: &dyn Fn(usize) -> f64| (0..19_999).map(f).sum::<f64>() / 19_999.0;
    // Four standard errors.
    assert!((mean(&|i| ranks[i]) - 0.5).abs() < 4.0 * 0.2887 / 141.0);
    assert!((mean(&|i| ranks[i] * ranks[i]) - 1.0 / 3.0).abs() < 4.0 * 0.2981 / 141.0);
    assert!((mean(&|i| ranks[i] * ranks[i + 1]) - 0.25).abs() < 4.0 * 0.2205 / 141.0);
}

#[test]
fn each_density_has_mean_one() {
    let mut monitor = monitor(100, 0);
    for row in 0..200_u32 {
        monitor.bins[bin_of(f64::from(row % 13) / 13.0)] += 1.0;
    }
    let mut sums = [0.0; BETS];
    let steps = 16_000_u32;
    for step in 0..steps {
        let factors = monitor
            .clone()
            .factors((f64::from(step) + 0.5) / f64::from(steps));
        assert!(factors.iter().all(|factor| *factor >= 0.0));
        sums.iter_mut()
            .zip(factors)
            .for_each(|(sum, factor)| *sum += factor);
    }
    for sum in sums {
        assert!((sum / f64::from(steps) - 1.0).abs() < 1e-7, "{sum}");
    }
}

#[test]
fn a_shift_a_wider_spread_and_another_shape_are_found() {
    let mut rng = Rng::new(3);
    for change in [
        |z: f64| z + 0.5,
        |z: f64| z - 0.5,
        |z: f64| z * 2.0,
        |z: f64| z * 0.5,
        |z: f64| z.abs().sqrt() * z.signum(),
    ] {
        let mut monitor = monitor(1_000, 4);
        assert_eq!(play(&mut monitor, 4_000, || rng.normal()), None);
        assert_eq!(monitor.phase(), Phase::Watching);
        let row = play(&mut monitor, 3_000, || change(rng.normal()));
        assert!(row.is_some(), "{monitor:?}");
        assert_eq!(monitor.phase(), Phase::Alarmed);
    }
}

#[test]
fn false_alarms_over_whole_streams_stay_below_the_level() {
    // 200 streams of 3,000 rows, whole numbers from 0 to 4, at level 5%: more than 17 alarms have a chance of 1 in 50 at most.
    let mut rng = Rng::new(5);
    let mut alarms = 0;
    for seed in 0..200 {
        let mut monitor = monitor(200, seed);
        let found = play(&mut monitor, 3_000, || rng.below(5) as f64);
        alarms += i32::from(found.is_some());
    }
    assert!(alarms <= 17, "{alarms}");
}

#[test]
fn one_value_is_constant_until_there_is_another() {
    let mut monitor = monitor(100, 6);
    assert_eq!(play(&mut monitor, 5_000, || 7.0), None);
    assert_eq!(monitor.phase(), Phase::Constant);
    assert!(play(&mut monitor, 400, || 8.0).is_some());
}

#[test]
fn settings_out_of_range_are_named() {
    for (rows, fits) in [
        (REFERENCE_MIN - 1, false),
        (REFERENCE_MIN, true),
        (REFERENCE_MAX, true),
        (REFERENCE_MAX + 1, false),
    ] {
        let params = TwoSampleBetsParams {
            reference_rows: rows,
            ..TwoSampleBetsParams::default()
        };
        assert_eq!(TwoSampleBets::new(params).is_ok(), fits, "{rows}");
    }
}

proptest! {
    #[test]
    fn a_restored_monitor_goes_on_as_the_original(values in prop::collection::vec(-5i8..5, 0..300), cut in 0usize..300) {
        let params = TwoSampleBetsParams { reference_rows: 100, after_alarm: AfterAlarm::Relearn, ..TwoSampleBetsParams::default() };
        any_cut_of_a_monitor_goes_on(&TwoSampleBets::new(params).unwrap(), &values, cut)?;
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0usize..3000, byte in any::<u8>()) {
        damage_of_a_monitor_is_refused_or_harmless(monitor(100, 1), at, byte)?;
    }
}
