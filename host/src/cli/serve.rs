//! `leeway serve`: the server.

use crate::serve::{self, Config, ServeArgs};

/// Runs the server until it is told to end.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<u8> {
    let config = Config::new(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve::run(config));
    // What was to be finished is; a report card that is being made is made again by the next start.
    runtime.shutdown_background();
    outcome
}
