//! Page-Hinkley over the error stream: has the sum of deviations from the mean run away?

use leeway_sdk::{Descriptor, Failure, Step, StreamDetector, Window, parse_config};
use leeway_statistics::page_hinkley::{Direction, PageHinkley, PageHinkleyParams};
use serde::Deserialize;
use serde_json::json;

/// The detector `page-hinkley`.
pub struct PageHinkleyDetector;

/// Settings, as in Page (1954).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    min_rows: u32,
    delta: f64,
    threshold: f64,
    alpha: f64,
    mode: Mode,
}

/// Which changes count.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Up,
    Down,
    Both,
}

impl Default for Config {
    fn default() -> Self {
        let PageHinkleyParams {
            min_rows,
            delta,
            threshold,
            alpha,
            ..
        } = PageHinkleyParams::default();
        Self {
            min_rows,
            delta,
            threshold,
            alpha,
            mode: Mode::Both,
        }
    }
}

impl Config {
    fn start(&self) -> Result<PageHinkley, Failure> {
        let Self {
            min_rows,
            delta,
            threshold,
            alpha,
            mode,
        } = *self;
        let direction = match mode {
            Mode::Up => Direction::Up,
            Mode::Down => Direction::Down,
            Mode::Both => Direction::Both,
        };
        let params = PageHinkleyParams {
            min_rows,
            delta,
            threshold,
            alpha,
            direction,
        };
        PageHinkley::new(params).map_err(|error| Failure::InvalidConfig(error.to_string()))
    }
}

impl StreamDetector for PageHinkleyDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let number = |default: f64, maximum: f64, why: &str| json!({ "type": "number", "minimum": 0, "maximum": maximum, "default": default, "description": why });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "description": "The Page-Hinkley test (Page 1954) over errors, row by row.",
            "additionalProperties": false,
            "properties": {
                "min_rows": { "type": "integer", "minimum": 1, "maximum": 1_000_000_000, "default": default.min_rows },
                "delta": number(default.delta, 1e100, "Deviation from the mean that is no change, in the column's unit."),
                "threshold": number(default.threshold, 1e100, "Sum of deviations that is a change, in the column's unit."),
                "alpha": number(default.alpha, 1.0, "How much of the sum is kept from row to row."),
                "mode": { "enum": ["up", "down", "both"], "default": "both", "description": "Which changes count." }
            }
        });
        leeway_streaming::describe(
            "page-hinkley",
            "Sums the deviations of the errors from their mean and says when the sum runs away.",
            schema.to_string(),
        )
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        parse_config::<Config>(config)?.start().map(|_| ())
    }

    fn update(state: &[u8], rows: &dyn Window, config: &str, _seed: u64) -> Result<Step, Failure> {
        let config: Config = parse_config(config)?;
        leeway_streaming::update(state, rows, || config.start())
    }
}

leeway_sdk::export_stream_detector!(PageHinkleyDetector);
