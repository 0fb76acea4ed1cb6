//! How all models stand, kept in memory so that each look costs what changed since the last one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::domain::record::Outcome;
use crate::domain::{DriftKind, ModelType, Verdict};
use crate::store::{ModelMark, MonitorMark, Standing, Store, StoreResult, Worst};

/// A look that took long is good for so many times as long: an overview takes at most a tenth of the time there is.
const REST: u32 = 10;
/// A look that is quicker than this is not remembered.
const QUICK: Duration = Duration::from_millis(50);
/// Monitors whose standing is read in one statement.
const MONITORS_AT_ONCE: usize = 1_000;

/// How all models stand.
#[derive(Debug)]
pub struct Overview {
    store: Store,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    standings: HashMap<i64, (MonitorMark, Option<Standing>)>,
    snapshot: Option<(Arc<Snapshot>, Instant)>,
}

/// All models at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// By number, which is the order of their registration.
    pub rows: Vec<OverviewRow>,
}

/// A model and its verdicts.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewRow {
    /// Its name.
    pub model_id: String,
    /// What it answers.
    pub model_type: Option<ModelType>,
    /// Rows that were profiled.
    pub rows: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When a monitor of it was evaluated last.
    pub evaluated_at: Option<Timestamp>,
    /// Last prediction time of its newest window.
    pub window_to: Option<Timestamp>,
    /// Rows of the largest current window, and those of them that have a label.
    pub current_rows: u64,
    /// See `current_rows`.
    pub labelled_rows: u64,
    /// Monitors that are enabled.
    pub monitors: u32,
    /// Those whose last evaluation failed.
    pub failing: u32,
    /// Of each kind of drift what its monitors say together; kinds that nothing judges are absent.
    pub kinds: BTreeMap<&'static str, KindStanding>,
    /// End of the first window of the oldest drift that lasts.
    pub since: Option<Timestamp>,
    /// Whether it is known that there was none before.
    pub since_known: bool,
}

/// What the monitors of one kind say together: the worst verdict, and the numbers of the monitor that gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct KindStanding {
    /// The worst verdict: drifted, failed, stable, insufficient.
    pub verdict: Verdict,
    /// The monitor that gave it.
    pub monitor: String,
    /// Columns that it judged.
    pub judged: u64,
    /// Columns that drifted.
    pub drifted: u64,
    /// The measurement with the largest effect, of those that drifted where one did.
    pub worst: Option<Worst>,
    /// Why there is no verdict.
    pub reason: Option<String>,
    /// End of the first window of the drift that lasts.
    pub since: Option<Timestamp>,
    /// Whether it is known that there was none before.
    pub since_known: bool,
}

impl KindStanding {
    /// Size of the worst change; 0 where nothing was measured, or a detector does not say.
    pub fn effect(&self) -> f64 {
        let effect = self.worst.as_ref().and_then(|worst| worst.effect);
        effect.unwrap_or(0.0)
    }
}

impl OverviewRow {
    /// Kinds that drifted.
    pub fn drifted(&self) -> usize {
        let drifted = |kind: &&KindStanding| kind.verdict == Verdict::Drifted;
        self.kinds.values().filter(drifted).count()
    }

    /// Size of the worst change of the kinds that drifted, else of all.
    pub fn effect(&self) -> f64 {
        let some = self.drifted() > 0;
        let kinds = self.kinds.values();
        let meant = kinds.filter(|kind| !some || kind.verdict == Verdict::Drifted);
        meant.map(KindStanding::effect).fold(0.0, f64::max)
    }
}

impl Overview {
    /// An overview of what is in a database.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            held: Mutex::default(),
        }
    }

    /// How the models stand now, or a moment ago. Whoever asks meanwhile waits for the same look.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn look(&self) -> StoreResult<Arc<Snapshot>> {
        let mut held = self.held.lock().await;
        if let Some((snapshot, until)) = &held.snapshot
            && Instant::now() < *until
        {
            return Ok(Arc::clone(snapshot));
        }
        let started = Instant::now();
        let models = self.store.model_marks().await?;
        let monitors = self.store.monitor_marks().await?;
        self.update(&mut held.standings, monitors).await?;
        let snapshot = Arc::new(Snapshot::of(models, &held.standings));
        let took = started.elapsed();
        let rest = if took < QUICK {
            Duration::ZERO
        } else {
            took * REST
        };
        held.snapshot = Some((Arc::clone(&snapshot), Instant::now() + rest));
        Ok(snapshot)
    }

    /// Reads the standing of the monitors that were evaluated or changed since, and forgets those that are gone.
    async fn update(
        &self,
        standings: &mut HashMap<i64, (MonitorMark, Option<Standing>)>,
        monitors: Vec<MonitorMark>,
    ) -> StoreResult<()> {
        let mut before = std::mem::take(standings);
        let mut changed = Vec::new();
        for mark in monitors {
            let old = before.remove(&mark.no);
            let same_work = old
                .as_ref()
                .is_some_and(|(old, _)| old.revision == mark.revision);
            let standing = old
                .as_ref()
                .filter(|_| same_work)
                .and_then(|old| old.1.clone());
            if old.is_none_or(|(old, _)| old != mark) {
                let known = standing.as_ref().map(|standing| standing.evaluated_at);
                changed.push((mark.no, known));
            }
            standings.insert(mark.no, (mark, standing));
        }
        for some in changed.chunks(MONITORS_AT_ONCE) {
            for mut new in self.store.standings(some).await? {
                let Some((_, held)) = standings.get_mut(&new.monitor_no) else {
                    continue;
                };
                if let Some(old) = held.as_ref() {
                    new.join(old);
                }
                *held = Some(new);
            }
        }
        Ok(())
    }
}

