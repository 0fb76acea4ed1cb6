//! A guest that misbehaves as its configuration says. For tests of the sandbox only.
//!
//! `{"act": "...", "amount": n}`: each act breaks one rule, and a test expects one exact error for it.
//! What a Rust guest cannot do (a start function that loops, many memories, imports of its own) stands
//! as text beside this package's source, in `raw.wat`; compilers that misbehave in `compilers/`.

mod asks;

use std::hint::black_box;

use leeway_sdk::{
    BatchDetector, ColumnKind, Descriptor, Direction, DriftKind, Failure, Level, Measurement,
    Metric, Needs, Role, Verdict, Window, log, measurement, parse_config,
};
use serde::Deserialize;

/// The detector `hostile`.
pub struct Hostile;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    act: String,
    amount: u64,
}

const SCHEMA: &str = r#"{
    "type": "object", "additionalProperties": false,
    "properties": { "act": { "type": "string" }, "amount": { "type": "integer", "minimum": 0 } }
}"#;

impl BatchDetector for Hostile {
    fn describe() -> Descriptor {
        Descriptor {
            name: "hostile".to_owned(),
            version: "1.0.0".to_owned(),
            summary: "Breaks one rule at a time.".to_owned(),
            kind: DriftKind::Data,
            accepts: vec![
                ColumnKind::Numeric,
                ColumnKind::Categorical,
                ColumnKind::Embedding,
            ],
            roles: vec![Role::Feature],
            needs: Needs::Profiles,
            rows_min: 1,
            metrics: vec![Metric {
                name: "calm".to_owned(),
                help: "The only declared metric.".to_owned(),
                unit: String::new(),
                direction: Direction::HigherIsDrift,
                minimum: Some(0.0),
                maximum: Some(1.0),
                default_threshold: None,
            }],
            config_schema: SCHEMA.to_owned(),
            state_format: 1,
        }
    }

