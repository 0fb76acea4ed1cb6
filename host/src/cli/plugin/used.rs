//! What the calls of a detector used, against each limit.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::check::{Call, Report};
use crate::runtime::Limits;

/// One line a call. Fuel comes from a run of its own, call by call.
pub(super) fn table(report: &Report, metered: Option<&Report>, limits: &Limits) -> String {
    let mut text = format!(
        "{:<20}  {:>18}  {:>18}  {:>18}  {:>14}\n",
        "call",
        format!("time of {:.0} s", limits.deadline.as_secs_f64()),
        format!("memory of {} MiB", limits.memory_bytes_max >> 20),
        format!("output of {} MiB", limits.output_bytes_max >> 20),
        "fuel"
    );
    let megabytes = |bytes: usize| format!("{:.3} MiB", bytes as f64 / f64::from(1 << 20));
    for (name, call, fuel) in calls(report, metered) {
        let usage = call.usage;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{name:<20}  {:>18}  {:>18}  {:>18}  {:>14}",
            format!("{:.3} ms", usage.elapsed.as_secs_f64() * 1e3),
            megabytes(usage.memory_bytes_peak),
            megabytes(usage.output_bytes),
            fuel.map_or_else(|| "not counted".to_owned(), |fuel| fuel.to_string())
        );
    }
    text
}

/// The same as JSON.
pub(super) fn json_of(report: &Report, metered: Option<&Report>, limits: &Limits) -> Value {
    let calls = calls(report, metered)
        .into_iter()
        .map(|(name, call, fuel)| {
            json!({
                "call": name,
                "seconds": call.usage.elapsed.as_secs_f64(),
                "memory_bytes_peak": call.usage.memory_bytes_peak,
                "output_bytes": call.usage.output_bytes,
                "fuel": fuel,
            })
        });
    json!({
        "calls": calls.collect::<Vec<_>>(),
        "limits": {
            "seconds": limits.deadline.as_secs_f64(),
            "memory_bytes": limits.memory_bytes_max,
            "output_bytes": limits.output_bytes_max,
        },
    })
}

/// Calls on the whole window, then on its chunks, each with the fuel of the same call in the other run.
fn calls<'a>(report: &'a Report, metered: Option<&Report>) -> Vec<(String, &'a Call, Option<u64>)> {
    let fuel: Vec<Option<u64>> = metered
        .into_iter()
        .flat_map(in_order)
        .map(|(_, call)| call.usage.fuel)
        .collect();
    in_order(report)
        .enumerate()
        .map(|(at, (name, call))| (name, call, fuel.get(at).copied().flatten()))
        .collect()
}

fn in_order(report: &Report) -> impl Iterator<Item = (String, &Call)> {
    let whole = report
        .evaluations
        .iter()
        .flat_map(|evaluation| &evaluation.calls);
    let chunks = report.chunks.iter().flat_map(|chunk| {
        let evaluated = |call: &&Call| call.function != "fit"; // It was fitted once, for the whole.
        let calls = chunk
            .evaluations
            .iter()
            .flat_map(|evaluation| &evaluation.calls);
        calls
            .filter(evaluated)
            .map(|call| (format!("{}, chunk {}", call.function, chunk.number), call))
    });
    whole
        .map(|call| (call.function.to_owned(), call))
        .chain(chunks)
}
