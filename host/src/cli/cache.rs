//! Where compiled detectors are kept.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

/// The directory of compiled detectors.
#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    /// Directory of compiled detectors [default: leeway in the user's cache directory]
    #[arg(
        long,
        value_name = "DIRECTORY",
        env = "LEEWAY_CACHE_DIR",
        help_heading = "Reading"
    )]
    cache_dir: Option<PathBuf>,
}

impl CacheArgs {
    /// The directory; it need not be there.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
        let of_user = || {
            let from = |variable: &str| {
                std::env::var_os(variable)
                    .filter(|value| !value.is_empty())
                    .map(PathBuf::from)
            };
            from("XDG_CACHE_HOME")
                .or_else(|| from("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("leeway"))
        };
        self.cache_dir
            .clone()
            .or_else(of_user)
            .context("there is no HOME; name a directory with --cache-dir")
    }
}
