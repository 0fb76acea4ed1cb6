//! Damaged components on their way in, and answers out of any bytes: nothing panics, nothing lasts, nothing wrong is taken.
//!
//! Runs for `LEEWAY_FUZZ_SECONDS`, else for a few seconds. `fuzz/` holds the same two for `cargo fuzz`, which finds its way by
//! coverage and needs a nightly compiler.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use leeway::domain::Role;
use leeway::runtime::{CodeCache, Detector, Engine, Limits, Runtime, fuzz};
use serde_json::json;

use crate::harness::wat::Raw;
use crate::harness::{WindowBuilder, compiler};

/// How long each of the two runs where nothing else is said.
const SECONDS: u64 = 5;
/// Longest that an upload may take: the compiler's limit and a deadline, on a busy machine.
const UPLOAD_MAX: Duration = Duration::from_mins(1);
/// Fewest rounds, however slow the machine is.
const ROUNDS_MIN: u32 = 20;

fn until() -> Instant {
    let asked = std::env::var("LEEWAY_FUZZ_SECONDS").ok();
    let seconds = asked.and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    Instant::now() + Duration::from_secs(seconds)
}

/// Chance that is the same in every run: xorshift, 64 bits.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    /// Damages bytes in a few places: bits, bytes, pieces that go, come twice, or move.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(64)).min(bytes.len());
            match self.below(6) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.byte(),
                2 => drop(bytes.drain(at..end)),
                3 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                4 => {
                    let piece: Vec<u8> = (0..self.below(9)).map(|_| self.byte()).collect();
                    bytes.splice(at..at, piece);
                }
                _ => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
            }
        }
    }
}

#[test]
fn a_damaged_component_is_refused_or_runs_in_its_sandbox() {
    let cache = tempfile::tempdir().unwrap();
    let engine = Engine::start().unwrap();
    let opened = CodeCache::open(cache.path()).unwrap();
    let runtime = Runtime::new(engine, compiler(), opened).unwrap();
    let limits = Limits {
        deadline: Duration::from_millis(300),
        memory_bytes_max: 64 << 20,
        ..Limits::default()
    };
    let numbers: Vec<f64> = (0..100).map(f64::from).collect();
    let window = WindowBuilder::default().numbers("x", Role::Feature, &numbers);
    let window = window.keep_rows().build();
    let whole = Raw::default().component();
    let (mut chance, until) = (Chance(0x9e37_79b9_7f4a_7c15), until());
    let (mut rounds, mut loaded, mut answered) = (0_u32, 0, 0);

    while rounds < ROUNDS_MIN || Instant::now() < until {
        let mut component = whole.clone();
        chance.damage(&mut component);
        let start = Instant::now();
        let result = runtime.load(&component, limits);
        assert!(start.elapsed() < UPLOAD_MAX, "round {rounds}");
        rounds += 1;
        let Ok(plugin) = result else { continue };
        loaded += 1;
        let Ok(Detector::Batch(detector)) = plugin.configure(&json!({}), 0) else {
            continue;
        };
        let baseline = detector.fit(&window);
        if let Ok(baseline) = baseline
            && let Ok(evaluated) = detector.evaluate(&baseline, &window)
        {
            answered += 1;
            let finite = |one: &leeway::domain::Measurement| one.value.is_finite();
            assert!(evaluated.measurements.iter().all(finite), "round {rounds}");
        }
    }
    eprintln!("{rounds} damaged components: {loaded} loaded, {answered} answered");
}

#[test]
fn an_answer_of_any_bytes_is_refused_or_holds() {
    let (mut chance, until) = (Chance(0x1234_5678_9abc_def1), until());
    let (mut rounds, mut taken, mut measurements) = (0_u32, 0_u32, 0);
    // A plain answer: one measurement of the metric `one`, all numbers in range.
    let mut kept: Vec<Vec<u8>> = vec![vec![0; 40]];

    while rounds < 1_000 * ROUNDS_MIN || Instant::now() < until {
        let mut bytes = kept[chance.below(kept.len())].clone();
        if chance.below(4) == 0 {
            bytes = (0..chance.below(200)).map(|_| chance.byte()).collect();
        } else {
            chance.damage(&mut bytes);
        }
        bytes.truncate(4_096);
        let count = fuzz::answer(&bytes);
        rounds += 1;
        if let Some(count) = count.filter(|count| *count > 0) {
            (taken, measurements) = (taken + 1, measurements + count);
            // What passed is where the next ones begin.
            if kept.len() < 1_000 {
                kept.push(bytes);
            } else {
                let at = chance.below(kept.len());
                kept[at] = bytes;
            }
        }
    }
    eprintln!("{rounds} answers: {taken} taken that have measurements, {measurements} of them");
    assert!(
        taken > rounds / 1_000 && taken < rounds,
        "{taken} of {rounds} were taken"
    );
}
