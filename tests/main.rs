//! Tests of the whole: components in the sandbox, the golden cases, the program as people run it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![allow(
    unreachable_pub,
    reason = "a test binary exports nothing; `pub` marks what tests may use"
)]

mod e2e;
mod harness;
