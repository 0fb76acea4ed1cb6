//! What was measured: the latest of each monitor, and the history.

use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::ModelId;
use crate::monitor::EvaluationRecord;
use crate::store::{EvaluationFilter, MeasurementFilter, MeasurementKey, StoredMeasurement};

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query, model_id, query_integer, query_text};
use super::models::existing;
use super::page;
use super::problem::ProblemKind;
use super::views::{EvaluationView, HistoryView, Page, ResultsView, VerdictView};

/// Which measurements.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MeasurementsQuery {
    /// Of this model.
    #[serde(default, deserialize_with = "query_text")]
    #[param(
        nullable = false,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        example = "churn"
    )]
    model_id: Option<String>,
    /// Of this monitor.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    monitor: Option<String>,
    /// Of this metric.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    metric: Option<String>,
    /// Of this column; the empty text is the window as a whole.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    column: Option<String>,
    /// With this verdict.
    #[serde(default)]
    #[param(nullable = false, inline)]
    verdict: Option<VerdictView>,
    /// Measured from this time on.
    #[serde(default)]
    #[param(nullable = false)]
    from: Option<Timestamp>,
    /// Measured before this time.
    #[serde(default)]
    #[param(nullable = false)]
    to: Option<Timestamp>,
    /// Those of versions that are not in use: shadows, and versions that a backtest tries.
    #[serde(default)]
    #[param(default = false)]
    shadow: bool,
    /// Most measurements of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[0-9]{1,16}\.[0-9]{1,18}\.[0-9]{1,9}$")]
    cursor: Option<String>,
}

/// Which evaluations.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EvaluationsQuery {
    /// Of this model.
    #[serde(default, deserialize_with = "query_text")]
    #[param(
        nullable = false,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        example = "churn"
    )]
    model_id: Option<String>,
    /// Of this monitor.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    monitor: Option<String>,
    /// Run from this time on.
    #[serde(default)]
    #[param(nullable = false)]
    from: Option<Timestamp>,
    /// Run before this time.
    #[serde(default)]
    #[param(nullable = false)]
    to: Option<Timestamp>,
    /// Those of versions that are not in use: shadows, and versions that a backtest tries.
    #[serde(default)]
    #[param(default = false)]
    shadow: bool,
    /// Most evaluations of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[0-9]{1,16}\.[0-9]{1,18}$")]
    cursor: Option<String>,
    /// Whether each comes with its measurements; of a model with many columns they are most of the answer.
    #[serde(default = "yes")]
    #[param(default = true)]
    measurements: bool,
}

/// Shows the latest evaluation of each monitor
#[utoipa::path(get, path = "/v1/models/{model_id}/results", tag = "measurements",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 200, description = "One evaluation a monitor", body = ResultsView)))]
pub(super) async fn latest_results(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<ResultsView>> {
    let id = model_id(id)?;
    let records = app.watch.latest(&id).await?;
    Ok(axum::Json(ResultsView::of(id.as_str(), records)))
}

/// Reads measurements
///
/// Newest first, page by page; inside an evaluation in the detector's order.
#[utoipa::path(get, path = "/v1/measurements", tag = "measurements", params(MeasurementsQuery),
    responses((status = 200, description = "One page of the measurements", body = Page<HistoryView>)))]
pub(super) async fn list_measurements(
    State(app): State<App>,
    Query(query): Query<MeasurementsQuery>,
) -> ApiResult<axum::Json<Page<HistoryView>>> {
    let limit = page::items(query.limit)?;
    let after = page::cursor(query.cursor.as_deref())?
        .map(|[micros, evaluation_no, ordinal]| {
            Ok::<_, ApiError>(MeasurementKey {
                measured_at: time(micros)?,
                evaluation_no,
                // No evaluation has so many measurements: such a cursor is behind all of its evaluation.
                ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            })
        })
        .transpose()?;
    let filter = MeasurementFilter {
        model_no: model_no(&app, query.model_id).await?,
        monitor: query.monitor,
        metric: query.metric,
        column: query.column,
        verdict: query.verdict.map(VerdictView::into),
        cause: None,
        from: query.from,
        to: query.to,
        after,
        shadow: query.shadow,
        limit: u32::from(limit) + 1,
    };
    let found = app.store.measurements(&filter).await?;
    let place = |one: &StoredMeasurement| {
        let key = one.key;
        let micros = key.measured_at.as_microsecond();
        format!("{micros}.{}.{}", key.evaluation_no, key.ordinal)
    };
    Ok(axum::Json(shown(Page::of(found, limit.into(), place))))
}

/// Reads evaluations
///
/// Newest first, page by page, each with its measurements.
#[utoipa::path(get, path = "/v1/evaluations", tag = "measurements", params(EvaluationsQuery),
    responses((status = 200, description = "One page of the evaluations", body = Page<EvaluationView>)))]
pub(super) async fn list_evaluations(
    State(app): State<App>,
    Query(query): Query<EvaluationsQuery>,
) -> ApiResult<axum::Json<Page<EvaluationView>>> {
    let limit = page::items(query.limit)?;
    let after = page::cursor(query.cursor.as_deref())?
        .map(|[micros, evaluation_no]| Ok::<_, ApiError>((time(micros)?, evaluation_no)))
        .transpose()?;
    let filter = EvaluationFilter {
        model_no: model_no(&app, query.model_id).await?,
        monitor: query.monitor,
        from: query.from,
        to: query.to,
        after,
        shadow: query.shadow,
        limit: u32::from(limit) + 1,
        bare: !query.measurements,
    };
    let found = app.store.evaluations(&filter).await?;
    let place = |one: &EvaluationRecord| {
        let micros = one.evaluated_at.as_microsecond();
        format!("{micros}.{}", one.evaluation_no)
    };
    Ok(axum::Json(shown(Page::of(found, limit.into(), place))))
}

fn yes() -> bool {
    true
}

fn shown<R, V: From<R>>(page: Page<R>) -> Page<V> {
    Page {
        items: page.items.into_iter().map(V::from).collect(),
        next_cursor: page.next_cursor,
    }
}

async fn model_no(app: &App, id: Option<String>) -> ApiResult<Option<i32>> {
    let Some(id) = id else {
        return Ok(None);
    };
    let id = ModelId::new(id)
        .map_err(|error| ApiError::new(ProblemKind::BadQuery, error.to_string()).at("model_id"))?;
    Ok(Some(existing(app, &id).await?.no))
}

/// The time of a cursor.
fn time(micros: i64) -> ApiResult<Timestamp> {
    Timestamp::from_microsecond(micros)
        .map_err(|error| ApiError::new(ProblemKind::BadQuery, error.to_string()).at("cursor"))
}
