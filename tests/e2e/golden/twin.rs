//! A detector twice: as a component in the sandbox, and compiled for this machine.

use std::sync::OnceLock;

use leeway::domain::{self, Measurement};
use leeway::profile::Window;
use leeway::runtime::{Baseline, Plugin, Refusal, RunError};
use leeway_sdk::{BatchDetector, Failure};
use serde_json::Value;

use crate::harness::native::NativeWindow;
use crate::harness::{SEED, batch, plugin};

type Fit = fn(&dyn leeway_sdk::Window, &str, u64) -> Result<Vec<u8>, Failure>;
type Evaluate =
    fn(&[u8], &dyn leeway_sdk::Window, &str, u64) -> Result<Vec<leeway_sdk::Measurement>, Failure>;

/// Both forms of one batch detector.
pub struct Twin {
    pub plugin: Plugin,
    fit: Fit,
    evaluate: Evaluate,
}

/// A batch detector that comes with the host.
pub fn twin(name: &str) -> &'static Twin {
    fn of<D: BatchDetector>(name: &str) -> Twin {
        Twin {
            plugin: plugin(name),
            fit: D::fit,
            evaluate: D::evaluate,
        }
    }
    static DATA: OnceLock<Twin> = OnceLock::new();
    static PRIOR: OnceLock<Twin> = OnceLock::new();
    static CONCEPT: OnceLock<Twin> = OnceLock::new();
    static PERFORMANCE: OnceLock<Twin> = OnceLock::new();
    static LABELS: OnceLock<Twin> = OnceLock::new();
    static PCA: OnceLock<Twin> = OnceLock::new();
    static CORRELATION: OnceLock<Twin> = OnceLock::new();
    static MMD: OnceLock<Twin> = OnceLock::new();
    static DOMAIN: OnceLock<Twin> = OnceLock::new();
    static TEXT: OnceLock<Twin> = OnceLock::new();
    static QUALITY: OnceLock<Twin> = OnceLock::new();
    match name {
        "data-drift" => DATA.get_or_init(|| of::<leeway_data_drift::DataDrift>(name)),
        "performance" => PERFORMANCE.get_or_init(|| of::<leeway_performance::Performance>(name)),
        "label-shift" => LABELS.get_or_init(|| of::<leeway_label_shift::LabelShift>(name)),
        "prior-drift" => PRIOR.get_or_init(|| of::<leeway_prior_drift::PriorDrift>(name)),
        "pca-reconstruction" => {
            PCA.get_or_init(|| of::<leeway_pca_reconstruction::PcaReconstruction>(name))
        }
        "correlation" => {
            CORRELATION.get_or_init(|| of::<leeway_correlation::CorrelationChange>(name))
        }
        "mmd" => MMD.get_or_init(|| of::<leeway_mmd::Mmd>(name)),
        "domain-classifier" => {
            DOMAIN.get_or_init(|| of::<leeway_domain_classifier::DomainClassifier>(name))
        }
        "text-drift" => TEXT.get_or_init(|| of::<leeway_text_drift::TextDrift>(name)),
        "data-quality" => QUALITY.get_or_init(|| of::<leeway_data_quality::DataQuality>(name)),
        _ => CONCEPT.get_or_init(|| of::<leeway_concept_drift::ConceptDrift>(name)),
    }
}

impl Twin {
    /// Runs both and holds them to the same bits; what both say.
    #[track_caller]
    pub fn compare(
        &self,
        config: &Value,
        reference: &Window,
        current: &Window,
    ) -> Vec<Measurement> {
        self.try_compare(config, reference, current).unwrap()
    }

    /// The same, where both may decline.
    #[track_caller]
    pub fn try_compare(
        &self,
        config: &Value,
        reference: &Window,
        current: &Window,
    ) -> Result<Vec<Measurement>, RunError> {
        let detector = batch(&self.plugin, config);
        let fitted = detector.fit(reference);
        let native_fitted = self.native_fit(config, reference);
        if let (Err(RunError::Refused(refusal)), Err(failure)) = (&fitted, &native_fitted) {
            assert_eq!(*refusal, refused(failure.clone()));
        }
        let (fitted, native_fitted) = (fitted?, native_fitted.unwrap());
        assert!(fitted.bytes() == native_fitted, "baselines differ");
        let evaluated = detector.evaluate(&fitted, current);
        let native = self.native_evaluate(config, &native_fitted, current);
        if let (Err(RunError::Refused(refusal)), Err(failure)) = (&evaluated, &native) {
            assert_eq!(*refusal, refused(failure.clone()));
        }
        let evaluated = evaluated?.measurements;
        let native: Vec<Measurement> = native.unwrap().into_iter().map(translated).collect();
        assert_eq!(native.len(), evaluated.len());
        for (native, component) in native.iter().zip(&evaluated) {
            assert_eq!(native, component);
            assert_eq!(bits(native), bits(component), "{}", native.metric);
        }
        Ok(evaluated)
    }

