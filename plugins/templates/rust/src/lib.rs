//! How far did the middle of each column move? The ratio of trimmed means.

use leeway_sdk::*;

/// The detector `NAME`.
pub struct Detector;

/// A mean that moved by more than this share has drifted.
const TOLERANCE: f64 = 0.1;

/// The mean between the 10% and the 90% quantile; NaN of a column without values.
fn trimmed_mean(window: &dyn Window, column: u32) -> Result<f64, Failure> {
    let levels: Vec<f64> = (10..=90).map(|percent| f64::from(percent) / 100.0).collect();
    let values = window.quantiles(column, &levels)?;
    Ok(values.iter().sum::<f64>() / values.len() as f64)
}

impl BatchDetector for Detector {
    fn describe() -> Descriptor {
        let help = "Trimmed mean over the reference's.";
        let ratio = metric("trimmed_mean_ratio", help, Direction::TwoSided);
        describe("NAME", env!("CARGO_PKG_VERSION"), "Compares trimmed means.", vec![ratio])
    }

    fn fit(reference: &dyn Window, _config: &str, _seed: u64) -> Result<Vec<u8>, Failure> {
        remember(reference, trimmed_mean)
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        _config: &str,
        _seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        compare(baseline, current, trimmed_mean, |column, before, now| {
            let ratio = now / before;
            let threshold = 1.0 + TOLERANCE.copysign(ratio - 1.0);
            let drifted = (ratio - 1.0).abs() > TOLERANCE;
            judge("trimmed_mean_ratio", column, ratio, threshold, drifted)
        })
    }
}

export_batch_detector!(Detector);
