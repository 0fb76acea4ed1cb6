//! Settings of the server as flags and environment variables, with `--help` as their documentation.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::amount::{Age, Bytes, Span, age, bytes, seconds};
use super::interpreters::InterpreterArgs;

/// Which database is used: shared by every command that needs it.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// PostgreSQL server to use, as in `postgres://user:password@host/database`. Without it a
    /// private one runs in the data directory
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = "Database"
    )]
    pub database_url: Option<String>,
    /// Directory of the private database [default: leeway below `$XDG_DATA_HOME` or `~/.local/share`]
    #[arg(
        long,
        env = "LEEWAY_DATA_DIR",
        value_name = "DIRECTORY",
        help_heading = "Database"
    )]
    pub data_dir: Option<PathBuf>,
    /// Folder of `postgres` and `initdb` for the private database [default: found on PATH or where
    /// packagers put them]
    #[arg(
        long,
        env = "LEEWAY_POSTGRES_BIN",
        value_name = "DIRECTORY",
        help_heading = "Database"
    )]
    pub postgres_bin: Option<PathBuf>,
    /// Login for statements of `POST /v1/sql`, one that can only read schema history [default: a role
    /// that leeway makes]
    #[arg(
        long,
        env = "LEEWAY_SQL_URL",
        value_name = "URL",
        hide_env_values = true,
        help_heading = "Database"
    )]
    pub sql_url: Option<String>,
}

