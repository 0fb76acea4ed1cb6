//! Hostile detectors against a running service: each is refused at upload or fails alone, and nobody else notices.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use jiff::SignedDuration;
use leeway::monitor::FollowSettings;
use leeway::serve::ServiceSettings;
use serde_json::{Value, json};

use super::fixture::{HOSTILE, METRIC, active, evaluations, good, monitor, rows, upload};
use crate::e2e::hostile::{alone, raw_acts, rust_acts};
use crate::harness::app::{TestApp, settings};
use crate::harness::wat::{Raw, bomb, component, of_functions};

/// What every hostile detector may use.
const LIMITS: &str =
    "?deadline_ms=1000&memory_bytes=67108864&output_bytes=8388608&measurements=1000";
/// Monitors that are made before the others are looked at.
const AT_ONCE: usize = 10;

/// An act, as the spec of a monitor, and the words with which it fails; none where it does not.
struct Act {
    name: String,
    spec: Value,
    words: Option<String>,
}

fn acts() -> Vec<Act> {
    let base = json!({
        "rows_min": 1, "reference": {"from": "training"}, "current": {"of": "sliding", "extent": {"rows": 100}},
    });
    let spec = |detector: &str, config: Value, seed: u64| {
        let mut spec = base.clone();
        spec["detector"] = json!(detector);
        spec["config"] = config;
        spec["seed"] = json!(seed);
        spec
    };
    let mut acts = Vec::new();
    for (at, (act, amount, wanted)) in rust_acts().into_iter().enumerate() {
        // The window that this one asks about is another; and the server's limit of log calls is higher.
        if act == "ask-absurdly" || act == "log" && amount == 10_001 {
            continue;
        }
        acts.push(Act {
            name: format!("{act}-{at}"),
            spec: spec("hostile", json!({ "act": act, "amount": amount }), 7),
            words: wanted.words(),
        });
    }
    acts.push(Act {
        name: "log-flood".into(),
        spec: spec("hostile", json!({ "act": "log", "amount": 100_001 }), 7),
        words: Some("the detector logged more than ".into()),
    });
    acts.push(Act {
        name: "loop-in-fit".into(),
        spec: spec("hostile", json!({ "act": "loop-in-fit" }), 7),
        words: Some("the detector ran longer than ".into()),
    });
    acts.push(Act {
        name: "huge-baseline".into(),
        spec: spec(
            "hostile",
            json!({ "act": "huge-baseline", "amount": 9 << 20 }),
            7,
        ),
        words: Some("the detector handed over more than ".into()),
    });
    for (act, number, wanted) in raw_acts() {
        // These read rows, which this detector does not ask for.
        if (80..=87).contains(&number) {
            continue;
        }
        acts.push(Act {
            name: format!("raw-{number}"),
            spec: spec("raw", json!({}), number),
            words: wanted.words(),
        });
        assert!(!act.is_empty());
    }
    acts
}

