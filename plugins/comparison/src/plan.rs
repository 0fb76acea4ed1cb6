//! What one detector adds to the comparison: its name, its roles, the tests it prefers.

use leeway_sdk::{
    Column, ColumnKind, Descriptor, DriftKind, Failure, Measurement, Needs, Role, Window,
};

use crate::config::{self, Config};
use crate::test::{DRIFTED_SHARE, MISSING, Test, declare};
use crate::{evaluate, fit};

/// A detector built on the comparison.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Name of the detector.
    pub name: &'static str,
    /// Version of the detector.
    pub version: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Which drift it judges.
    pub kind: DriftKind,
    /// Roles it looks at.
    pub roles: &'static [Role],
    /// Which test it prefers, in words, for the schema.
    pub defaults: &'static str,
    /// Tests for a column of a role, if it is not configured; `discrete`: categorical, or numeric
    /// with few distinct values.
    pub prefer: fn(role: Role, discrete: bool) -> &'static [Test],
}

impl Plan {
    /// What the detector says of itself.
    pub fn describe(&self) -> Descriptor {
        let missing = declare(
            MISSING,
            "Absolute difference of the share of missing values.",
            Some(1.0),
        );
        let share = declare(
            DRIFTED_SHARE,
            "Share of the judged columns that drifted.",
            Some(1.0),
        );
        Descriptor {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            summary: self.summary.to_owned(),
            kind: self.kind,
            accepts: vec![
                ColumnKind::Numeric,
                ColumnKind::Categorical,
                ColumnKind::Embedding,
            ],
            roles: self.roles.to_vec(),
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: Test::ALL
                .into_iter()
                .map(Test::metric)
                .chain([missing, share])
                .collect(),
            config_schema: config::schema(self.defaults),
            state_format: u32::from(crate::baseline::FORMAT),
        }
    }

    /// Checks a configuration beyond its schema.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`], naming the field.
    pub fn check_config(&self, config: &str) -> Result<(), Failure> {
        Config::parse(config).map(|_| ())
    }

    /// Learns from the reference window.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`] for a column that is not there.
    pub fn fit(&self, reference: &dyn Window, config: &str, seed: u64) -> Result<Vec<u8>, Failure> {
        fit::fit(self, reference, &Config::parse(config)?, seed)
    }

    /// Judges the current window.
    ///
    /// # Errors
    /// [`Failure::UnusableBaseline`] for bytes that [`Plan::fit`] of this version did not make.
    pub fn evaluate(
        &self,
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        evaluate::evaluate(baseline, current, &Config::parse(config)?, seed)
    }

    /// The tests of a column: its own, else those of its kind, else the detector's choice.
    pub(crate) fn tests(&self, column: &Column, discrete: bool, config: &Config) -> Vec<Test> {
        if let Some(tests) = config
            .columns
            .get(&column.name)
            .and_then(|column| column.tests.clone())
        {
            return tests;
        }
        let configured = if discrete {
            &config.categorical
        } else {
            &config.numeric
        };
        configured
            .clone()
            .unwrap_or_else(|| (self.prefer)(column.role, discrete).to_vec())
    }
}
