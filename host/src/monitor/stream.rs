//! Hands rows to detectors that follow them: each row once, in the order of arrival, a bounded number a call.
//!
//! A detector that looks at labels and errors alone is given each labelled row once, in the order in which rows and their labels
//! became complete: by a label, in the order of labels; or, where the label was there first, by the row, in the order of rows.
//! What completes a row between two looks comes in this order: rows whose label was there, then labels. A record's first label
//! counts, or of several that were there before the row the last; one that is corrected later is not given again. The position
//! of both, rows and labels, moves with the detector's state in one transaction, so nothing is given twice or left out.

use std::sync::Arc;

use crate::domain::inputs::{Inputs, KeptInputs, Made};
use crate::domain::{
    Batch, ColumnKind, ColumnSpec, ColumnValues, Descriptor, MISSING_CODE, Measurement, Model,
    ModelColumn, ModelType, Role, Schema,
};
use crate::profile::{Derivation, KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};
use crate::runtime::{Plugin, PluginKind, State, StreamDetector, Updated, Usage};
use crate::store::{Claim, MonitorState, Profiled, Store, StoreResult, StreamRow};

use super::evaluate::{Attempt, Evaluator, Sizes, Verdict};
use super::judge::{needs_labels, no_columns};
use super::replay;
use super::watch::WatchError;

/// Rows or labels handed over by one call.
pub(super) const ROWS_AT_ONCE: u32 = 20_000;
/// Numbers of vectors handed over by one call: 4 MiB, and what a call of 512 rows of the longest vectors has.
const NUMBERS_AT_ONCE: usize = 1 << 20;
/// Largest state that is kept with an evaluation, in bytes, so that it can be made again.
pub(super) const STATE_KEPT_BYTES_MAX: usize = 64 << 10;

/// Lets a stream detector go on from where it stood itself: another version's state is put away, and comes back with that version.
/// One that was never here starts with the first row.
pub(super) async fn stand(store: &Store, claim: &mut Claim, plugin: &Plugin) -> StoreResult<()> {
    if plugin.kind() != PluginKind::Stream {
        return Ok(());
    }
    let digest = plugin.digest().to_string();
    let other = claim.state.stream_digest.as_ref();
    if other.is_some_and(|other| *other != digest) {
        store.swap_stream_state(claim, &digest).await?;
    }
    claim.state.stream_digest = Some(digest);
    Ok(())
}

