//! The use cases around uploaded detectors: in, examined, into use, out of use, away. Every step is noted, refused ones too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certify;
use crate::domain::ModelId;
use crate::domain::record::BacktestRecord;
use crate::domain::version::{
    Action, Actor, DetectorState, DetectorVersion, Form, NewEvent, StoredCard, Upload,
};
use crate::runtime::{Limits, Plugin};
use crate::store::{Added, Changed, NewVersion, StateChange, Store};

use super::detectors::Detectors;
use super::manifest::Manifest;
use super::metric_names;
use super::version_error::VersionError;
use super::watch::{Watch, WatchError};

/// Names that uploads cannot have: they are parts of paths.
const RESERVED: [&str; 1] = ["events"];
/// Tries of a change that others came before.
const TRIES_MAX: u32 = 20;
/// Monitors that an error names.
const MONITORS_NAMED_MAX: u32 = 3;

/// How much the way in may take.
#[derive(Debug, Clone)]
pub struct VersionSettings {
    /// How thorough report cards are.
    pub card: certify::Settings,
    /// Versions that wait for their report card.
    pub waiting_max: u64,
    /// Uploads that are loaded at once; compiling takes a processor each.
    pub loads_at_once: usize,
    /// Uploads that wait to be loaded.
    pub loads_waiting_max: usize,
    /// Versions of all detectors together.
    pub versions_max: usize,
    /// Time between two looks for versions that wait, in case another host died over one.
    pub sweep: Duration,
    /// Longest time that a request waits for a report card.
    pub wait: Duration,
}

impl Default for VersionSettings {
    fn default() -> Self {
        Self {
            card: certify::Settings::default(),
            waiting_max: 100,
            loads_at_once: 2,
            loads_waiting_max: 16,
            versions_max: 5_000,
            sweep: Duration::from_secs(5),
            wait: Duration::from_secs(45),
        }
    }
}

/// Versions of uploaded detectors. Cheap to clone.
#[derive(Clone)]
pub struct Versions(Arc<Inner>);

struct Inner {
    watch: Watch,
    settings: VersionSettings,
    /// Uploads being loaded.
    loads: Semaphore,
    /// Uploads being loaded or waiting for it.
    loads_waiting: Arc<Semaphore>,
    /// One report card at a time: it takes a processor for seconds.
    examining: Semaphore,
    waits: Notify,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Versions {
    /// Does what it is asked, and nothing by itself: see [`Versions::start`].
    pub fn new(watch: Watch, settings: VersionSettings) -> Self {
        let loads = settings.loads_at_once.max(1);
        Self(Arc::new(Inner {
            watch,
            loads: Semaphore::new(loads),
            loads_waiting: Arc::new(Semaphore::new(loads + settings.loads_waiting_max)),
            examining: Semaphore::new(1),
            waits: Notify::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            settings,
        }))
    }

    /// Makes report cards in the background, also those that another host left behind.
    pub fn start(&self) {
        let versions = self.clone();
        self.0
            .tasks
            .spawn(async move { versions.examine_for_ever().await });
    }

    /// Takes nothing new. A report card that is being made is made again with the next start.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.loads_waiting.close();
        self.0.tasks.close();
        let wait = self.0.tasks.wait();
        // A card may take a minute, and nothing is lost with it.
        if tokio::time::timeout(Duration::from_secs(1), wait)
            .await
            .is_err()
        {
            tracing::info!("a report card was being made; it is made again with the next start");
        }
    }

    fn detectors(&self) -> &Arc<Detectors> {
        &self.0.watch.evaluator().detectors
    }

    fn store(&self) -> &Store {
        &self.0.watch.evaluator().store
    }

    /// What the host allows one call.
    pub fn ceiling(&self) -> Limits {
        let loader = self.detectors().loader();
        loader.map(|(_, ceiling)| *ceiling).unwrap_or_default()
    }

    fn now(&self) -> jiff::Timestamp {
        self.0.watch.evaluator().clock.now()
    }

    /// Takes an upload as far as `uploaded`: the version, and whether it is new. What is there already is answered as it stands;
    /// one that its report card refused is examined again.
    ///
    /// # Errors
    /// The first step that it fails; that is noted too.
    pub async fn upload(
        &self,
        upload: Upload,
        manifest: Manifest,
        actor: &Actor,
    ) -> Result<(DetectorVersion, bool), VersionError> {
        let (digest, upload) = self.digest(upload).await;
        let mut event = NewEvent {
            actor: actor.clone(),
            action: Action::Upload,
            name: None,
            version: None,
            digest: Some(digest.clone()),
            done: false,
            detail: None,
        };
        let taken = self.take(upload, manifest, digest, &mut event).await;
        if let Err(error) = &taken {
            self.note(event, error).await;
        }
        taken
    }

