//! Whatever a guest does ends in one exact error, within its deadline, and the next call works.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use leeway::domain::Role;
use leeway::profile::Window;
use leeway::runtime::{
    Baseline, BatchDetector, CodeCache, ConfigError, Detector, Engine, Evaluated, Limits, LogLevel,
    LogLine, Plugin, Refusal, RunError, Runtime, Violation,
};
use serde_json::json;

use crate::harness::wat::Raw;
use crate::harness::{WindowBuilder, batch, cache_dir, compiler, hostile, runtime};

/// The deadline of guests that never end. The machine of a test is busy, so the patience is long.
const DEADLINE: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(5);
/// Of guests that end in something else.
const AMPLE: Duration = Duration::from_secs(20);

const MEMORY: usize = 64 << 20;
const OUTPUT: usize = 8 << 20;

fn limits() -> Limits {
    Limits {
        deadline: DEADLINE,
        memory_bytes_max: MEMORY,
        output_bytes_max: OUTPUT,
        log_calls_max: 10_000,
        measurements_max: 1_000,
        ..Limits::default()
    }
}

fn ample() -> Limits {
    Limits {
        deadline: AMPLE,
        ..limits()
    }
}

/// 100 rows: the numbers 0 to 99, two names, vectors of two components.
fn window() -> Window {
    let numbers: Vec<f64> = (0..100).map(f64::from).collect();
    let names: Vec<Option<&str>> = (0..100)
        .map(|at| Some(if at % 2 == 0 { "even" } else { "odd" }))
        .collect();
    WindowBuilder::default()
        .numbers("x", Role::Feature, &numbers)
        .names("name", Role::Feature, &names)
        .vectors("vector", Role::Feature, 2, &[0.5; 200])
        .keep_rows()
        .build()
}

