//! Which format a file has.

use std::io::Read;
use std::path::Path;

use super::source::Source;
use super::{InputError, ReadOptions};

/// A format that data files come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values, RFC 4180, with a header; also gzipped.
    Csv,
    /// One JSON object a line; also gzipped.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, the file as well as the stream.
    ArrowIpc,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Ndjson, Self::Parquet, Self::ArrowIpc];

    /// The word for it, on the command line too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::ArrowIpc => "arrow",
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "tab" | "psv" | "txt" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" | "ldjson" => Some(Self::Ndjson),
            "parquet" | "pq" | "parq" => Some(Self::Parquet),
            "arrow" | "arrows" | "ipc" | "feather" => Some(Self::ArrowIpc),
            _ => None,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormatName(name.into()))
    }
}

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no format; there are csv, ndjson, parquet and arrow")]
pub struct UnknownFormatName(String);

/// Bytes from the start of a file that show its format, and the delimiter of a CSV header.
const HEAD_BYTES: u64 = 64 * 1024;
/// Bytes that show whether a file is text.
const TEXT_BYTES: usize = 64;

const GZIP: &[u8] = &[0x1f, 0x8b];
const PARQUET: &[u8] = b"PAR1";
const ENCRYPTED_PARQUET: &[u8] = b"PARE";
const ARROW_FILE: &[u8] = b"ARROW1";
const ARROW_STREAM: &[u8] = &[0xff; 4];
const FEATHER_1: &[u8] = b"FEA1";
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const ZIP: &[u8] = b"PK\x03\x04";
const UTF16: [&[u8]; 2] = [&[0xff, 0xfe], &[0xfe, 0xff]];
pub(super) const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// What the start of a file shows.
#[derive(Debug)]
pub(super) struct Detected {
    pub(super) format: Format,
    pub(super) gzip: bool,
    /// The first bytes, unpacked.
    pub(super) head: Vec<u8>,
}

/// The format by `options`, else by the first bytes, else by the extension, else by the look of the
/// text.
pub(super) fn detect(file: &Path, options: &ReadOptions) -> Result<Detected, InputError> {
    let packed = head(file, false)?;
    if packed.is_empty() {
        return Err(InputError::Empty { file: file.into() });
    }
    let gzip = packed.starts_with(GZIP);
    let head = if gzip { head(file, true)? } else { packed };
    if head.is_empty() {
        return Err(InputError::Empty { file: file.into() });
    }
    let unsupported = |what| InputError::Unsupported {
        file: file.into(),
        what,
    };
    let by_bytes = of_bytes(&head).map_err(unsupported)?;
    let format = options
        .format
        .or(by_bytes)
        .or_else(|| of_name(file))
        .or_else(|| of_text(&head));
    let format = format.ok_or_else(|| InputError::UnknownFormat { file: file.into() })?;
    let array = head.trim_ascii_start().starts_with(b"[");
    match format {
        Format::Parquet | Format::ArrowIpc if gzip => Err(unsupported(
            "is gzipped; only CSV and NDJSON are read so: unpack it first",
        )),
        Format::Ndjson if array => Err(unsupported("is a JSON array; write one object a line")),
        _ => Ok(Detected { format, gzip, head }),
    }
}

fn head(file: &Path, gzip: bool) -> Result<Vec<u8>, InputError> {
    let mut head = Vec::new();
    let read = Source::open(file, gzip)?
        .take(HEAD_BYTES)
        .read_to_end(&mut head);
    match read {
        // A gzipped file may be cut within its head: what is there shows its format.
        Ok(_) => Ok(head),
        Err(_) if gzip && !head.is_empty() => Ok(head),
        Err(error) => Err(InputError::from_io(file, 0, &error)),
    }
}

fn of_bytes(head: &[u8]) -> Result<Option<Format>, &'static str> {
    // A CSV file may have a first column named PAR1.
    let text = head[..head.len().min(TEXT_BYTES)]
        .iter()
        .all(|byte| *byte >= b' ' || byte.is_ascii_whitespace());
    if head.starts_with(ARROW_STREAM) {
        return Ok(Some(Format::ArrowIpc));
    }
    if UTF16.iter().any(|mark| head.starts_with(mark)) {
        return Err("is UTF-16 text; save it as UTF-8");
    }
    if head.starts_with(ZSTD) {
        return Err("is packed with zstd, which is not read; unpack it first");
    }
    if text {
        return Ok(None);
    }
    match head {
        _ if head.starts_with(PARQUET) => Ok(Some(Format::Parquet)),
        _ if head.starts_with(ARROW_FILE) => Ok(Some(Format::ArrowIpc)),
        _ if head.starts_with(ENCRYPTED_PARQUET) => {
            Err("is an encrypted Parquet file, which is not read")
        }
        _ if head.starts_with(FEATHER_1) => {
            Err("is a Feather file of version 1; save it as version 2")
        }
        _ if head.starts_with(ZIP) => Err("is a ZIP archive, which is not read; unpack it first"),
        _ if head.starts_with(GZIP) => Err("is gzipped twice; unpack it first"),
        _ => Ok(None),
    }
}

