//! What is due: profiles a model's rows, then names the monitors to evaluate.

use jiff::Timestamp;

use crate::domain::monitor::Cadence;
use crate::domain::record::Cause;
use crate::store::LabelTotals;

use super::backtest;
use super::defaults::default_monitors;
use super::evaluate::{Evaluator, Ran, due, rests_until};
use super::watch::WatchError;

/// A monitor that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) model_no: i32,
    pub(super) monitor_no: i64,
    /// Name of its detector.
    pub(super) detector: String,
    pub(super) cause: Cause,
}

/// What a look at a model's monitors found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Those whose time has come.
    pub(super) due: Vec<Due>,
    /// Those that have something to look at, and when their rest is over.
    pub(super) later: Vec<(Timestamp, Due)>,
}

/// Which models a sweep looks for, besides those with monitors that go by the clock, failed, or were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sweep {
    /// No others.
    Timed,
    /// Those with rows that are not profiled: reads two small rows of each model.
    Behind,
    /// Also those that only a crash leaves behind: reads a row of each monitor.
    Thorough,
}

impl Evaluator {
    /// Models of this host that need a look.
    pub(super) async fn models_due(&self, sweep: Sweep) -> Result<Vec<i32>, WatchError> {
        let mut models = self.store.models_timed(self.clock.now()).await?;
        models.extend(self.store.models_requested().await?);
        if sweep != Sweep::Timed {
            models.extend(self.store.models_behind().await?);
        }
        if sweep == Sweep::Thorough {
            models.extend(self.store.models_unevaluated().await?);
        }
        let share = self.owners.share();
        models.retain(|&model_no| share.owns(model_no));
        models.sort_unstable();
        models.dedup();
        Ok(models)
    }

    /// Profiles all that is there of a model; how many rows and labels that was. Makes the default monitors where there were none.
    pub(super) async fn profile(&self, model_no: i32) -> Result<u64, WatchError> {
        let (counted, _) = self.profile_until(model_no, |_| false).await?;
        Ok(counted)
    }

    /// The same, until `enough` of what was counted so far; also whether more waits.
    pub(super) async fn profile_until(
        &self,
        model_no: i32,
        enough: impl Fn(u64) -> bool,
    ) -> Result<(u64, bool), WatchError> {
        self.ensure_defaults(model_no).await?;
        let (mut counted, mut more) = (0, true);
        while more && !(counted > 0 && enough(counted)) {
            let advance = self.source.advance(model_no).await?;
            counted += advance.rows + advance.labels;
            self.sink.profiled(advance.rows);
            more = advance.more;
        }
        if counted > 0 {
            self.tell_labels(model_no).await?;
        }
        Ok((counted, more))
    }

    /// Monitors of a model whose time has come, or will soon.
    pub(super) async fn look(&self, model_no: i32) -> Result<Look, WatchError> {
        let profiled = self.store.profiled(model_no).await?;
        let now = self.clock.now();
        let mut look = Look::default();
        for found in self.store.monitor_progress(model_no).await? {
            let (monitor, evaluated) = (&found.monitor, found.evaluated);
            let as_due = |cause| Due {
                model_no,
                monitor_no: monitor.no,
                detector: monitor.spec.detector.clone(),
                cause,
            };
            if found.requested {
                look.due.push(as_due(Cause::Request));
            } else if let Some(cause) = due(monitor, evaluated, profiled, now) {
                look.due.push(as_due(cause));
            } else if let Cadence::NewData { seconds_min } = monitor.spec.cadence
                && let Some(until) = rests_until(monitor, seconds_min)
                && due(monitor, evaluated, profiled, until) == Some(Cause::Data)
            {
                look.later.push((until, as_due(Cause::Data)));
            }
        }
        Ok(look)
    }

    /// The default monitors of a model, made once.
    pub(super) async fn ensure_defaults(&self, model_no: i32) -> Result<(), WatchError> {
        let now = self.clock.now();
        let defaults = default_monitors();
        if self
            .store
            .create_default_monitors(model_no, &defaults, now)
            .await?
        {
            tracing::debug!(model.no = model_no, "made the default monitors");
        }
        Ok(())
    }

    /// Shows how much of a model of this host is labelled.
    pub(super) async fn tell_labels(&self, model_no: i32) -> Result<(), WatchError> {
        if !self.owners.owns(model_no) {
            return Ok(());
        }
        for (_, model_id, totals) in self.store.label_totals_of(&[model_no]).await? {
            self.show_labels(&model_id, totals);
        }
        self.given_up(&[model_no]).await
    }

    pub(super) fn show_labels(&self, model_id: &str, totals: LabelTotals) {
        let LabelTotals {
            rows,
            labelled,
            delay_seconds,
        } = totals;
        let mean_delay = (labelled > 0).then(|| delay_seconds / labelled as f64);
        self.sink
            .labels(model_id, labelled as f64 / rows as f64, mean_delay);
    }

    /// Takes from the page what of these models was given up while something was put there.
    pub(super) async fn given_up(&self, models: &[i32]) -> Result<(), WatchError> {
        let share = self.owners.share();
        for &model_no in models.iter().filter(|&&model_no| !share.owns(model_no)) {
            if let Some(model) = self.store.model_by_no(model_no).await? {
                self.sink.model_removed(model.id.as_str());
            }
        }
        Ok(())
    }

    /// Everything that is due, in this task, until nothing is.
    pub(super) async fn run_due(&self) -> Result<(), WatchError> {
        loop {
            let mut did = 0;
            for model_no in self.models_due(Sweep::Thorough).await? {
                did += self.profile(model_no).await?;
                for due in self.look(model_no).await?.due {
                    did += self.run_to_the_end(&due).await?;
                }
            }
            did += backtest::run_waiting(self).await?;
            if did == 0 {
                return Ok(());
            }
        }
    }

    /// Evaluates a monitor as long as it has more: tumbling windows and rows that wait; how many times.
    pub(super) async fn run_to_the_end(&self, due: &Due) -> Result<u64, WatchError> {
        let mut ran = 0;
        loop {
            match self.run_due_one(due).await? {
                Ran::Nothing => return Ok(ran),
                Ran::Done { more, .. } => {
                    ran += 1;
                    if !more {
                        return Ok(ran);
                    }
                }
            }
        }
    }

    /// Evaluates a monitor once. One that was asked for first has everything profiled that was committed by then: a request
    /// stands in the database until an evaluation has answered it.
    pub(super) async fn run_due_one(&self, due: &Due) -> Result<Ran, WatchError> {
        let mut asked = None;
        if due.cause == Cause::Request {
            asked = self.store.requested(due.monitor_no).await?;
            self.profile(due.model_no).await?;
        }
        let ran = self.run(due.monitor_no, due.cause, false).await?;
        if let (Ran::Done { .. }, Some(asked)) = (&ran, asked) {
            self.store.request_answered(due.monitor_no, asked).await?;
        }
        Ok(ran)
    }
}
