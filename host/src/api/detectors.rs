//! Detectors: which there are, and the way of an uploaded one through its states.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::Language;
use crate::domain::version::{DetectorState, DetectorVersion, Upload};
use crate::monitor::{EvaluationRecord, Manifest};
use crate::runtime::Plugin;
use crate::store::EventFilter;

use super::app::App;
use super::auth::Who;
use super::error::{ApiError, ApiResult};
use super::extract::{
    Json, Path, Query, media_type, named_model, named_monitor, query_integer, query_text,
    unsupported_type,
};
use super::page;
use super::problem::ProblemKind;
use super::views::{
    BacktestView, CardView, DetectorView, EventView, LogView, Page, VersionLine, VersionView,
};

/// Largest upload, in bytes, after decompression: what the runtime takes.
const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// Content types of a component. The last one is what curl says of `--data-binary` when nobody says anything.
const COMPONENT_TYPES: [&str; 3] = [
    "application/wasm",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
];

/// Content types of text, by the language of its interpreter.
const SOURCE_TYPES: [(&str, Language); 4] = [
    ("text/x-python", Language::Python),
    ("text/javascript", Language::Javascript),
    ("application/x-python", Language::Python),
    ("application/javascript", Language::Javascript),
];

/// The language of an upload of this content type; none of a component.
fn language(media_type: Option<&str>) -> ApiResult<Option<Language>> {
    let Some(found) = media_type else {
        return Ok(None);
    };
    if COMPONENT_TYPES.contains(&found) {
        return Ok(None);
    }
    let source = SOURCE_TYPES.iter().find(|(name, _)| *name == found);
    match source {
        Some((_, language)) => Ok(Some(*language)),
        None => Err(unsupported_type(
            found,
            &[COMPONENT_TYPES[0], SOURCE_TYPES[0].0, SOURCE_TYPES[1].0],
        )),
    }
}

/// A detector that monitors may name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DetectorSummary {
    /// What it says of itself: its active version, or its newest one where none is active.
    #[serde(flatten)]
    detector: DetectorView,
    /// Whether it comes with the host.
    builtin: bool,
    /// The version that monitors use which name the detector; null where none is active.
    active: Option<String>,
    /// The version that runs beside it.
    shadow: Option<String>,
    /// Uploaded versions, newest first.
    versions: Vec<VersionLine>,
}

impl DetectorSummary {
    fn builtin(plugin: &Plugin) -> Self {
        let descriptor = plugin.descriptor();
        Self {
            detector: DetectorView::new(descriptor, plugin.digest().to_string()),
            builtin: true,
            active: Some(descriptor.version.clone()),
            shadow: None,
            versions: Vec::new(),
        }
    }

    /// Of the versions of one detector by time of upload.
    fn uploaded(versions: &[DetectorVersion]) -> Option<Self> {
        let of = |state| versions.iter().find(|one| one.state == state);
        let name = |one: &DetectorVersion| one.descriptor.version.clone();
        let active = of(DetectorState::Active);
        let shown = active.or(versions.last())?;
        Some(Self {
            detector: DetectorView::new(&shown.descriptor, shown.digest.clone()),
            builtin: false,
            active: active.map(name),
            shadow: of(DetectorState::Shadow).map(name),
            versions: versions.iter().rev().map(VersionLine::from).collect(),
        })
    }
}

/// Detectors that monitors may name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DetectorList {
    /// By name.
    items: Vec<DetectorSummary>,
}

/// What a client says beside its upload. Limits may be lower than the host's, never above.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadQuery {
    /// Answers when the report card is made, or after 45 seconds; else at once.
    #[serde(default)]
    #[param(default = false, example = true)]
    wait: bool,
    /// Wall time that one call may take, in milliseconds.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 30000, nullable = false)]
    deadline_ms: Option<i64>,
    /// Bytes of memory that one call may use.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 536_870_912, nullable = false)]
    memory_bytes: Option<i64>,
    /// Bytes that one call may hand to the host.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 67_108_864, nullable = false)]
    output_bytes: Option<i64>,
    /// Measurements of one evaluation.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 65536, nullable = false)]
    measurements: Option<i64>,
    /// Lines of log of one call.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 200, nullable = false)]
    log_lines: Option<i64>,
    /// Bytes of log of one call.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 65536, nullable = false)]
    log_bytes: Option<i64>,
}

