//! Data quality: are the rows as whole, as known, as many and as new as those of the reference?

mod baseline;
mod config;
mod duplicates;
mod findings;
mod judge;
mod metrics;

use leeway_sdk::{
    BatchDetector, ColumnKind, Descriptor, DriftKind, Failure, Measurement, Needs, Role, Window,
};

use crate::baseline::Baseline;
use crate::config::Config;

/// The detector `data-quality`.
pub struct DataQuality;

impl BatchDetector for DataQuality {
    fn describe() -> Descriptor {
        Descriptor {
            name: "data-quality".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Watches what breaks before it drifts: missing, unseen, out-of-range and repeated rows, new and lost columns, volume and age.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical, ColumnKind::Embedding],
            // Labels come late by nature: that they are missing is no fault of the data.
            roles: vec![Role::Feature, Role::Prediction, Role::Probability],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: metrics::all(),
            config_schema: config::schema(),
            state_format: u32::from(baseline::FORMAT),
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        Config::parse(config).map(|_| ())
    }

    fn fit(reference: &dyn Window, config: &str, _seed: u64) -> Result<Vec<u8>, Failure> {
        Config::parse(config)?;
        Baseline::of(reference)?.to_bytes()
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        _seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let config = Config::parse(config)?;
        let baseline = Baseline::from_bytes(baseline)?;
        let drafts = findings::all(&baseline, current, &config)?;
        Ok(judge::judge(drafts, &config))
    }
}

leeway_sdk::export_batch_detector!(DataQuality);
