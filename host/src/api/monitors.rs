//! Monitors: make, change, remove, evaluate, replay over the past.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::ModelId;
use crate::monitor::Cause;

use super::app::App;
use super::error::ApiResult;
use super::extract::{Json, Path, Query, model_id, monitor_name, number};
use super::problem::ProblemKind;
use super::views::{BacktestView, MonitorForm, MonitorSpecForm, MonitorView, ResultsView};

/// Monitors of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MonitorList {
    /// By name.
    items: Vec<MonitorView>,
}

/// Whether to wait for an evaluation.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// Answers with the results; else at once, and the evaluation runs in the background.
    #[serde(default)]
    #[param(default = false, example = true)]
    wait: bool,
}

/// Lists the monitors of a model
///
/// A model has three from the start: `data-drift`, `prior-drift` and `concept-drift`.
#[utoipa::path(get, path = "/v1/models/{model_id}/monitors", tag = "monitors",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 200, description = "The monitors", body = MonitorList)))]
pub(super) async fn list_monitors(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<MonitorList>> {
    let monitors = app.watch.monitors(&model_id(id)?).await?;
    let items = monitors.into_iter().map(MonitorView::from).collect();
    Ok(axum::Json(MonitorList { items }))
}

/// Makes a monitor
///
/// It is evaluated over the stored profiles, so it has a history at once.
#[utoipa::path(post, path = "/v1/models/{model_id}/monitors", tag = "monitors",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    request_body(content = MonitorForm, example = json!({"name": "newest-thousand", "spec": {
        "detector": "data-drift", "current": {"of": "sliding", "extent": {"rows": 1000}}, "rows_min": 50}})),
    responses(
        (status = 201, description = "The monitor is new", body = MonitorView, headers(("Location" = String, description = "Where it is"))),
        (status = 409, description = "name-taken", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn create_monitor(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(form): Json<MonitorForm>,
) -> ApiResult<impl IntoResponse> {
    let id = model_id(id)?;
    let name = monitor_name(&form.name)?;
    let record = app.watch.create(&id, name, form.spec.into()).await?;
    let location = location(&id, name);
    let view = MonitorView::from(record);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        axum::Json(view),
    ))
}

/// Shows a monitor
#[utoipa::path(get, path = "/v1/models/{model_id}/monitors/{monitor}", tag = "monitors",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("monitor" = String, Path, description = "The monitor", example = "data-drift")),
    responses((status = 200, description = "The monitor", body = MonitorView)))]
pub(super) async fn get_monitor(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<axum::Json<MonitorView>> {
    let record = app
        .watch
        .monitor(&model_id(id)?, monitor_name(&name)?)
        .await?;
    Ok(axum::Json(record.into()))
}

/// Makes or changes a monitor
///
/// A changed one forgets what it had learned, and is evaluated over the stored profiles again.
#[utoipa::path(put, path = "/v1/models/{model_id}/monitors/{monitor}", tag = "monitors",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("monitor" = String, Path, description = "The monitor", example = "newest-thousand")),
    request_body(content = MonitorSpecForm, example = json!({
        "detector": "data-drift", "current": {"of": "sliding", "extent": {"rows": 2000}}, "rows_min": 50})),
    responses(
        (status = 200, description = "The monitor is as it was, or changed", body = MonitorView),
        (status = 201, description = "The monitor is new", body = MonitorView, headers(("Location" = String, description = "Where it is")))))]
pub(super) async fn put_monitor(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    Json(form): Json<MonitorSpecForm>,
) -> ApiResult<Response> {
    let id = model_id(id)?;
    let name = monitor_name(&name)?;
    let (record, new) = app.watch.put(&id, name, form.into()).await?;
    let body = axum::Json(MonitorView::from(record));
    Ok(if new {
        (StatusCode::CREATED, [(LOCATION, location(&id, name))], body).into_response()
    } else {
        body.into_response()
    })
}

