//! Labels: the truth about rows, whenever it arrives.

use axum::extract::{Request, State};

use super::app::App;
use super::error::ApiResult;
use super::extract::{Path, model_id};
use super::formats::body_format;
use super::views::{LabelBatch, ReceiptView};

/// Stores labels
///
/// In any order, also before their rows; a later label of the same record replaces the earlier one. The body is one
/// label, an array of labels, `{"labels": [...]}`, NDJSON, CSV, an Arrow IPC stream or Parquet with the columns
/// `record_id` and `label`, also compressed.
#[utoipa::path(post, path = "/v1/models/{model_id}/labels", tag = "labels",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    request_body(content(
        (LabelBatch = "application/json", example = json!({"labels": [{"record_id": "r-1", "label": "no"}, {"record_id": "r-2", "label": "no"}]})),
        ("application/x-ndjson", example = json!("{\"record_id\":\"r-3\",\"label\":\"no\"}\n")),
        ("text/csv", example = json!("record_id,label\nr-4,yes\n")),
        ("application/vnd.apache.arrow.stream"),
        ("application/vnd.apache.parquet"))),
    responses(
        (status = 200, description = "The labels are committed", body = ReceiptView, example = json!(
            {"accepted": 0, "duplicates": 0, "labels": 2, "rejected": [], "schema_version": 1})),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn add_labels(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<axum::Json<ReceiptView>> {
    let id = model_id(id)?;
    let format = body_format(request.headers())?;
    let received = app
        .intake
        .read(request, app.intake.limits().batch_bytes_max)
        .await?;
    let receipt = app
        .ingest
        .labels(&id, format, received.bytes.clone())
        .await?;
    Ok(axum::Json(receipt.into()))
}