impl UploadQuery {
    fn manifest(&self) -> Manifest {
        // A negative number is as far out of range as 0, and the range is the use case's.
        let limit = |asked: Option<i64>| asked.map(|asked| u64::try_from(asked).unwrap_or(0));
        Manifest {
            deadline_ms: limit(self.deadline_ms),
            memory_bytes: limit(self.memory_bytes),
            output_bytes: limit(self.output_bytes),
            measurements: limit(self.measurements),
            log_lines: limit(self.log_lines),
            log_bytes: limit(self.log_bytes),
        }
    }
}

/// Which page of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// Most evaluations of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[0-9]{1,16}\.[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// Which steps of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Of this detector.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    name: Option<String>,
    /// Of this version.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    version: Option<String>,
    /// Most steps of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// How a version is taken out of use.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RetireQuery {
    /// Also the active version of a detector that monitors name: they fail until another one is active.
    #[serde(default)]
    #[param(default = false)]
    force: bool,
}

/// What a version is tried on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialForm {
    /// The model.
    #[schema(example = "churn")]
    model_id: String,
    /// The monitor whose windows, configuration and own detector it is compared on.
    #[schema(example = "data-drift")]
    monitor: String,
}

/// Uploads a detector
///
/// A WebAssembly component that exports one of the contract's worlds, or text in Python or JavaScript, which the host runs in an
/// interpreter. It is checked, compiled and asked what it is before the answer; its report card is made in the background, and it can
/// be activated when its state is `certified`. The same bytes again are the same version.
#[utoipa::path(post, path = "/v1/detectors", tag = "detectors", params(UploadQuery),
    request_body(content(("application/wasm"), ("application/octet-stream"),
        (String = "text/x-python"), (String = "text/javascript"))),
    responses(
        (status = 200, description = "The version was there already, or `wait=true` and it is examined", body = VersionView),
        (status = 202, description = "The version waits for its report card", body = VersionView,
            headers(("Location" = String, description = "Where the version is"))),
        (status = 409, description = "version-taken", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn upload_detector(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> ApiResult<Response> {
    let language = language(media_type(request.headers()).as_deref())?;
    let received = app.intake.read(request, UPLOAD_BYTES_MAX).await?;
    let bytes = received.bytes.to_vec();
    let upload = match language {
        None => Upload::component(bytes),
        Some(language) => Upload::source(language, bytes),
    };
    let (version, _) = app
        .versions
        .upload(upload, query.manifest(), &actor)
        .await?;
    let version = if query.wait {
        app.versions.examined(version).await?
    } else {
        version
    };
    let location = location(&version);
    let waits = version.state == DetectorState::Uploaded;
    let body = axum::Json(shown(&app, version).await?);
    Ok(if waits {
        (StatusCode::ACCEPTED, [(LOCATION, location)], body).into_response()
    } else {
        (StatusCode::OK, [(LOCATION, location)], body).into_response()
    })
}

/// Lists the detectors
///
/// With their metrics, the JSON Schema of their configuration, and the uploaded versions with their states.
#[utoipa::path(get, path = "/v1/detectors", tag = "detectors",
    responses((status = 200, description = "The detectors", body = DetectorList)))]
pub(super) async fn list_detectors(State(app): State<App>) -> ApiResult<axum::Json<DetectorList>> {
    let mut items: Vec<DetectorSummary> = app
        .watch
        .detectors()
        .builtins()
        .map(DetectorSummary::builtin)
        .collect();
    let (_, versions) = app.store.detector_versions().await?;
    let of_one = |a: &DetectorVersion, b: &DetectorVersion| a.descriptor.name == b.descriptor.name;
    items.extend(
        versions
            .chunk_by(of_one)
            .filter_map(DetectorSummary::uploaded),
    );
    items.sort_by(|a, b| a.detector.name.cmp(&b.detector.name));
    Ok(axum::Json(DetectorList { items }))
}

/// Shows a detector
///
/// With every uploaded version of it.
#[utoipa::path(get, path = "/v1/detectors/{name}", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "data-drift")),
    responses((status = 200, description = "The detector", body = DetectorSummary)))]