/// What a call must end in.
pub(super) enum Wanted {
    Exactly(RunError),
    Trap(&'static str),
    /// Words of the sandbox; these must be among them.
    Boundary(&'static str),
    /// The end of the message.
    Panic(&'static str),
    /// More memory than the limit; how much more is the allocator's choice.
    Memory,
    /// The one measurement of a calm call, of this value.
    Value(f64),
    NoMeasurement,
}

impl Wanted {
    fn is(&self, got: &Result<Evaluated, RunError>) -> bool {
        match (self, got) {
            // As text: NaN is not equal to itself.
            (Self::Exactly(wanted), Err(error)) => format!("{wanted:?}") == format!("{error:?}"),
            (Self::Trap(words), Err(RunError::Trapped { trap })) => {
                trap == &format!("wasm trap: {words}")
            }
            (Self::Boundary(words), Err(RunError::Boundary(text))) => text.contains(words),
            (Self::Panic(end), Err(RunError::Panicked { message })) => {
                message.starts_with("panicked at plugins/hostile/src/lib.rs:")
                    && message.ends_with(end)
            }
            (Self::Memory, Err(RunError::Memory { wanted, limit })) => {
                *limit == MEMORY && *wanted > MEMORY
            }
            (Self::Value(value), Ok(evaluated)) => {
                evaluated.measurements.len() == 1 && evaluated.measurements[0].value == *value
            }
            (Self::NoMeasurement, Ok(evaluated)) => evaluated.measurements.is_empty(),
            _ => false,
        }
    }

    /// Words that a failed evaluation shows; none where it does not fail. Numbers are left out: they follow from limits.
    pub(super) fn words(&self) -> Option<String> {
        let told = match self {
            Self::Exactly(error) => error.to_string(),
            Self::Trap(words) => format!("the detector trapped: wasm trap: {words}"),
            Self::Boundary(words) => (*words).to_owned(),
            Self::Panic(_) => "the detector panicked: panicked at ".to_owned(),
            Self::Memory => "bytes of memory; it may have ".to_owned(),
            Self::Value(_) | Self::NoMeasurement => return None,
        };
        let end = told.find(|c: char| c.is_ascii_digit());
        Some(told[..end.unwrap_or(told.len())].to_owned())
    }

    /// Among two plugins of the same guest, the one whose deadline fits.
    fn of<'a>(&self, hurried: &'a Plugin, ample: &'a Plugin) -> &'a Plugin {
        if matches!(self, Self::Exactly(RunError::Deadline { .. })) {
            hurried
        } else {
            ample
        }
    }
}

/// Runs every case and a calm call after each, and names all that went wrong.
fn expect(cases: Vec<(String, BatchDetector, Wanted)>, calm: &BatchDetector) {
    let (window, baseline) = (window(), Baseline::new(vec![1, 2, 3], 100));
    let mut wrong = Vec::new();
    for (name, detector, wanted) in cases {
        let start = Instant::now();
        let got = detector.evaluate(&baseline, &window);
        let took = start.elapsed();
        if !wanted.is(&got) {
            wrong.push(format!("{name}: {}", short(&got)));
        }
        if took > PATIENCE {
            wrong.push(format!("{name}: took {took:?}"));
        }
        let next = calm.evaluate(&baseline, &window);
        if !Wanted::Value(0.5).is(&next) {
            wrong.push(format!("the call after {name}: {}", short(&next)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn short(got: &Result<Evaluated, RunError>) -> String {
    format!("{got:?}").chars().take(300).collect()
}

fn act(plugin: &Plugin, act: &str, amount: u64) -> BatchDetector {
    batch(plugin, &json!({ "act": act, "amount": amount }))
}

/// A guest in text form does what the seed says.
fn raw_act(plugin: &Plugin, act: u64) -> BatchDetector {
    match plugin.configure(&json!({}), act).unwrap() {
        Detector::Batch(detector) => detector,
        Detector::Stream(_) => unreachable!("it exports batch alone"),
    }
}

/// What each act of the Rust guest ends in.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn rust_acts() -> Vec<(&'static str, u64, Wanted)> {
    use Wanted::{Exactly, Memory, Panic, Trap, Value};
    let untrusted = |violation| Exactly(RunError::Untrusted(violation));
    let refused = |refusal| Exactly(RunError::Refused(refusal));
    let deadline = || Exactly(RunError::Deadline { limit: DEADLINE });
    let output = || Exactly(RunError::OutputTooLarge { limit: OUTPUT });
    let (calm, about) = (|| "calm".to_owned(), None::<String>);
    let detail = || {
        untrusted(Violation::Detail {
            metric: calm(),
            column: None,
        })
    };
    let not_finite = |field, value| {
        untrusted(Violation::NotFinite {
            metric: calm(),
            column: None,
            field,
            value,
        })
    };
    let sizes = |window, claimed| {
        untrusted(Violation::Sizes {
            metric: calm(),
            column: None,
            window,
            claimed,
            rows: 100,
        })
    };
    let cut = |words: &str| format!("{}…", words.repeat(1_000));
    vec![
        ("calm", 0, Value(0.5)),
        // Time.
        ("loop", 0, deadline()),
        ("loop-in-host", 0, deadline()),
        ("columns-for-ever", 0, deadline()),
        ("dictionary-for-ever", 0, deadline()),
        ("log-for-ever", 1 << 20, deadline()),
        // Memory.
        ("allocate", 0, Memory),
        ("many-results", 1_000_000, Memory),
        ("recurse", 0, Trap("out of bounds memory access")),
        // Panics and traps.
        ("panic", 0, Panic(": the seed 7 brings bad luck")),
        ("panic-after-log", 0, Panic(": not fine any more")),
        (
            "panic-in-colour",
            0,
            Panic(": \u{fffd}[31mred\u{fffd}\u{fffd}2J next line"),
        ),
        ("panic-at-length", 1 << 20, Panic("xxx…")),
        ("abort", 0, Trap("wasm `unreachable` instruction executed")),
        // Floods.
        ("many-results", 1_000, untrusted(Violation::Row(calm()))),
        (
            "many-results",
            1_001,
            untrusted(Violation::TooMany {
                count: 1_001,
                limit: 1_000,
            }),
        ),
        ("many-results", 100_000, output()),
        ("huge-results", 4_097, detail()),
        ("huge-results", OUTPUT as u64, output()),
        ("log", 10_000, Value(0.5)),
        ("log", 10_001, Exactly(RunError::LogFlood { limit: 10_000 })),
        ("log-bytes", 1 << 20, Value(0.5)),
        ("log-bytes", OUTPUT as u64 + 1, output()),
        // Answers.
        ("nan", 0, not_finite("value", f64::NAN)),
        ("infinite-p", 0, not_finite("p-value", f64::INFINITY)),
        (
            "out-of-range",
            0,
            untrusted(Violation::OutOfRange {
                metric: calm(),
                column: None,
                field: "value",
                value: 1.5,
                minimum: 0.0,
                maximum: 1.0,
            }),
        ),
        (
            "undeclared-metric",
            0,
            untrusted(Violation::UndeclaredMetric("storm".into())),
        ),
        (
            "unknown-column",
            0,
            untrusted(Violation::UnknownColumn {
                metric: calm(),
                column: "nobody".into(),
            }),
        ),
        (
            "twice",
            0,
            untrusted(Violation::Twice {
                metric: calm(),
                column: about,
            }),
        ),
        ("lie-about-rows", 0, sizes("current", 101)),
        ("lie-about-reference", 0, sizes("reference", u64::MAX)),
        ("detail", 0, detail()),
        ("deep-detail", 0, detail()),
        // Refusals.
        (
            "refuse-data",
            0,
            refused(Refusal::UnusableData("nothing here".into())),
        ),
        (
            "refuse-baseline",
            0,
            refused(Refusal::UnusableBaseline("of another time".into())),
        ),
        (
            "refuse-in-colour",
            0,
            refused(Refusal::Internal("\u{fffd}[31mred next line".into())),
        ),
        (
            "refuse-at-length",
            1 << 20,
            refused(Refusal::Internal(cut("x"))),
        ),
        ("refuse-at-length", OUTPUT as u64 + 1, output()),
        // Questions.
        ("no-such-column", 0, Value(1.0)),
        ("ask-absurdly", 0, Value(1.0)),
    ]
}

/// What each act of the guest in text form ends in.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn raw_acts() -> Vec<(&'static str, u64, Wanted)> {
    use Wanted::{Boundary, Exactly, NoMeasurement, Trap, Value};
    let deadline = || Exactly(RunError::Deadline { limit: DEADLINE });
    vec![
        ("keeps its window", 0, Value(0.5)),
        (
            "a list past its memory",
            1,
            Boundary("list pointer/length out of bounds of memory"),
        ),
        (
            "a list at an odd address",
            2,
            Boundary("list pointer is not aligned"),
        ),
        ("text that is not UTF-8", 3, Boundary("invalid utf-8")),
        (
            "neither result nor error",
            4,
            Boundary("invalid expected discriminant"),
        ),
        (
            "an unknown kind of failure",
            5,
            Boundary("unexpected discriminant: 9"),
        ),
        (
            "words in colour",
            6,
            Exactly(RunError::Refused(Refusal::UnusableData(
                "\u{fffd}[31mred\u{fffd} next\u{fffd}".into(),
            ))),
        ),
        (
            "a list of 2^32 - 1",
            7,
            Boundary("list pointer/length out of bounds of memory"),
        ),
        ("an empty list", 8, NoMeasurement),
        (
            "an answer past its memory",
            9,
            Boundary("pointer out of bounds of memory"),
        ),
        (
            "an answer at an odd address",
            10,
            Boundary("pointer not aligned"),
        ),
        (
            "an unknown verdict",
            11,
            Boundary("unexpected discriminant: 77"),
        ),
        (
            "uses its window after dropping it",
            20,
            Boundary("unknown handle index 1"),
        ),
        (
            "drops its window twice",
            21,
            Boundary("unknown handle index 1"),
        ),
        (
            "uses a handle nobody gave",
            22,
            Boundary("unknown handle index 77"),
        ),
        ("drops its window", 23, Value(0.5)),
        (
            "arguments past its memory",
            30,
            Boundary("out of bounds of memory"),
        ),
        ("2^31 arguments", 31, Boundary("out of bounds of memory")),
        (
            "wants an answer past its memory",
            32,
            Boundary("pointer out of bounds"),
        ),
        (
            "a log line past its memory",
            33,
            Boundary("out of bounds of memory"),
        ),
        (
            "a log line of unknown level",
            34,
            Boundary("unexpected discriminant: 9"),
        ),
        (
            "allocates past its memory",
            40,
            Boundary("realloc return: beyond end of memory"),
        ),
        ("loops as it allocates", 41, deadline()),
        (
            "allocates at an odd address",
            42,
            Boundary("realloc return: result not aligned"),
        ),
        (
            "calls the host back as it allocates",
            43,
            Trap("cannot leave component instance"),
        ),
        ("asks for columns for ever", 44, deadline()),
        (
            "calls itself for ever",
            50,
            Exactly(RunError::StackOverflow),
        ),
        (
            "grows a table",
            51,
            Exactly(RunError::Tables {
                wanted: 200_005,
                limit: 100_000,
            }),
        ),
        (
            "grows two tables",
            52,
            Exactly(RunError::Tables {
                wanted: 120_005,
                limit: 100_000,
            }),
        ),
        (
            "grows three memories",
            53,
            Exactly(RunError::Memory {
                wanted: (9 + 3 * 400) << 16,
                limit: MEMORY,
            }),
        ),
        ("asks in vain for a second page", 54, Value(0.5)),
        ("fills memory for ever", 55, deadline()),
        ("divides by zero", 60, Trap("integer divide by zero")),
        (
            "turns NaN into an integer",
            61,
            Trap("invalid conversion to integer"),
        ),
        (
            "reads past its memory",
            62,
            Trap("out of bounds memory access"),
        ),
        ("calls nothing", 63, Trap("uninitialized element")),
        (
            "calls past its table",
            64,
            Trap("undefined element: out of bounds table access"),
        ),
        (
            "gives up",
            65,
            Trap("wasm `unreachable` instruction executed"),
        ),
        (
            "reads rows to past its memory",
            80,
            Boundary("pointer out of bounds"),
        ),
        (
            "allocates past its memory for rows",
            81,
            Boundary("realloc return: beyond end of memory"),
        ),
        ("loops as it allocates for rows", 82, deadline()),
        (
            "allocates at an odd address for rows",
            83,
            Boundary("realloc return: result not aligned"),
        ),
        (
            "calls the host back as rows arrive",
            84,
            Trap("cannot leave component instance"),
        ),
        ("reads rows for ever", 85, deadline()),
        (
            "drops its window as rows arrive",
            86,
            Trap("cannot leave component instance"),
        ),
        (
            "reads other rows as rows arrive",
            87,
            Trap("cannot leave component instance"),
        ),
        ("loops after its answer", 70, deadline()),
        (
            "traps after its answer",
            71,
            Trap("wasm `unreachable` instruction executed"),
        ),
    ]
}

fn raw(limits: Limits) -> Plugin {
    runtime().load(&Raw::default().component(), limits).unwrap()
}

#[test]
fn each_act_of_the_rust_guest_ends_in_its_error() {
    let (hurried, ample) = (hostile(limits()), hostile(ample()));
    let case = |(name, amount, wanted): (&str, u64, Wanted)| {
        (
            format!("{name} {amount}"),
            act(wanted.of(&hurried, &ample), name, amount),
            wanted,
        )
    };

    expect(
        rust_acts().into_iter().map(case).collect(),
        &act(&ample, "calm", 0),
    );
}

#[test]
fn each_act_of_the_raw_guest_ends_in_its_error() {
    let (hurried, ample) = (raw(limits()), raw(ample()));
    let case = |(name, number, wanted): (&str, u64, Wanted)| {
        (
            name.to_owned(),
            raw_act(wanted.of(&hurried, &ample), number),
            wanted,
        )
    };

    expect(
        raw_acts().into_iter().map(case).collect(),
        &raw_act(&ample, 0),
    );
}

#[test]
fn a_million_arguments_are_answered_like_few() {
    let plugin = hostile(Limits::default());

    expect(
        vec![(
            "ask-at-length".into(),
            act(&plugin, "ask-at-length", 300_000),
            Wanted::Value(1.0),
        )],
        &act(&plugin, "calm", 0),
    );
}

/// Natively computed and so out of reach of epochs: the host looks at the clock between slices.
#[test]
fn eight_million_arguments_do_not_outlast_the_deadline() {
    let plugin = hostile(Limits {
        deadline: DEADLINE,
        ..Limits::default()
    });
    let cases = ["quantiles", "cdf"].map(|name| {
        let deadline = Wanted::Exactly(RunError::Deadline { limit: DEADLINE });
        (
            name.to_owned(),
            batch(&plugin, &json!({ "act": name, "amount": 8_000_000 })),
            deadline,
        )
    });

    expect(cases.into(), &act(&plugin, "calm", 0));
}

#[test]
fn ten_million_arguments_are_more_than_the_host_takes() {
    let plugin = hostile(Limits::default());
    let limit = Limits::default().output_bytes_max;
    let asked = batch(
        &plugin,
        &json!({ "act": "quantiles", "amount": 10_000_000 }),
    );

    expect(
        vec![(
            "quantiles".into(),
            asked,
            Wanted::Exactly(RunError::OutputTooLarge { limit }),
        )],
        &act(&plugin, "calm", 0),
    );
}

#[test]
fn a_fit_that_loops_or_learns_too_much_is_stopped() {
    let (plugin, hurried, window) = (hostile(ample()), hostile(limits()), window());

    let start = Instant::now();
    assert_eq!(
        act(&hurried, "loop-in-fit", 0).fit(&window),
        Err(RunError::Deadline { limit: DEADLINE })
    );
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(
        act(&plugin, "huge-baseline", OUTPUT as u64 + 1).fit(&window),
        Err(RunError::OutputTooLarge { limit: OUTPUT })
    );
    assert_eq!(
        act(&plugin, "huge-baseline", OUTPUT as u64)
            .fit(&window)
            .map(|baseline| baseline.bytes().len()),
        Ok(OUTPUT)
    );
    assert_eq!(
        act(&plugin, "calm", 0).fit(&window),
        Ok(Baseline::new(vec![1, 2, 3], 100))
    );
}

#[test]
fn a_check_of_a_configuration_that_loops_is_stopped() {
    let plugin = hostile(limits());
    let refused = |act: &str| match plugin.configure(&json!({ "act": act }), 0) {
        Err(ConfigError::Guest { detector, source }) => (detector, source),
        _ => panic!("{act} was taken"),
    };

    let start = Instant::now();
    assert_eq!(
        refused("loop-in-check-config"),
        (
            "hostile@1.0.0".into(),
            RunError::Deadline { limit: DEADLINE }
        )
    );
    assert!(start.elapsed() < PATIENCE);
    let words = RunError::Refused(Refusal::InvalidConfig("act: this one is refused".into()));
    assert_eq!(refused("refuse-config"), ("hostile@1.0.0".into(), words));
}

#[test]
fn the_log_keeps_its_budget_and_counts_what_it_drops() {
    let (plugin, baseline, window) = (hostile(ample()), Baseline::new(vec![1], 100), window());
    let run = |name: &str, amount: u64| {
        act(&plugin, name, amount)
            .evaluate(&baseline, &window)
            .unwrap()
    };

    let many = run("log", 1_000);
    assert_eq!((many.log.len(), many.usage.log_dropped), (200, 800));
    let budget = Limits::default().log_bytes_max as u64;
    assert_eq!(run("log-bytes", budget).log[0].message.len() as u64, budget);
    let huge = run("log-bytes", budget + 1);
    assert_eq!((huge.log.len(), huge.usage.log_dropped), (0, 1));
    let colour = LogLine {
        level: LogLevel::Warn,
        message: "\u{fffd}[31mred  next line".into(),
    };
    assert_eq!(run("log-in-colour", 0).log, [colour]);
}

#[test]
fn a_call_says_how_much_memory_it_used() {
    let (plugin, baseline, window) = (hostile(ample()), Baseline::new(vec![1], 100), window());

    let calm = act(&plugin, "calm", 0)
        .evaluate(&baseline, &window)
        .unwrap()
        .usage
        .memory_bytes_peak;
    let much = act(&plugin, "log-bytes", 4 << 20)
        .evaluate(&baseline, &window)
        .unwrap()
        .usage
        .memory_bytes_peak;

    assert!((1 << 16..4 << 20).contains(&calm), "{calm}");
    assert!((4 << 20..16 << 20).contains(&much), "{much}");
}

/// A runtime that shares nothing but compiled code with the other tests.
fn own_runtime() -> Runtime {
    Runtime::new(
        Engine::start().unwrap(),
        compiler(),
        CodeCache::open(&cache_dir()).unwrap(),
    )
    .unwrap()
}

/// Runs one act so often at once.
fn at_once(detector: &BatchDetector, times: usize) -> Vec<Result<Evaluated, RunError>> {
    let (baseline, window) = (Baseline::new(vec![1], 100), window());
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..times)
            .map(|_| scope.spawn(|| detector.evaluate(&baseline, &window)))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn calls_beyond_the_pool_are_told_so_and_the_next_one_works() {
    let runtime = own_runtime();
    let plugin = runtime
        .load(
            &Raw::default().component(),
            Limits {
                deadline: Duration::from_secs(2),
                ..limits()
            },
        )
        .unwrap();
    let deadline = RunError::Deadline {
        limit: Duration::from_secs(2),
    };

    let results = at_once(&raw_act(&plugin, 44), 40);

    let count = |error: &RunError| {
        results
            .iter()
            .filter(|result| result.as_ref() == Err(error))
            .count()
    };
    assert_eq!((count(&deadline), count(&RunError::Busy)), (32, 8));
    assert!(
        raw_act(&plugin, 0)
            .evaluate(&Baseline::new(vec![1], 100), &window())
            .is_ok()
    );
}

/// Each of these calls takes five memories and, with the glue of the component, three tables. Were there
/// fewer than all calls may have together, a dozen such guests would keep all others out.
#[test]
fn guests_of_many_memories_leave_room_for_the_others() {
    let runtime = own_runtime();
    let plugin = runtime
        .load(
            &Raw::default().component(),
            Limits {
                deadline: Duration::from_secs(2),
                ..limits()
            },
        )
        .unwrap();

    let results = at_once(&raw_act(&plugin, 44), 31);

    let busy = results
        .iter()
        .filter(|result| result.as_ref() == Err(&RunError::Busy))
        .count();
    assert_eq!(busy, 0);
}

/// Bytes of this process in memory.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Runs an ignored test in a process of its own.
pub(super) fn alone(test: &str) {
    let program = std::env::current_exe().unwrap();
    let run = std::process::Command::new(program)
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

#[test]
fn two_hundred_hostile_calls_leave_no_memory_behind() {
    alone("e2e::hostile::memory_after_two_hundred_calls");
}

#[test]
#[ignore = "measures its process, so it runs in one of its own: see the test above"]
fn memory_after_two_hundred_calls() {
    let limits = Limits {
        deadline: Duration::from_millis(30),
        ..limits()
    };
    let (rust, raw) = (hostile(limits), raw(limits));
    let (baseline, window) = (Baseline::new(vec![1, 2, 3], 100), window());
    let rust_acts: Vec<_> = rust_acts()
        .into_iter()
        .map(|(name, amount, _)| act(&rust, name, amount))
        .collect();
    let raw_acts: Vec<_> = raw_acts()
        .into_iter()
        .map(|(_, number, _)| raw_act(&raw, number))
        .collect();
    for calm in [&rust_acts[0], &raw_acts[0]] {
        calm.evaluate(&baseline, &window).unwrap();
    }
    let before = resident_bytes();

    let all = rust_acts.iter().chain(&raw_acts).cycle();
    let stopped = all
        .take(200)
        .filter(|detector| detector.evaluate(&baseline, &window).is_err())
        .count();

    let grown = resident_bytes().saturating_sub(before);
    assert!(stopped > 120, "{stopped}");
    assert!(grown < 64 << 20, "{grown} bytes more in memory");
}

#[test]
fn four_million_arguments_cost_the_host_little_more_than_themselves() {
    alone("e2e::hostile::memory_of_four_million_arguments");
}

/// 32 MB of arguments and 32 MB of answers stand in the guest and in the host. All in one go, the kernel
/// alone would take nine times the arguments beside them.
#[test]
#[ignore = "measures its process, so it runs in one of its own: see the test above"]
fn memory_of_four_million_arguments() {
    let plugin = hostile(Limits::default());
    let (baseline, window) = (Baseline::new(vec![1, 2, 3], 100), window());
    let asked = |amount: u64| {
        let config = json!({ "act": "quantiles", "amount": amount });
        let Ok(Detector::Batch(detector)) = plugin.configure(&config, 1) else {
            panic!("the guest compares windows")
        };
        detector.evaluate(&baseline, &window).unwrap()
    };
    asked(1);
    let before = peak_bytes();

    asked(4_000_000);

    let grown = peak_bytes() - before;
    assert!(grown < 240 << 20, "{grown} bytes more at the peak");
}

/// Most bytes of this process in memory so far.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes: usize = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kibibytes << 10
}
