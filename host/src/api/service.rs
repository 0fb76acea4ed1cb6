//! The service itself: what it is, whether it is well, its metrics, and what its problems mean.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics;

use super::app::{App, Phase};
use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::problem::{PROBLEM_PATH, ProblemKind};

/// How long the readiness probe waits for the database.
const PING: Duration = Duration::from_secs(2);

/// What this is, and where everything is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceView {
    /// leeway.
    #[schema(example = "leeway")]
    service: &'static str,
    /// Version of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Where to go on.
    links: LinksView,
}

/// Paths on this server.
#[derive(Debug, Serialize, ToSchema)]
struct LinksView {
    /// The operations, to read and to try.
    docs: &'static str,
    /// The operations as an OpenAPI document.
    openapi: &'static str,
    /// The page for people: how the models stand.
    ui: &'static str,
    /// The models.
    models: &'static str,
    /// Series for Prometheus.
    metrics: &'static str,
    /// Whether the server takes requests.
    health: &'static str,
    /// What errors mean.
    problems: &'static str,
}

/// Shows what this is
#[utoipa::path(get, path = "/", tag = "service",
    responses((status = 200, description = "Name, version and links", body = ServiceView)))]
pub(super) async fn index() -> axum::Json<ServiceView> {
    axum::Json(ServiceView {
        service: "leeway",
        version: env!("CARGO_PKG_VERSION"),
        links: LinksView {
            docs: "/docs",
            openapi: "/openapi.json",
            ui: "/ui/",
            models: "/v1/models",
            metrics: "/metrics",
            health: "/health/ready",
            problems: "/problems",
        },
    })
}

/// The state of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthView {
    /// alive or ready.
    #[schema(example = "ready")]
    status: &'static str,
}

/// Says whether the process lives
///
/// Asks nobody else: whoever gets no answer should restart it.
#[utoipa::path(get, path = "/health/live", tag = "service",
    responses((status = 200, description = "It lives", body = HealthView)))]
pub(super) async fn live() -> axum::Json<HealthView> {
    axum::Json(HealthView { status: "alive" })
}

/// Says whether the server takes requests
///
/// It has started, is not stopping, and its database answers.
#[utoipa::path(get, path = "/health/ready", tag = "service",
    responses((status = 200, description = "It takes requests", body = HealthView)))]
pub(super) async fn ready(State(app): State<App>) -> ApiResult<axum::Json<HealthView>> {
    match app.readiness.phase() {
        Phase::Starting => {
            return Err(ApiError::new(
                ProblemKind::NotReady,
                "the server is starting",
            ));
        }
        Phase::Stopping => {
            return Err(ApiError::new(
                ProblemKind::NotReady,
                "the server is stopping",
            ));
        }
        Phase::Ready => {}
    }
    match tokio::time::timeout(PING, app.store.ping()).await {
        Ok(Ok(())) => Ok(axum::Json(HealthView { status: "ready" })),
        Ok(Err(error)) => Err(ApiError::caused(ProblemKind::NotReady, error)),
        Err(late) => Err(ApiError::caused(ProblemKind::NotReady, late)),
    }
}

/// Shows the series for Prometheus
///
/// The host's own and the results of all monitors, in the text format 0.0.4.
#[utoipa::path(get, path = "/metrics", tag = "service",
    responses((status = 200, description = "The series", body = String, content_type = "text/plain; version=0.0.4; charset=utf-8")))]
pub(super) async fn exposition(State(app): State<App>) -> ApiResult<impl IntoResponse> {
    let page = app
        .exposition
        .page()
        .map_err(|error| ApiError::caused(ProblemKind::Internal, error))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page))
}

/// What a kind of problem means.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemKindView {
    /// The `type` of its documents.
    #[serde(rename = "type")]
    #[schema(example = "/problems/bad-rows")]
    kind: String,
    /// In short.
    title: &'static str,
    /// Status of the answers.
    status: u16,
    /// What it means, and what to do.
    meaning: &'static str,
}

/// Kinds of problem.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemKindList {
    /// By status.
    items: Vec<ProblemKindView>,
}

impl From<ProblemKind> for ProblemKindView {
    fn from(kind: ProblemKind) -> Self {
        let row = kind.row();
        Self {
            kind: format!("{PROBLEM_PATH}{}", row.slug),
            title: row.title,
            status: row.status.as_u16(),
            meaning: row.meaning,
        }
    }
}

/// Lists the kinds of problem
#[utoipa::path(get, path = "/problems", tag = "service",
    responses((status = 200, description = "Every kind", body = ProblemKindList)))]
pub(super) async fn list_problems() -> axum::Json<ProblemKindList> {
    let kinds = ProblemKind::ALL.iter().copied();
    let mut items: Vec<_> = kinds.map(ProblemKindView::from).collect();
    items.sort_by_key(|item| item.status);
    axum::Json(ProblemKindList { items })
}

/// Explains a kind of problem
///
/// The `type` of every problem document leads here.
#[utoipa::path(get, path = "/problems/{slug}", tag = "service",
    params(("slug" = String, Path, description = "Last part of `type`", example = "bad-rows")),
    responses((status = 200, description = "The kind", body = ProblemKindView)))]
pub(super) async fn get_problem(
    Path(slug): Path<String>,
) -> ApiResult<axum::Json<ProblemKindView>> {
    let kinds = ProblemKind::ALL;
    let found = kinds.iter().find(|kind| kind.row().slug == slug);
    found
        .map(|kind| axum::Json(ProblemKindView::from(*kind)))
        .ok_or_else(|| ApiError::of(ProblemKind::NoProblem))
}
