//! Detectors as the API shows them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{Descriptor, Metric};

/// A metric that a detector may report.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MetricView {
    /// Its name.
    #[schema(example = "psi")]
    pub name: String,
    /// What it is.
    pub help: String,
    /// Unit in words, empty for a pure number.
    pub unit: String,
    /// Where drift lies: higher-is-drift, lower-is-drift, two-sided or informational.
    pub direction: String,
    /// Smallest possible value.
    pub minimum: Option<f64>,
    /// Largest possible value.
    pub maximum: Option<f64>,
    /// Fixed threshold where nothing else is configured.
    pub default_threshold: Option<f64>,
}

/// A detector that monitors may name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DetectorView {
    /// Its name.
    #[schema(example = "data-drift")]
    pub name: String,
    /// MAJOR.MINOR.PATCH.
    #[schema(example = "1.0.0")]
    pub version: String,
    /// What it does.
    pub summary: String,
    /// Which drift it judges: data, prior or concept.
    pub kind: String,
    /// Kinds of column it takes.
    pub accepts: Vec<String>,
    /// Roles of columns it takes.
    pub roles: Vec<String>,
    /// Whether profiles suffice it or rows are kept for it: profiles or rows.
    pub needs: String,
    /// Fewest values for a verdict.
    pub rows_min: u32,
    /// Every metric it may report.
    pub metrics: Vec<MetricView>,
    /// JSON Schema of its configuration.
    #[schema(value_type = Object)]
    pub config_schema: Value,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}

impl DetectorView {
    /// What a detector says of itself, and the digest of its component.
    pub fn new(descriptor: &Descriptor, digest: impl Into<String>) -> Self {
        let text = |value: &dyn std::fmt::Display| value.to_string();
        Self {
            name: descriptor.name.clone(),
            version: descriptor.version.clone(),
            summary: descriptor.summary.clone(),
            kind: descriptor.kind.to_string(),
            accepts: descriptor.accepts.iter().map(|kind| text(kind)).collect(),
            roles: descriptor.roles.iter().map(|role| text(role)).collect(),
            needs: named(&descriptor.needs),
            rows_min: descriptor.rows_min,
            metrics: descriptor.metrics.iter().map(MetricView::from).collect(),
            // The runtime has compiled it as a JSON Schema: it is JSON.
            config_schema: serde_json::from_str(&descriptor.config_schema).unwrap_or_default(),
            digest: digest.into(),
        }
    }
}

impl From<&Metric> for MetricView {
    fn from(metric: &Metric) -> Self {
        Self {
            name: metric.name.clone(),
            help: metric.help.clone(),
            unit: metric.unit.clone(),
            direction: named(&metric.direction),
            minimum: metric.minimum,
            maximum: metric.maximum,
            default_threshold: metric.default_threshold,
        }
    }
}

/// The name that a value has in JSON: enums without fields become strings, which cannot fail.
fn named(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
