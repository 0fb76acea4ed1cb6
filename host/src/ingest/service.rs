//! The way in: from a body to a committed transaction.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::domain::{Clock, ModelId, ModelSettings};
use crate::store::{NewModel, NewReference, Store, StoreError, StoredReference};

use super::builder::Purpose;
use super::error::IngestError;
use super::events::IngestEvents;
use super::fit::{Asked, Fit, fit};
use super::gate::Gate;
use super::known::Known;
use super::limits::{BODY_BYTES_MAX, WAITING_BYTES_MAX, WAITING_REQUESTS_MAX};
use super::registry::Registry;
use super::rows::Rows;
use super::writer::{self, Job};
use super::{BodyFormat, IngestOptions, Receipt, ReferenceVersion, decode, encode, reference};

/// How the way in is laid out.
#[derive(Debug, Clone, Copy)]
pub struct IngestSettings {
    /// Tasks that write, each with a connection of its own. At least 1.
    pub writers: usize,
    /// Large bodies that are decoded at once. At least 1.
    pub decoders: usize,
    /// Bodies under way, all requests together, in bytes.
    pub waiting_bytes_max: usize,
    /// Requests under way.
    pub waiting_requests_max: usize,
    /// Longest body of rows or labels, unpacked, in bytes.
    pub body_bytes_max: usize,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            writers: 2,
            decoders: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            waiting_bytes_max: WAITING_BYTES_MAX,
            waiting_requests_max: WAITING_REQUESTS_MAX,
            body_bytes_max: BODY_BYTES_MAX,
        }
    }
}

/// Larger bodies are decoded where they do not hold up other requests.
const INLINE_BYTES_MAX: usize = 32 * 1024;
/// How often a request is read again because its model was deleted or had changed meanwhile.
const ATTEMPTS: usize = 8;

