//! A model whose rows are written to the database and remembered here, so that its profiles can be made anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leeway::domain::{
    Batch, ColumnKind, ColumnSpec, ColumnValues, MISSING_CODE, Model, ModelId, ModelSettings, Role,
    Schema,
};
use leeway::monitor::{Advance, ChunkInfo, ProfileError, Profiler, WindowRequest, Windows};
use leeway::profile::{Derivation, Profile, ProfileBuilder, ProfileConfig};
use leeway::store::{NewModel, Store};

/// 2026-03-01T00:00:00Z in microseconds.
pub const START: i64 = 1_772_323_200_000_000;

/// Names of the codes of column `c`.
const CATEGORIES: [&str; 3] = ["red", "green", "blue"];

#[derive(Debug, Clone)]
pub struct Row {
    pub seq: i64,
    pub time: i64,
    pub record: String,
    pub x: Option<f64>,
    pub c: Option<i32>,
    pub prediction: f64,
    /// Only where the model has the column.
    pub y: Option<f64>,
    /// The same.
    pub probability: Option<f64>,
}

#[derive(Debug, Clone)]
pub struct Label {
    pub received: i64,
    pub record: String,
    pub value: f64,
}

pub struct World {
    pub store: Store,
    pub profiler: Profiler,
    pub windows: Windows,
    pub id: ModelId,
    pub no: i32,
    pub rows: Vec<Row>,
    pub labels: Vec<Label>,
}

impl World {
    pub async fn new(store: Store, id: &str, chunk_rows: u32) -> Self {
        let id = ModelId::new(id).unwrap();
        let model = NewModel {
            id: id.clone(),
            model_type: None,
            positive_label: None,
            last_training_time: None,
            settings: ModelSettings {
                chunk_seconds: 3_600,
                chunk_rows,
            },
        };
        assert!(
            store
                .create_model(&model, Timestamp::UNIX_EPOCH)
                .await
                .unwrap()
        );
        for table in ["prediction", "label"] {
            let sql =
                format!("CREATE TABLE IF NOT EXISTS {table}_all PARTITION OF {table} DEFAULT");
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(store.pool())
                .await
                .unwrap();
        }
        let no = store.model(&id).await.unwrap().unwrap().no;
        let windows = Windows::new(store.clone(), 64 << 20);
        let world = Self {
            profiler: Profiler::new(store.clone()).feeding(&windows),
            windows,
            store,
            id,
            no,
            rows: Vec::new(),
            labels: Vec::new(),
        };
        let numeric = ColumnKind::Numeric;
        world.column(0, "x", numeric, Role::Feature, 0).await;
        world
            .column(1, "c", ColumnKind::Categorical, Role::Feature, 0)
            .await;
        world
            .column(2, "prediction", numeric, Role::Prediction, 1)
            .await;
        world.column(3, "label", numeric, Role::Label, 0).await;
        for (code, name) in (0..).zip(CATEGORIES) {
            sqlx::query("INSERT INTO category VALUES ($1, 1, $2, $3)")
                .bind(no)
                .bind(code)
                .bind(name)
                .execute(world.store.pool())
                .await
                .unwrap();
        }
        world
    }

    pub async fn column(&self, no: i32, name: &str, kind: ColumnKind, role: Role, position: i32) {
        sqlx::query(
            "WITH m AS (UPDATE model SET schema_version = schema_version + 1 WHERE model_no = $1 RETURNING schema_version)
             INSERT INTO model_column SELECT $1, $2, $3, $4, $5, $6, schema_version FROM m",
        )
        .bind(self.no)
        .bind(no)
        .bind(name)
        .bind(kind.to_string())
        .bind(role.to_string())
        .bind(position)
        .execute(self.store.pool())
        .await
        .unwrap();
    }

    pub async fn add_y(&self) {
        self.column(4, "y", ColumnKind::Numeric, Role::Feature, 2)
            .await;
    }

    /// What the model answers is guessed differently from now on.
    pub async fn add_probability(&self) {
        self.column(5, "probability", ColumnKind::Numeric, Role::Probability, 3)
            .await;
    }

