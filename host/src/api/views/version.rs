//! Versions of uploaded detectors as the API shows them.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::version::{DetectorEvent, DetectorVersion, StoredCard};
use crate::monitor::{EvaluationRecord, Manifest};
use crate::runtime::Limits;

use super::detector::DetectorView;

/// A version in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VersionLine {
    /// MAJOR.MINOR.PATCH.
    #[schema(example = "1.0.0")]
    pub version: String,
    /// uploaded, refused, certified, active, shadow, retired or quarantined.
    #[schema(example = "certified")]
    pub state: String,
    /// Why it is refused or quarantined.
    pub reason: Option<String>,
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: String,
    /// Name of the token that uploaded it.
    pub uploaded_by: Option<String>,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

impl From<&DetectorVersion> for VersionLine {
    fn from(version: &DetectorVersion) -> Self {
        Self {
            version: version.descriptor.version.clone(),
            state: version.state.to_string(),
            reason: version.reason.clone(),
            digest: version.digest.clone(),
            uploaded_by: version.uploaded_by.clone(),
            created_at: version.created_at,
        }
    }
}

/// What one call of a detector may use.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LimitsView {
    /// Wall time, in milliseconds.
    pub deadline_ms: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes handed to the host.
    pub output_bytes: u64,
    /// Measurements of an evaluation.
    pub measurements: u64,
    /// Lines of log.
    pub log_lines: u64,
    /// Bytes of log.
    pub log_bytes: u64,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            deadline_ms: u64::try_from(limits.deadline.as_millis()).unwrap_or(u64::MAX),
            memory_bytes: limits.memory_bytes_max as u64,
            output_bytes: limits.output_bytes_max as u64,
            measurements: limits.measurements_max as u64,
            log_lines: limits.log_lines_max as u64,
            log_bytes: limits.log_bytes_max as u64,
        }
    }
}

/// A version of an uploaded detector.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// What it says of itself.
    #[serde(flatten)]
    pub detector: DetectorView,
    /// uploaded: waits for its report card; refused: the card says no; certified: may be used; active: what monitors use;
    /// shadow: runs beside the active one; retired: was in use; quarantined: taken out of use.
    #[schema(example = "certified")]
    pub state: String,
    /// Why it is refused or quarantined.
    pub reason: Option<String>,
    /// component or source.
    #[schema(example = "component")]
    pub form: String,
    /// Language of the source; null for a component.
    pub language: Option<String>,
    /// Size of the upload.
    pub size_bytes: u64,
    /// What one call may use.
    pub limits: LimitsView,
    /// Name of the token that uploaded it.
    pub uploaded_by: Option<String>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When its state was changed last.
    pub changed_at: Timestamp,
    /// When it was made active last.
    pub activated_at: Option<Timestamp>,
    /// Its report card, where it has one.
    pub report: CardView,
}

/// A version's report card, beside the one of the version before.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CardView {
    /// The card: every check with its outcome, cost, false alarms and power with their intervals. Null before it is made.
    #[schema(value_type = Option<Object>)]
    pub card: Option<Value>,
    /// Version whose card it was compared with.
    pub compared: Option<String>,
    /// What became dearer, cheaper, worse or better since then.
    #[schema(value_type = Option<Vec<Object>>)]
    pub changes: Option<Value>,
}

impl From<StoredCard> for CardView {
    fn from(stored: StoredCard) -> Self {
        Self {
            card: stored.card,
            compared: stored.compared,
            changes: stored.changes,
        }
    }
}

impl VersionView {
    /// A version with its card, under a host that allows `ceiling`.
    pub fn new(version: &DetectorVersion, card: StoredCard, ceiling: &Limits) -> Self {
        let manifest: Manifest = serde_json::from_value(version.limits.clone()).unwrap_or_default();
        Self {
            detector: DetectorView::new(&version.descriptor, version.digest.clone()),
            state: version.state.to_string(),
            reason: version.reason.clone(),
            form: version.form.to_string(),
            language: version.language.clone(),
            size_bytes: version.size_bytes,
            limits: manifest.limits(ceiling).into(),
            uploaded_by: version.uploaded_by.clone(),
            created_at: version.created_at,
            changed_at: version.changed_at,
            activated_at: version.activated_at,
            report: card.into(),
        }
    }
}

/// A step of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Its place in the order.
    pub event_no: i64,
    /// When.
    pub at: Timestamp,
    /// Id of the token of who asked; null where the server asks for none, or acts by itself.
    pub token_id: Option<String>,
    /// Name of that token.
    pub token_name: Option<String>,
    /// upload, certify, activate, shadow, retire, quarantine, delete or backtest.
    #[schema(example = "activate")]
    pub action: String,
    /// The detector; null where it did not come to say its name.
    pub name: Option<String>,
    /// The version.
    pub version: Option<String>,
    /// SHA-256 of the upload.
    pub digest: Option<String>,
    /// done or refused.
    #[schema(example = "done")]
    pub outcome: String,
    /// Why not, or what came of it.
    pub detail: Option<String>,
}

impl From<DetectorEvent> for EventView {
    fn from(of: DetectorEvent) -> Self {
        let DetectorEvent {
            event_no,
            at,
            event,
        } = of;
        let token = event.actor.token;
        let (token_id, token_name) =
            token.map_or((None, None), |(id, name)| (Some(id), Some(name)));
        Self {
            event_no,
            at,
            token_id,
            token_name,
            action: event.action.to_string(),
            name: event.name,
            version: event.version,
            digest: event.digest,
            outcome: if event.done { "done" } else { "refused" }.to_owned(),
            detail: event.detail,
        }
    }
}

/// What a detector wrote during one evaluation.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogView {
    /// The evaluation.
    pub evaluation_no: i64,
    /// When it ran.
    pub evaluated_at: Timestamp,
    /// The model.
    pub model_id: String,
    /// The monitor.
    pub monitor: String,
    /// Whether the version ran as a shadow, or over the past.
    pub shadow: bool,
    /// The lines, each with its level in front.
    pub lines: Vec<String>,
}

impl From<EvaluationRecord> for LogView {
    fn from(record: EvaluationRecord) -> Self {
        Self {
            evaluation_no: record.evaluation_no,
            evaluated_at: record.evaluated_at,
            model_id: record.model_id,
            monitor: record.monitor,
            shadow: record.shadow,
            lines: record.log,
        }
    }
}
