//! Questions that no honest detector asks, each with the answer it must get.

use leeway_sdk::{AccessError, Failure, Window};

/// Asks the window of the tests, of 100 rows, a numeric column, a categorical one and an embedding, what
/// it cannot answer. `1` if every answer was the right one.
pub(crate) fn absurd(window: &dyn Window) -> Result<f64, Failure> {
    const LAST: u32 = u32::MAX;
    let invalid = |what: &str| Some(AccessError::InvalidArgument(what.to_owned()));
    let wrong_kind = |what: &str| Some(AccessError::WrongKind(what.to_owned()));
    let rows = || Some(AccessError::OutOfRange(100));
    let number = "column 1 ('name') is categorical, not numeric";
    let name = "column 0 ('x') is numeric, not categorical";
    let answers = [
        (
            window.quantiles(0, &[0.5, f64::NAN]).err(),
            invalid("probability 1 (NaN) is not in [0, 1]"),
        ),
        (
            window.quantiles(0, &[-0.5]).err(),
            invalid("probability 0 (-0.5) is not in [0, 1]"),
        ),
        (
            window.quantiles(0, &[f64::INFINITY]).err(),
            invalid("probability 0 (inf) is not in [0, 1]"),
        ),
        (
            window.quantiles(LAST, &[0.5]).err(),
            Some(AccessError::NoSuchColumn(LAST)),
        ),
        (window.quantiles(1, &[0.5]).err(), wrong_kind(number)),
        (
            window.counts_in_bins(0, &[f64::NAN]).err(),
            invalid("edge 0 (NaN) is not finite"),
        ),
        (
            window.counts_in_bins(0, &[0.0, f64::INFINITY]).err(),
            invalid("edge 1 (inf) is not finite"),
        ),
        (
            window.counts_in_bins(0, &[2.0, 1.0]).err(),
            invalid("edge 1 (1) is not above the one before it"),
        ),
        (
            window.counts_in_bins(0, &[1.0, 1.0]).err(),
            invalid("edge 1 (1) is not above the one before it"),
        ),
        (
            window.cdf(0, &[f64::NAN]).err(),
            invalid("point 0 (NaN) is not a number"),
        ),
        (
            window.cdf(LAST, &[]).err(),
            Some(AccessError::NoSuchColumn(LAST)),
        ),
        (window.distinct(1).err(), wrong_kind(number)),
        (window.moments(1).err(), wrong_kind(number)),
        (window.category_counts(0).err(), wrong_kind(name)),
        (window.dictionary(0).err(), wrong_kind(name)),
        (
            window.dictionary(LAST).err(),
            Some(AccessError::NoSuchColumn(LAST)),
        ),
        (window.numbers(0, 0, 101).err(), rows()),
        (window.numbers(0, LAST, 1).err(), rows()),
        (window.numbers(0, LAST, LAST).err(), rows()),
        (window.numbers(0, 101, 0).err(), rows()),
        (window.numbers(1, 0, 1).err(), wrong_kind(number)),
        (window.codes(1, LAST, LAST).err(), rows()),
        (window.codes(0, 0, 1).err(), wrong_kind(name)),
        (window.embeddings(2, LAST, LAST).err(), rows()),
        (
            window.embeddings(0, 0, 1).err(),
            wrong_kind("column 0 ('x') is numeric, not embedding"),
        ),
        (window.times(LAST, LAST).err(), rows()),
        (window.times(0, 101).err(), rows()),
        (window.numbers(0, 100, 0).err(), None),
        (window.sample(LAST, 0).err(), None),
        (window.sample(0, 0).err(), None),
        (window.quantiles(0, &[]).err(), None),
        (window.counts_in_bins(0, &[f64::MIN, f64::MAX]).err(), None),
        (
            window.cdf(0, &[f64::NEG_INFINITY, f64::INFINITY]).err(),
            None,
        ),
    ];
    match answers.iter().position(|(got, wanted)| got != wanted) {
        Some(at) => Err(Failure::Internal(format!(
            "answer {at} is {:?}, not {:?}",
            answers[at].0, answers[at].1
        ))),
        None => Ok(1.0),
    }
}

/// Hands kernels very many arguments. `1` if the answers are those to few.
pub(crate) fn long(window: &dyn Window, amount: u64) -> Result<f64, Failure> {
    let levels: Vec<f64> = (0..amount).map(|i| i as f64 / amount as f64).collect();
    let last = levels.len() - 1;
    let right = |what: &str, right: bool| {
        if right {
            Ok(())
        } else {
            Err(Failure::Internal(format!("{what} are wrong")))
        }
    };

    let quantiles = window.quantiles(0, &levels)?;
    let some = [0, last / 3, last / 2, last];
    right(
        "quantiles",
        quantiles.len() == levels.len()
            && some.map(|at| quantiles[at]).to_vec()
                == window.quantiles(0, &some.map(|at| levels[at]))?,
    )?;

    let points: Vec<f64> = levels.iter().map(|level| level * 100.0).collect();
    let shares = window.cdf(0, &points)?;
    right(
        "shares",
        shares.len() == points.len()
            && some.map(|at| shares[at]).to_vec() == window.cdf(0, &some.map(|at| points[at]))?,
    )?;

    // The column holds 0, 1, ..., 99: one value in the bin below each whole number.
    let counts = window.counts_in_bins(0, &points)?;
    let bin = |value: f64| points.partition_point(|&edge| edge < value);
    let one_each = (0..100).all(|value| counts[bin(f64::from(value))] == 1.0);
    right(
        "counts",
        counts.len() == points.len() + 1 && counts.iter().sum::<f64>() == 100.0 && one_each,
    )?;

    let named = |error: Option<AccessError>, wanted: String| {
        error == Some(AccessError::InvalidArgument(wanted))
    };
    let with_end = |end: f64| [levels.as_slice(), &[end]].concat();
    right(
        "positions of probabilities",
        named(
            window.quantiles(0, &with_end(2.0)).err(),
            format!("probability {amount} (2) is not in [0, 1]"),
        ),
    )?;
    right(
        "positions of edges",
        named(
            window.counts_in_bins(0, &with_end(0.5)).err(),
            format!("edge {amount} (0.5) is not above the one before it"),
        ),
    )?;
    Ok(1.0)
}