/// Components that no upload gets through with, and a word of the step that says no.
#[expect(clippy::too_many_lines, reason = "a table")]
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let raw = |fields: &str| {
        Raw {
            fields,
            ..Raw::default()
        }
        .component()
    };
    let importing = |name: &str| {
        component(&format!(
            "(component (import \"{name}\" (instance)) (core module (memory 1)))"
        ))
    };
    let whole = Raw::default().component();
    vec![
        ("nothing", Vec::new(), ""),
        (
            "something else",
            b"PK\x03\x04 and so on".to_vec(),
            "not WebAssembly",
        ),
        (
            "a core module",
            component("(module)"),
            "core WebAssembly module",
        ),
        (
            "half a component",
            whole[..whole.len() / 2].to_vec(),
            "could not be compiled",
        ),
        (
            "code of another type",
            of_functions(1, &[0x6a]),
            "could not be compiled",
        ),
        (
            "threads",
            component("(component (core module (memory 1 1 shared)))"),
            "could not be compiled",
        ),
        (
            "files",
            importing("wasi:filesystem/types@0.2.0"),
            "imports 'wasi:filesystem/types@0.2.0'",
        ),
        (
            "the network",
            importing("wasi:sockets/tcp@0.2.0"),
            "imports 'wasi:sockets/tcp@0.2.0'",
        ),
        (
            "the environment",
            importing("wasi:cli/environment@0.2.0"),
            "imports 'wasi:cli/environment@0.2.0'",
        ),
        (
            "clocks",
            importing("wasi:clocks/wall-clock@0.2.0"),
            "imports 'wasi:clocks/wall-clock@0.2.0'",
        ),
        (
            "chance",
            importing("wasi:random/random@0.2.0"),
            "imports 'wasi:random/random@0.2.0'",
        ),
        (
            "no detector",
            component("(component)"),
            "a detector exports",
        ),
        (
            "a start that loops",
            raw("(start $endless)"),
            "could not describe itself: the detector ran longer",
        ),
        (
            "a start that traps",
            raw("(func $trap (unreachable)) (start $trap)"),
            "could not describe itself: the detector trapped",
        ),
        (
            "a start that grows",
            raw("(func $grow (drop (memory.grow $second (i32.const 9000)))) (start $grow)"),
            "bytes of memory",
        ),
        (
            "a start that calls itself",
            raw("(func $deeper (drop (call $deep (i32.const 0)))) (start $deeper)"),
            "overflowed its stack",
        ),
        (
            "describe loops",
            raw(r#"(data (i32.const 16) "\01")"#),
            "ran longer",
        ),
        (
            "describe traps",
            raw(r#"(data (i32.const 16) "\02")"#),
            "trapped",
        ),
        (
            "a memory that starts too large",
            raw("(memory 8192)"),
            "bytes of memory",
        ),
        ("nine memories", raw(&"(memory 0)".repeat(4)), "memories"),
        (
            "a table of a million",
            raw("(table 1000000 funcref)"),
            "table",
        ),
        (
            "a version that is none",
            raw(r#"(data (i32.const 1032) "1.0.x")"#),
            "1.0.x",
        ),
        (
            "a name that is not UTF-8",
            raw(r#"(data (i32.const 1024) "\ff\fe\fd")"#),
            "utf-8",
        ),
        (
            "a metric's name that is none",
            raw(r#"(data (i32.const 1040) "c lm")"#),
            "describes itself wrongly",
        ),
        (
            "a schema that is none",
            raw(r#"(data (i32.const 1048) "{\"type\":\"nobody\"}")"#),
            "describes itself wrongly",
        ),
        (
            "a unit as long as the memory",
            raw(r#"(data (i32.const 2192) "\00\00\01\00\00\00\07\00")"#),
            "",
        ),
    ]
}

#[test]
fn hostile_detectors_are_refused_or_fail_alone_and_nobody_else_notices() {
    alone("e2e::isolation::hostile::hostile_detectors_in_a_process_of_their_own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures its process, so it runs in one of its own: see the test above"]
#[expect(
    clippy::too_many_lines,
    reason = "one service, which all that is hostile meets"
)]
async fn hostile_detectors_in_a_process_of_their_own() {
    let app = TestApp::with(ServiceSettings {
        follow: FollowSettings {
            quarantine_after: 0, // Each act is to be seen, however many there were before.
            ..FollowSettings::default()
        },
        ..settings()
    })
    .await;
    for model in ["shop", "hostile"] {
        rows(&app, model, "2025-12-09T00:00:00Z", 120, 0.0, false).await;
        rows(&app, model, "2025-12-11T00:00:00Z", 120, 0.0, false).await;
    }
    active(&app, LIMITS, HOSTILE).await;
    active(&app, LIMITS, &good("1.0.0")).await;
    monitor(
        &app,
        "shop",
        "raw",
        &json!({"detector": "raw", "rows_min": 1}),
    )
    .await
    .ok();
    app.run_due().await;
    let start = resident_bytes();
    let mut wrong = Vec::new();

    let refused = refused();
    for (name, component, words) in &refused {
        let answer = upload(&app, LIMITS, component).await;
        let told = answer.text();
        if !(400..500).contains(&answer.status) || !told.contains(words) {
            wrong.push(format!("upload of {name}: {} {told}", answer.status));
        }
    }
    // What compiles for ever is stopped, or it is small enough to be compiled: nobody waits for it in either case.
    let answer = upload(&app, LIMITS, &bomb()).await;
    assert!((400..500).contains(&answer.status), "{answer}");
    // Its name is another's, or its metric's.
    let other = |fields: &str| {
        Raw {
            fields,
            ..Raw::default()
        }
        .component()
    };
    let again = format!("{METRIC} (func)");
    let taken = upload(&app, LIMITS, &other(&again)).await;
    taken.refused(409, "version-taken");
    let renamed = other(r#"(data (i32.const 1024) "wow")"#);
    let taken = upload(&app, LIMITS, &renamed).await;
    taken.refused(409, "metric-taken");
    for (act, status) in [("loop-in-check-config", 422), ("refuse-config", 422)] {
        let spec = json!({ "detector": "hostile", "config": {"act": act} });
        let answer = monitor(&app, "hostile", act, &spec).await;
        if answer.status != status {
            wrong.push(format!("{act}: {answer}"));
        }
    }

    let acts = acts();
    let (mut seen, mut failed) = (evaluations(&app, "shop", "data-drift").await.len(), 0);
    for (round, some) in acts.chunks(AT_ONCE).enumerate() {
        app.advance(SignedDuration::from_secs(2)); // A monitor is evaluated once a second at most.
        for act in some {
            monitor(&app, "hostile", &act.name, &act.spec).await.ok();
        }
        rows(
            &app,
            "shop",
            &format!("2025-12-12T{round:02}:00:00Z"),
            60,
            0.0,
            false,
        )
        .await;

        app.run_due().await;

        for act in some {
            let path = format!("/v1/models/hostile/monitors/{}", act.name);
            let found = app.get(&path).await.ok();
            let error = found["last_error"].as_str();
            let as_expected = match (&act.words, error) {
                (None, None) => true,
                (Some(words), Some(error)) => {
                    failed += 1;
                    error.contains(words.as_str())
                }
                _ => false,
            };
            if !as_expected {
                wrong.push(format!("{}: {error:?}, not {:?}", act.name, act.words));
            }
            // They are tried no more.
            app.delete(&path).await.ok();
        }
        for name in ["data-drift", "raw"] {
            let now = evaluations(&app, "shop", name).await;
            let fresh = now.first().is_some_and(|one| one["outcome"] == "judged");
            if !fresh {
                wrong.push(format!(
                    "'{name}' of another model after round {round}: {:?}",
                    now.first()
                ));
            }
        }
        let now = evaluations(&app, "shop", "data-drift").await.len();
        if now != seen + 1 {
            wrong.push(format!(
                "another model was evaluated {} times in round {round}",
                now - seen
            ));
        }
        seen = now;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));

    assert!(
        refused.len() + failed >= 80,
        "{} and {failed}",
        refused.len()
    );
    assert_eq!(app.get("/health/ready").await.status, 200);
    let now = resident_bytes();
    let grown = now.saturating_sub(start);
    eprintln!(
        "{} refused, {failed} failed; {grown} bytes more in memory",
        refused.len()
    );
    assert!(grown < 64 << 20, "{grown} bytes more in memory");
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
