//! `leeway plugin new`: a project that builds, with a detector of one metric to start from.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::screen::print;

use super::template::{Language, fill};

/// Longest name of a detector, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Writes a project with a detector of one metric, which builds and passes its test.
#[derive(Debug, Args)]
pub(in crate::cli) struct NewArgs {
    /// Name of the detector: lower-case letters, digits and hyphens, a letter first
    #[arg(value_parser = name)]
    name: String,
    /// What it is written in
    #[arg(long, value_enum)]
    lang: Language,
    /// Directory of the project [default: the name]
    #[arg(long, value_name = "DIRECTORY")]
    path: Option<PathBuf>,
}

/// Writes the project.
pub(super) fn run(args: &NewArgs) -> anyhow::Result<u8> {
    let directory = args
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    if directory.exists() {
        bail!("{} is there already", directory.display());
    }
    for file in args.lang.files() {
        let path = directory.join(file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        crate::cli::screen::write(&path, fill(file, &args.name))?;
    }
    print(&format!(
        "{0} is written; {0}/README.md has the commands that build and test it\n",
        directory.display()
    ))?;
    Ok(0)
}

fn name(text: &str) -> Result<String, String> {
    let good = text.len() <= NAME_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "a name is 1 to {NAME_BYTES_MAX} lower-case letters, digits and hyphens, a letter first"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_the_host_would_take() {
        for good in ["a", "my-own-2", &"a".repeat(NAME_BYTES_MAX)] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "2a",
            "-a",
            "a-",
            "A",
            "a_b",
            "a b",
            "../a",
            &"a".repeat(NAME_BYTES_MAX + 1),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