pub(super) async fn get_detector(
    State(app): State<App>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<DetectorSummary>> {
    if let Some(plugin) = app.watch.detectors().find_builtin(&name) {
        return Ok(axum::Json(DetectorSummary::builtin(plugin)));
    }
    let (_, mut versions) = app.store.detector_versions().await?;
    versions.retain(|one| one.descriptor.name == name);
    DetectorSummary::uploaded(&versions)
        .map(axum::Json)
        .ok_or_else(|| {
            let detail = format!("there is no detector '{}'", printable(&name));
            ApiError::new(ProblemKind::NoDetector, detail)
        })
}

/// Shows a version
///
/// What it says of itself, its limits, its state and its report card.
#[utoipa::path(get, path = "/v1/detectors/{name}/versions/{version}", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.0.0")),
    responses((status = 200, description = "The version", body = VersionView)))]
pub(super) async fn get_version(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<axum::Json<VersionView>> {
    let version = app
        .versions
        .version(plain(&name)?, plain(&version)?)
        .await?;
    Ok(axum::Json(shown(&app, version).await?))
}

/// Shows a version's report card
///
/// And what became dearer, cheaper, worse or better since the version before.
#[utoipa::path(get, path = "/v1/detectors/{name}/versions/{version}/card", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.0.0")),
    responses((status = 200, description = "The card; null in it before it is made", body = CardView)))]
pub(super) async fn get_card(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<axum::Json<CardView>> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    app.versions.version(name, version).await?;
    let card = app.store.detector_card(name, version).await?;
    Ok(axum::Json(card.into()))
}

/// Reads what a version wrote
///
/// Newest first, page by page: evaluations with a log. Of each call 200 lines and 64 KiB are kept, or less if the version's limits say so.
#[utoipa::path(get, path = "/v1/detectors/{name}/versions/{version}/log", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.0.0"), LogQuery),
    responses((status = 200, description = "One page of the log", body = Page<LogView>)))]
pub(super) async fn read_log(
    State(app): State<App>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<LogQuery>,
) -> ApiResult<axum::Json<Page<LogView>>> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    let builtin = app.watch.detectors().find_builtin(name);
    if builtin.is_none_or(|plugin| plugin.descriptor().version != version) {
        app.versions.version(name, version).await?;
    }
    let limit = page::items(query.limit)?;
    let after = page::cursor(query.cursor.as_deref())?
        .map(|[micros, no]| {
            Timestamp::from_microsecond(micros)
                .map(|time| (time, no))
                .map_err(|error| {
                    ApiError::new(ProblemKind::BadQuery, error.to_string()).at("cursor")
                })
        })
        .transpose()?;
    let detector = format!("{name}@{version}");
    let found = app
        .store
        .detector_log(&detector, after, u32::from(limit) + 1)
        .await?;
    let place = |one: &EvaluationRecord| {
        let micros = one.evaluated_at.as_microsecond();
        format!("{micros}.{}", one.evaluation_no)
    };
    let page = Page::of(found, limit.into(), place);
    Ok(axum::Json(Page {
        items: page.items.into_iter().map(LogView::from).collect(),
        next_cursor: page.next_cursor,
    }))
}

/// Reads the audit
///
/// Every step of every version, refused ones too, newest first.
#[utoipa::path(get, path = "/v1/detectors/events", tag = "detectors", params(EventsQuery),
    responses((status = 200, description = "One page of the audit", body = Page<EventView>)))]
pub(super) async fn list_events(
    State(app): State<App>,
    Query(query): Query<EventsQuery>,
) -> ApiResult<axum::Json<Page<EventView>>> {
    let limit = page::items(query.limit)?;
    let filter = EventFilter {
        name: query.name,
        version: query.version,
        before: page::cursor(query.cursor.as_deref())?.map(|[no]| no),
        limit: u32::from(limit) + 1,
    };
    let found = app.store.detector_events(&filter).await?;
    let page = Page::of(found, limit.into(), |one| one.event_no.to_string());
    Ok(axum::Json(Page {
        items: page.items.into_iter().map(EventView::from).collect(),
        next_cursor: page.next_cursor,
    }))
}

