//! `leeway model-api`: the example's model as a service.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;

use crate::model_api::{self, MODEL_FILE, Model};

use super::example::{FolderArgs, stop_at_signals};
use super::screen;

/// Serves the model that `leeway example prepare` trained.
///
/// `POST /predict` answers with prediction, probability and features; `/docs` is its Swagger page.
#[derive(Debug, Args)]
pub(super) struct ModelApiArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "LEEWAY_MODEL_LISTEN",
        default_value = "127.0.0.1:8000"
    )]
    listen: SocketAddr,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Serves until it is told to end.
pub(super) fn run(args: &ModelApiArgs) -> anyhow::Result<u8> {
    let path = args.folder.directory()?.join(MODEL_FILE);
    let model = Model::load(&path).with_context(|| {
        "there is no model to serve: `leeway example prepare` with the same directory trains one"
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!(
                "{} cannot be listened on; `leeway serve` may have it: choose another with --listen",
                args.listen
            )
        })?;
        let address = listener.local_addr()?;
        screen::print(&format!(
            "model      {}: {}\nSwagger    http://{address}/docs\n",
            model.name, model.about
        ))?;
        let stop = stop_at_signals()?;
        model_api::serve(listener, model, stop).await?;
        Ok(0)
    })
}