    pub fn native_fit(&self, config: &Value, reference: &Window) -> Result<Vec<u8>, Failure> {
        (self.fit)(&self.visible(reference), &config.to_string(), SEED)
    }

    pub fn native_evaluate(
        &self,
        config: &Value,
        baseline: &[u8],
        current: &Window,
    ) -> Result<Vec<leeway_sdk::Measurement>, Failure> {
        (self.evaluate)(baseline, &self.visible(current), &config.to_string(), SEED)
    }

    /// The native form alone: quick enough for simulations.
    pub fn native(&self, config: &Value, reference: &Window, current: &Window) -> Vec<Measurement> {
        let baseline = self.native_fit(config, reference).unwrap();
        self.native_evaluate(config, &baseline, current)
            .unwrap()
            .into_iter()
            .map(translated)
            .collect()
    }

    /// A baseline out of any bytes, in the sandbox.
    pub fn evaluate_bytes(
        &self,
        config: &Value,
        bytes: &[u8],
        rows: u64,
        current: &Window,
    ) -> Result<Vec<Measurement>, RunError> {
        batch(&self.plugin, config)
            .evaluate(&Baseline::new(bytes.to_vec(), rows), current)
            .map(|evaluated| evaluated.measurements)
    }

    fn visible(&self, window: &Window) -> NativeWindow {
        NativeWindow::new(window, &self.plugin.descriptor().roles)
    }
}

/// The measurement of a metric of a column.
#[track_caller]
pub fn of<'a>(measurements: &'a [Measurement], column: &str, metric: &str) -> &'a Measurement {
    let wanted = |one: &&Measurement| one.metric == metric && one.column.as_deref() == Some(column);
    measurements
        .iter()
        .find(wanted)
        .unwrap_or_else(|| panic!("no {metric} of {column} in {measurements:?}"))
}

/// Every number of a measurement, to the last bit: `==` would take -0 for 0.
pub fn bits(one: &Measurement) -> [Option<u64>; 7] {
    let Measurement {
        value,
        effect,
        p_value,
        p_adjusted,
        threshold,
        missing_share,
        unseen_share,
        ..
    } = *one;
    [
        Some(value),
        effect,
        p_value,
        p_adjusted,
        threshold,
        Some(missing_share),
        Some(unseen_share),
    ]
    .map(|number| number.map(f64::to_bits))
}

/// What the host would say of a native detector's refusal.
fn refused(failure: Failure) -> Refusal {
    match failure {
        Failure::InvalidConfig(why) => Refusal::InvalidConfig(why),
        Failure::UnusableData(why) => Refusal::UnusableData(why),
        Failure::UnusableBaseline(why) => Refusal::UnusableBaseline(why),
        Failure::Internal(why) => Refusal::Internal(why),
    }
}

/// A native measurement in the host's words.
pub fn translated(one: leeway_sdk::Measurement) -> Measurement {
    use leeway_sdk::{ThresholdKind, Verdict};
    let threshold_kind = one.threshold_kind.map(|kind| match kind {
        ThresholdKind::Calibrated => domain::ThresholdKind::Calibrated,
        ThresholdKind::Floor => domain::ThresholdKind::Floor,
        ThresholdKind::Fixed => domain::ThresholdKind::Fixed,
    });
    let verdict = match one.verdict {
        Verdict::Stable => domain::Verdict::Stable,
        Verdict::Drifted => domain::Verdict::Drifted,
        Verdict::Insufficient => domain::Verdict::Insufficient,
        Verdict::Constant => domain::Verdict::Constant,
        Verdict::Failed => domain::Verdict::Failed,
    };
    Measurement {
        metric: one.metric,
        column: one.column,
        value: one.value,
        effect: one.effect,
        p_value: one.p_value,
        p_adjusted: one.p_adjusted,
        threshold: one.threshold,
        threshold_kind,
        reference_rows: one.reference_rows,
        current_rows: one.current_rows,
        missing_share: one.missing_share,
        unseen_share: one.unseen_share,
        verdict,
        row: one.row,
        detail: one
            .detail
            .map(|detail| serde_json::from_str(&detail).unwrap()),
        segment: None,
        began: None,
    }
}