fn of_name(file: &Path) -> Option<Format> {
    let extension = |path: &Path| {
        path.extension()
            .and_then(|it| it.to_str())
            .map(str::to_ascii_lowercase)
    };
    let last = extension(file)?;
    if last == "gz" {
        Format::of_extension(&extension(&file.with_extension(""))?)
    } else {
        Format::of_extension(&last)
    }
}

fn of_text(head: &[u8]) -> Option<Format> {
    let head = head
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(head)
        .trim_ascii_start();
    match head.first() {
        Some(b'{') => Some(Format::Ndjson),
        Some(b'[') | None => None,
        Some(_) if head.contains(&0) => None,
        Some(_) => Some(Format::Csv),
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::super::testing::Files;
    use super::*;

    fn detected(name: &str, bytes: impl AsRef<[u8]>) -> Result<Format, String> {
        let files = Files::new();
        let file = files.write(name, bytes);
        let found = detect(&file, &ReadOptions::default());
        found
            .map(|it| it.format)
            .map_err(|error| error.to_string().rsplit('/').next().unwrap().into())
    }

    #[test]
    fn the_first_bytes_count_before_the_extension() {
        assert_eq!(detected("a.csv", b"PAR1\x15\x00"), Ok(Format::Parquet));
        assert_eq!(detected("a.csv", b"ARROW1\0\0"), Ok(Format::ArrowIpc));
        assert_eq!(
            detected("a", b"\xff\xff\xff\xff\x10\0\0\0"),
            Ok(Format::ArrowIpc)
        );
        assert_eq!(detected("a.csv", b"PAR1,b\n1,2\n"), Ok(Format::Csv));
        assert_eq!(detected("a.parquet", b"PAR1"), Ok(Format::Parquet));
    }

    #[test]
    fn the_extension_counts_before_the_look_of_the_text() {
        for (name, format) in [
            ("a.csv", Format::Csv),
            ("a.TSV", Format::Csv),
            ("a.jsonl", Format::Ndjson),
            ("a.b.json", Format::Ndjson),
            ("a.pq", Format::Parquet),
            ("a.feather", Format::ArrowIpc),
        ] {
            assert_eq!(detected(name, b"x"), Ok(format), "{name}");
        }
        assert_eq!(
            detected("a.dat", b"\xef\xbb\xbf {\"a\":1}"),
            Ok(Format::Ndjson)
        );
        assert_eq!(detected("a", b"a,b\n"), Ok(Format::Csv));
    }

    #[test]
    fn what_is_not_read_is_told_in_one_line() {
        let cases: [(&str, &[u8], &str); 9] = [
            ("a.csv", b"", "a.csv: is empty"),
            (
                "a.csv",
                b"\xff\xfea\0",
                "a.csv: is UTF-16 text; save it as UTF-8",
            ),
            (
                "a.json",
                b" [{}]",
                "a.json: is a JSON array; write one object a line",
            ),
            (
                "a.zip",
                b"PK\x03\x04\0",
                "a.zip: is a ZIP archive, which is not read; unpack it first",
            ),
            (
                "a",
                b"FEA1\0",
                "a: is a Feather file of version 1; save it as version 2",
            ),
            (
                "a",
                b"PARE\0",
                "a: is an encrypted Parquet file, which is not read",
            ),
            (
                "a.zst",
                &[0x28, 0xb5, 0x2f, 0xfd],
                "a.zst: is packed with zstd, which is not read; unpack it first",
            ),
            (
                "a",
                b"ab\0",
                "a: is not known as CSV, NDJSON, Parquet or Arrow IPC (set the format with --format)",
            ),
            (
                "a.csv.gz",
                &[0x1f, 0x8b, 1],
                "a.csv.gz: is damaged or truncated: unexpected end of file",
            ),
        ];
        for (name, bytes, message) in cases {
            assert_eq!(detected(name, bytes), Err(message.into()));
        }
        let files = Files::new();
        let tell = |file: &Path| {
            detect(file, &ReadOptions::default())
                .unwrap_err()
                .to_string()
        };
        let packed = files.gzip("a.parquet.gz", &["PAR1\u{15}\0"]);
        assert!(
            tell(&packed).ends_with("is gzipped; only CSV and NDJSON are read so: unpack it first")
        );
        assert!(
            tell(&files.path("none.csv"))
                .ends_with("none.csv: cannot be read: No such file or directory (os error 2)")
        );
        assert!(tell(&files.path("")).contains(": cannot be read: "));
        assert!(tell(&files.gzip("e.csv.gz", &[""])).ends_with("e.csv.gz: is empty"));
    }

    #[test]
    fn the_caller_may_say_the_format() {
        let files = Files::new();
        let file = files.write("rows.log", "{\"a\": 1}\n");
        let options = ReadOptions {
            format: Some("csv".parse().unwrap()),
            ..ReadOptions::default()
        };
        assert_eq!(
            inspect(&file, &options).unwrap().columns[0].name,
            "{\"a\": 1}"
        );
        let message = "xls".parse::<Format>().unwrap_err().to_string();
        assert_eq!(
            message,
            "'xls' is no format; there are csv, ndjson, parquet and arrow"
        );
    }
}