    fn check_config(config: &str) -> Result<(), Failure> {
        match parse_config::<Config>(config)?.act.as_str() {
            "loop-in-check-config" => endless(),
            "refuse-config" => Err(Failure::InvalidConfig(
                "act: this one is refused".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn fit(_: &dyn Window, config: &str, _: u64) -> Result<Vec<u8>, Failure> {
        let config: Config = parse_config(config)?;
        match config.act.as_str() {
            "loop-in-fit" => endless(),
            "huge-baseline" => Ok(vec![7; size(config.amount)]),
            _ => Ok(vec![1, 2, 3]),
        }
    }

    fn evaluate(
        baseline: &[u8],
        current: &dyn Window,
        config: &str,
        seed: u64,
    ) -> Result<Vec<Measurement>, Failure> {
        let Config { act, amount } = parse_config(config)?;
        let mut calm = measurement("calm", None);
        calm.value = 0.5;
        calm.verdict = Verdict::Stable;
        calm.reference_rows = baseline.len() as u64;
        match act.as_str() {
            "loop" => endless(),
            "loop-in-host" => loop {
                let _ = current.quantiles(0, &[0.5]);
            },
            "columns-for-ever" => loop {
                black_box(current.columns());
            },
            "dictionary-for-ever" => loop {
                let _ = black_box(current.dictionary(1));
            },
            "log-for-ever" => {
                let line = "x".repeat(size(amount));
                loop {
                    log(Level::Info, &line);
                }
            }
            "ask-absurdly" => calm.value = asks::absurd(current)?,
            "ask-at-length" => calm.value = asks::long(current, amount)?,
            "allocate" => {
                let mut hoard: Vec<Vec<u8>> = Vec::new();
                loop {
                    hoard.push(vec![1; 1 << 20]);
                    std::hint::black_box(&hoard);
                }
            }
            "recurse" => {
                calm.value = std::hint::black_box(depth(seed) as f64);
            }
            "panic" => panic!("the seed {seed} brings bad luck"),
            "panic-after-log" => {
                for _ in 0..1_000 {
                    log(Level::Info, "still fine");
                }
                panic!("not fine any more");
            }
            "panic-in-colour" => panic!("\u{1b}[31mred\u{7}\u{9b}2J\nnext line"),
            "panic-at-length" => panic!("{}", "x".repeat(size(amount))),
            "log-in-colour" => log(Level::Warn, "\u{1b}[31mred\r\nnext line"),
            "abort" => std::process::abort(),
            "many-results" => {
                return Ok((0..amount)
                    .map(|row| Measurement {
                        row: Some(row),
                        ..calm.clone()
                    })
                    .collect());
            }
            "huge-results" => {
                return Ok(vec![Measurement {
                    detail: Some("x".repeat(size(amount))),
                    ..calm
                }]);
            }
            "log" => (0..amount).for_each(|_| log(Level::Info, "again")),
            "log-bytes" => log(Level::Info, &"x".repeat(size(amount))),
            "seed" => calm.value = (seed % 2) as f64,
            "nan" => calm.value = f64::NAN,
            "infinite-p" => calm.p_value = Some(f64::INFINITY),
            "out-of-range" => calm.value = 1.5,
            "undeclared-metric" => "storm".clone_into(&mut calm.metric),
            "unknown-column" => calm.column = Some("nobody".to_owned()),
            "twice" => return Ok(vec![calm.clone(), calm]),
            "lie-about-rows" => calm.current_rows = current.rows() + 1,
            "lie-about-reference" => calm.reference_rows = u64::MAX,
            "deep-detail" => {
                calm.detail = Some(format!(
                    "{{\"a\":{}{}}}",
                    "[".repeat(2_000),
                    "]".repeat(2_000)
                ));
            }
            "detail" => calm.detail = Some("[1, 2]".to_owned()),
            "refuse-data" => return Err(Failure::UnusableData("nothing here".to_owned())),
            "refuse-at-length" => return Err(Failure::Internal("x".repeat(size(amount)))),
            "refuse-in-colour" => {
                return Err(Failure::Internal("\u{1b}[31mred\nnext line".to_owned()));
            }
            "refuse-baseline" => {
                return Err(Failure::UnusableBaseline("of another time".to_owned()));
            }
            // Harmless, for benches: read or ask as often as the seed says.
            "read-rows" => again(seed, || read(current, amount))?,
            "moments" => again(seed, || current.moments(0))?,
            "quantiles" => again(seed, || current.quantiles(0, &levels(amount)))?,
            "cdf" => again(seed, || current.cdf(0, &levels(amount)))?,
            "distinct" => again(seed, || current.distinct(0))?,
            "no-such-column" => {
                calm.value = f64::from(u8::from(current.quantiles(99, &[0.5]).is_err()));
            }
            _ => {}
        }
        Ok(vec![calm])
    }
}

fn again<T, E: Into<Failure>>(times: u64, act: impl Fn() -> Result<T, E>) -> Result<(), Failure> {
    (0..times).try_for_each(|_| act().map(|got| drop(black_box(got))).map_err(Into::into))
}

/// Reads the kept rows of the first column, so many at a time, and looks at none.
fn read(window: &dyn Window, rows_at_once: u64) -> Result<(), Failure> {
    let (end, mut offset) = (window.kept_rows(), 0);
    while offset < end {
        let len = u32::try_from(rows_at_once)
            .unwrap_or(u32::MAX)
            .clamp(1, end - offset);
        black_box(window.numbers(0, offset, len)?);
        offset += len;
    }
    Ok(())
}

/// `0, 1/n, 2/n, ...`: as many as `n`.
fn levels(n: u64) -> Vec<f64> {
    (0..n).map(|i| i as f64 / n as f64).collect()
}

fn endless() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "that is the act")]
fn depth(below: u64) -> u64 {
    let here = std::hint::black_box([below; 64]);
    depth(below.wrapping_add(1)).wrapping_add(here[7])
}

fn size(amount: u64) -> usize {
    usize::try_from(amount).unwrap_or(usize::MAX)
}

leeway_sdk::export_batch_detector!(Hostile);
