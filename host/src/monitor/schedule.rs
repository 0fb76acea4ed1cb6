//! What is due: profiles a model's rows, then names the monitors to evaluate.

use crate::domain::record::Cause;

use super::backtest;
use super::defaults::default_monitors;
use super::evaluate::{Evaluator, Ran, due};
use super::watch::WatchError;

/// A monitor that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) monitor_no: i64,
    pub(super) cause: Cause,
}

impl Evaluator {
    /// Models that need a look. `thorough`: also those that only a crash leaves behind, which costs a row of each monitor.
    pub(super) async fn models_due(&self, thorough: bool) -> Result<Vec<i32>, WatchError> {
        let mut models = self.store.models_behind().await?;
        models.extend(self.store.models_timed(self.clock.now()).await?);
        if thorough {
            models.extend(self.store.models_unevaluated().await?);
        }
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

    /// Monitors of a model whose time has come.
    pub(super) async fn due(&self, model_no: i32) -> Result<Vec<Due>, WatchError> {
        let profiled = self.store.profiled(model_no).await?;
        let now = self.clock.now();
        let monitors = self.store.monitor_progress(model_no).await?;
        let due = monitors.into_iter().filter_map(|(monitor, evaluated)| {
            let cause = due(&monitor, evaluated, profiled, now)?;
            Some(Due {
                monitor_no: monitor.no,
                cause,
            })
        });
        Ok(due.collect())
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

    async fn tell_labels(&self, model_no: i32) -> Result<(), WatchError> {
        let Some(model) = self.store.model_by_no(model_no).await? else {
            return Ok(());
        };
        let (rows, labelled, delay) = self
            .store
            .label_totals(model_no, model.last_training_time)
            .await?;
        if rows > 0 {
            let mean_delay = (labelled > 0).then(|| delay / labelled as f64);
            self.sink
                .labels(model.id.as_str(), labelled as f64 / rows as f64, mean_delay);
        }
        Ok(())
    }

    /// Everything that is due, in this task, until nothing is.
    pub(super) async fn run_due(&self) -> Result<(), WatchError> {
        loop {
            let mut did = 0;
            for model_no in self.models_due(true).await? {
                did += self.profile(model_no).await?;
                for due in self.due(model_no).await? {
                    did += self.run_to_the_end(due).await?;
                }
            }
            did += backtest::run_waiting(self).await?;
            if did == 0 {
                return Ok(());
            }
        }
    }

    /// Evaluates a monitor as long as it has more: tumbling windows and rows that wait; how many times.
    pub(super) async fn run_to_the_end(&self, due: Due) -> Result<u64, WatchError> {
        let mut ran = 0;
        loop {
            match self.run(due.monitor_no, due.cause, false).await? {
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
}
