//! The server's settings, checked: what is in here can be used as it is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::api::{BODIES_BYTES_MAX, BodyLimits, RequestLimits};
use crate::ingest::IngestSettings;
use crate::metrics::Prefix;
use crate::monitor::{
    DETECTOR_MEMORY_BYTES_MAX, FollowSettings, HOST_TIMEOUT_MIN, VersionSettings,
};
use crate::store::{PoolSettings, Retention, SqlLimits};

use super::args::{DatabaseArgs, ServeArgs};
use super::memory;
use super::service::ServiceSettings;

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ConfigError {
    /// The flag.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Where the data are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On a server that somebody runs.
    Url(String),
    /// In a private server.
    Embedded {
        /// Folder of the server's files.
        folder: PathBuf,
        /// Folder of its programs.
        binaries: Option<PathBuf>,
    },
}

/// Which database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Where the data are.
    pub place: Place,
    /// Login for statements of strangers, if not leeway's own.
    pub sql_url: Option<String>,
}

/// The server's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which database is used.
    pub database: DatabaseConfig,
    /// Its pool.
    pub pool: PoolSettings,
    /// How long to wait at the start for a database that does not answer.
    pub database_wait: Duration,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Listen there although no token exists.
    pub allow_anonymous_network: bool,
    /// Largest body, before and after decompression.
    pub body_bytes_max: usize,
    /// Longest a request may take.
    pub request_timeout: Duration,
    /// Time for requests and tasks to finish at shutdown.
    pub shutdown_grace: Duration,
    /// Rows and labels that wait to be written.
    pub queue_bytes_max: usize,
    /// A host that was silent for so long is taken for dead.
    pub host_timeout: Duration,
    /// Detectors that run at a time.
    pub evaluation_threads: usize,
    /// Memory limits of the detectors that run at a time, added up.
    pub detector_memory_bytes_max: usize,
    /// Failures in a row before a version is quarantined.
    pub quarantine_after: u32,
    /// Memory for profiles.
    pub profile_cache_bytes_max: usize,
    /// Where compiled detectors are kept.
    pub cache_dir: PathBuf,
    /// Where interpreters of detectors in source are.
    pub interpreters: PathBuf,
    /// First part of the names of result metrics.
    pub metrics_namespace: String,
    /// Second part of them.
    pub metrics_subsystem: String,
    /// Most result series.
    pub series_max: usize,
    /// How long things are kept.
    pub retention: Retention,
    /// Limits of statements of strangers.
    pub sql_limits: SqlLimits,
}

impl Config {
    /// How much the parts of the server may do.
    ///
    /// # Errors
    /// If namespace and subsystem make no prefix; both were checked before.
    pub(super) fn service(&self) -> anyhow::Result<ServiceSettings> {
        Ok(ServiceSettings {
            bodies: BodyLimits {
                batch_bytes_max: self.body_bytes_max,
                ..BodyLimits::default()
            },
            requests: RequestLimits {
                answer: self.request_timeout,
                ..RequestLimits::default()
            },
            ingest: IngestSettings {
                waiting_bytes_max: self.queue_bytes_max,
                body_bytes_max: self.body_bytes_max,
                ..IngestSettings::default()
            },
            follow: FollowSettings {
                evaluations_at_once: self.evaluation_threads,
                detector_memory_bytes_max: self.detector_memory_bytes_max,
                quarantine_after: self.quarantine_after,
                keep: self.retention,
                host_timeout: self.host_timeout,
                ..FollowSettings::default()
            },
            profile_cache_bytes_max: self.profile_cache_bytes_max,
            prefix: Prefix::new(&format!(
                "{}_{}",
                self.metrics_namespace, self.metrics_subsystem
            ))?,
            series_max: self.series_max,
            sql: self.sql_limits,
            versions: VersionSettings {
                // Before the request is given up.
                wait: VersionSettings::default()
                    .wait
                    .min(self.request_timeout * 3 / 4),
                ..VersionSettings::default()
            },
            address: Some(self.listen.to_string()),
            only_host: matches!(self.database.place, Place::Embedded { .. }),
        })
    }
}

