//! Shares the models with the other hosts on the database: says that this host is alive, gives up and takes over what changes
//! hands, and hears what others did for its models.
//!
//! A model's owner follows its rows, evaluates its monitors and shows its series; any host takes any request. What one host
//! does for another's model it writes to the database, and sends a note so that the owner looks soon. A note that is lost costs
//! seconds, not results: the owner looks by itself again and again, and at everything when it has missed notes.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::store::{Membership, Note, StoreResult};

use super::evaluate::Evaluator;
use super::follow::Follow;
use super::owners::Share;
use super::watch::WatchError;

/// Beats while a host that died is still taken for alive: it says so this many times as often as it has to.
const BEATS: u32 = 5;
/// Rows of another's model that were committed are told of at most this often.
const POST_EVERY: Duration = Duration::from_millis(100);
/// Pause before another try to listen.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// Models whose latest results are read at once.
const MODELS_AT_ONCE: usize = 200;

/// A host among others.
pub(super) struct Hosting {
    evaluator: Arc<Evaluator>,
    follow: Arc<Follow>,
    timeout: Duration,
    member: tokio::sync::Mutex<Option<Membership>>,
    /// Until then nobody takes this host for dead.
    alive_until: Mutex<Instant>,
    /// What the page shows.
    shown: Mutex<Share>,
    /// One restores at a time.
    restores: tokio::sync::Mutex<()>,
    gained: Notify,
    beat_now: Notify,
    /// Models of others that rows were committed of.
    post: Mutex<BTreeSet<i32>>,
    posted: Notify,
}

impl Hosting {
    /// `timeout`: a host that was silent for so long is taken for dead.
    pub(super) fn new(evaluator: Arc<Evaluator>, follow: Arc<Follow>, timeout: Duration) -> Self {
        Self {
            shown: Mutex::new(evaluator.owners.share()),
            evaluator,
            follow,
            timeout,
            member: tokio::sync::Mutex::new(None),
            alive_until: Mutex::new(Instant::now()),
            restores: tokio::sync::Mutex::new(()),
            gained: Notify::new(),
            beat_now: Notify::new(),
            post: Mutex::default(),
            posted: Notify::new(),
        }
    }

    /// Joins the others, and shows the latest results of what is this host's own then.
    pub(super) async fn join(&self, address: Option<&str>, only: bool) -> Result<(), WatchError> {
        let sent = Instant::now();
        let store = &self.evaluator.store;
        let membership = store.join(address, self.timeout, only).await?;
        self.evaluator.owners.joined(membership.host_no);
        *self.shown() = self.evaluator.owners.share();
        self.alive_since(sent);
        *self.member.lock().await = Some(membership);
        self.beat().await?;
        // With very many models that takes longer than a host may be silent.
        let mut restored = std::pin::pin!(self.restore());
        loop {
            tokio::select! {
                done = &mut restored => return done,
                () = tokio::time::sleep(self.timeout / BEATS) => self.beat().await?,
            }
        }
    }

    /// One look at the others: gives up and takes over what changed hands.
    pub(super) async fn look(&self) -> Result<(), WatchError> {
        self.beat().await?;
        self.restore().await
    }

    /// Leaves the others, which take over at once.
    pub(super) async fn leave(&self) -> Result<(), WatchError> {
        let Some(membership) = self.member.lock().await.take() else {
            return Ok(());
        };
        self.give_all_up();
        Ok(membership.leave().await?)
    }

    /// Rows of a model were committed, or something of it was asked for: its owner looks soon.
    pub(super) fn touched(&self, model_no: i32) {
        if self.evaluator.owners.owns(model_no) {
            self.follow.touched(model_no);
            return;
        }
        let mut post = self.post.lock().unwrap_or_else(PoisonError::into_inner);
        post.insert(model_no);
        drop(post);
        self.posted.notify_one();
    }

    /// Hosts that are alive, and how many of `models` are this one's own.
    pub(super) async fn share(&self, models: u64) -> StoreResult<(usize, u64)> {
        let share = self.evaluator.owners.share();
        if share.alone() {
            return Ok((share.hosts(), models));
        }
        let all = self.evaluator.store.model_names().await?;
        let owned = all.iter().filter(|(no, _)| share.owns(*no)).count();
        Ok((share.hosts(), owned as u64))
    }

