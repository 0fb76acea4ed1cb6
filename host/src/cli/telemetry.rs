//! Logs: for people as text, for machines as JSON, always on standard error.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(super) struct LogArgs {
    /// How logs are written
    #[arg(
        long,
        env = "LEEWAY_LOG_FORMAT",
        value_enum,
        default_value = "text",
        global = true,
        help_heading = "Logs"
    )]
    log_format: LogFormat,
    /// What is logged, as in debug or leeway=debug,sqlx=info [default: info for serve, else warn]
    #[arg(
        long,
        env = "LEEWAY_LOG",
        value_name = "FILTER",
        global = true,
        help_heading = "Logs"
    )]
    log: Option<String>,
}

impl LogArgs {
    /// Begins to log.
    ///
    /// # Errors
    /// If the filter cannot be read.
    pub(super) fn start(&self, default: &str) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(self.log.as_deref().unwrap_or(default))
            .map_err(|error| anyhow::anyhow!("--log: {error}"))?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => subscriber.init(),
            LogFormat::Json => subscriber.json().flatten_event(true).init(),
        }
        Ok(())
    }
}
