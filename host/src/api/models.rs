//! Models: register, list, change, delete.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::{Model, ModelId};

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query, model_id, query_integer, query_text};
use super::page;
use super::problem::ProblemKind;
use super::views::{ModelForm, ModelPatch, ModelView, Page};

/// Which page of the models.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelsQuery {
    /// Most models of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    cursor: Option<String>,
}

/// The model of this name.
///
/// # Errors
/// `no-model` if there is none.
pub(super) async fn existing(app: &App, id: &ModelId) -> ApiResult<Model> {
    let no_model = || ApiError::new(ProblemKind::NoModel, format!("there is no model '{id}'"));
    app.store.model(id).await?.ok_or_else(no_model)
}

/// Lists the models
///
/// By name, page by page.
#[utoipa::path(get, path = "/v1/models", tag = "models", params(ModelsQuery), responses(
    (status = 200, description = "One page of the models", body = Page<ModelView>)))]
pub(super) async fn list_models(
    State(app): State<App>,
    Query(query): Query<ModelsQuery>,
) -> ApiResult<axum::Json<Page<ModelView>>> {
    let limit = page::items(query.limit)?;
    let models = app
        .store
        .models(query.cursor.as_deref(), u32::from(limit) + 1)
        .await?;
    let models = models.into_iter().map(ModelView::from).collect();
    let cursor = |model: &ModelView| model.model_id.clone();
    Ok(axum::Json(Page::of(models, limit.into(), cursor)))
}

/// Registers a model
///
/// Optional: a model registers itself with its first rows. What is known already may be said again; what
/// contradicts it is refused.
#[utoipa::path(post, path = "/v1/models", tag = "models",
    request_body(content = ModelForm, example = json!({
        "model_id": "churn", "model_type": "classifier", "positive_label": "yes", "last_training_time": "2025-01-01T00:00:00Z",
        "columns": [{"name": "age", "kind": "numeric"}, {"name": "plan", "kind": "categorical"}]})),
    responses(
        (status = 201, description = "The model is new", body = ModelView),
        (status = 200, description = "The model was there already", body = ModelView),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn create_model(
    State(app): State<App>,
    Json(form): Json<ModelForm>,
) -> ApiResult<impl IntoResponse> {
    let (id, patch) = form.into_parts();
    let id = ModelId::new(id)
        .map_err(|error| ApiError::new(ProblemKind::BadModel, error.to_string()).at("model_id"))?;
    let known = app.store.model(&id).await?;
    let model = app.ingest.register(patch.of(id)).await?;
    app.watch.touched(model.no);
    let status = match known {
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    Ok((status, axum::Json(ModelView::from(model))))
}

/// Shows a model
#[utoipa::path(get, path = "/v1/models/{model_id}", tag = "models",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 200, description = "The model", body = ModelView)))]
pub(super) async fn get_model(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<ModelView>> {
    let model = existing(&app, &model_id(id)?).await?;
    Ok(axum::Json(model.into()))
}

/// Changes a model
///
/// A newer `last_training_time` says that it was retrained: a new baseline begins.
#[utoipa::path(patch, path = "/v1/models/{model_id}", tag = "models",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    request_body(content = ModelPatch, example = json!({"last_training_time": "2025-01-15T00:00:00Z"})),
    responses(
        (status = 200, description = "The model as it is now", body = ModelView),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn change_model(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(patch): Json<ModelPatch>,
) -> ApiResult<axum::Json<ModelView>> {
    let id = model_id(id)?;
    existing(&app, &id).await?;
    let model = app.ingest.register(patch.of(id)).await?;
    app.watch.touched(model.no);
    Ok(axum::Json(model.into()))
}

/// Deletes a model
///
/// With its rows, labels, reference data, monitors, measurements and series.
#[utoipa::path(delete, path = "/v1/models/{model_id}", tag = "removal",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 204, description = "The model is gone")))]
pub(super) async fn delete_model(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<StatusCode> {
    let id = model_id(id)?;
    app.ingest.delete(&id).await?;
    app.watch.model_removed(&id);
    Ok(StatusCode::NO_CONTENT)
}