/// One step of a stream detector from where it stands.
pub(super) async fn follow(
    evaluator: &Evaluator,
    model: &Model,
    plugin: &Plugin,
    detector: &StreamDetector,
    state: &MonitorState,
    profiled: Profiled,
) -> Result<Attempt, WatchError> {
    let descriptor = plugin.descriptor();
    let labels = needs_labels(descriptor);
    let before = Profiled {
        seq: state.evaluated_seq,
        label_seq: state.evaluated_label_seq,
    };
    let stays = |seen: Profiled| (seen, state.stream_state.clone().unwrap_or_default());
    let span = Span {
        labels,
        embedded: embedded(descriptor),
        after: before,
        to: profiled,
    };
    let handed = match rows(&evaluator.store, model, span).await? {
        Ok(handed) => handed,
        Err(reason) => {
            return Ok(attempt(
                Verdict::failed(&reason),
                Sizes::default(),
                stays(before),
            ));
        }
    };
    if !handed.frame.has_any(descriptor) {
        return Ok(attempt(
            Verdict::insufficient(&no_columns(descriptor)),
            Sizes::default(),
            stays(profiled),
        ));
    }
    let (seen, more) = (handed.seen, handed.more);
    let sizes = sizes(&handed.rows, labels);
    if handed.rows.is_empty() {
        let mut nothing = attempt(
            Verdict::judged(Vec::new(), &[], Usage::default(), 0.0),
            sizes,
            stays(seen),
        );
        (nothing.quiet, nothing.more) = (true, more);
        return Ok(nothing);
    }
    let remembered = state.stream_state.clone().unwrap_or_default();
    let (detector, handed_state) = (detector.clone(), State::new(remembered.clone()));
    let (made, arrivals) = window(handed);
    let window = match evaluator.blocking(plugin, made).await {
        Ok((Ok(window), _)) => Arc::new(window),
        Ok((Err(reason), _)) => return Ok(attempt(Verdict::failed(&reason), sizes, stays(before))),
        Err(verdict) => return Ok(attempt(verdict, sizes, stays(before))),
    };
    let digest = replay::digest_of(&window, plugin).await?;
    let work = move |used: &mut Usage| detector.update_watched(&handed_state, &window, used);
    let updated = match evaluator.guest(plugin, work).await {
        Ok((Ok(updated), seconds)) => (updated, seconds),
        Ok((Err(error), _)) => return Ok(attempt(Verdict::of_call(&error), sizes, stays(before))),
        Err(verdict) => return Ok(attempt(verdict, sizes, stays(before))),
    };
    let (
        Updated {
            state: next,
            measurements,
            log,
            usage,
        },
        seconds,
    ) = updated;
    let measurements = measurements
        .into_iter()
        .map(|one| at_arrival(one, &arrivals))
        .collect();
    let mut done = attempt(
        Verdict::judged(measurements, &log, usage, seconds),
        sizes,
        (seen, next.bytes().to_vec()),
    );
    done.more = more;
    done.inputs = Some(KeptInputs {
        inputs: Inputs {
            schema_version: model.schema_version,
            model_type: model.model_type,
            positive_label: model.positive_label.clone(),
            window: digest,
            made: Made::Rows {
                labels,
                seq_after: before.seq,
                label_seq_after: before.label_seq,
                seq_to: profiled.seq,
                label_seq_to: profiled.label_seq,
                state_bytes: remembered.len() as u64,
            },
        },
        current: None,
        reference: None,
        state: (remembered.len() <= STATE_KEPT_BYTES_MAX).then_some(remembered),
    });
    Ok(done)
}

/// Which rows are handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Labelled rows as they become complete, rather than rows as they arrive.
    pub(super) labels: bool,
    /// With their vectors; without, embeddings are left out.
    pub(super) embedded: bool,
    /// Where the detector stands.
    pub(super) after: Profiled,
    /// What there is.
    pub(super) to: Profiled,
}

/// Whether a detector looks at vectors: for others they are not read.
pub(super) fn embedded(descriptor: &Descriptor) -> bool {
    descriptor.accepts.contains(&ColumnKind::Embedding)
}

/// Rows on their way to a detector, how far they come, and whether there are more.
pub(super) struct Handed {
    pub(super) rows: Vec<StreamRow>,
    seen: Profiled,
    more: bool,
    frame: Frame,
    dictionaries: Vec<Vec<String>>,
}

/// The rows of a span, at most [`ROWS_AT_ONCE`], and with vectors as many as hold [`NUMBERS_AT_ONCE`]: the same whenever it is asked. Or why a model's rows cannot be handed over.
pub(super) async fn rows(
    store: &Store,
    model: &Model,
    span: Span,
) -> StoreResult<Result<Handed, String>> {
    let frame = match Frame::new(model, span) {
        Ok(frame) => frame,
        Err(reason) => return Ok(Err(reason)),
    };
    let Found { rows, seen, more } = next(store, model.no, span, frame.rows_max()).await?;
    let dictionaries = frame.dictionaries(store, model.no).await?;
    Ok(Ok(Handed {
        rows,
        seen,
        more,
        frame,
        dictionaries,
    }))
}

/// What makes the window of rows, and their arrival numbers.
pub(super) fn window(
    handed: Handed,
) -> (
    impl FnOnce() -> Result<Window, String> + Send + 'static,
    Vec<i64>,
) {
    let Handed {
        rows,
        frame,
        dictionaries,
        ..
    } = handed;
    let arrivals = rows.iter().map(|row| row.seq).collect();
    let made = move || frame.window(&rows, dictionaries);
    (made, arrivals)
}

/// Rows to hand over, how far that comes, and whether there is more.
struct Found {
    rows: Vec<StreamRow>,
    seen: Profiled,
    more: bool,
}

