//! Arrow IPC, the file as well as the stream.

use std::io::BufReader;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, Fields, SchemaRef};

use super::batches::Plan;
use super::damage::guarded;
use super::ipc_check::{self, Layout};
use super::record_batches::{ArrowBatches, RecordBatches, projection};
use super::source::CountedFile;
use super::{InputError, Progress};

/// An Arrow IPC file whose schema has been read and whose messages have been walked.
#[derive(Debug)]
pub(super) struct IpcFile {
    layout: Layout,
    rows: u64,
    schema: SchemaRef,
    progress: Progress,
}

type Reader = BufReader<CountedFile>;

enum Records {
    File(FileReader<Reader>),
    Stream(StreamReader<Reader>),
}

impl Records {
    fn open(
        file: &Path,
        layout: Layout,
        fields: Option<Vec<usize>>,
    ) -> Result<(Self, Progress), InputError> {
        let counted = CountedFile::open(file)?;
        let progress = counted.progress().clone();
        let reader = BufReader::new(counted);
        let records = match layout {
            Layout::File => FileReader::try_new(reader, fields).map(Self::File),
            Layout::Stream => StreamReader::try_new(reader, fields).map(Self::Stream),
        };
        let records = records.map_err(|error| InputError::damaged(file, 0, words(&error)))?;
        Ok((records, progress))
    }
}

impl IpcFile {
    pub(super) fn open(file: &Path) -> Result<Self, InputError> {
        guarded(file, 0, || {
            let (layout, rows) = ipc_check::walk(file)?;
            let (records, progress) = Records::open(file, layout, None)?;
            let schema = match &records {
                Records::File(reader) => reader.schema(),
                Records::Stream(reader) => reader.schema(),
            };
            Ok(Self {
                layout,
                rows,
                schema,
                progress,
            })
        })
    }

    pub(super) fn fields(&self) -> &Fields {
        self.schema.fields()
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Record batches of some fields.
    pub(super) fn records(
        &self,
        file: &Path,
        fields: &[usize],
    ) -> Result<(IpcRecords, Progress), InputError> {
        guarded(file, 0, || {
            let (records, progress) = Records::open(file, self.layout, Some(fields.to_vec()))?;
            Ok((IpcRecords(records), progress))
        })
    }

    /// The file as batches.
    pub(super) fn batches(&mut self, plan: Plan) -> Result<ArrowBatches, InputError> {
        let (fields, positions) = projection(&plan, self.fields())?;
        let (records, progress) = self.records(&plan.file, &fields)?;
        self.progress = progress;
        Ok(ArrowBatches::new(plan, Box::new(records), positions))
    }
}

/// Record batches of an Arrow IPC file.
pub(super) struct IpcRecords(Records);

impl RecordBatches for IpcRecords {
    fn next_records(&mut self) -> Result<Option<RecordBatch>, String> {
        let next = match &mut self.0 {
            Records::File(reader) => reader.next(),
            Records::Stream(reader) => reader.next(),
        };
        next.transpose().map_err(|error| words(&error))
    }
}

fn words(error: &ArrowError) -> String {
    error.to_string()
}
