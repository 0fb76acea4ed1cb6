//! A watch on a database of its own, over rows that stand in memory cut into hours.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use leeway::domain::{
    Batch, Clock, ColumnKind, ColumnSpec, ColumnValues, ManualClock, Model, ModelId, ModelSettings,
    ModelType, Role, Schema,
};
use leeway::monitor::{
    Advance, Called, ChunkInfo, Detectors, EvaluationRecord, FollowSettings, ProfileError,
    ResultSink, Watch, WatchParts, WindowRequest, WindowSource,
};
use leeway::profile::{Derivation, ProfileBuilder, ProfileConfig, Window};
use leeway::store::{NewModel, Store, StoreResult};

use crate::harness;

/// A feature, an answer, and the truth where it is known.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) feature: f64,
    pub(super) prediction: f64,
    pub(super) label: Option<f64>,
}

/// Rows of one hour each, in memory. How many arrived and were profiled stands in the database.
pub(super) struct Hours {
    store: Store,
    chunks: Mutex<Vec<(ChunkInfo, Vec<Row>)>>,
    /// Windows that were made.
    pub(super) windows: AtomicUsize,
}

impl Hours {
    fn made(&self, numbers: &[i64]) -> Arc<Window> {
        self.windows.fetch_add(1, Ordering::SeqCst);
        let chunks = self.chunks.lock().unwrap();
        let rows: Vec<Row> = chunks
            .iter()
            .filter(|(info, _)| numbers.contains(&info.chunk_no))
            .flat_map(|(_, rows)| rows.clone())
            .collect();
        let labels = rows.iter().any(|row| row.label.is_some());
        let mut specs = vec![("x", Role::Feature), ("prediction", Role::Prediction)];
        let mut columns = vec![
            ColumnValues::Numeric(rows.iter().map(|row| row.feature).collect()),
            ColumnValues::Numeric(rows.iter().map(|row| row.prediction).collect()),
        ];
        if labels {
            specs.push(("label", Role::Label));
            let label = |row: &Row| row.label.unwrap_or(f64::NAN);
            columns.push(ColumnValues::Numeric(rows.iter().map(label).collect()));
        }
        let spec = |&(name, role): &(&str, Role)| ColumnSpec {
            name: name.to_owned(),
            kind: ColumnKind::Numeric,
            role,
        };
        let schema = Schema::new(specs.iter().map(spec).collect()).unwrap();
        let derivation = Derivation::new(&schema, ModelType::Classifier, None).unwrap();
        let batch = derivation.extend(Batch::new(None, columns)).unwrap();
        let mut profile =
            ProfileBuilder::new(derivation.schema().clone(), ProfileConfig::default());
        profile.observe(&batch).unwrap();
        Arc::new(Window::new(Arc::new(profile.finish()), None).unwrap())
    }
}

