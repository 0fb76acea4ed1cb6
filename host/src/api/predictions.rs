//! Rows: in many formats in, as JSON back.

use axum::extract::{Request, State};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::ModelType;
use crate::ingest::IngestOptions;

use super::app::App;
use super::error::ApiResult;
use super::extract::{Path, Query, model_id, query_integer, query_text};
use super::formats::body_format;
use super::models::existing;
use super::page;
use super::views::{ModelTypeView, Page, PredictionBatch, ReceiptView, RowView};

/// Most numbers of vectors on a page.
const PAGE_NUMBERS_MAX: usize = 1 << 20;

/// What a client says beside its rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct IngestQuery {
    /// Takes the good rows of a batch and reports the bad ones; else one bad row refuses the batch.
    #[serde(default)]
    #[param(default = false)]
    partial: bool,
    /// What the model answers: taken when the model registers itself, held against it afterwards.
    #[serde(default)]
    #[param(nullable = false, inline)]
    model_type: Option<ModelTypeView>,
    /// Rows up to this time are what the model was trained on. A newer time retrains it.
    #[serde(default)]
    #[param(nullable = false)]
    last_training_time: Option<Timestamp>,
}

/// Which page of the rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RowsQuery {
    /// Most rows of the page.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "query_text")]
    #[param(nullable = false, pattern = r"^[0-9]{1,18}$")]
    cursor: Option<String>,
}

/// Stores rows
///
/// Answers after the commit: what it counts survives any crash, and the request may be sent again, for the same
/// `record_id` at the same `prediction_time` counts once. A model that does not exist registers itself. The body is
/// one row, an array of rows, `{"predictions": [...]}`, an object of columns, NDJSON, CSV with a header, an Arrow IPC
/// stream or Parquet, also compressed (`Content-Encoding: gzip` or `zstd`). In tables the columns `record_id`,
/// `prediction_time`, `prediction`, `probability` and `label` have these meanings; all others are features.
#[utoipa::path(post, path = "/v1/models/{model_id}/predictions", tag = "predictions",
    params(("model_id" = String, Path, description = "The model", example = "churn"), IngestQuery),
    request_body(content(
        (PredictionBatch = "application/json", example = json!({"predictions": [
            {"record_id": "r-1", "prediction_time": "2025-02-01T12:00:00Z", "features": {"age": 41, "plan": "gold"}, "prediction": "yes", "probability": 0.91},
            {"record_id": "r-2", "prediction_time": "2025-02-01T12:00:01Z", "features": {"age": 35, "plan": "free"}, "prediction": "no", "probability": 0.18}]})),
        ("application/x-ndjson", example = json!("{\"record_id\":\"r-3\",\"prediction_time\":\"2025-02-01T12:00:02Z\",\"features\":{\"age\":52,\"plan\":\"gold\"},\"prediction\":\"no\",\"probability\":0.31}\n")),
        ("text/csv", example = json!("record_id,prediction_time,age,plan,prediction,probability\nr-4,2025-02-01T12:00:03Z,29,free,yes,0.77\n")),
        ("application/vnd.apache.arrow.stream"),
        ("application/vnd.apache.parquet"))),
    responses(
        (status = 200, description = "The rows are committed", body = ReceiptView, example = json!(
            {"accepted": 2, "duplicates": 0, "labels": 0, "rejected": [], "schema_version": 1})),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn add_predictions(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<IngestQuery>,
    request: Request,
) -> ApiResult<axum::Json<ReceiptView>> {
    let id = model_id(id)?;
    let format = body_format(request.headers())?;
    let options = query.options();
    let received = app
        .intake
        .read(request, app.intake.limits().batch_bytes_max)
        .await?;
    let receipt = app
        .ingest
        .predictions(&id, format, received.bytes.clone(), &options)
        .await?;
    Ok(axum::Json(receipt.into()))
}

impl IngestQuery {
    /// The same for `ingest`.
    pub(super) fn options(&self) -> IngestOptions {
        IngestOptions {
            partial: self.partial,
            model_type: self.model_type.map(ModelType::from),
            last_training_time: self.last_training_time,
        }
    }
}

/// Reads rows back
///
/// In the order of their arrival, page by page, each with the label that counts. A page of rows with long vectors may have fewer
/// than were asked for: at most a million numbers of vectors.
#[utoipa::path(get, path = "/v1/models/{model_id}/predictions", tag = "predictions",
    params(("model_id" = String, Path, description = "The model", example = "churn"), RowsQuery),
    responses((status = 200, description = "One page of the rows", body = Page<RowView>)))]
pub(super) async fn list_predictions(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<RowsQuery>,
) -> ApiResult<axum::Json<Page<RowView>>> {
    let asked = page::items(query.limit)?;
    let [after] = page::cursor(query.cursor.as_deref())?.unwrap_or([0]);
    let model = existing(&app, &model_id(id)?).await?;
    // Long vectors make short pages.
    let fit = PAGE_NUMBERS_MAX / model.embedding_numbers().max(1);
    let limit = asked.min(u16::try_from(fit).unwrap_or(u16::MAX)).max(1);
    let rows = app
        .store
        .history_rows(&model, after, u32::from(limit) + 1, true)
        .await?;
    let rows = rows.into_iter().map(|row| RowView::of(&model, row));
    let cursor = |row: &RowView| row.seq.to_string();
    Ok(axum::Json(Page::of(rows.collect(), limit.into(), cursor)))
}
