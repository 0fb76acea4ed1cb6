//! `leeway serve`: the server.

use crate::serve::{self, Config, ServeArgs};

/// Runs the server until it is told to end.
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<u8> {
    let config = Config::new(args)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve::run(config))
}
