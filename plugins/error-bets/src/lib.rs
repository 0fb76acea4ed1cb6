//! An always-valid monitor of the risk: is the model wrong more often than it was, with one level of false alarms for ever?

use leeway_sdk::{Column, Descriptor, Failure, Role, Step, StreamDetector, Window, parse_config};
use leeway_statistics::always_valid::AfterAlarm;
use leeway_statistics::error_bets::{ErrorBets, ErrorBetsParams, SOURCE_MAX, SOURCE_MIN};
use leeway_streaming::{Watch, flag, invalid, level, number, schema, whole};
use serde::Deserialize;
use serde_json::json;

/// The detector `error-bets`.
pub struct ErrorBetsDetector;

/// Settings.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    level: f64,
    source_rows: u32,
    target_risk: Option<f64>,
    tolerance: f64,
    loss_max: Option<f64>,
    relearn: bool,
}

impl Default for Config {
    fn default() -> Self {
        let ErrorBetsParams {
            source_rows,
            target_risk,
            tolerance,
            after_alarm,
            ..
        } = ErrorBetsParams::default();
        Self {
            level: 0.05,
            source_rows,
            target_risk,
            tolerance,
            loss_max: None,
            relearn: after_alarm == AfterAlarm::Relearn,
        }
    }
}

impl Config {
    fn start(&self, role: Role) -> Result<ErrorBets, Failure> {
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(invalid("level must be a number in (0, 1)"));
        }
        if self
            .loss_max
            .is_some_and(|most| !(most > 0.0 && most <= 1e100))
        {
            return Err(invalid("loss_max must be a number in (0, 1e100]"));
        }
        let after_alarm = if self.relearn {
            AfterAlarm::Relearn
        } else {
            AfterAlarm::Stay
        };
        ErrorBets::new(ErrorBetsParams {
            source_rows: self.source_rows,
            target_risk: self.target_risk,
            tolerance: self.tolerance,
            binary: self.binary(role),
            after_alarm,
        })
        .map_err(invalid)
    }

    /// Whether losses are 0 or 1 and nothing between.
    fn binary(&self, role: Role) -> bool {
        role == Role::Error && self.loss_max.is_none()
    }

    /// A loss as a share of the largest one.
    fn loss(&self, role: Role, value: f64) -> Result<f64, &'static str> {
        let loss = self.loss_max.map_or(value, |most| (value / most).min(1.0));
        #[expect(clippy::float_cmp, reason = "errors are these very numbers")]
        if self.binary(role) && loss != 0.0 && loss != 1.0 {
            return Err("an error that is neither 0 nor 1");
        }
        if (0.0..=1.0).contains(&loss) {
            Ok(loss)
        } else if self.loss_max.is_some() {
            Err("a loss below zero")
        } else {
            Err("a loss outside [0, 1]; give loss_max")
        }
    }
}

impl StreamDetector for ErrorBetsDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let optional = |minimum: f64, maximum: f64, why: &str| json!({ "type": ["number", "null"], "minimum": minimum, "maximum": maximum, "default": null, "description": why });
        let schema = schema(
            "Bets that losses have a higher mean than in a first stretch (Podkopaev & Ramdas 2022): at most a share `level` of streams without a rise is ever alarmed on.",
            [
                (
                    "level",
                    level(
                        default.level,
                        "Chance of any false alarm over the whole stream, all columns together.",
                    ),
                ),
                (
                    "source_rows",
                    whole(
                        default.source_rows,
                        (SOURCE_MIN, SOURCE_MAX),
                        "First rows, whose risk is the normal one.",
                    ),
                ),
                (
                    "target_risk",
                    optional(
                        0.0,
                        1.0,
                        "The normal risk, as a share of loss_max, where it is known: nothing is learned then.",
                    ),
                ),
                (
                    "tolerance",
                    number(
                        default.tolerance,
                        (0.0, 1.0),
                        "Rise of the risk that does no harm, as a share of loss_max.",
                    ),
                ),
                (
                    "loss_max",
                    optional(
                        0.0,
                        1e100,
                        "The largest loss, in the column's unit; larger ones count as this. Without it, losses are in [0, 1].",
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
            roles: vec![Role::Error, Role::Brier, Role::AbsoluteResidual],
            ..leeway_streaming::describe_bets(
                "error-bets",
                "Bets that the model is wrong more often than it was: one level of false alarms for ever, however often one looks.",
                schema,
            )
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config)?
            .start(Role::Error)
            .map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, seed: u64) -> Result<Step, Failure> {
        let config: Config = parse_config(config)?;
        let how = Watch {
            level: config.level,
            seed,
            start: |column: &Column, _| config.start(column.role),
            prepare: |column: &Column, value| config.loss(column.role, value),
        };
        leeway_streaming::watch(state, rows, &how)
    }
}

leeway_sdk::export_stream_detector!(ErrorBetsDetector);
