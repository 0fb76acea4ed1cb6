//! Hands rows to detectors that follow them: each row once, in the order of arrival, a bounded number a call.
//!
//! A detector that looks at labels and errors alone follows the labels as they arrive, each with its row. A label that comes
//! before its row is passed over; one that is corrected is followed again.

use std::sync::Arc;

use crate::domain::{
    Batch, ColumnKind, ColumnSpec, ColumnValues, Descriptor, MISSING_CODE, Measurement, Model,
    ModelColumn, ModelType, Role, Schema,
};
use crate::profile::{Derivation, KeptRowsBuilder, ProfileBuilder, ProfileConfig, Window};
use crate::runtime::{State, StreamDetector, Updated};
use crate::store::{MonitorState, Profiled, Store, StoreResult, StreamRow};

use super::evaluate::{Attempt, Evaluator, Sizes, Verdict, needs_labels, no_columns};
use super::watch::WatchError;

/// Rows or labels handed over by one call.
pub(super) const ROWS_AT_ONCE: u32 = 20_000;

/// One step of a stream detector from where it stands.
#[expect(
    clippy::too_many_lines,
    reason = "one step after the other, each with a way out of its own"
)]
pub(super) async fn follow(
    evaluator: &Evaluator,
    model: &Model,
    descriptor: &Descriptor,
    detector: &StreamDetector,
    state: &MonitorState,
    profiled: Profiled,
) -> Result<Attempt, WatchError> {
    let labels = needs_labels(descriptor);
    let (after, to) = if labels {
        (state.evaluated_label_seq, profiled.label_seq)
    } else {
        (state.evaluated_seq, profiled.seq)
    };
    let stays = |seen: i64| {
        let seen = if labels {
            Profiled {
                seq: profiled.seq,
                label_seq: seen,
            }
        } else {
            Profiled {
                seq: seen,
                label_seq: profiled.label_seq,
            }
        };
        (seen, state.stream_state.clone().unwrap_or_default())
    };
    let frame = match Frame::new(model, labels) {
        Ok(frame) => frame,
        Err(reason) => {
            return Ok(attempt(
                Verdict::failed(&reason),
                Sizes::default(),
                stays(after),
            ));
        }
    };
    if !frame.has_any(descriptor) {
        return Ok(attempt(
            Verdict::insufficient(&no_columns(descriptor)),
            Sizes::default(),
            stays(after),
        ));
    }
    let found = if labels {
        evaluator
            .store
            .labels_in_order(model.no, after, to, ROWS_AT_ONCE)
            .await?
    } else {
        evaluator
            .store
            .rows_in_order(model.no, after, to, ROWS_AT_ONCE)
            .await?
    };
    let sizes = sizes(&found.rows, labels);
    if found.rows.is_empty() {
        let mut nothing = attempt(
            Verdict::judged(Vec::new(), &[], crate::runtime::Usage::default(), 0.0),
            sizes,
            stays(found.seq_to),
        );
        (nothing.quiet, nothing.more) = (true, found.more);
        return Ok(nothing);
    }
    let dictionaries = frame.dictionaries(&evaluator.store, model.no).await?;
    let arrivals: Vec<i64> = found.rows.iter().map(|row| row.seq).collect();
    let (detector, before) = (
        detector.clone(),
        State::new(state.stream_state.clone().unwrap_or_default()),
    );
    let rows = found.rows;
    let made = move || frame.window(&rows, dictionaries);
    let window = match evaluator.blocking(made).await {
        Ok(Ok(window)) => window,
        Ok(Err(reason)) => return Ok(attempt(Verdict::failed(&reason), sizes, stays(after))),
        Err(verdict) => return Ok(attempt(verdict, sizes, stays(after))),
    };
    let memory = |updated: &Updated| Some(updated.usage.memory_bytes_peak);
    let work = move || detector.update(&before, &window);
    let updated = match evaluator.guest(&descriptor.full_name(), memory, work).await {
        Ok((Ok(updated), seconds)) => (updated, seconds),
        Ok((Err(error), _)) => return Ok(attempt(Verdict::failed(&error), sizes, stays(after))),
        Err(verdict) => return Ok(attempt(verdict, sizes, stays(after))),
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
    let (seen, _) = stays(found.seq_to);
    let mut done = attempt(
        Verdict::judged(measurements, &log, usage, seconds),
        sizes,
        (seen, next.bytes().to_vec()),
    );
    done.more = found.more;
    Ok(done)
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
fn at_arrival(mut one: Measurement, arrivals: &[i64]) -> Measurement {
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
    fn new(model: &Model, labels: bool) -> Result<Self, String> {
        let mut columns: Vec<ModelColumn> = model
            .columns
            .iter()
            .filter(|column| {
                if labels {
                    column.role != Role::Feature
                } else {
                    column.role != Role::Label
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