impl Standing {
    /// Only evaluations after the old one were looked at: a drift that they do not begin began before.
    fn join(&mut self, old: &Standing) {
        if self.drifted > 0 && !self.since_known && old.drifted > 0 {
            self.since = old.since.or(self.since);
            self.since_known = old.since_known;
        } else if self.drifted > 0 && self.since.is_some() {
            // The evaluation before had none.
            self.since_known = true;
        }
    }

    fn verdict(&self) -> Verdict {
        match self.outcome {
            Outcome::Failed => Verdict::Failed,
            Outcome::Judged if self.drifted > 0 => Verdict::Drifted,
            Outcome::Judged if self.judged > 0 => Verdict::Stable,
            Outcome::Judged | Outcome::Insufficient => Verdict::Insufficient,
        }
    }
}

/// The worse, the higher.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Drifted => 3,
        Verdict::Failed => 2,
        Verdict::Stable | Verdict::Constant => 1,
        Verdict::Insufficient => 0,
    }
}

fn name(kind: DriftKind) -> &'static str {
    match kind {
        DriftKind::Data => "data",
        DriftKind::Prior => "prior",
        DriftKind::Concept => "concept",
    }
}

impl Snapshot {
    fn of(
        models: Vec<ModelMark>,
        standings: &HashMap<i64, (MonitorMark, Option<Standing>)>,
    ) -> Self {
        let mut by_model: HashMap<i32, Vec<&(MonitorMark, Option<Standing>)>> = HashMap::new();
        for one in standings.values() {
            by_model.entry(one.0.model_no).or_default().push(one);
        }
        let row = |model: ModelMark| {
            let mut monitors = by_model.remove(&model.no).unwrap_or_default();
            monitors.sort_unstable_by_key(|(mark, _)| mark.no);
            OverviewRow::of(model, &monitors)
        };
        Self {
            rows: models.into_iter().map(row).collect(),
        }
    }
}

impl OverviewRow {
    fn of(model: ModelMark, monitors: &[&(MonitorMark, Option<Standing>)]) -> Self {
        let mut row = Self {
            model_id: model.model_id,
            model_type: model.model_type,
            rows: model.rows,
            created_at: model.created_at,
            evaluated_at: None,
            window_to: None,
            current_rows: 0,
            labelled_rows: 0,
            monitors: 0,
            failing: 0,
            kinds: BTreeMap::new(),
            since: None,
            since_known: false,
        };
        for (mark, standing) in monitors.iter().filter(|(mark, _)| mark.enabled) {
            row.monitors += 1;
            row.failing += u32::from(mark.failures > 0);
            row.evaluated_at = row.evaluated_at.max(mark.evaluated_at);
            if let Some(standing) = standing {
                row.add(mark, standing);
            }
        }
        let lasting = row
            .kinds
            .values()
            .filter(|kind| kind.verdict == Verdict::Drifted);
        let oldest = lasting
            .filter(|kind| kind.since.is_some())
            .min_by_key(|kind| kind.since);
        (row.since, row.since_known) =
            oldest.map_or((None, false), |kind| (kind.since, kind.since_known));
        row
    }

    fn add(&mut self, mark: &MonitorMark, standing: &Standing) {
        self.window_to = self.window_to.max(standing.window_to);
        if standing.current_rows > self.current_rows {
            self.current_rows = standing.current_rows;
            self.labelled_rows = standing.labelled_rows;
        }
        let verdict = standing.verdict();
        let of = KindStanding {
            verdict,
            monitor: mark.name.clone(),
            judged: standing.judged,
            drifted: standing.drifted,
            worst: standing.worst.clone(),
            reason: standing.reason.clone(),
            since: standing.since,
            since_known: standing.since_known,
        };
        let worse =
            |old: &KindStanding| (rank(verdict), of.effect()) > (rank(old.verdict), old.effect());
        let kind = name(standing.kind);
        if self.kinds.get(kind).is_none_or(worse) {
            self.kinds.insert(kind, of);
        }
    }
}
