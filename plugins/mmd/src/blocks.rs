//! Numbers and names together are one block, each embedding is one of its own; a test for each.

use leeway_matrix::{Call, Scene, Shares, Table, Values, seeded};
use leeway_sdk::{Measurement, Verdict, detail};
use leeway_statistics::benjamini_hochberg::{adjusted, cutoff};
use leeway_statistics::rng::Rng;
use serde_json::json;

use crate::test::{Discrepancy, discrepancy};
use crate::{Config, METRIC};

/// A block on its way to a verdict.
enum Draft<'a> {
    Done(Measurement),
    Tested(Call<'a>, Box<Discrepancy>),
}

/// One measurement for each block of the reference.
pub(crate) fn evaluate(
    reference: &Table,
    current: &Table,
    config: &Config,
    seed: u64,
) -> Vec<Measurement> {
    let (vectors, others): (Vec<_>, Vec<_>) = reference
        .columns
        .iter()
        .partition(|column| matches!(column.values, Values::Vectors { .. }));
    let mut drafts = Vec::new();
    let others: Vec<&str> = others.iter().map(|column| column.name.as_str()).collect();
    if !others.is_empty() || vectors.is_empty() {
        drafts.push(together(reference, current, &others, config, seed));
    }
    for (number, column) in (2..).zip(&vectors) {
        drafts.push(embedding(
            reference,
            current,
            &column.name,
            config,
            seeded(seed, number),
        ));
    }
    judge(drafts, config, seed)
}

fn call<'a>(
    reference: &Table,
    current: &Table,
    columns: &[&str],
    column: Option<&'a str>,
) -> Call<'a> {
    Call {
        metric: METRIC,
        column,
        reference_rows: reference.rows,
        current_rows: current.rows,
        shares: Shares::of(reference, current, columns),
    }
}

fn together<'a>(
    reference: &Table,
    current: &Table,
    columns: &[&str],
    config: &Config,
    seed: u64,
) -> Draft<'a> {
    let call = call(reference, current, columns, None);
    if columns.is_empty() {
        return Draft::Done(call.without(Verdict::Failed, "there is no column to compare"));
    }
    if let Some(few) = call.too_few(config.rows_min) {
        return Draft::Done(few);
    }
    match Scene::new(reference, current, columns) {
        Err(reason) => Draft::Done(call.without(Verdict::Failed, &reason)),
        Ok(scene) => tested(call, &scene.values, scene.dimensions(), config, seed),
    }
}

/// An embedding: its vectors as they are; rows without one do not take part.
fn embedding<'a>(
    reference: &Table,
    current: &Table,
    name: &'a str,
    config: &Config,
    seed: u64,
) -> Draft<'a> {
    let mut call = call(reference, current, &[name], Some(name));
    let of = |table: &Table| match table.column(name).map(|column| &column.values) {
        Some(Values::Vectors { dimension, values }) => {
            let rows = values.chunks_exact((*dimension).max(1));
            let present = rows.filter(|row| !row.iter().any(|x| x.is_nan()));
            let numbers: Vec<f64> = present.flatten().map(|&x| f64::from(x)).collect();
            Some((*dimension, numbers))
        }
        _ => None,
    };
    let (Some((width, mut rows)), Some((current_width, current))) = (of(reference), of(current))
    else {
        return Draft::Done(call.without(Verdict::Failed, "this window has no such embedding"));
    };
    call.reference_rows = rows.len() / width.max(1);
    call.current_rows = current.len() / current_width.max(1);
    if let Some(few) = call.too_few(config.rows_min) {
        return Draft::Done(few);
    }
    if width != current_width {
        let reason =
            format!("vectors have {width} components in the reference, {current_width} now");
        return Draft::Done(call.without(Verdict::Failed, &reason));
    }
    rows.extend(current);
    tested(call, &rows, width, config, seed)
}

fn tested<'a>(
    call: Call<'a>,
    rows: &[f64],
    dimensions: usize,
    config: &Config,
    seed: u64,
) -> Draft<'a> {
    let permutations = config.permutations as usize;
    let mut rng = Rng::new(seed);
    let found = if dimensions == 0 {
        None
    } else {
        discrepancy(
            rows,
            dimensions,
            call.reference_rows,
            permutations,
            &mut rng,
        )
    };
    match found {
        None => Draft::Done(call.without(Verdict::Constant, "all rows are the same")),
        Some(found) => Draft::Tested(call, Box::new(found)),
    }
}

/// Corrects for the number of blocks (Benjamini & Hochberg 1995).
fn judge(drafts: Vec<Draft<'_>>, config: &Config, seed: u64) -> Vec<Measurement> {
    let family: Vec<f64> = drafts
        .iter()
        .filter_map(|draft| match draft {
            Draft::Tested(_, found) => Some(found.p_value()),
            Draft::Done(_) => None,
        })
        .collect();
    let level = cutoff(&family, config.level);
    let mut corrected = adjusted(&family).into_iter();
    let mut finish = |draft| match draft {
        Draft::Done(one) => one,
        Draft::Tested(call, found) => {
            let effect = found.squared.max(0.0).sqrt();
            let floor = config.effect_min * config.effect_min;
            let p_value = found.p_value();
            let mut one = call.judged(
                found.squared,
                effect,
                p_value,
                found.critical_value(level),
                floor,
            );
            one.p_adjusted = corrected.next();
            one.detail = Some(detail([
                ("seed", json!(seed.to_string())),
                ("permutations", json!(found.permuted.len())),
                ("bandwidth_squared", json!(found.bandwidth)),
                (
                    "kernel",
                    json!(if found.exact {
                        "exact"
                    } else {
                        "random Fourier features"
                    }),
                ),
            ]));
            one
        }
    };
    drafts.into_iter().map(&mut finish).collect()
}
