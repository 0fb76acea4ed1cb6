//! What a caller may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of thing that a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Send rows, labels and reference data.
    Ingest,
    /// Read everything.
    Read,
    /// Upload detectors, and take versions into use and out of it.
    Detectors,
    /// Everything, models and monitors included.
    Admin,
}

/// Text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope: there are ingest, read, detectors and admin")]
pub struct UnknownScope(String);

impl Scope {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Detectors => "detectors",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        [Self::Ingest, Self::Read, Self::Detectors, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A caller whose token is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The part of the token that names it.
    pub token_id: String,
    /// Whose it is, in words.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether the caller may do what a scope is for. Admin may do all.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_may_do_all_and_others_only_their_own() {
        let caller = |scopes: &[Scope]| Caller {
            token_id: "a".to_owned(),
            name: "b".to_owned(),
            scopes: scopes.to_vec(),
        };
        assert!(caller(&[Scope::Admin]).may(Scope::Ingest));
        assert!(caller(&[Scope::Ingest]).may(Scope::Ingest));
        assert!(!caller(&[Scope::Ingest, Scope::Read]).may(Scope::Admin));
        assert!(!caller(&[Scope::Detectors]).may(Scope::Read));
        assert_eq!("read".parse(), Ok(Scope::Read));
        assert_eq!("detectors".parse(), Ok(Scope::Detectors));
        assert!("Read".parse::<Scope>().is_err());
    }
}