    pub async fn row(&mut self, mut row: Row) {
        let mut transaction = self.store.pool().begin().await.unwrap();
        row.seq = sqlx::query_scalar(
            "UPDATE arrival SET last_seq = last_seq + 1 WHERE model_no = $1 RETURNING last_seq",
        )
        .bind(self.no)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        let numbers = [row.x, Some(row.prediction), row.y, row.probability];
        let last = numbers
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1);
        let done = sqlx::query(
            "INSERT INTO prediction VALUES ($1, $2, timestamptz '1970-01-01Z' + $3 * interval '1 microsecond', $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(row.seq)
        .bind(self.no)
        .bind(row.time)
        .bind(&row.record)
        .bind(&numbers[..last])
        .bind(vec![row.c])
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction.commit().await.unwrap();
        if done.rows_affected() == 1 {
            self.rows.push(row);
        }
    }

    pub async fn label(&mut self, label: Label) {
        sqlx::query(
            "WITH a AS (UPDATE arrival SET last_label_seq = last_label_seq + 1 WHERE model_no = $1 RETURNING last_label_seq)
             INSERT INTO label SELECT last_label_seq, $1, timestamptz '1970-01-01Z' + $2 * interval '1 microsecond', $3, $4, NULL FROM a",
        )
        .bind(self.no)
        .bind(label.received)
        .bind(&label.record)
        .bind(label.value)
        .execute(self.store.pool())
        .await
        .unwrap();
        self.labels.push(label);
    }

    pub async fn train(&self, time: i64) {
        sqlx::query("UPDATE model SET last_training_time = timestamptz '1970-01-01Z' + $2 * interval '1 microsecond' WHERE model_no = $1")
            .bind(self.no)
            .bind(time)
            .execute(self.store.pool())
            .await
            .unwrap();
    }

    pub async fn advance(&self) -> Result<Advance, ProfileError> {
        self.profiler.advance(self.no).await
    }

    /// Until nothing waits.
    pub async fn profile(&self) {
        while self.advance().await.unwrap().more {}
    }

    pub async fn model(&self) -> Model {
        self.store.model(&self.id).await.unwrap().unwrap()
    }

    pub async fn chunks(&self) -> Vec<ChunkInfo> {
        self.windows.chunks(&self.model().await).await.unwrap()
    }

    /// What the window of some chunks shows.
    pub async fn window(&self, chunks: &[ChunkInfo]) -> Profile {
        let request = WindowRequest {
            keep_rows: None,
            segment: None,
        };
        let window = self
            .windows
            .window(&self.model().await, chunks, request)
            .await
            .unwrap();
        Profile::clone(window.profile())
    }

    pub fn rows_of(&self, chunk: &ChunkInfo) -> Vec<&Row> {
        let set = chunk.row_set();
        self.rows
            .iter()
            .filter(|row| {
                set.times.contains(&row.time) && (set.seq_from..=set.seq_to).contains(&row.seq)
            })
            .collect()
    }

    /// Time of the first label and value of the last one of each record.
    pub fn truths(&self) -> BTreeMap<&str, (i64, f64)> {
        let mut truths: BTreeMap<&str, (i64, f64)> = BTreeMap::new();
        for label in &self.labels {
            truths
                .entry(&label.record)
                .and_modify(|truth| truth.1 = label.value)
                .or_insert((label.received, label.value));
        }
        truths
    }

