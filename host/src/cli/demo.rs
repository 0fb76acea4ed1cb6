//! `leeway demo`: the example data streaming through a server.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::demo::{self, DATA_DEFAULT, REFERENCE_MONTH_DEFAULT, ROWS_PER_SECOND_DEFAULT, Settings};

/// Starts a server, streams the example data through it, and shows what is drifting.
///
/// The flights that left New York after March 2013 pass by in a minute, with the predictions of two models that
/// learned in winter; labels arrive a day later. A table shows what drifts. The server goes on until Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Directory of the example data
    #[arg(long, value_name = "DIRECTORY", default_value = DATA_DEFAULT)]
    data: PathBuf,
    /// Month that defines normal; those after it are streamed
    #[arg(long, value_name = "YYYY-MM", default_value = REFERENCE_MONTH_DEFAULT)]
    reference: String,
    /// Most months to stream
    #[arg(long, value_name = "COUNT", default_value = "12")]
    months: usize,
    /// Rows a second to each of the two models
    #[arg(long, value_name = "COUNT", default_value_t = ROWS_PER_SECOND_DEFAULT,
          value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    rows_per_second: u32,
    /// Address of a server that runs already, `http://HOST:PORT` [default: one is started]
    #[arg(long, value_name = "URL", conflicts_with = "data_dir")]
    server: Option<String>,
    /// Token for that server
    #[arg(
        long,
        value_name = "TOKEN",
        env = "LEEWAY_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Where the started server keeps its data [default: a directory that is removed in the end]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// End when the data do
    #[arg(long)]
    exit: bool,
}

/// Runs the demo; returns the exit code.
pub(super) fn run(args: DemoArgs) -> anyhow::Result<u8> {
    let program = std::env::current_exe().context("the program's own file cannot be found")?;
    let settings = Settings {
        data: args.data,
        reference_month: args.reference,
        months_max: args.months,
        rows_per_second: args.rows_per_second,
        server: args.server,
        token: args.token,
        data_dir: args.data_dir,
        exit: args.exit,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime")?;
    runtime.block_on(demo::run(&settings, &program))?;
    Ok(0)
}