/// Deletes a monitor
///
/// With its measurements and series.
#[utoipa::path(delete, path = "/v1/models/{model_id}/monitors/{monitor}", tag = "removal",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("monitor" = String, Path, description = "The monitor", example = "newest-thousand")),
    responses((status = 204, description = "The monitor is gone")))]
pub(super) async fn delete_monitor(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    app.watch
        .delete(&model_id(id)?, monitor_name(&name)?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Evaluates a monitor now
///
/// Whatever its cadence, over everything that is committed.
#[utoipa::path(post, path = "/v1/models/{model_id}/monitors/{monitor}/evaluate", tag = "evaluations",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("monitor" = String, Path, description = "The monitor", example = "data-drift"), WaitQuery),
    responses(
        (status = 200, description = "The results: with `wait=true`", body = ResultsView),
        (status = 202, description = "The evaluation will run")))]
pub(super) async fn evaluate_monitor(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
    Query(query): Query<WaitQuery>,
) -> ApiResult<Response> {
    evaluate(&app, &model_id(id)?, Some(monitor_name(&name)?), query.wait).await
}

/// Evaluates all monitors of a model now
///
/// Those that are enabled, whatever their cadence, over everything that is committed.
#[utoipa::path(post, path = "/v1/models/{model_id}/evaluate", tag = "evaluations",
    params(("model_id" = String, Path, description = "The model", example = "churn"), WaitQuery),
    responses(
        (status = 200, description = "The results: with `wait=true`", body = ResultsView),
        (status = 202, description = "The evaluations will run")))]
pub(super) async fn evaluate_model(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> ApiResult<Response> {
    evaluate(&app, &model_id(id)?, None, query.wait).await
}

async fn evaluate(
    app: &App,
    id: &ModelId,
    monitor: Option<&str>,
    wait: bool,
) -> ApiResult<Response> {
    if wait {
        let records = app.watch.evaluate(id, monitor, Cause::Request).await?;
        return Ok(axum::Json(ResultsView::of(id.as_str(), records)).into_response());
    }
    app.watch.evaluate_soon(id, monitor).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Replays a monitor over the past
///
/// Over the stored profiles, window by window, in the background.
#[utoipa::path(post, path = "/v1/models/{model_id}/monitors/{monitor}/backtest", tag = "evaluations",
    params(("model_id" = String, Path, description = "The model", example = "churn"),
        ("monitor" = String, Path, description = "The monitor", example = "data-drift")),
    responses((status = 202, description = "The backtest will run", body = BacktestView,
        headers(("Location" = String, description = "Where its progress is")))))]
pub(super) async fn start_backtest(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let record = app
        .watch
        .backtest(&model_id(id)?, monitor_name(&name)?)
        .await?;
    let location = format!("/v1/backtests/{}", record.backtest_no);
    let view = BacktestView::from(record);
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, location)],
        axum::Json(view),
    ))
}

/// Shows how far a backtest is
#[utoipa::path(get, path = "/v1/backtests/{backtest_no}", tag = "evaluations",
    params(("backtest_no" = i64, Path, description = "Number of the backtest", minimum = 1, example = 1)),
    responses((status = 200, description = "The backtest", body = BacktestView)))]
pub(super) async fn get_backtest(
    State(app): State<App>,
    Path(backtest_no): Path<String>,
) -> ApiResult<axum::Json<BacktestView>> {
    let number = number(&backtest_no, ProblemKind::NoBacktest)?;
    let record = app.watch.backtest_state(number).await?;
    Ok(axum::Json(record.into()))
}

/// Where a monitor is. Names may have any printable character, a path may not.
fn location(id: &ModelId, name: &str) -> String {
    format!(
        "/v1/models/{}/monitors/{}",
        escape(id.as_str()),
        escape(name)
    )
}

fn escape(segment: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_whatever_the_names_are() {
        let id = ModelId::new("a/b ü").unwrap();

        assert_eq!(
            location(&id, "data-drift"),
            "/v1/models/a%2Fb%20%C3%BC/monitors/data-drift"
        );
    }
}