    /// The profile of rows with everything that is known in the end, in one pass.
    pub fn expected(&self, model: &Model, rows: &[&Row]) -> Profile {
        let numbers = |rows: &[&Row], of: fn(&Row) -> Option<f64>| {
            ColumnValues::Numeric(rows.iter().map(|row| of(row).unwrap_or(f64::NAN)).collect())
        };
        let codes = |rows: &[&Row]| ColumnValues::Categorical {
            codes: rows
                .iter()
                .map(|row| row.c.map_or(MISSING_CODE, i32::unsigned_abs))
                .collect(),
            dictionary: CATEGORIES.map(String::from).to_vec(),
        };
        let times = |rows: &[&Row]| Some(rows.iter().map(|row| row.time as f64 / 1e6).collect());
        let spec = |name: &str, kind, role| ColumnSpec {
            name: name.into(),
            kind,
            role,
        };
        let numeric = ColumnKind::Numeric;
        let mut specs = vec![
            spec("x", numeric, Role::Feature),
            spec("c", ColumnKind::Categorical, Role::Feature),
        ];
        let mut columns = vec![numbers(rows, |row| row.x), codes(rows)];
        if model.column("y").is_some() {
            specs.push(spec("y", numeric, Role::Feature));
            columns.push(numbers(rows, |row| row.y));
        }
        let answers = specs.len();
        specs.push(spec("prediction", numeric, Role::Prediction));
        columns.push(numbers(rows, |row| Some(row.prediction)));
        if model.column("probability").is_some() {
            specs.push(spec("probability", numeric, Role::Probability));
            columns.push(numbers(rows, |row| row.probability));
        }
        let mut all = ProfileBuilder::new(
            Schema::new(specs.clone()).unwrap(),
            ProfileConfig::service(),
        );
        all.observe(&Batch::new(times(rows), columns)).unwrap();

        let truths = self.truths();
        let labelled: Vec<&Row> = rows
            .iter()
            .copied()
            .filter(|row| truths.contains_key(&*row.record))
            .collect();
        let mut answer_specs = specs.split_off(answers);
        let mut answer_values = vec![numbers(&labelled, |row| Some(row.prediction))];
        if answer_specs.len() == 2 {
            answer_values.push(numbers(&labelled, |row| row.probability));
        }
        answer_specs.push(spec("label", numeric, Role::Label));
        let label = labelled.iter().map(|row| truths[&*row.record].1).collect();
        answer_values.push(ColumnValues::Numeric(label));
        let given = answer_values.len() - 1;
        let derivation = Derivation::new(
            &Schema::new(answer_specs).unwrap(),
            model.answers().unwrap(),
            None,
        )
        .unwrap();
        let mut batch = derivation
            .extend(Batch::new(times(&labelled), answer_values))
            .unwrap();
        batch.columns.drain(..given);
        let specs = derivation.schema().columns()[given..].to_vec();
        let mut of_labelled =
            ProfileBuilder::new(Schema::new(specs).unwrap(), ProfileConfig::service());
        of_labelled.observe(&batch).unwrap();
        all.finish().beside(of_labelled.finish()).unwrap()
    }

    /// Every chunk is what one pass over the final data gives, and every row is in one of them.
    pub async fn check(&self) {
        let (model, chunks) = (self.model().await, self.chunks().await);
        let training = model.last_training_time;
        let truths = self.truths();
        let mut seqs: Vec<i64> = Vec::new();
        for chunk in &chunks {
            let rows = self.rows_of(chunk);
            assert_eq!(
                self.window(std::slice::from_ref(chunk)).await,
                self.expected(&model, &rows),
                "{chunk:?}"
            );
            assert_eq!(chunk.rows, rows.len() as u64);
            let delays: Vec<i64> = rows
                .iter()
                .filter_map(|row| {
                    truths
                        .get(&*row.record)
                        .map(|truth| (truth.0 - row.time).max(0))
                })
                .collect();
            assert_eq!(chunk.labelled_rows, delays.len() as u64);
            assert_eq!(
                chunk.label_delay_seconds,
                delays.iter().sum::<i64>() as f64 / 1e6
            );
            let times = || rows.iter().map(|row| row.time);
            assert_eq!(Some(chunk.first_time.as_microsecond()), times().min());
            assert_eq!(Some(chunk.last_time.as_microsecond()), times().max());
            assert!(chunk.rows <= model.settings.chunk_rows.into());
            assert!(!chunk.stale);
            if let Some(training) = training {
                assert_eq!(chunk.first_time <= training, chunk.last_time <= training);
                assert_eq!(
                    chunk.start <= training,
                    chunk.end.as_microsecond() - 1 <= training.as_microsecond()
                );
            }
            seqs.extend(rows.iter().map(|row| row.seq));
        }
        seqs.sort_unstable();
        let all: Vec<i64> = self.rows.iter().map(|row| row.seq).collect();
        assert_eq!(seqs, all, "each row is in one chunk");
        let rows: Vec<&Row> = self.rows.iter().collect();
        assert_eq!(self.window(&chunks).await, self.expected(&model, &rows));
    }
}