    /// What an upload is known by here.
    async fn digest(&self, upload: Upload) -> (String, Upload) {
        let of_bytes = upload.digest();
        let loader = self.detectors().loader().map(|(loader, _)| loader.clone());
        let (Form::Source, Some(loader)) = (upload.form, loader) else {
            return (of_bytes, upload);
        };
        let kept = upload.clone();
        let known = tokio::task::spawn_blocking(move || loader.digest(&upload)).await;
        (known.unwrap_or(of_bytes), kept)
    }

    async fn take(
        &self,
        upload: Upload,
        manifest: Manifest,
        digest: String,
        event: &mut NewEvent,
    ) -> Result<(DetectorVersion, bool), VersionError> {
        let detectors = self.detectors();
        let Some((loader, ceiling)) = detectors.loader() else {
            return Err(VersionError::Closed);
        };
        manifest.check(ceiling)?;
        let limits = serde_json::to_value(manifest).unwrap_or_default();
        if let Some(there) = self.store().detector_of_digest(&digest).await? {
            (event.name, event.version) = named(&there);
            if there.state != DetectorState::Refused {
                if manifest != Manifest::default() && there.limits != limits {
                    return Err(VersionError::VersionTaken {
                        detector: there.full_name(),
                        state: there.state,
                        what: "limits",
                    });
                }
                return Ok((there, false));
            }
        }
        let _place = Arc::clone(&self.0.loads_waiting)
            .try_acquire_owned()
            .map_err(|_| VersionError::Busy("too many uploads are being compiled".to_owned()))?;
        let _permit = self.0.loads.acquire().await.map_err(|_| stopping())?;
        let (loader, held) = (loader.clone(), manifest.limits(ceiling));
        let known = digest.clone();
        let loaded =
            tokio::task::spawn_blocking(move || (loader.plugin(&upload, &known, held), upload));
        let (plugin, upload) = loaded.await.map_err(|error| {
            VersionError::Host(crate::runtime::LoadError::Compile(
                crate::runtime::CompileError::Process(error.to_string()),
            ))
        })?;
        let plugin = plugin?;
        let descriptor = plugin.descriptor().clone();
        event.name = Some(descriptor.name.clone());
        event.version = Some(descriptor.version.clone());
        let name = descriptor.name.as_str();
        if detectors.find_builtin(name).is_some() || RESERVED.contains(&name) {
            return Err(VersionError::NameTaken(name.to_owned()));
        }
        let new = NewVersion {
            upload: &upload,
            digest: &digest,
            limits: &limits,
            descriptor: &descriptor,
        };
        self.add(&new, &event.actor).await?;
        detectors.remember(&digest, &plugin, upload.bytes.len());
        self.0.waits.notify_one();
        let stored = self.store().detector_of_digest(&digest).await?;
        let stored = stored.ok_or_else(|| VersionError::NoVersion(descriptor.full_name()))?;
        tracing::info!(detector = stored.full_name(), digest, "uploaded");
        Ok((stored, true))
    }

    /// Stores it, unless its metrics or its name are taken by what there is at that moment.
    async fn add(&self, new: &NewVersion<'_>, actor: &Actor) -> Result<(), VersionError> {
        let (detectors, settings) = (self.detectors(), &self.0.settings);
        for _ in 0..TRIES_MAX {
            detectors.follow(self.store()).await?;
            let live = detectors.live();
            let there = live
                .all()
                .filter(|one| one.state != DetectorState::Refused)
                .map(|one| &one.descriptor);
            let builtin = detectors.builtins().map(Plugin::descriptor);
            if let Some(taken) = metric_names::taken(new.descriptor, builtin.chain(there)) {
                return Err(taken.into());
            }
            if live.all().count() >= settings.versions_max {
                let full = format!(
                    "there are {} versions already; delete some",
                    settings.versions_max
                );
                return Err(VersionError::Busy(full));
            }
            let (waiting_max, now) = (settings.waiting_max, self.now());
            match self
                .store()
                .add_detector(new, live.revision, waiting_max, actor, now)
                .await?
            {
                Added::New => return Ok(()),
                Added::Moved => {}
                Added::Taken(state) => {
                    return Err(VersionError::VersionTaken {
                        detector: new.descriptor.full_name(),
                        state,
                        what: "bytes",
                    });
                }
                Added::Full(waiting) => {
                    let full = format!("{waiting} versions wait for their report card");
                    return Err(VersionError::Busy(full));
                }
            }
        }
        Err(VersionError::Busy(
            "many detectors change at once".to_owned(),
        ))
    }

