//! ADWIN over the error stream: is the model wrong more or less often than it was?

use leeway_sdk::{Descriptor, Failure, Step, StreamDetector, Window, parse_config};
use leeway_statistics::adwin::{Adwin, AdwinParams};
use serde::Deserialize;
use serde_json::json;

/// The detector `adwin`.
pub struct AdwinDetector;

/// Settings, as in Bifet & Gavaldà (2007).
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    delta: f64,
    clock: u32,
    max_buckets: u32,
    min_window_length: u32,
    grace_period: u32,
}

impl Default for Config {
    fn default() -> Self {
        let AdwinParams {
            delta,
            clock,
            max_buckets,
            min_window_length,
            grace_period,
        } = AdwinParams::default();
        Self {
            delta,
            clock,
            max_buckets,
            min_window_length,
            grace_period,
        }
    }
}

impl Config {
    fn start(&self) -> Result<Adwin, Failure> {
        let Self {
            delta,
            clock,
            max_buckets,
            min_window_length,
            grace_period,
        } = *self;
        let params = AdwinParams {
            delta,
            clock,
            max_buckets,
            min_window_length,
            grace_period,
        };
        Adwin::new(params).map_err(|error| Failure::InvalidConfig(error.to_string()))
    }
}

impl StreamDetector for AdwinDetector {
    fn describe() -> Descriptor {
        let default = Config::default();
        let whole = |default: u32, minimum: u32, maximum: u32| json!({ "type": "integer", "minimum": minimum, "maximum": maximum, "default": default });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "description": "Adaptive windowing (Bifet & Gavaldà 2007) over errors, row by row.",
            "additionalProperties": false,
            "properties": {
                "delta": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "default": default.delta,
                    "description": "Confidence: smaller means fewer alarms." },
                "clock": whole(default.clock, 1, 1_000_000),
                "max_buckets": whole(default.max_buckets, 2, 15),
                "min_window_length": whole(default.min_window_length, 1, 1_000_000),
                "grace_period": whole(default.grace_period, 0, 1_000_000_000)
            }
        });
        leeway_streaming::describe(
            "adwin",
            "Follows the mean of the errors and forgets the past as soon as it has changed.",
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

leeway_sdk::export_stream_detector!(AdwinDetector);
