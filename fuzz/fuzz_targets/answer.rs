//! What comes back from a guest: any bytes as an answer. `tests/e2e/fuzz.rs` runs the same on a stable compiler.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = leeway::runtime::fuzz::answer(bytes);
});