    /// Waits until a version has its report card, or as long as a request may; the version as it stands then.
    pub async fn examined(
        &self,
        version: DetectorVersion,
    ) -> Result<DetectorVersion, VersionError> {
        if version.state != DetectorState::Uploaded {
            return Ok(version);
        }
        let (versions, digest) = (self.clone(), version.digest.clone());
        // The card is finished whoever still waits for it.
        let made = self
            .0
            .tasks
            .spawn(async move { versions.examine(Some(&digest)).await });
        match tokio::time::timeout(self.0.settings.wait, made).await {
            Ok(Ok(done)) => {
                done?;
            }
            Ok(Err(error)) => tracing::error!(error = %error, "a report card was not made"),
            Err(_) => {}
        }
        self.version(&version.descriptor.name, &version.descriptor.version)
            .await
    }

    /// Makes the report cards that wait, in this task; how many.
    pub async fn run_due(&self) -> Result<u64, VersionError> {
        let mut made = 0;
        while self.examine(None).await? {
            made += 1;
        }
        Ok(made)
    }

    async fn examine_for_ever(&self) {
        let start = std::time::Instant::now();
        match self.detectors().preload(self.store()).await {
            Ok(0) => {}
            Ok(detectors) => {
                let seconds = start.elapsed().as_secs_f64();
                tracing::info!(detectors, seconds, "loaded the uploaded detectors in use");
            }
            Err(error) => tracing::warn!(error = %error, "uploaded detectors could not be read"),
        }
        loop {
            tokio::select! {
                biased;
                () = self.0.stop.cancelled() => return,
                done = self.run_due() => {
                    if let Err(error) = done {
                        tracing::warn!(error = %error, "a report card could not be made");
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.0.stop.cancelled() => return,
                () = self.0.waits.notified() => {}
                () = tokio::time::sleep(self.0.settings.sweep) => {}
            }
        }
    }

    /// Makes one report card: of the oldest version that waits, or of this one; whether there was one to make.
    async fn examine(&self, digest: Option<&str>) -> Result<bool, VersionError> {
        let _permit = self.0.examining.acquire().await.map_err(|_| stopping())?;
        let store = self.store();
        let Some(claim) = store.claim_certification(digest).await? else {
            return Ok(false);
        };
        let detectors = self.detectors();
        let Some((loader, ceiling)) = detectors.loader() else {
            return Ok(false);
        };
        let version = claim.version.clone();
        let Some(upload) = store.detector_upload(&version.digest).await? else {
            return Ok(false);
        };
        let before = self.before(&version).await?;
        let limits = super::detectors::manifest(&version).limits(ceiling);
        let (loader, settings) = (loader.clone(), self.0.settings.card.clone());
        let digest = version.digest.clone();
        let made = tokio::task::spawn_blocking(move || {
            let plugin = loader.plugin(&upload, &digest, limits)?;
            let metered = loader.metered(&upload, &digest, limits)?;
            Ok::<_, crate::runtime::LoadError>(certify::certify(
                &plugin,
                metered.as_ref(),
                &settings,
            ))
        });
        let made = made.await.map_err(|error| {
            WatchError::Store(crate::store::StoreError::Database(sqlx::Error::Io(
                std::io::Error::other(error),
            )))
        })?;
        let (card, refused) = match made {
            Err(error) => (StoredCard::default(), Some(error.to_string())),
            Ok(card) => {
                let changes = before.as_ref().map(|(_, old)| certify::compare(old, &card));
                let failed = card.failed();
                let failed: Vec<String> = failed
                    .map(|check| format!("{}: {}", check.name, check.says))
                    .collect();
                let stored = StoredCard {
                    card: serde_json::to_value(&card).ok(),
                    compared: before.map(|(version, _)| version),
                    changes: changes.and_then(|changes| serde_json::to_value(changes).ok()),
                };
                (stored, (!failed.is_empty()).then(|| failed.join("; ")))
            }
        };
        let now = self.now();
        store
            .finish_certification(claim, &card, refused.as_deref(), now)
            .await?;
        tracing::info!(
            detector = version.full_name(),
            refused,
            "made a report card"
        );
        Ok(true)
    }

    /// The version before, with its card: the active one, else the newest that has one.
    async fn before(
        &self,
        version: &DetectorVersion,
    ) -> Result<Option<(String, certify::Card)>, VersionError> {
        self.detectors().follow(self.store()).await?;
        let live = self.detectors().live();
        let name = &version.descriptor.name;
        let active = live.in_state(name, DetectorState::Active);
        let others = live.versions(name).iter().rev();
        for other in active.into_iter().chain(others) {
            if other.digest == version.digest || other.state == DetectorState::Refused {
                continue;
            }
            let of = &other.descriptor.version;
            let stored = self.store().detector_card(name, of).await?;
            let card = stored
                .card
                .and_then(|card| serde_json::from_value(card).ok());
            if let Some(card) = card {
                return Ok(Some((of.clone(), card)));
            }
        }
        Ok(None)
    }

    /// One version.
    pub async fn version(
        &self,
        name: &str,
        version: &str,
    ) -> Result<DetectorVersion, VersionError> {
        let found = self.store().detector_version(name, version).await?;
        found.ok_or_else(|| VersionError::NoVersion(format!("{name}@{version}")))
    }

    /// Makes a version the active one: monitors that name the detector use it from their next evaluation on, on every host.
    /// An older version is activated the same way.
    pub async fn activate(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
    ) -> Result<DetectorVersion, VersionError> {
        use DetectorState as State;
        let change = Move {
            from: &[
                State::Certified,
                State::Shadow,
                State::Retired,
                State::Quarantined,
                State::Active,
            ],
            to: State::Active,
            action: Action::Activate,
            otherwise: "only a certified version can be activated",
        };
        self.change(name, version, actor, &change).await
    }

    /// Makes a version the shadow of the active one.
    pub async fn shadow(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
    ) -> Result<DetectorVersion, VersionError> {
        use DetectorState as State;
        let change = Move {
            from: &[State::Certified, State::Retired, State::Shadow],
            to: State::Shadow,
            action: Action::Shadow,
            otherwise: "a shadow is a certified version that runs beside the active one",
        };
        self.change(name, version, actor, &change).await
    }

    /// Takes a version out of use. The active one only where no monitor names the detector, or with `force`.
    pub async fn retire(
        &self,
        name: &str,
        version: &str,
        force: bool,
        actor: &Actor,
    ) -> Result<DetectorVersion, VersionError> {
        use DetectorState as State;
        if !force && self.version(name, version).await?.state == State::Active {
            let unused = self.unused(name).await;
            if let Err(error) = unused {
                self.refuse(name, version, actor, Action::Retire, &error)
                    .await;
                return Err(error);
            }
        }
        let change = Move {
            from: &[
                State::Certified,
                State::Active,
                State::Shadow,
                State::Quarantined,
                State::Retired,
            ],
            to: State::Retired,
            action: Action::Retire,
            otherwise: "only a version that may be used can be taken out of use",
        };
        self.change(name, version, actor, &change).await
    }

    /// Takes a version out of use for a reason; a policy does this. Whether it was in use or might have been.
    pub async fn quarantine(
        &self,
        name: &str,
        version: &str,
        reason: &str,
        actor: &Actor,
    ) -> Result<bool, VersionError> {
        use DetectorState as State;
        let change = StateChange {
            name,
            version,
            from: &[
                State::Certified,
                State::Active,
                State::Shadow,
                State::Retired,
            ],
            to: State::Quarantined,
            reason: Some(reason),
            action: Action::Quarantine,
            actor,
        };
        let changed = self.store().set_detector_state(&change, self.now()).await?;
        self.detectors().follow(self.store()).await?;
        Ok(matches!(changed, Changed::Done { .. }))
    }

    /// Removes a version that nobody uses.
    pub async fn delete(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
    ) -> Result<(), VersionError> {
        use DetectorState as State;
        const FROM: [State; 5] = [
            State::Uploaded,
            State::Refused,
            State::Certified,
            State::Retired,
            State::Quarantined,
        ];
        let deleted = async {
            self.unused(&format!("{name}@{version}")).await?;
            let store = self.store();
            match store
                .delete_detector(name, version, &FROM, actor, self.now())
                .await?
            {
                Changed::Done { .. } => Ok(()),
                Changed::Gone => Err(VersionError::NoVersion(format!("{name}@{version}"))),
                Changed::Stays(state) => Err(VersionError::State {
                    detector: format!("{name}@{version}"),
                    state,
                    reason: "retire it first".to_owned(),
                }),
            }
        };
        let deleted = deleted.await;
        if let Err(error) = &deleted {
            self.refuse(name, version, actor, Action::Delete, error)
                .await;
        }
        self.detectors().follow(self.store()).await?;
        deleted
    }

    /// Tries a version over the past, on the windows of a monitor; it runs in the background.
    pub async fn backtest(
        &self,
        name: &str,
        version: &str,
        model: &ModelId,
        monitor: &str,
        actor: &Actor,
    ) -> Result<BacktestRecord, VersionError> {
        let asked = async {
            let detector = format!("{name}@{version}");
            if let Some(plugin) = self.detectors().find_builtin(name) {
                if plugin.descriptor().version != version {
                    return Err(VersionError::NoVersion(detector));
                }
            } else {
                let found = self.version(name, version).await?;
                if !found.state.is_usable() {
                    return Err(VersionError::State {
                        detector,
                        state: found.state,
                        reason: "only a version that may be used can be tried".to_owned(),
                    });
                }
            }
            Ok(self.0.watch.try_version(model, monitor, &detector).await?)
        };
        let asked = asked.await;
        match &asked {
            Err(error) => {
                self.refuse(name, version, actor, Action::Backtest, error)
                    .await;
            }
            Ok(record) => {
                let event = NewEvent {
                    actor: actor.clone(),
                    action: Action::Backtest,
                    name: Some(name.to_owned()),
                    version: Some(version.to_owned()),
                    digest: None,
                    done: true,
                    detail: Some(format!(
                        "backtest {} on {model} / {monitor}",
                        record.backtest_no
                    )),
                };
                self.store().note_detector_event(&event, self.now()).await?;
            }
        }
        asked
    }

    async fn unused(&self, detector: &str) -> Result<(), VersionError> {
        let store = self.store();
        let monitors = store.monitors_naming(detector, MONITORS_NAMED_MAX).await?;
        if monitors.is_empty() {
            return Ok(());
        }
        Err(VersionError::InUse {
            detector: detector.to_owned(),
            monitors: monitors.join(", "),
        })
    }

    async fn change(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
        step: &Move,
    ) -> Result<DetectorVersion, VersionError> {
        let done = self.change_now(name, version, actor, step).await;
        if let Err(error) = &done {
            self.refuse(name, version, actor, step.action, error).await;
        }
        done
    }

    async fn change_now(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
        step: &Move,
    ) -> Result<DetectorVersion, VersionError> {
        let detectors = self.detectors();
        detectors.follow(self.store()).await?;
        let before = self.version(name, version).await?;
        if before.state == step.to {
            return Ok(before); // Nothing to do, and nothing to note.
        }
        let alone = detectors
            .live()
            .in_state(name, DetectorState::Active)
            .is_none();
        if step.to == DetectorState::Shadow && alone {
            return Err(VersionError::State {
                detector: before.full_name(),
                state: before.state,
                reason: "no version is active that it could run beside".to_owned(),
            });
        }
        let change = StateChange {
            name,
            version,
            from: step.from,
            to: step.to,
            reason: None,
            action: step.action,
            actor,
        };
        match self.store().set_detector_state(&change, self.now()).await? {
            Changed::Gone => return Err(VersionError::NoVersion(format!("{name}@{version}"))),
            Changed::Stays(state) => {
                return Err(VersionError::State {
                    detector: before.full_name(),
                    state,
                    reason: step.otherwise.to_owned(),
                });
            }
            Changed::Done { .. } => {}
        }
        self.0.watch.tell_versions().await?;
        self.0.watch.version_changed(name).await?;
        tracing::info!(detector = before.full_name(), state = %step.to, "changed");
        self.version(name, version).await
    }

    async fn refuse(
        &self,
        name: &str,
        version: &str,
        actor: &Actor,
        action: Action,
        error: &VersionError,
    ) {
        let event = NewEvent {
            actor: actor.clone(),
            action,
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            digest: None,
            done: false,
            detail: None,
        };
        self.note(event, error).await;
    }

    /// Notes a refusal. That it could not be noted is the log's business: the answer is the refusal all the same.
    async fn note(&self, event: NewEvent, error: &VersionError) {
        let event = NewEvent {
            detail: Some(error.to_string()),
            ..event
        };
        if let Err(error) = self.store().note_detector_event(&event, self.now()).await {
            tracing::warn!(error = %error, "a refusal could not be noted");
        }
    }
}

/// A change of state that a person asks for.
struct Move {
    from: &'static [DetectorState],
    to: DetectorState,
    action: Action,
    /// Why a version in another state stays there.
    otherwise: &'static str,
}

fn named(version: &DetectorVersion) -> (Option<String>, Option<String>) {
    let descriptor = &version.descriptor;
    (
        Some(descriptor.name.clone()),
        Some(descriptor.version.clone()),
    )
}

fn stopping() -> VersionError {
    VersionError::Watch(WatchError::Stopping)
}
