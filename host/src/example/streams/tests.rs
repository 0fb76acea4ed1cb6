//! Each kind of drift on the flights: what moves, and that all else stays, after every hundred rows.

use std::path::Path;
use std::sync::OnceLock;

use jiff::Timestamp;

use super::super::flights;
use super::*;
use crate::model_api::Training;

fn world() -> &'static World<'static> {
    static DATA: OnceLock<DataSet> = OnceLock::new();
    static WORLD: OnceLock<World<'static>> = OnceLock::new();
    WORLD.get_or_init(|| {
        let data = DATA.get_or_init(|| {
            let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights");
            flights::read(Path::new(directory)).unwrap()
        });
        let model = Model::train(Training {
            name: data.name.into(),
            about: data.about.into(),
            trained_at: Timestamp::UNIX_EPOCH,
            classes: data.classes.map(str::to_owned),
            input: data.input,
            instances: data
                .training
                .iter()
                .map(|row| (row.instance.clone(), row.label))
                .collect(),
        })
        .unwrap();
        World::new(data, &model).unwrap()
    })
}

/// Reference and production of a seed.
fn rows(drift: DriftType, seed: u64) -> (Vec<Coming>, Vec<Coming>) {
    let (world, mut random) = (world(), Random::new(seed));
    let reference = world.reference(&mut random);
    let production = world.production(drift, &reference, 1_000, &mut random);
    let reference = reference.iter().map(|&row| world.as_it_is(row)).collect();
    (reference, production)
}

fn share(rows: &[Coming], holds: impl Fn(&Coming) -> bool) -> f64 {
    rows.iter().filter(|coming| holds(coming)).count() as f64 / rows.len() as f64
}

/// The largest distance of two distribution functions.
fn distance(a: &Values, b: &Values) -> f64 {
    let (Values::Numbers(a), Values::Numbers(b)) = (a, b) else {
        panic!("no numbers")
    };
    let below = |values: &[f64], at: f64| {
        let there: Vec<_> = values.iter().filter(|value| !value.is_nan()).collect();
        there.iter().filter(|value| ***value <= at).count() as f64 / there.len() as f64
    };
    b.iter()
        .filter(|at| !at.is_nan())
        .map(|&at| (below(a, at) - below(b, at)).abs())
        .fold(0.0, f64::max)
}

/// What of the production is not as in the reference: features, classes (labels, answers), errors.
fn moved(reference: &[Coming], production: &[Coming]) -> [f64; 3] {
    let world = world();
    let numeric = world.columns.iter().filter(|(_, numeric)| *numeric);
    let features = numeric.map(|(name, _)| {
        let of = |rows| world.feature(name, true, rows);
        distance(&of(reference), &of(production))
    });
    let differ = |holds: &dyn Fn(&Coming) -> bool| {
        (share(reference, holds) - share(production, holds)).abs()
    };
    let classes =
        differ(&|coming| coming.label).max(differ(&|coming| world.answer(*coming).positive));
    let wrong = differ(&|coming| world.answer(*coming).positive != coming.label);
    [features.fold(0.0, f64::max), classes, wrong]
}

#[test]
fn each_kind_of_drift_moves_what_is_its_own_and_leaves_the_rest() {
    for seed in 0..3 {
        for (drift, moves) in [
            (DriftType::None, [false, false, false]),
            (DriftType::DataDrift, [true, false, false]),
            (DriftType::PriorDrift, [false, true, false]),
            (DriftType::ConceptDrift, [false, false, true]),
        ] {
            let (reference, production) = rows(drift, seed);
            assert_eq!(production.len(), 1_000);
            for end in [100, 200, 500, 1_000] {
                let found = moved(&reference, &production[..end]);
                // A plain sample of so many rows differs by 1.36 / sqrt(rows) in one of twenty cases.
                let stays = 0.9 / (end as f64).sqrt();
                for (found, moves) in found.into_iter().zip(moves) {
                    let right = if moves { found > 0.09 } else { found < stays };
                    assert!(right, "{drift:?}, {end} rows, seed {seed}: {found} {moves}");
                }
            }
        }
    }
}

#[test]
fn a_reference_is_a_random_part_of_what_is_normal() {
    let reference = world().reference(&mut Random::new(3));
    assert_eq!(reference.len(), REFERENCE_ROWS_MAX);
    assert!(reference.is_sorted_by(|a, b| a < b));
    assert_ne!(reference, world().reference(&mut Random::new(4)));
}
