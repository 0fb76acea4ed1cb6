//! Turns measurements into series.
//!
//! A metric `ks` of a detector of data drift becomes the family `<prefix>_data_drift_ks`; beside it stand
//! [`names::AROUND`](super::names::AROUND) and the verdict. Left out: changes at single rows, which would be the same
//! series many times (their number is a metric of its own); the value where the verdict is `insufficient` or `failed`,
//! which is no measurement.

use rustc_hash::FxHashSet;

use super::exposition::BlockBuilder;
use super::names::{self, AROUND, EMD_METRIC, LEGACY_AROUND, Prefix, VERDICT, VERDICT_HELP};
use crate::domain::{DriftKind, Measurement, Role, Verdict};

/// Whether a measurement has a value to show.
fn has_value(one: &Measurement) -> bool {
    !matches!(one.verdict, Verdict::Insufficient | Verdict::Failed)
}

/// Adds the value. All values go before anything else: where a suffix of one metric makes the name of another, the
/// metric keeps the name.
pub(crate) fn add_value(
    builder: &mut BlockBuilder<'_>,
    prefix: &Prefix,
    kind: DriftKind,
    labels: &[(&str, &str)],
    one: &Measurement,
    helps: &[(&str, &str)],
) {
    if one.row.is_none() && has_value(one) {
        let name = names::family(prefix, kind, &one.metric);
        let labels = builder.labels(labels);
        builder.add(
            &name,
            || {
                let said = helps.iter().find(|(metric, _)| *metric == one.metric);
                names::value_help(kind, &one.metric, said.map(|(_, help)| *help))
            },
            labels,
            one.value,
        );
    }
}

/// Adds what stands around the value.
pub(crate) fn add_around(
    builder: &mut BlockBuilder<'_>,
    prefix: &Prefix,
    kind: DriftKind,
    labels: &[(&str, &str)],
    one: &Measurement,
) {
    if one.row.is_some() {
        return;
    }
    let name = names::family(prefix, kind, &one.metric);
    let set = builder.labels(labels);
    for beside in &AROUND {
        if let Some(number) = (beside.number)(one) {
            let help = || beside.help.replace("{}", &one.metric);
            builder.add(&format!("{name}_{}", beside.suffix), help, set, number);
        }
    }
    let verdict = one.verdict.to_string();
    let labels: Vec<_> = labels
        .iter()
        .copied()
        .chain([(VERDICT, verdict.as_str())])
        .collect();
    let set = builder.labels(&labels);
    let help = || VERDICT_HELP.replace("{}", &one.metric);
    builder.add(&format!("{name}_{VERDICT}"), help, set, 1.0);
}

/// Adds what the Python service called these measurements: of each column its earth mover's distance as
/// `<subject>_emd`, and the first other metric as `<subject>_drift`.
pub(crate) fn add_legacy<'m>(
    builder: &mut BlockBuilder<'_>,
    prefix: &Prefix,
    measurements: &'m [Measurement],
    role: impl Fn(&str) -> Option<Role>,
    labels: impl Fn(&'m Measurement) -> Vec<(&'m str, &'m str)>,
) {
    let mut have: FxHashSet<(Option<&str>, &str, bool)> = FxHashSet::default();
    for one in measurements.iter().filter(|one| one.row.is_none()) {
        let Some(column) = one.column.as_deref() else {
            continue;
        };
        let Some((subject, what)) = role(column).map(names::subject) else {
            continue;
        };
        let emd = one.metric == EMD_METRIC;
        if !have.insert((one.segment.as_deref(), column, emd)) {
            continue;
        }
        let end = if emd { "emd" } else { "drift" };
        let name = format!("{}_{subject}_{end}", prefix.as_str());
        let set = builder.labels(&labels(one));
        if has_value(one) {
            let help = || {
                if emd {
                    format!(
                        "Earth mover's distance of {what}, between current and reference window."
                    )
                } else {
                    format!("Drift of {what}, by the first metric that the detector gives for it.")
                }
            };
            builder.add(&name, help, set, one.value);
        }
        for beside in &LEGACY_AROUND {
            if let Some(number) = (beside.number)(one) {
                let help = || beside.help.replace("{}", &format!("{subject}_{end}"));
                builder.add(&format!("{name}_{}", beside.suffix), help, set, number);
            }
        }
    }
}
