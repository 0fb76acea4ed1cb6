//! Data files for the tests of this module.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use tempfile::TempDir;

use super::{ColumnRequest, InputError, ReadOptions, open};
use crate::domain::{Batch, ColumnKind};

/// A directory of files that goes when it is dropped.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A gzipped file of one member for each part.
    pub(super) fn gzip(&self, name: &str, parts: &[&str]) -> PathBuf {
        let mut bytes = Vec::new();
        for part in parts {
            let mut encoder = GzEncoder::new(&mut bytes, Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.finish().unwrap();
        }
        self.write(name, bytes)
    }

    pub(super) fn parquet(&self, name: &str, batch: &RecordBatch) -> PathBuf {
        let path = self.path(name);
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        path
    }

    /// An Arrow file of record batches of `rows` rows.
    pub(super) fn arrow(
        &self,
        name: &str,
        batch: &RecordBatch,
        rows: usize,
        packing: Option<CompressionType>,
    ) -> PathBuf {
        let path = self.path(name);
        let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5).unwrap();
        let options = options.try_with_compression(packing).unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
        pieces(batch, rows).for_each(|piece| writer.write(&piece).unwrap());
        writer.finish().unwrap();
        path
    }

    /// An Arrow stream of record batches of `rows` rows.
    pub(super) fn arrow_stream(&self, name: &str, batch: &RecordBatch, rows: usize) -> PathBuf {
        let path = self.path(name);
        let mut writer =
            StreamWriter::try_new(File::create(&path).unwrap(), &batch.schema()).unwrap();
        pieces(batch, rows).for_each(|piece| writer.write(&piece).unwrap());
        writer.finish().unwrap();
        path
    }
}

fn pieces(batch: &RecordBatch, rows: usize) -> impl Iterator<Item = RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(rows);
    starts.map(move |start| batch.slice(start, rows.min(batch.num_rows() - start)))
}

pub(super) fn numeric(name: &str) -> ColumnRequest {
    ColumnRequest::new(name, ColumnKind::Numeric)
}

pub(super) fn categorical(name: &str) -> ColumnRequest {
    ColumnRequest::new(name, ColumnKind::Categorical)
}

pub(super) fn embedding(name: &str) -> ColumnRequest {
    ColumnRequest::new(name, ColumnKind::Embedding)
}

pub(super) fn timed(column: &str) -> ReadOptions {
    ReadOptions {
        time_column: Some(column.into()),
        ..ReadOptions::default()
    }
}

/// All batches of a file.
pub(super) fn read(
    file: &Path,
    columns: &[ColumnRequest],
    options: &ReadOptions,
) -> Result<Vec<Batch>, InputError> {
    open(file, columns, options)?.collect()
}

/// The message of the error that reading gives, without the directory.
pub(super) fn error(file: &Path, columns: &[ColumnRequest], options: &ReadOptions) -> String {
    let message = read(file, columns, options)
        .expect_err("it is wrong")
        .to_string();
    assert_eq!(message.lines().count(), 1, "one line: {message}");
    message.replace(&format!("{}/", file.parent().unwrap().display()), "")
}