/// Activates a version
///
/// Monitors that name the detector use it from their next evaluation on, on every host; the version that was active is retired. An older
/// version is taken back the same way. Evaluations that run end on the version they began with.
#[utoipa::path(post, path = "/v1/detectors/{name}/versions/{version}/activate", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.0.0")),
    responses(
        (status = 200, description = "The version is active", body = VersionView),
        (status = 409, description = "wrong-state", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn activate_version(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<axum::Json<VersionView>> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    let version = app.versions.activate(name, version, &actor).await?;
    Ok(axum::Json(shown(&app, version).await?))
}

/// Makes a version the shadow
///
/// It judges the same windows right after the active version, and is recorded and shown apart. It never alerts, and neither delays nor
/// fails the active one.
#[utoipa::path(post, path = "/v1/detectors/{name}/versions/{version}/shadow", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.1.0")),
    responses(
        (status = 200, description = "The version is the shadow", body = VersionView),
        (status = 409, description = "wrong-state", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn shadow_version(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<axum::Json<VersionView>> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    let version = app.versions.shadow(name, version, &actor).await?;
    Ok(axum::Json(shown(&app, version).await?))
}

/// Takes a version out of use
///
/// The active one only where no monitor names the detector, or with `force=true`.
#[utoipa::path(post, path = "/v1/detectors/{name}/versions/{version}/retire", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.1.0"), RetireQuery),
    responses(
        (status = 200, description = "The version is retired", body = VersionView),
        (status = 409, description = "in-use", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn retire_version(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<RetireQuery>,
) -> ApiResult<axum::Json<VersionView>> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    let version = app
        .versions
        .retire(name, version, query.force, &actor)
        .await?;
    Ok(axum::Json(shown(&app, version).await?))
}

/// Deletes a version
///
/// One that is neither active nor the shadow, and that no monitor names. What it measured stays.
#[utoipa::path(delete, path = "/v1/detectors/{name}/versions/{version}", tag = "removal",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.2.0")),
    responses(
        (status = 204, description = "The version is gone"),
        (status = 409, description = "in-use", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn delete_version(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Path((name, version)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    app.versions.delete(name, version, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a version over the past
///
/// Over the stored profiles, on the windows and with the configuration of a monitor, in the background; its verdicts are compared with
/// those of the monitor's own detector on the same windows.
#[utoipa::path(post, path = "/v1/detectors/{name}/versions/{version}/backtests", tag = "detectors",
    params(("name" = String, Path, description = "The detector", example = "beyond-tail"),
        ("version" = String, Path, description = "The version", example = "1.1.0")),
    request_body(content = TrialForm, example = json!({"model_id": "churn", "monitor": "data-drift"})),
    responses(
        (status = 202, description = "The backtest will run", body = BacktestView,
            headers(("Location" = String, description = "Where its progress is"))),
        (status = 409, description = "wrong-state", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn try_version(
    State(app): State<App>,
    Extension(Who(actor)): Extension<Who>,
    Path((name, version)): Path<(String, String)>,
    Json(form): Json<TrialForm>,
) -> ApiResult<impl IntoResponse> {
    let (name, version) = (plain(&name)?, plain(&version)?);
    let model = named_model(form.model_id)?;
    let monitor = named_monitor(&form.monitor)?;
    let record = app
        .versions
        .backtest(name, version, &model, monitor, &actor)
        .await?;
    let location = format!("/v1/backtests/{}", record.backtest_no);
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, location)],
        axum::Json(BacktestView::from(record)),
    ))
}

async fn shown(app: &App, version: DetectorVersion) -> ApiResult<VersionView> {
    let descriptor = &version.descriptor;
    let card = app
        .store
        .detector_card(&descriptor.name, &descriptor.version)
        .await?;
    Ok(VersionView::new(&version, card, &app.versions.ceiling()))
}

/// Where a version is: its name and number are plain, or it had not been taken.
fn location(version: &DetectorVersion) -> String {
    let descriptor = &version.descriptor;
    format!(
        "/v1/detectors/{}/versions/{}",
        descriptor.name, descriptor.version
    )
}

/// A name as a detector may have it: whatever has control characters names nothing.
fn plain(text: &str) -> ApiResult<&str> {
    if text.chars().any(char::is_control) {
        return Err(ApiError::of(ProblemKind::NoDetector));
    }
    Ok(text)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