    /// Says that this host is alive, and gives up what others own now. What it owns newly is shown by [`Hosting::restore`].
    async fn beat(&self) -> Result<(), WatchError> {
        let owners = &self.evaluator.owners;
        let mut member = self.member.lock().await;
        let Some(membership) = member.as_mut() else {
            return Ok(());
        };
        let mut news = false;
        loop {
            // Nothing is said to be given up before it is.
            self.give_up(membership).await;
            let sent = Instant::now();
            let Some(mut beat) = membership.beat(owners.view()).await? else {
                membership.join().await?;
                self.alive_since(sent);
                owners.joined(membership.host_no);
                continue;
            };
            beat.was_alive &= Instant::now() < *self.alive_until();
            self.alive_since(sent);
            if news {
                membership.tell().await?;
            }
            news = owners.heard(&beat);
            if !news {
                break;
            }
        }
        self.give_up(membership).await;
        if *self.shown() != owners.share() {
            self.gained.notify_one();
        }
        Ok(())
    }

    /// Takes from the page what is another's now. Without the database all of it: the rest is shown again soon.
    async fn give_up(&self, membership: &Membership) {
        let share = self.evaluator.owners.share();
        let before = self.shown().clone();
        if before == share {
            return;
        }
        let limit = self.timeout / BEATS;
        let names = tokio::time::timeout(limit, membership.model_names()).await;
        let kept = if let Ok(Ok(names)) = names {
            let owned = |(no, _): &(i32, String)| share.owns(*no);
            let owned: HashSet<String> =
                names.into_iter().filter(owned).map(|(_, id)| id).collect();
            self.evaluator.sink.keep(&|model, _| owned.contains(model));
            before.and(&share)
        } else {
            self.evaluator.sink.keep(&|_, _| false);
            Share::nothing()
        };
        *self.shown() = kept;
    }

    /// Shows the latest results of what this host owns and does not show yet, and looks after it.
    async fn restore(&self) -> Result<(), WatchError> {
        let _one = self.restores.lock().await;
        loop {
            let (share, shown) = (self.evaluator.owners.share(), self.shown().clone());
            if share == shown {
                return Ok(());
            }
            let names = self.evaluator.store.model_names().await?;
            let gained: Vec<i32> = names
                .iter()
                .map(|(no, _)| *no)
                .filter(|&no| share.owns(no) && !shown.owns(no))
                .collect();
            self.show(&gained).await?;
            // Something else may have been given up meanwhile.
            let mut now = self.shown();
            if *now == shown {
                *now = share;
            }
            drop(now);
            if !gained.is_empty() {
                tracing::info!(models = gained.len(), "took models over");
                self.follow.look_thoroughly();
            }
        }
    }

    /// Shows what was measured last of these models; the names of model and monitor.
    async fn show(&self, models: &[i32]) -> Result<HashSet<(String, String)>, WatchError> {
        let evaluator = &self.evaluator;
        let mut shown = HashSet::new();
        for some in models.chunks(MODELS_AT_ONCE) {
            for record in evaluator.store.latest_evaluations_of(some).await? {
                evaluator.sink.restored(&record);
                shown.insert((record.model_id, record.monitor));
            }
            for (_, model_id, totals) in evaluator.store.label_totals_of(some).await? {
                evaluator.show_labels(&model_id, totals);
            }
            evaluator.given_up(some).await?;
        }
        Ok(shown)
    }

    /// Shows everything anew, after notes may have been lost.
    async fn resync(&self) -> Result<(), WatchError> {
        let _one = self.restores.lock().await;
        let share = self.evaluator.owners.share();
        let names = self.evaluator.store.model_names().await?;
        let owned = names.iter().filter(|(no, _)| share.owns(*no));
        let (owned, ids): (Vec<i32>, HashSet<&str>) =
            owned.map(|(no, id)| (*no, id.as_str())).unzip();
        let shown = self.show(&owned).await?;
        self.evaluator.sink.keep(&|model, monitor| {
            ids.contains(model)
                && monitor
                    .is_none_or(|monitor| shown.contains(&(model.to_owned(), monitor.to_owned())))
        });
        self.follow.look_thoroughly();
        Ok(())
    }

