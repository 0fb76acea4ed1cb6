//! An always-valid two-sample test: do features and predictions still fall where they did, with one level of false alarms for ever?

use leeway_sdk::{
    Column, ColumnKind, Descriptor, DriftKind, Failure, Role, Step, StreamDetector, Window,
    parse_config,
};
use leeway_statistics::always_valid::AfterAlarm;
use leeway_statistics::two_sample_bets::{
    REFERENCE_MAX, REFERENCE_MIN, TwoSampleBets, TwoSampleBetsParams,
};
use leeway_streaming::{Watch, flag, invalid, level, schema, whole};
use serde::Deserialize;

/// The detector `two-sample-bets`.
pub struct TwoSampleBetsDetector;

/// Settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    level: f64,
    reference_rows: u32,
    relearn: bool,
}

impl Default for Config {
    fn default() -> Self {
        let TwoSampleBetsParams {
            reference_rows,
            after_alarm,
            ..
        } = TwoSampleBetsParams::default();
        Self {
            level: 0.05,
            reference_rows,
            relearn: after_alarm == AfterAlarm::Relearn,
        }
    }
}

impl Config {
    fn start(&self, seed: u64) -> Result<TwoSampleBets, Failure> {
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(invalid("level must be a number in (0, 1)"));
        }
        let after_alarm = if self.relearn {
            AfterAlarm::Relearn
        } else {
            AfterAlarm::Stay
        };
        TwoSampleBets::new(TwoSampleBetsParams {
            reference_rows: self.reference_rows,
            seed,
            after_alarm,
        })
        .map_err(invalid)
    }
}

impl StreamDetector for TwoSampleBetsDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let schema = schema(
            "Bets that values no longer rank among those of a first stretch as they did (Vovk 2021): at most a share `level` of streams without a change is ever alarmed on.",
            [
                (
                    "level",
                    level(
                        default.level,
                        "Chance of any false alarm over the whole stream, all columns together.",
                    ),
                ),
                (
                    "reference_rows",
                    whole(
                        default.reference_rows,
                        (REFERENCE_MIN, REFERENCE_MAX),
                        "First values of a column, which are its reference.",
                    ),
                ),
                (
                    "relearn",
                    flag(
                        default.relearn,
                        "Whether an alarm begins a new stream; else it stays.",
                    ),
                ),
            ],
        );
        Descriptor {
            kind: DriftKind::Data,
            accepts: vec![ColumnKind::Numeric, ColumnKind::Categorical],
            roles: vec![Role::Feature, Role::Prediction, Role::Probability],
            ..leeway_streaming::describe_bets(
                "two-sample-bets",
                "Bets that features and predictions no longer fall where they did: one level of false alarms for ever, however often one looks.",
                schema,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config)?.start(0).map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, seed: u64) -> Result<Step, Failure> {
        let config: Config = parse_config(config)?;
        let how = Watch {
            level: config.level,
            seed,
            start: |_: &Column, seed| config.start(seed),
            prepare: |_: &Column, value| Ok(value),
        };
        leeway_streaming::watch(state, rows, &how)
    }
}

leeway_sdk::export_stream_detector!(TwoSampleBetsDetector);