impl WindowSource for Hours {
    fn advance(&self, model_no: i32) -> BoxFuture<'_, Result<Advance, ProfileError>> {
        Box::pin(async move {
            let (rows, labels): (i64, i64) = sqlx::query_as(
                "WITH old AS (SELECT * FROM progress WHERE model_no = $1 FOR UPDATE), new AS (
                     UPDATE progress p SET profiled_seq = a.last_seq, profiled_label_seq = a.last_label_seq FROM arrival a, old
                     WHERE a.model_no = $1 AND p.model_no = $1 RETURNING p.profiled_seq, p.profiled_label_seq)
                 SELECT new.profiled_seq - old.profiled_seq, new.profiled_label_seq - old.profiled_label_seq FROM new, old",
            )
            .bind(model_no)
            .fetch_one(self.store.pool())
            .await
            .unwrap();
            Ok(Advance {
                rows: rows.unsigned_abs(),
                labels: labels.unsigned_abs(),
                profiled_seq: 0,
                profiled_label_seq: 0,
                more: false,
            })
        })
    }

    fn chunks<'a>(&'a self, _: &'a Model) -> BoxFuture<'a, StoreResult<Vec<ChunkInfo>>> {
        let chunks = self
            .chunks
            .lock()
            .unwrap()
            .iter()
            .map(|(info, _)| info.clone())
            .collect();
        Box::pin(async move { Ok(chunks) })
    }

    fn listed<'a>(&'a self, model: &'a Model) -> BoxFuture<'a, StoreResult<(Vec<ChunkInfo>, i64)>> {
        Box::pin(async move { Ok((self.chunks(model).await?, 0)) })
    }

    fn window<'a>(
        &'a self,
        _: &'a Model,
        chunks: &'a [ChunkInfo],
        _: WindowRequest,
        _: i64,
    ) -> BoxFuture<'a, StoreResult<(Arc<Window>, bool)>> {
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.chunk_no).collect();
        let made = self.made(&numbers);
        Box::pin(async move { Ok((made, true)) })
    }

    fn reference<'a>(
        &'a self,
        _: &'a Model,
        _: WindowRequest,
    ) -> BoxFuture<'a, StoreResult<Option<(i32, Arc<Window>)>>> {
        Box::pin(async { Ok(None) })
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<String>>);

impl ResultSink for Told {
    fn evaluated(&self, record: &EvaluationRecord) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {}", record.monitor, record.outcome));
    }
    fn evaluated_for_another(&self, record: &EvaluationRecord) {
        let told = format!("{} {} for another", record.monitor, record.outcome);
        self.0.lock().unwrap().push(told);
    }
    fn restored(&self, record: &EvaluationRecord) {
        let told = format!("{} {} restored", record.monitor, record.outcome);
        self.0.lock().unwrap().push(told);
    }
    fn keep(&self, _: &dyn Fn(&str, Option<&str>) -> bool) {}
    fn monitor_removed(&self, _: &str, monitor: &str) {
        self.0.lock().unwrap().push(format!("{monitor} removed"));
    }
    fn model_removed(&self, model_id: &str) {
        self.0
            .lock()
            .unwrap()
            .push(format!("model {model_id} removed"));
    }
    fn labels(&self, _: &str, _: f64, _: Option<f64>) {}

    fn profiled(&self, _: u64) {}

    fn called(&self, _: &Called<'_>) {}
}

/// A model `m`, trained at 05:00 of the first of January 2026, and who watches it.
pub(super) struct Fixture {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    pub(super) hours: Arc<Hours>,
    pub(super) told: Arc<Told>,
    pub(super) watch: Watch,
    pub(super) model: ModelId,
    pub(super) model_no: i32,
}

