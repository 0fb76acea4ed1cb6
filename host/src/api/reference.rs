//! Reference data: uploaded versions, one of them active.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ModelType;
use crate::ingest::IngestOptions;

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query, model_id, number};
use super::formats::body_format;
use super::models::existing;
use super::problem::ProblemKind;
use super::views::{ModelTypeView, ReferenceBatch, ReferenceView};

/// What a client says beside its reference data.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferenceQuery {
    /// Whether monitors compare with it from now on.
    #[serde(default = "yes")]
    #[param(default = true)]
    activate: bool,
    /// What the model answers: taken when the model registers itself, held against it afterwards.
    #[serde(default)]
    #[param(nullable = false, inline)]
    model_type: Option<ModelTypeView>,
    /// Rows up to this time are what the model was trained on. A newer time retrains it.
    #[serde(default)]
    #[param(nullable = false)]
    last_training_time: Option<Timestamp>,
}

fn yes() -> bool {
    true
}

/// Versions of a model's reference data.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReferenceList {
    /// Newest first.
    items: Vec<ReferenceView>,
}

/// Stores reference data
///
/// A data set that defines normal, with the columns of the model's rows; neither `record_id` nor `prediction_time`
/// is needed. It becomes a new version, and the active one unless `activate=false`.
#[utoipa::path(post, path = "/v1/models/{model_id}/reference", tag = "reference",
    params(("model_id" = String, Path, description = "The model", example = "churn"), ReferenceQuery),
    request_body(content(
        ("text/csv", example = json!("age,plan,prediction,probability,label\n38,gold,yes,0.8,yes\n44,free,no,0.2,no\n31,gold,no,0.3,no\n")),
        (ReferenceBatch = "application/json", example = json!({"predictions": [
            {"features": {"age": 40, "plan": "free"}, "prediction": "no", "probability": 0.4, "label": "no"}]})),
        ("application/x-ndjson"),
        ("application/vnd.apache.arrow.stream"),
        ("application/vnd.apache.parquet"))),
    responses(
        (status = 201, description = "The version is stored", body = ReferenceView),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn add_reference(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<ReferenceQuery>,
    request: Request,
) -> ApiResult<impl IntoResponse> {
    let id = model_id(id)?;
    let format = body_format(request.headers())?;
    let options = IngestOptions {
        partial: false,
        model_type: query.model_type.map(ModelType::from),
        last_training_time: query.last_training_time,
    };
    let received = app
        .intake
        .read(request, app.intake.limits().reference_bytes_max)
        .await?;
    let version = app
        .ingest
        .reference(
            &id,
            format,
            received.bytes.clone(),
            &options,
            query.activate,
        )
        .await?;
    if version.active {
        // Whoever deleted the model meanwhile came first.
        if let Some(model) = app.store.model(&id).await? {
            app.watch.touched(model.no);
        }
    }
    let view = ReferenceView::from(version);
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// Lists the versions of the reference data
#[utoipa::path(get, path = "/v1/models/{model_id}/reference", tag = "reference",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 200, description = "The versions, newest first", body = ReferenceList)))]
pub(super) async fn list_references(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<ReferenceList>> {
    let model = existing(&app, &model_id(id)?).await?;
    let items = app.store.references(model.no).await?;
    let items = items.into_iter().map(ReferenceView::from).collect();
    Ok(axum::Json(ReferenceList { items }))
}

/// Makes a version the active one
///
/// Monitors compare with it from their next evaluation on.
#[utoipa::path(post, path = "/v1/models/{model_id}/reference/{version}/activate", tag = "reference",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("version" = i32, Path, description = "The version", minimum = 1, example = 1)),
    responses((status = 204, description = "The version is active")))]
pub(super) async fn activate_reference(
    State(app): State<App>,
    Path((id, version)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let model = existing(&app, &model_id(id)?).await?;
    let version = number(&version, ProblemKind::NoReference)?;
    if app.store.activate_reference(model.no, version).await? {
        app.watch.touched(model.no);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(no_version(model.id.as_str(), version))
}

/// Deletes a version of the reference data
///
/// Without an active version monitors compare with the model's own rows.
#[utoipa::path(delete, path = "/v1/models/{model_id}/reference/{version}", tag = "removal",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("version" = i32, Path, description = "The version", minimum = 1, example = 1)),
    responses((status = 204, description = "The version is gone")))]
pub(super) async fn delete_reference(
    State(app): State<App>,
    Path((id, version)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let model = existing(&app, &model_id(id)?).await?;
    let version = number(&version, ProblemKind::NoReference)?;
    if app.store.delete_reference(model.no, version).await? {
        app.watch.touched(model.no);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(no_version(model.id.as_str(), version))
}

fn no_version(model: &str, version: i32) -> ApiError {
    let detail = format!("model '{model}' has no reference data of version {version}");
    ApiError::new(ProblemKind::NoReference, detail)
}
