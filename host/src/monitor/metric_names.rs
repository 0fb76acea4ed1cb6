//! Whose a metric's name is: of the detector that declared it first.
//!
//! On `/metrics` a family is made of the kind of drift and the metric, so two detectors that both declare `ks` for data drift
//! would share one, with two meanings and one help text. A name also takes the names that are put around it (`ks_threshold`),
//! and some belong to the names of the Python service (`data_drift_p_value`).

use std::collections::HashMap;

use crate::domain::Descriptor;
use crate::metrics::names::{families, legacy_families};

/// A metric that an upload cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metric '{metric}' would be '{family}' on /metrics, which is a name of {owner}")]
pub struct MetricTaken {
    /// The metric.
    pub metric: String,
    /// The family, without its prefix.
    pub family: String,
    /// Who has it.
    pub owner: String,
}

/// The first metric of a detector whose names another detector has.
pub(super) fn taken<'a>(
    new: &Descriptor,
    others: impl Iterator<Item = &'a Descriptor>,
) -> Option<MetricTaken> {
    let mut owners: HashMap<String, &str> = HashMap::new();
    for other in others.filter(|other| other.name != new.name) {
        for metric in &other.metrics {
            for family in families(other.kind, &metric.name) {
                owners.insert(family, &other.name);
            }
        }
    }
    let legacy: Vec<String> = legacy_families().collect();
    for metric in &new.metrics {
        for family in families(new.kind, &metric.name) {
            let owner = if legacy.contains(&family) {
                Some("the host".to_owned())
            } else {
                owners
                    .get(&family)
                    .map(|owner| format!("detector '{owner}'"))
            };
            if let Some(owner) = owner {
                return Some(MetricTaken {
                    metric: metric.name.clone(),
                    family,
                    owner,
                });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ColumnKind, Direction, DriftKind, Metric, Needs, Role};

    fn detector(name: &str, kind: DriftKind, metrics: &[&str]) -> Descriptor {
        let metric = |name: &&str| Metric {
            name: (*name).to_owned(),
            help: "H.".into(),
            unit: String::new(),
            direction: Direction::HigherIsDrift,
            minimum: None,
            maximum: None,
            default_threshold: None,
        };
        Descriptor {
            name: name.to_owned(),
            version: "1.0.0".into(),
            summary: "S.".into(),
            kind,
            accepts: vec![ColumnKind::Numeric],
            roles: vec![Role::Feature],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: metrics.iter().map(metric).collect(),
            config_schema: "{}".into(),
            state_format: 1,
        }
    }

    fn taken_by(new: &[&str], others: &[Descriptor]) -> Option<String> {
        let new = detector("mine", DriftKind::Data, new);
        taken(&new, others.iter()).map(|taken| format!("{} {}", taken.metric, taken.owner))
    }

    #[test]
    fn a_name_is_the_first_detectors_and_so_is_what_stands_around_it() {
        let theirs = [detector("theirs", DriftKind::Data, &["ks"])];
        let theirs_too = [detector("theirs", DriftKind::Data, &["ks_threshold"])];
        let owner = |metric: &str| Some(format!("{metric} detector 'theirs'"));

        assert_eq!(taken_by(&["mean", "ks"], &theirs), owner("ks"));
        assert_eq!(taken_by(&["ks_drifted"], &theirs), owner("ks_drifted"));
        assert_eq!(taken_by(&["ks"], &theirs_too), owner("ks"));
        assert_eq!(taken_by(&["ks_of_mine"], &theirs), None);
        assert_eq!(
            taken_by(&["ks"], &[detector("theirs", DriftKind::Prior, &["ks"])]),
            None
        );
        assert_eq!(
            taken_by(&["ks"], &[detector("mine", DriftKind::Data, &["ks"])]),
            None,
            "an older version of its own"
        );
    }

    #[test]
    fn the_names_of_the_python_service_are_nobodys() {
        assert_eq!(
            taken_by(&["p_value"], &[]),
            Some("p_value the host".to_owned())
        );
    }
}