/// Runs the server: takes predictions and labels, evaluates monitors, answers on HTTP.
///
/// With nothing configured it keeps everything in a private PostgreSQL server in the data directory and
/// listens on this machine only.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub(super) database: DatabaseArgs,

    /// Address and port to listen on; port 0 takes a free one
    #[arg(
        long,
        env = "LEEWAY_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:5000",
        help_heading = "HTTP"
    )]
    pub(super) listen: SocketAddr,
    /// Listen beyond this machine although no token exists: anyone who reaches the port may do
    /// everything
    #[arg(long, env = "LEEWAY_ALLOW_ANONYMOUS_NETWORK", help_heading = "HTTP")]
    pub(super) allow_anonymous_network: bool,
    /// Largest body, before and after decompression
    #[arg(long, env = "LEEWAY_BODY_MAX", value_name = "BYTES", value_parser = bytes, default_value = "64MiB", help_heading = "HTTP")]
    pub(super) body_max: Bytes,
    /// Longest a request may take
    #[arg(long, env = "LEEWAY_REQUEST_TIMEOUT", value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = "HTTP")]
    pub(super) request_timeout: Span,
    /// Time for open requests and running evaluations to finish at shutdown
    #[arg(long, env = "LEEWAY_SHUTDOWN_GRACE", value_name = "SECONDS", value_parser = seconds, default_value = "20", help_heading = "HTTP")]
    pub(super) shutdown_grace: Span,

    /// Most connections to the database
    #[arg(long, env = "LEEWAY_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u32).range(4..=1000), help_heading = "Database")]
    pub(super) connections_max: u32,
    /// Longest a statement of leeway's own may take
    #[arg(long, env = "LEEWAY_STATEMENT_TIMEOUT", value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = "Database")]
    pub(super) statement_timeout: Span,
    /// How long to wait at the start for a database that does not answer
    #[arg(long, env = "LEEWAY_DATABASE_WAIT", value_name = "SECONDS", value_parser = seconds, default_value = "60", help_heading = "Database")]
    pub(super) database_wait: Span,

    /// Rows and labels that wait to be written, in bytes; beyond it requests are answered with 503
    #[arg(long, env = "LEEWAY_QUEUE_MAX", value_name = "BYTES", value_parser = bytes, default_value = "256MiB", help_heading = "Work")]
    pub(super) queue_max: Bytes,
    /// Detectors that run at a time. One more place is kept for quick ones, so that slow ones delay nobody: see README. Each takes
    /// four connections to the database; with fewer connections fewer run [default: the processors of the machine]
    #[arg(long, env = "LEEWAY_EVALUATION_THREADS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Work")]
    pub(super) evaluation_threads: Option<u16>,
    /// Evaluations of an uploaded detector's version that fail in a row before the version is quarantined; 0 for never
    #[arg(long, env = "LEEWAY_QUARANTINE_AFTER", value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000_000), help_heading = "Work")]
    pub(super) quarantine_after: u32,
    /// Memory that the detectors that run at a time may take together: the limits of each added up. A single one always
    /// runs [default: half of the machine's, or of what the container may have]
    #[arg(long, env = "LEEWAY_DETECTOR_MEMORY", value_name = "BYTES", value_parser = bytes, help_heading = "Work")]
    pub(super) detector_memory: Option<Bytes>,
    /// A host that says nothing for so long is taken for dead, and the other hosts on its database take
    /// its models over
    #[arg(long, env = "LEEWAY_HOST_TIMEOUT", value_name = "SECONDS", value_parser = seconds, default_value = "5", help_heading = "Work")]
    pub(super) host_timeout: Span,
    /// Memory for profiles that were read already
    #[arg(long, env = "LEEWAY_PROFILE_CACHE", value_name = "BYTES", value_parser = bytes, default_value = "256MiB", help_heading = "Work")]
    pub(super) profile_cache: Bytes,
    /// Where compiled detectors are kept [default: leeway below `$XDG_CACHE_HOME` or `~/.cache`]
    #[arg(
        long,
        env = "LEEWAY_CACHE_DIR",
        value_name = "DIRECTORY",
        help_heading = "Work"
    )]
    pub(super) cache_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) interpreters: InterpreterArgs,

    /// First part of the names of result metrics
    #[arg(
        long,
        env = "PROMETHEUS_METRICS_NAMESPACE",
        value_name = "NAME",
        default_value = "drift_monitoring_api",
        help_heading = "Metrics"
    )]
    pub(super) metrics_namespace: String,
    /// Second part of the names of result metrics
    #[arg(
        long,
        env = "PROMETHEUS_METRICS_SUBSYSTEM",
        value_name = "NAME",
        default_value = "model",
        help_heading = "Metrics"
    )]
    pub(super) metrics_subsystem: String,
    /// Most result series; what is beyond is dropped and counted
    #[arg(long, env = "LEEWAY_SERIES_MAX", value_name = "COUNT", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000), help_heading = "Metrics")]
    pub(super) series_max: u32,

    /// How long rows are kept, by their prediction time: rows that are older when they arrive go too
    #[arg(long, env = "LEEWAY_KEEP_ROWS", value_name = "DAYS", value_parser = age, default_value = "forever", help_heading = "Retention")]
    pub(super) keep_rows: Age,
    /// How long labels are kept, by the time they arrived
    #[arg(long, env = "LEEWAY_KEEP_LABELS", value_name = "DAYS", value_parser = age, default_value = "forever", help_heading = "Retention")]
    pub(super) keep_labels: Age,
    /// How long evaluations and measurements are kept, by the time they were made
    #[arg(long, env = "LEEWAY_KEEP_MEASUREMENTS", value_name = "DAYS", value_parser = age, default_value = "365", help_heading = "Retention")]
    pub(super) keep_measurements: Age,
    /// How long profiles of chunks are kept, by their time; those of training rows stay
    #[arg(long, env = "LEEWAY_KEEP_CHUNKS", value_name = "DAYS", value_parser = age, default_value = "forever", help_heading = "Retention")]
    pub(super) keep_chunks: Age,

    /// Most rows that a statement of `POST /v1/sql` may answer
    #[arg(long, env = "LEEWAY_SQL_ROWS_MAX", value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000), help_heading = "SQL")]
    pub(super) sql_rows_max: u32,
    /// Most bytes that it may answer
    #[arg(long, env = "LEEWAY_SQL_BYTES_MAX", value_name = "BYTES", value_parser = bytes, default_value = "16MiB", help_heading = "SQL")]
    pub(super) sql_bytes_max: Bytes,
    /// Longest it may run
    #[arg(long, env = "LEEWAY_SQL_TIMEOUT", value_name = "SECONDS", value_parser = seconds, default_value = "30", help_heading = "SQL")]
    pub(super) sql_timeout: Span,
}