/// The way in.
pub struct Ingest {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Registry,
    gate: Arc<Gate>,
    body_bytes_max: usize,
    decoders: Arc<Semaphore>,
    events: Arc<dyn IngestEvents>,
    /// Gone once the server stops.
    writers: Mutex<Option<Vec<mpsc::UnboundedSender<Job>>>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Ingest {
    /// Starts the writers. `events` are told of what comes in.
    pub fn start(
        store: Store,
        clock: Arc<dyn Clock>,
        settings: IngestSettings,
        events: Arc<dyn IngestEvents>,
    ) -> Self {
        let (mut senders, mut tasks) = (Vec::new(), Vec::new());
        for _ in 0..settings.writers.max(1) {
            let (sender, jobs) = mpsc::unbounded_channel();
            senders.push(sender);
            let events = Arc::clone(&events);
            tasks.push(tokio::spawn(writer::run(store.clone(), jobs, events)));
        }
        Self {
            store,
            clock,
            registry: Registry::default(),
            gate: Arc::new(Gate::new(
                settings.waiting_bytes_max,
                settings.waiting_requests_max,
            )),
            body_bytes_max: settings.body_bytes_max,
            decoders: Arc::new(Semaphore::new(settings.decoders.max(1))),
            events,
            writers: Mutex::new(Some(senders)),
            tasks: Mutex::new(tasks),
        }
    }

    /// Refuses new requests, and returns when those under way are committed or refused.
    pub async fn stop(&self) {
        self.writers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a writer ended early"
                );
            }
        }
    }

    /// Bytes of bodies, and requests, that are under way.
    pub fn under_way(&self) -> (usize, usize) {
        self.gate.under_way()
    }

    /// Stores rows, and the labels that came with them; registers the model on first use. Returns after the commit.
    ///
    /// An older `last_training_time` than the known one is ignored: clients that were not restarted yet still say it.
    pub async fn predictions(
        &self,
        model: &ModelId,
        format: BodyFormat,
        body: Bytes,
        options: &IngestOptions,
    ) -> Result<Receipt, IngestError> {
        let answer = self
            .take(Purpose::Predictions, model, format, body, options)
            .await;
        self.events.answered(&answer);
        answer
    }

    /// Stores labels, whether their rows are there or not; registers the model on first use. Returns after the
    /// commit. A label that is null says nothing.
    pub async fn labels(
        &self,
        model: &ModelId,
        format: BodyFormat,
        body: Bytes,
    ) -> Result<Receipt, IngestError> {
        let options = IngestOptions::default();
        let answer = self
            .take(Purpose::Labels, model, format, body, &options)
            .await;
        self.events.answered(&answer);
        answer
    }

    async fn take(
        &self,
        purpose: Purpose,
        model: &ModelId,
        format: BodyFormat,
        body: Bytes,
        options: &IngestOptions,
    ) -> Result<Receipt, IngestError> {
        decode::check_size(&body, purpose, self.body_bytes_max)?;
        let _room = self.gate.enter(body.len())?;
        for _ in 0..ATTEMPTS {
            let Some((known, rows, places)) = self
                .understand(purpose, model, format, &body, options)
                .await?
            else {
                self.registry.forget(model);
                continue;
            };
            let with_rows = purpose == Purpose::Predictions;
            let now = self.clock.now();
            let encode = {
                let known = Arc::clone(&known);
                move || {
                    let arrival = encode::encode(&known, &rows, &places, now, with_rows);
                    (arrival, rows)
                }
            };
            let (arrival, rows) = self.work(body.len(), encode).await?;
            let (sent, labels) = (arrival.rows.len() as u64, arrival.labels.len() as u64);
            let accepted = if sent + labels == 0 {
                0
            } else {
                match self.write(arrival).await {
                    Err(IngestError::Store(StoreError::ModelGone)) => {
                        self.registry.forget(model);
                        continue;
                    }
                    other => other?,
                }
            };
            return Ok(Receipt {
                accepted,
                duplicates: sent - accepted,
                labels,
                rejected: rows.problems,
                schema_version: known.model.schema_version,
            });
        }
        Err(StoreError::ModelGone.into())
    }

    /// Decodes a body, and makes its model fit for it. `None`: the model is not what it was taken for.
    async fn understand(
        &self,
        purpose: Purpose,
        model: &ModelId,
        format: BodyFormat,
        body: &Bytes,
        options: &IngestOptions,
    ) -> Result<Option<(Arc<Known>, Rows, Vec<super::fit::Place>)>, IngestError> {
        let known = self.registry.get(&self.store, model).await?;
        let decode = {
            let (known, body, model_type) = (known.clone(), body.clone(), options.model_type);
            let now = self.clock.now().as_microsecond();
            move || decode::decode(known.as_ref(), model_type, purpose, format, &body, now)
        };
        let mut rows = self.work(body.len(), decode).await??;
        if let Some(said) = &rows.said.model_id
            && said != model.as_str()
        {
            return Err(IngestError::Registration(format!(
                "the body is of model '{}', the request of model '{model}'",
                super::problems::quote(said)
            )));
        }
        if !rows.bad.is_empty() && !options.partial {
            let (problems, total) = (std::mem::take(&mut rows.problems), rows.bad.len() as u64);
            return Err(IngestError::Rows { problems, total });
        }
        rows.drop_bad();
        let asked = Asked {
            model_type: options.model_type.or(rows.said.model_type),
            last_training_time: options.last_training_time.or(rows.said.last_training_time),
            categories: purpose != Purpose::Reference,
            partial: options.partial,
        };
        let known = match known {
            Some(known) => known,
            None => self.create(model, &asked).await?,
        };
        let fitted = fit(&self.store, &self.registry, known, &mut rows, &asked).await?;
        Ok(match fitted {
            Fit::Ready(known, places) => Some((known, rows, places)),
            Fit::Stale => None,
        })
    }

    /// Registers a model that nobody registered.
    pub(super) async fn create(
        &self,
        model: &ModelId,
        asked: &Asked,
    ) -> Result<Arc<Known>, IngestError> {
        let new = NewModel {
            id: model.clone(),
            model_type: asked.model_type,
            positive_label: None,
            last_training_time: asked.last_training_time,
            settings: ModelSettings::default(),
        };
        self.store.create_model(&new, self.clock.now()).await?;
        // Somebody may have deleted it at once, or another host have registered it otherwise.
        let known = self.registry.get(&self.store, model).await?;
        known.ok_or(IngestError::Store(StoreError::ModelGone))
    }

    /// Runs work on a body: large ones elsewhere, so that small ones need not wait for them.
    async fn work<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IngestError> {
        if bytes <= INLINE_BYTES_MAX {
            return Ok(work());
        }
        let permit = Arc::clone(&self.decoders).acquire_owned().await;
        let permit = permit.map_err(|_| IngestError::Stopping)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a body could not be worked on"
            );
            IngestError::Stopping
        })
    }

    /// Hands rows to their writer, and waits for the commit.
    async fn write(&self, arrival: crate::store::Arrival) -> Result<u64, IngestError> {
        let (answer, written) = oneshot::channel();
        {
            let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            let writers = writers.as_ref().ok_or(IngestError::Stopping)?;
            let at = usize::try_from(arrival.model_no).unwrap_or(0) % writers.len();
            let sent = writers[at].send(Job { arrival, answer });
            sent.map_err(|_| IngestError::Stopping)?;
        }
        written.await.map_err(|_| IngestError::Stopping)?
    }

    /// Stores a version of reference data, and makes it the active one unless told not to. Registers the model on
    /// first use. The same upload again is the version that is there already.
    pub async fn reference(
        &self,
        model: &ModelId,
        format: BodyFormat,
        body: Bytes,
        options: &IngestOptions,
        activate: bool,
    ) -> Result<ReferenceVersion, IngestError> {
        decode::check_size(&body, Purpose::Reference, self.body_bytes_max)?;
        let _room = self.gate.enter(body.len())?;
        for _ in 0..ATTEMPTS {
            let Some((known, rows, places)) = self
                .understand(Purpose::Reference, model, format, &body, options)
                .await?
            else {
                self.registry.forget(model);
                continue;
            };
            if rows.count == 0 {
                return Err(IngestError::Registration(
                    "reference data has at least one row".into(),
                ));
            }
            let no = known.model.no;
            let profile = {
                let body = body.clone();
                move || {
                    let digest = reference::digest(&body);
                    let (stored_as, upload) = reference::stored(format, body, &rows);
                    let profiles = reference::profiles(&known.model, &rows, &places)?;
                    let count = rows.count as u64;
                    Ok::<_, IngestError>((profiles, digest, count, stored_as, upload))
                }
            };
            let (profiles, digest, rows, stored_as, upload) =
                self.work(usize::MAX, profile).await??;
            let new = NewReference {
                format: stored_as.name(),
                digest: &digest,
                rows,
                labelled_rows: profiles.labelled_rows,
                profile: &profiles.profile,
                labelled_profile: profiles.labelled.as_deref(),
                upload: &upload,
            };
            let now = self.clock.now();
            match self.store.add_reference(no, &new, activate, now).await {
                Err(StoreError::ModelGone) => self.registry.forget(model),
                other => return Ok(other?.into()),
            }
        }
        Err(StoreError::ModelGone.into())
    }

    /// Versions of a model's reference data, newest first.
    pub async fn references(&self, model: &ModelId) -> Result<Vec<ReferenceVersion>, IngestError> {
        let no = self.model_no(model).await?;
        let versions = self.store.references(no).await?;
        Ok(versions.into_iter().map(ReferenceVersion::from).collect())
    }

    /// Makes a version the active one; whether the model has it.
    pub async fn activate_reference(
        &self,
        model: &ModelId,
        version: i32,
    ) -> Result<bool, IngestError> {
        let no = self.model_no(model).await?;
        Ok(self.store.activate_reference(no, version).await?)
    }

    /// Removes a version; whether the model had it.
    pub async fn delete_reference(
        &self,
        model: &ModelId,
        version: i32,
    ) -> Result<bool, IngestError> {
        let no = self.model_no(model).await?;
        Ok(self.store.delete_reference(no, version).await?)
    }

    async fn model_no(&self, model: &ModelId) -> Result<i32, IngestError> {
        let found = self.store.model(model).await?;
        let found = found.ok_or_else(|| IngestError::NoModel(model.to_string()))?;
        Ok(found.no)
    }

    /// Removes a model with all of its rows, labels, reference data and monitors.
    pub async fn delete(&self, model: &ModelId) -> Result<(), IngestError> {
        let there = self.store.delete_model(model).await?;
        self.registry.forget(model);
        if there {
            Ok(())
        } else {
            Err(IngestError::NoModel(model.to_string()))
        }
    }
}

impl From<StoredReference> for ReferenceVersion {
    fn from(stored: StoredReference) -> Self {
        Self {
            version: stored.reference_no,
            format: stored.format,
            digest: stored.digest,
            rows: stored.rows,
            labelled_rows: stored.labelled_rows,
            active: stored.active,
            created_at: stored.created_at,
        }
    }
}