pub(super) const START: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::over(harness::server::database().await).await
    }

    pub(super) async fn over(store: Store) -> Self {
        let clock = Arc::new(ManualClock::new(
            Timestamp::from_second(START + 100 * 3_600).unwrap(),
        ));
        let model = ModelId::new("m").unwrap();
        let new = NewModel {
            id: model.clone(),
            model_type: Some(ModelType::Classifier),
            positive_label: None,
            last_training_time: Some(Timestamp::from_second(START + 5 * 3_600).unwrap()),
            settings: ModelSettings::default(),
        };
        store.create_model(&new, clock.now()).await.unwrap();
        let model_no = store.model(&model).await.unwrap().unwrap().no;
        for (no, name, role) in [
            (0, "x", "feature"),
            (1, "prediction", "prediction"),
            (2, "label", "label"),
        ] {
            sqlx::query("INSERT INTO model_column VALUES ($1, $2, $3, 'numeric', $4, $5, 1)")
                .bind(model_no)
                .bind(no)
                .bind(name)
                .bind(role)
                .bind(i32::from(no == 1))
                .execute(store.pool())
                .await
                .unwrap();
        }
        let (hours, told) = (
            Arc::new(Hours {
                store: store.clone(),
                chunks: Mutex::default(),
                windows: AtomicUsize::new(0),
            }),
            Arc::new(Told::default()),
        );
        let watch = watch(&store, &clock, &hours, &told);
        Self {
            store,
            clock,
            hours,
            told,
            watch,
            model,
            model_no,
        }
    }

    /// Puts an hour of rows behind the others.
    pub(super) async fn hour(&self, hour: i64, rows: Vec<Row>) {
        let at = |seconds: i64| Timestamp::from_second(START + hour * 3_600 + seconds).unwrap();
        let labelled = rows.iter().filter(|row| row.label.is_some()).count() as u64;
        {
            let mut chunks = self.hours.chunks.lock().unwrap();
            let no = i64::try_from(chunks.len()).unwrap() + 1;
            let info = ChunkInfo {
                chunk_no: no,
                start: at(0),
                end: at(3_600),
                seq_from: no * 10_000,
                seq_to: no * 10_000 + 9_999,
                rows: rows.len() as u64,
                labelled_rows: labelled,
                label_delay_seconds: 0.0,
                first_time: at(1),
                last_time: at(3_599),
                stale: false,
                revision: 1,
            };
            chunks.push((info, rows));
            chunks.sort_by_key(|(info, _)| (info.start, info.seq_from));
        }
        self.arrived(1, i64::from(labelled > 0)).await;
    }

    /// Rows and labels have arrived.
    pub(super) async fn arrived(&self, rows: i64, labels: i64) {
        sqlx::query("UPDATE arrival SET last_seq = last_seq + $2, last_label_seq = last_label_seq + $3 WHERE model_no = $1")
            .bind(self.model_no)
            .bind(rows)
            .bind(labels)
            .execute(self.store.pool())
            .await
            .unwrap();
    }

    /// Hours of quiet rows.
    pub(super) async fn quiet(&self, hours: std::ops::Range<i64>) {
        for hour in hours {
            self.hour(hour, rows(hour, 0.0, None)).await;
        }
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(super) async fn count(&self, of: &'static str) -> i64 {
        sqlx::query_scalar(of)
            .fetch_one(self.store.pool())
            .await
            .unwrap()
    }

    /// The last evaluation of a monitor.
    pub(super) async fn latest(&self, monitor: &str) -> EvaluationRecord {
        let latest = self.watch.latest(&self.model).await.unwrap();
        latest
            .into_iter()
            .find(|record| record.monitor == monitor)
            .unwrap()
    }

    /// What was told since the last time.
    pub(super) fn news(&self) -> Vec<String> {
        std::mem::take(&mut self.told.0.lock().unwrap())
    }
}

pub(super) fn watch(
    store: &Store,
    clock: &Arc<ManualClock>,
    hours: &Arc<Hours>,
    told: &Arc<Told>,
) -> Watch {
    Watch::new(WatchParts {
        store: store.clone(),
        clock: clock.clone(),
        source: hours.clone(),
        detectors: Arc::new(Detectors::builtin(harness::runtime()).unwrap()),
        sink: told.clone(),
        settings: FollowSettings::default(),
    })
}

/// 200 rows of an even spread over [0, 1), moved by `shift`; answers of 0 and 1. Different from hour to hour, without chance.
pub(super) fn rows(hour: i64, shift: f64, error_share: Option<f64>) -> Vec<Row> {
    (0..200_i32)
        .map(|at| {
            // Fractions of multiples of the golden ratio fill an interval evenly.
            let even = |step: f64| (f64::from(at) * step + hour as f64 * 0.377).fract();
            let prediction = f64::from(u8::from(even(0.618_033_988_749_895) < 0.5));
            let wrong = |share: f64| even(0.414_213_562_373_095) < share;
            let label = error_share.map(|share| {
                if wrong(share) {
                    1.0 - prediction
                } else {
                    prediction
                }
            });
            Row {
                feature: even(0.754_877_666_246_693) + shift,
                prediction,
                label,
            }
        })
        .collect()
}