    /// Learns what another host did.
    async fn hear(&self, note: Note) -> Result<(), WatchError> {
        let evaluator = &self.evaluator;
        match note {
            Note::Rows(models) => {
                for model_no in models {
                    if evaluator.owners.owns(model_no) {
                        self.follow.touched(model_no);
                    }
                }
            }
            Note::Monitor {
                model_no,
                model_id,
                monitor,
            } => {
                if !evaluator.owners.owns(model_no) {
                    return Ok(());
                }
                let latest = || evaluator.store.latest_evaluation(model_no, &monitor);
                if let Some(record) = latest().await? {
                    evaluator.sink.restored(&record);
                } else {
                    evaluator.sink.monitor_removed(&model_id, &monitor);
                    // It may be there again, and have been evaluated since it was looked for.
                    if let Some(record) = latest().await? {
                        evaluator.sink.restored(&record);
                    }
                }
                evaluator.tell_labels(model_no).await?;
                evaluator.given_up(&[model_no]).await?;
            }
            Note::Model(model_id) => {
                evaluator.sink.model_removed(&model_id);
                let again = crate::domain::ModelId::new(model_id).ok();
                if let Some(id) = again
                    && let Some(model) = evaluator.store.model(&id).await?
                    && evaluator.owners.owns(model.no)
                {
                    self.show(&[model.no]).await?;
                }
            }
            Note::Hosts => self.beat_now.notify_one(),
        }
        Ok(())
    }

    /// Beats until it is dropped.
    pub(super) async fn keep_beating(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.timeout / BEATS) => {}
                () = self.beat_now.notified() => {}
            }
            let patience = Instant::now() + self.timeout / BEATS;
            let until = patience.max(*self.alive_until());
            let reason = match tokio::time::timeout_at(until, self.beat()).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the database does not answer in time".to_owned(),
            };
            tracing::warn!(
                reason,
                "the other hosts cannot be told that this one is alive"
            );
            // Others may have taken over. Who was alone goes on: without the database nobody can join either.
            let late = Instant::now() >= *self.alive_until();
            if late && !self.evaluator.owners.share().alone() {
                self.give_all_up();
            }
        }
    }

    fn give_all_up(&self) {
        self.evaluator.owners.lapsed();
        self.evaluator.sink.keep(&|_, _| false);
        *self.shown() = Share::nothing();
    }

    /// Shows what was taken over, until it is dropped.
    pub(super) async fn keep_restoring(&self) {
        loop {
            self.gained.notified().await;
            if let Err(error) = self.restore().await {
                // The next beat asks again.
                tracing::warn!(%error, "results of models that were taken over cannot be read");
            }
        }
    }

    /// Hears notes until it is dropped.
    pub(super) async fn keep_listening(&self) {
        loop {
            if let Err(error) = self.listen().await {
                tracing::warn!(%error, "notes of other hosts cannot be heard");
            }
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }

    async fn listen(&self) -> Result<(), WatchError> {
        let mut listener = self.evaluator.store.listen().await?;
        // What was told before it listened is not heard; who is alone is told nothing.
        let mut missed = !self.evaluator.owners.share().alone();
        loop {
            if missed {
                self.resync().await?;
            }
            missed = true;
            while let Some(note) = listener.next().await? {
                self.hear(note).await?;
            }
        }
    }

    /// Tells owners of rows that were committed here, until it is dropped.
    pub(super) async fn keep_posting(&self) {
        loop {
            self.posted.notified().await;
            tokio::time::sleep(POST_EVERY).await;
            let post = {
                let mut post = self.post.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *post)
            };
            let models: Vec<i32> = post.into_iter().collect();
            if let Err(error) = self.evaluator.store.tell_rows(&models).await {
                // Their owners find them by themselves.
                tracing::warn!(%error, "owners of models cannot be told of rows");
            }
        }
    }

    fn shown(&self) -> MutexGuard<'_, Share> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive_until(&self) -> MutexGuard<'_, Instant> {
        self.alive_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// It said at this moment, or later, that it is alive.
    fn alive_since(&self, sent: Instant) {
        *self.alive_until() = sent + self.timeout;
    }
}