/// The next rows that are complete, from a position on. It moves along the rows first, then along the labels, so that every pair
/// of a row and its label is passed once, however long the steps are.
async fn next(store: &Store, model_no: i32, span: Span, rows_max: u32) -> StoreResult<Found> {
    let Span {
        labels,
        embedded,
        after: before,
        to,
    } = span;
    if !labels {
        let found = store
            .rows_in_order(model_no, (before.seq, to.seq), rows_max, embedded)
            .await?;
        let seen = Profiled {
            seq: found.seq_to,
            label_seq: to.label_seq,
        };
        return Ok(Found {
            rows: found.rows,
            seen,
            more: found.more,
        });
    }
    let mut seq = before.seq;
    if before.label_seq == 0 {
        seq = seq.max(to.seq); // No label was there before any row.
    } else if seq < to.seq {
        let span = (seq, to.seq);
        let found = store
            .rows_with_labels(model_no, span, before.label_seq, rows_max)
            .await?;
        if !found.rows.is_empty() || found.more {
            let seen = Profiled {
                seq: found.seq_to,
                label_seq: before.label_seq,
            };
            return Ok(Found {
                rows: found.rows,
                more: found.more || before.label_seq < to.label_seq,
                seen,
            });
        }
        seq = found.seq_to;
    }
    let span = (before.label_seq, to.label_seq);
    let found = store
        .labels_with_rows(model_no, span, seq, rows_max)
        .await?;
    let seen = Profiled {
        seq,
        label_seq: found.seq_to,
    };
    Ok(Found {
        rows: found.rows,
        seen,
        more: found.more,
    })
}

fn attempt(verdict: Verdict, sizes: Sizes, stream: (Profiled, Vec<u8>)) -> Attempt {
    Attempt {
        verdict,
        sizes,
        baseline: None,
        position: crate::store::WindowPosition::default(),
        stream: Some(stream),
        quiet: false,
        more: false,
        inputs: None,
        changing: false,
        chunks: None,
        label_seq: 0,
    }
}

fn sizes(rows: &[StreamRow], labels: bool) -> Sizes {
    let count = rows.len() as u64;
    Sizes {
        from: rows.iter().map(|row| row.prediction_time).min(),
        to: rows.iter().map(|row| row.prediction_time).max(),
        reference_rows: 0,
        current_rows: count,
        labelled_rows: if labels { count } else { 0 },
    }
}

/// A row of the window becomes the arrival number of the row.
pub(super) fn at_arrival(mut one: Measurement, arrivals: &[i64]) -> Measurement {
    one.row = one
        .row
        .and_then(|row| arrivals.get(usize::try_from(row).ok()?))
        .map(|seq| seq.unsigned_abs());
    one
}

/// The columns of the rows that are handed over.
struct Frame {
    columns: Vec<ModelColumn>,
    schema: Arc<Schema>,
    derivation: Option<Derivation>,
}

impl Frame {
    /// With labels: what errors are derived from, and they. Without: what every row has.
    fn new(model: &Model, span: Span) -> Result<Self, String> {
        let Span {
            labels, embedded, ..
        } = span;
        let mut columns: Vec<ModelColumn> = model
            .columns
            .iter()
            .filter(|column| {
                if labels {
                    column.role != Role::Feature
                } else {
                    column.role != Role::Label && (embedded || column.kind != ColumnKind::Embedding)
                }
            })
            .cloned()
            .collect();
        columns.sort_by_key(|column| (column.role, column.no)); // Roles are declared in the order of columns.
        let schema = Schema::new(
            columns
                .iter()
                .map(|column| ColumnSpec {
                    name: column.name.clone(),
                    kind: column.kind,
                    role: column.role,
                })
                .collect(),
        )
        .map_err(|error| error.to_string())?;
        let whole = schema.position_of(Role::Label).is_some()
            && schema.position_of(Role::Prediction).is_some();
        let derivation = (labels && whole)
            .then(|| Derivation::new(&schema, model_type(model), model.positive_label.as_deref()))
            .transpose()
            .map_err(|error| error.to_string())?;
        let schema = derivation.as_ref().map_or_else(
            || Arc::new(schema),
            |derivation| derivation.schema().clone(),
        );
        Ok(Self {
            columns,
            schema,
            derivation,
        })
    }