impl DatabaseConfig {
    /// Checks the settings of the database.
    pub fn new(args: &DatabaseArgs) -> Result<Self, ConfigError> {
        if let Some(url) = &args.sql_url {
            check_url("--sql-url", url)?;
        }
        let place = match &args.database_url {
            Some(url) => {
                check_url("--database-url", url)?;
                Place::Url(url.clone())
            }
            None => Place::Embedded {
                folder: below(
                    args.data_dir.as_deref(),
                    "XDG_DATA_HOME",
                    ".local/share",
                    "--data-dir",
                )?
                .join("postgres"),
                binaries: args.postgres_bin.clone(),
            },
        };
        Ok(Self {
            place,
            sql_url: args.sql_url.clone(),
        })
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that makes no sense, and why.
    pub fn new(args: &ServeArgs) -> Result<Self, ConfigError> {
        if args.body_max.0 > BODIES_BYTES_MAX {
            return Err(ConfigError {
                field: "--body-max",
                reason: format!(
                    "it is more than the {} MiB of all bodies that the server holds at a time",
                    BODIES_BYTES_MAX >> 20
                ),
            });
        }
        if args.queue_max.0 < args.body_max.0 {
            return Err(ConfigError {
                field: "--queue-max",
                reason: "it is smaller than --body-max, so the largest body would never be taken"
                    .to_owned(),
            });
        }
        if args.host_timeout.0 < HOST_TIMEOUT_MIN {
            return Err(ConfigError {
                field: "--host-timeout",
                reason: format!(
                    "it is shorter than {} s: busy hosts would be taken for dead",
                    HOST_TIMEOUT_MIN.as_secs()
                ),
            });
        }
        Ok(Self {
            database: DatabaseConfig::new(&args.database)?,
            pool: PoolSettings {
                connections_max: args.connections_max,
                statement_timeout: args.statement_timeout.0,
                ..PoolSettings::default()
            },
            database_wait: args.database_wait.0,
            listen: args.listen,
            allow_anonymous_network: args.allow_anonymous_network,
            body_bytes_max: args.body_max.0,
            request_timeout: args.request_timeout.0,
            shutdown_grace: args.shutdown_grace.0,
            queue_bytes_max: args.queue_max.0,
            host_timeout: args.host_timeout.0,
            evaluation_threads: match args.evaluation_threads {
                Some(threads) => usize::from(threads),
                None => std::thread::available_parallelism().map_or(1, usize::from),
            },
            detector_memory_bytes_max: match args.detector_memory {
                Some(bytes) => bytes.0,
                None => memory::bytes().map_or(DETECTOR_MEMORY_BYTES_MAX, |bytes| bytes / 2),
            },
            quarantine_after: args.quarantine_after,
            profile_cache_bytes_max: args.profile_cache.0,
            cache_dir: below(
                args.cache_dir.as_deref(),
                "XDG_CACHE_HOME",
                ".cache",
                "--cache-dir",
            )?,
            interpreters: args.interpreters.folder(),
            metrics_namespace: metric_name("--metrics-namespace", &args.metrics_namespace)?,
            metrics_subsystem: metric_name("--metrics-subsystem", &args.metrics_subsystem)?,
            series_max: args.series_max as usize,
            retention: Retention {
                rows: args.keep_rows.0,
                labels: args.keep_labels.0,
                profiles: args.keep_chunks.0,
                results: args.keep_measurements.0,
            },
            sql_limits: SqlLimits {
                rows_max: args.sql_rows_max,
                bytes_max: args.sql_bytes_max.0,
                timeout: args.sql_timeout.0,
            },
        })
    }
}

/// A directory that was named, or `leeway` in the user's place for such.
fn below(
    named: Option<&Path>,
    variable: &str,
    home: &str,
    field: &'static str,
) -> Result<PathBuf, ConfigError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable)
        .or_else(|| absolute("HOME").map(|path| path.join(home)))
        .map(|path| path.join("leeway"))
        .ok_or_else(|| ConfigError {
            field,
            reason: format!(
                "name a directory: neither {variable} nor HOME says where such things go"
            ),
        })
}

fn check_url(field: &'static str, url: &str) -> Result<(), ConfigError> {
    let wrong = |reason: String| ConfigError { field, reason };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        // The rest may hold a password, so it is not repeated.
        return Err(wrong(
            "give an address that begins with postgres://".to_owned(),
        ));
    }
    PgConnectOptions::from_str(url).map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

/// A part of a metric's name: letters, digits and underscores, no digit first.
fn metric_name(field: &'static str, name: &str) -> Result<String, ConfigError> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if good {
        return Ok(name.to_owned());
    }
    Err(ConfigError {
        field,
        reason: format!(
            "{name:?} is no part of a metric's name: letters, digits and _, no digit first"
        ),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn config(flags: &[&str]) -> Result<Config, String> {
        let defaults = [
            "leeway",
            "--data-dir",
            "/srv/leeway",
            "--cache-dir",
            "/srv/cache",
        ];
        let program = Program::try_parse_from(defaults.iter().chain(flags))
            .map_err(|error| error.to_string())?;
        Config::new(&program.args).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_make_a_server_for_this_machine_alone() {
        let config = config(&[]).unwrap();
        assert_eq!(
            config.database.place,
            Place::Embedded {
                folder: PathBuf::from("/srv/leeway/postgres"),
                binaries: None
            }
        );
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.metrics_namespace, "drift_monitoring_api");
        assert!(config.detector_memory_bytes_max > 1 << 20);
        assert_eq!(config.retention.rows, None);
        assert_eq!(
            config.retention.results,
            Some(jiff::SignedDuration::from_hours(365 * 24))
        );
    }

    #[test]
    fn the_largest_body_is_as_large_everywhere() {
        let flags = ["--body-max", "512MiB", "--queue-max", "512MiB"];
        let service = config(&flags).unwrap().service().unwrap();
        assert_eq!(service.bodies.batch_bytes_max, 512 << 20);
        assert_eq!(service.ingest.body_bytes_max, 512 << 20);
    }

    #[test]
    fn a_bad_setting_is_named() {
        for (flags, part) in [
            (["--listen", "somewhere"], "--listen <ADDRESS>"),
            (["--body-max", "lots"], "--body-max <BYTES>"),
            (["--queue-max", "1KiB"], "--queue-max: it is smaller"),
            (
                ["--body-max", "513MiB"],
                "--body-max: it is more than the 512 MiB",
            ),
            (
                ["--metrics-namespace", "a-b"],
                "--metrics-namespace: \"a-b\"",
            ),
            (["--metrics-subsystem", "1a"], "--metrics-subsystem: \"1a\""),
            (
                ["--database-url", "mysql://secret@x"],
                "--database-url: give an address",
            ),
            (["--sql-url", "postgres://h:port"], "--sql-url:"),
            (
                ["--evaluation-threads", "0"],
                "--evaluation-threads <COUNT>",
            ),
            (["--keep-rows", "0"], "--keep-rows <DAYS>"),
            (["--request-timeout", "0"], "--request-timeout <SECONDS>"),
            (["--no-such-setting", "1"], "--no-such-setting"),
        ] {
            let said = config(&flags).unwrap_err();
            assert!(said.contains(part), "{flags:?}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
