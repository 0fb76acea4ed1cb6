//! Does tasks on several threads, with results in the order of the tasks.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::CalibrateError;

/// Most threads: the sandbox has a pool of twice as many instances.
pub const THREADS_MAX: usize = 16;

/// What is told on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many more tasks are to be done.
    Planned(usize),
    /// One is done.
    Done,
}

/// Threads, and who is told how far they are.
pub struct Threads<'a> {
    count: usize,
    told: &'a (dyn Fn(Step) + Sync),
}

impl<'a> Threads<'a> {
    /// So many threads, at most [`THREADS_MAX`].
    pub fn new(count: NonZeroUsize, told: &'a (dyn Fn(Step) + Sync)) -> Self {
        Self {
            count: count.get().min(THREADS_MAX),
            told,
        }
    }

    /// Does `work` of `0..tasks`. After an error no task is begun.
    pub(super) fn each<T: Send>(
        &self,
        tasks: usize,
        work: impl Fn(usize) -> Result<T, CalibrateError> + Sync,
    ) -> Result<Vec<T>, CalibrateError> {
        (self.told)(Step::Planned(tasks));
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Mutex<Vec<(usize, Result<T, CalibrateError>)>> =
            Mutex::new(Vec::with_capacity(tasks));
        let run = || {
            while !failed.load(Ordering::Relaxed) {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                let result = work(task);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((task, result));
                (self.told)(Step::Done);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.count.min(tasks) {
                scope.spawn(run);
            }
            run();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(task, _)| *task);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_their_tasks_however_many_threads() {
        let told = AtomicUsize::new(0);
        let tell = |step| {
            told.fetch_add(usize::from(step == Step::Done), Ordering::Relaxed);
        };
        for count in [1, 3, THREADS_MAX + 1] {
            let threads = Threads::new(NonZeroUsize::new(count).unwrap(), &tell);
            let squares = threads.each(50, |task| Ok(task * task)).unwrap();
            assert_eq!(squares, (0..50).map(|task| task * task).collect::<Vec<_>>());
        }
        assert_eq!(told.into_inner(), 150);
    }

    #[test]
    fn an_error_ends_the_work() {
        let threads = Threads::new(NonZeroUsize::MIN, &|_| ());
        let begun = AtomicUsize::new(0);
        let failed = threads.each(50, |task| {
            begun.fetch_add(1, Ordering::Relaxed);
            if task == 3 {
                Err(CalibrateError::Stopped)
            } else {
                Ok(())
            }
        });
        assert_eq!(failed, Err(CalibrateError::Stopped));
        assert_eq!(begun.into_inner(), 4);
    }
}
