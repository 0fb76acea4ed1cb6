//! How much of the current window lies beyond the reference's 99% quantile?

use leeway_sdk::{
    BatchDetector, ColumnKind, Descriptor, Direction, DriftKind, Failure, Measurement, Metric,
    Needs, Role, ThresholdKind, Verdict, Window, export_batch_detector, measurement,
};

/// The detector `beyond-tail`.
pub struct BeyondTail;

/// Twice the share that lies there by definition.
const THRESHOLD: f64 = 0.02;

impl BatchDetector for BeyondTail {
    fn describe() -> Descriptor {
        let share = Metric {
            name: "beyond_tail".into(),
            help: "Share of values beyond the reference's 99% quantile.".into(),
            unit: String::new(),
            direction: Direction::HigherIsDrift,
            minimum: Some(0.0),
            maximum: Some(1.0),
            default_threshold: Some(THRESHOLD),
        };
        Descriptor {
            name: "beyond-tail".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Counts what lies beyond the reference's tail.".into(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric],
            roles: vec![Role::Feature],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: vec![share],
            config_schema: r#"{"type":"object","additionalProperties":false}"#.into(),
            state_format: 1,
        }
    }

    /// The baseline: eight bytes a column, its 99% quantile; infinity for a column without values.
    fn fit(reference: &dyn Window, _config: &str, _seed: u64) -> Result<Vec<u8>, Failure> {
        let mut baseline = Vec::new();
        for (index, _) in (0..).zip(reference.columns()) {
            let tail = reference
                .quantiles(index, &[0.99])?
                .first()
                .copied()
                .unwrap_or(f64::INFINITY);
            baseline.extend(tail.to_le_bytes());
        }
        Ok(baseline)
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        _config: &str,
        _seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let mut measurements = Vec::new();
        for ((index, column), tail) in (0..).zip(current.columns()).zip(baseline.as_chunks().0) {
            let tail = f64::from_le_bytes(*tail);
            let values = column.rows - column.missing - column.non_finite;
            let mut beyond = measurement("beyond_tail", Some(&column.name));
            beyond.current_rows = values;
            if tail.is_finite() && values > 0 {
                beyond.value = 1.0 - current.cdf(index, &[tail])?[0];
                beyond.threshold = Some(THRESHOLD);
                beyond.threshold_kind = Some(ThresholdKind::Fixed);
                beyond.verdict = if beyond.value > THRESHOLD {
                    Verdict::Drifted
                } else {
                    Verdict::Stable
                };
            }
            measurements.push(beyond);
        }
        Ok(measurements)
    }
}

export_batch_detector!(BeyondTail);
