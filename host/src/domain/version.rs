//! Versions of uploaded detectors: what was uploaded, where it stands, and what was done with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest as _;

use super::access::Caller;
use super::column::display_as_kebab;
use super::descriptor::Descriptor;
use super::language::Language;

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectorState {
    /// Waits for its report card.
    Uploaded,
    /// The report card says no.
    Refused,
    /// May be used.
    Certified,
    /// What monitors that name the detector use. One a name.
    Active,
    /// Runs beside the active one, and is only recorded. One a name.
    Shadow,
    /// Was in use, and may be again.
    Retired,
    /// Taken out of use, with a reason.
    Quarantined,
}

display_as_kebab!(DetectorState {
    Uploaded => "uploaded", Refused => "refused", Certified => "certified", Active => "active", Shadow => "shadow",
    Retired => "retired", Quarantined => "quarantined",
});

impl DetectorState {
    /// Whether a monitor that pins the version may run it.
    pub fn is_usable(self) -> bool {
        matches!(
            self,
            Self::Certified | Self::Active | Self::Shadow | Self::Retired
        )
    }
}

/// What an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A component.
    Component,
    /// Text that an interpreter component runs.
    Source,
}

display_as_kebab!(Form { Component => "component", Source => "source" });

/// What a team uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Component or source.
    pub form: Form,
    /// Language of the source; absent for a component.
    pub language: Option<String>,
    /// The component, or the text as UTF-8.
    pub bytes: Vec<u8>,
}

impl Upload {
    /// A component.
    pub fn component(bytes: Vec<u8>) -> Self {
        Self {
            form: Form::Component,
            language: None,
            bytes,
        }
    }

    /// Text that the interpreter of its language runs.
    pub fn source(language: Language, text: Vec<u8>) -> Self {
        Self {
            form: Form::Source,
            language: Some(language.name().to_owned()),
            bytes: text,
        }
    }

    /// SHA-256, in hexadecimal: of a component its bytes, of source its language, a line feed and its text. Where source is loaded it is
    /// known by another one, with which its interpreter counts too.
    pub fn digest(&self) -> String {
        use std::fmt::Write;
        let mut hash = sha2::Sha256::new();
        if let Some(language) = &self.language {
            hash.update(language.as_bytes());
            hash.update(b"\n");
        }
        hash.update(&self.bytes);
        hash.finalize()
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

/// A stored version, without its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorVersion {
    /// SHA-256 of the upload, in hexadecimal.
    pub digest: String,
    /// Component or source.
    pub form: Form,
    /// Language of the source.
    pub language: Option<String>,
    /// Size of the upload.
    pub size_bytes: u64,
    /// What one call may use, where that is less than the host allows.
    pub limits: Value,
    /// What the detector says of itself; its name and version are the version's.
    pub descriptor: Descriptor,
    /// Where it stands.
    pub state: DetectorState,
    /// Why it is refused or quarantined.
    pub reason: Option<String>,
    /// Name of the token that uploaded it.
    pub uploaded_by: Option<String>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When its state was changed last.
    pub changed_at: Timestamp,
    /// When it was made active last.
    pub activated_at: Option<Timestamp>,
}

impl DetectorVersion {
    /// `name@version`.
    pub fn full_name(&self) -> String {
        self.descriptor.full_name()
    }
}

/// A version's report card, and what it says beside another version's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredCard {
    /// The card.
    pub card: Option<Value>,
    /// Version whose card it was compared with.
    pub compared: Option<String>,
    /// What became dearer, cheaper, worse or better since then.
    pub changes: Option<Value>,
}

/// Who does something with a detector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// Id and name of the token; absent where the server asks for none, or acts by itself.
    pub token: Option<(String, String)>,
}

impl Actor {
    /// The host itself.
    pub fn host() -> Self {
        Self::default()
    }

    /// The name of the token.
    pub fn name(&self) -> Option<&str> {
        self.token.as_ref().map(|(_, name)| name.as_str())
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self {
            token: Some((caller.token_id.clone(), caller.name.clone())),
        }
    }
}

/// What is done with a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A version comes in.
    Upload,
    /// Its report card is made.
    Certify,
    /// Monitors use it from now on.
    Activate,
    /// It runs beside the active one.
    Shadow,
    /// It is in use no longer.
    Retire,
    /// It is taken out of use.
    Quarantine,
    /// It is removed.
    Delete,
    /// It is tried over the past.
    Backtest,
}

display_as_kebab!(Action {
    Upload => "upload", Certify => "certify", Activate => "activate", Shadow => "shadow", Retire => "retire",
    Quarantine => "quarantine", Delete => "delete", Backtest => "backtest",
});

/// A step of the audit before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// With which detector, where that is known.
    pub name: Option<String>,
    /// With which version.
    pub version: Option<String>,
    /// SHA-256 of the upload.
    pub digest: Option<String>,
    /// Whether it was done.
    pub done: bool,
    /// Why not, or what came of it.
    pub detail: Option<String>,
}

/// A step of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorEvent {
    /// Its place in the order.
    pub event_no: i64,
    /// When.
    pub at: Timestamp,
    /// The step.
    pub event: NewEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_in_two_languages_is_two_uploads() {
        let source = |language: &str| Upload {
            form: Form::Source,
            language: Some(language.into()),
            bytes: b"x".to_vec(),
        };
        let component = Upload::component(b"x".to_vec());

        assert_eq!(
            component.digest(),
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        );
        assert_ne!(source("python").digest(), source("javascript").digest());
        assert_ne!(source("python").digest(), component.digest());
    }
}
