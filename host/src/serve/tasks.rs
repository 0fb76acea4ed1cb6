//! Tasks that run as long as the server: none may end early without the process noticing.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// The tasks, and the sign for them to end.
#[derive(Debug)]
pub struct Tasks {
    running: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
}

impl Tasks {
    /// None yet.
    pub fn new() -> Self {
        Self {
            running: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Starts a task. It is handed the sign to end, and may end at no other time.
    pub fn start<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let task = task(self.stop.clone());
        self.running.spawn(async move { (name, task.await) });
    }

    /// Waits until a task ends that should not; says why. For ever if there is none.
    pub async fn early_end(&mut self) -> anyhow::Error {
        match self.running.join_next().await {
            None => std::future::pending().await,
            Some(Ok((name, Ok(())))) => anyhow!("task {name} ended early"),
            Some(end) => match failure(end) {
                Some(error) => error,
                None => anyhow!("a task ended early"),
            },
        }
    }

    /// Gives the sign, and waits for the tasks. What is not done by then is cut off.
    ///
    /// # Errors
    /// The last of the tasks that failed, or did not end in time.
    pub async fn finish(mut self, grace: Duration) -> anyhow::Result<()> {
        self.stop.cancel();
        let mut outcome = Ok(());
        let all = async {
            while let Some(end) = self.running.join_next().await {
                if let Some(error) = failure(end) {
                    tracing::error!(error = format!("{error:#}"), "a task failed while it ended");
                    outcome = Err(error);
                }
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            let left = self.running.len();
            self.running.shutdown().await;
            return Err(anyhow!(
                "{left} tasks did not end within {} s",
                grace.as_secs_f64()
            ));
        }
        outcome
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

fn failure(end: Result<(&'static str, anyhow::Result<()>), JoinError>) -> Option<anyhow::Error> {
    match end {
        Ok((_, Ok(()))) => None,
        Ok((name, Err(error))) => Some(error.context(format!("task {name} failed"))),
        Err(error) => Some(Err::<(), _>(error).context("a task panicked").err()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_early_is_noticed_by_its_name() {
        let mut tasks = Tasks::new();
        tasks.start("steady", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.start("flighty", |_| async { Ok(()) });
        assert_eq!(
            tasks.early_end().await.to_string(),
            "task flighty ended early"
        );
        tasks.start("broken", |_| async { Err(anyhow!("no more disk")) });
        assert_eq!(
            format!("{:#}", tasks.early_end().await),
            "task broken failed: no more disk"
        );
        tasks.finish(Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_cut_off() {
        let mut tasks = Tasks::new();
        tasks.start("stubborn", |_| std::future::pending());
        let error = tasks.finish(Duration::from_millis(5)).await.unwrap_err();
        assert_eq!(error.to_string(), "1 tasks did not end within 0.005 s");
    }
}