    /// Rows that are handed over at most.
    fn rows_max(&self) -> u32 {
        let numbers: usize = self.columns.iter().map(|column| column.dimension).sum();
        let fit = NUMBERS_AT_ONCE / numbers.max(1);
        u32::try_from(fit).unwrap_or(u32::MAX).min(ROWS_AT_ONCE)
    }

    fn has_any(&self, descriptor: &Descriptor) -> bool {
        self.schema.columns().iter().any(|column| {
            descriptor.roles.contains(&column.role) && descriptor.accepts.contains(&column.kind)
        })
    }

    async fn dictionaries(&self, store: &Store, model_no: i32) -> StoreResult<Vec<Vec<String>>> {
        let mut dictionaries = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            dictionaries.push(match column.kind {
                ColumnKind::Categorical => store.categories(model_no, column.no).await?,
                _ => Vec::new(),
            });
        }
        Ok(dictionaries)
    }

    /// The rows with every one kept.
    fn window(&self, rows: &[StreamRow], dictionaries: Vec<Vec<String>>) -> Result<Window, String> {
        let columns = self
            .columns
            .iter()
            .zip(dictionaries)
            .map(|(column, dictionary)| values(column, rows, dictionary));
        let times = rows
            .iter()
            .map(|row| row.prediction_time.as_duration().as_secs_f64())
            .collect();
        let mut batch = Batch::new(Some(times), columns.collect());
        if let Some(derivation) = &self.derivation {
            batch = derivation
                .extend(batch)
                .map_err(|error| error.to_string())?;
        }
        let mut profile = ProfileBuilder::new(self.schema.clone(), ProfileConfig::default());
        let mut kept = KeptRowsBuilder::new(self.schema.clone(), u32::MAX, 0);
        profile.observe(&batch).map_err(|error| error.to_string())?;
        kept.observe(&batch);
        Window::new(Arc::new(profile.finish()), Some(Arc::new(kept.finish())))
            .map_err(|error| error.to_string())
    }
}

/// What a model answers, as its columns suggest where nobody said.
fn model_type(model: &Model) -> ModelType {
    model.model_type.unwrap_or_else(|| {
        let names = |role| {
            model
                .columns
                .iter()
                .any(|column| column.role == role && column.kind == ColumnKind::Categorical)
        };
        let scored = model
            .columns
            .iter()
            .any(|column| column.role == Role::Probability);
        if scored || names(Role::Prediction) || names(Role::Label) {
            ModelType::Classifier
        } else {
            ModelType::Regressor
        }
    })
}

fn values(column: &ModelColumn, rows: &[StreamRow], dictionary: Vec<String>) -> ColumnValues {
    let label = column.role == Role::Label;
    if column.kind == ColumnKind::Categorical {
        let code = |row: &StreamRow| {
            let code = if label {
                row.label_code
            } else {
                row.codes.get(column.position).copied().flatten()
            };
            code.and_then(|code| u32::try_from(code).ok())
                .filter(|&code| (code as usize) < dictionary.len())
                .unwrap_or(MISSING_CODE)
        };
        let codes = rows.iter().map(code).collect();
        return ColumnValues::Categorical { codes, dictionary };
    }
    if column.kind == ColumnKind::Embedding {
        let number = |row: &StreamRow, at| row.embedding.get(at).copied().flatten();
        let vector = column.position..column.position + column.dimension;
        let values = rows.iter().flat_map(|row| {
            let vector = vector.clone();
            vector.map(move |at| number(row, at).unwrap_or(f32::NAN))
        });
        return ColumnValues::Embedding {
            dimension: column.dimension,
            values: values.collect(),
        };
    }
    let number = |row: &StreamRow| {
        let number = if label {
            row.label_number
        } else {
            row.numbers.get(column.position).copied().flatten()
        };
        number.unwrap_or(f64::NAN)
    };
    ColumnValues::Numeric(rows.iter().map(number).collect())
}
