//! The two calls of clients of the Python service, unchanged.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::{Model, ModelId, ModelType, Verdict};
use crate::ingest::{BodyFormat, IngestOptions};
use crate::metrics::names::{EMD_METRIC, subject};
use crate::monitor::{Cause, EvaluationRecord};
use crate::store::{Store, StoreResult};

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, from_json, media_type, model_id, unsupported_type};
use super::models::existing;
use super::problem::ProblemKind;
use super::views::{
    EvaluationView, LegacyBatch, LegacyRow, ModelTypeView, ReceiptView, legacy_row,
};

/// Rows that are in memory at a time while a history is sent.
const PAGE_ROWS: u32 = 1_000;

/// What the body says beside its rows, which `ingest` reads.
#[derive(Debug, Deserialize)]
struct Head {
    model_id: String,
    #[serde(default)]
    model_type: Option<ModelTypeView>,
    #[serde(default, deserialize_with = "lenient_time")]
    last_training_time: Option<Timestamp>,
}

/// What became of the rows, and what the monitors say now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LegacyAnswer {
    /// The model.
    #[schema(example = "churn")]
    model_id: String,
    /// Rows that were stored.
    receipt: ReceiptView,
    /// Results under the names of the Python service, such as `concept_drift` and `prediction_emd`; those that were
    /// measured. The same stand in headers such as `X-Concept-Drift`.
    #[schema(example = json!({"prediction_drift": 0.013, "prediction_emd": 0.4}))]
    results: BTreeMap<String, f64>,
    /// The evaluations with everything they measured.
    evaluations: Vec<EvaluationView>,
}

/// Stores rows and evaluates at once
///
/// The call of the Python service: `model_id`, `model_type` and `last_training_time` in the body. Answers with the
/// results in the body and in headers: `X-Prediction-Drift`, `X-Prediction-Emd`, `X-Prediction-Prob-Drift`,
/// `X-Prediction-Prob-Emd`, `X-Prior-Drift`, `X-Prior-Emd`, `X-Concept-Drift` and `X-Concept-Emd`, those that were
/// measured. New clients send rows to `/v1/models/{model_id}/predictions`, which does not wait for detectors.
#[utoipa::path(post, path = "/metrics", tag = "legacy",
    request_body(content = LegacyBatch, example = json!({
        "model_id": "churn", "model_type": "classifier", "last_training_time": "2025-01-01T00:00:00Z", "predictions": [
            {"record_id": "r-9", "prediction_time": "2025-02-02T08:00:00Z", "prediction": "yes", "prediction_probability": 0.7, "ground_truth_label": null}]})),
    responses(
        (status = 200, description = "The rows are committed; the results", body = LegacyAnswer, headers(
            ("X-Concept-Drift" = f64, description = "Drift of the model's errors; absent where it was not measured"),
            ("X-Concept-Emd" = f64, description = "Earth mover's distance of the model's errors"),
            ("X-Prior-Drift" = f64, description = "Drift of the label"),
            ("X-Prior-Emd" = f64, description = "Earth mover's distance of the label"),
            ("X-Prediction-Drift" = f64, description = "Drift of the prediction"),
            ("X-Prediction-Emd" = f64, description = "Earth mover's distance of the prediction"),
            ("X-Prediction-Prob-Drift" = f64, description = "Drift of the predicted probability"),
            ("X-Prediction-Prob-Emd" = f64, description = "Earth mover's distance of the predicted probability"))),
        (status = 409, description = "contradiction", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn post_metrics(
    State(app): State<App>,
    request: Request,
) -> ApiResult<impl IntoResponse> {
    match media_type(request.headers()).as_deref() {
        None | Some("application/json") => {}
        Some(other) => return Err(unsupported_type(other, &["application/json"])),
    }
    let received = app
        .intake
        .read(request, app.intake.limits().batch_bytes_max)
        .await?;
    let head: Head = from_json(&received.bytes)?;
    let id = ModelId::new(head.model_id)
        .map_err(|error| ApiError::new(ProblemKind::BadModel, error.to_string()).at("model_id"))?;
    let options = IngestOptions {
        partial: false,
        model_type: head.model_type.map(ModelType::from),
        last_training_time: head.last_training_time,
    };
    let receipt = app
        .ingest
        .predictions(&id, BodyFormat::Json, received.bytes.clone(), &options)
        .await?;
    let records = app.watch.evaluate(&id, None, Cause::Request).await?;
    let model = existing(&app, &id).await?;
    let results = results(&model, &records);
    let headers = headers(&results);
    let answer = LegacyAnswer {
        model_id: id.to_string(),
        receipt: receipt.into(),
        results,
        evaluations: records.into_iter().map(EvaluationView::from).collect(),
    };
    Ok((headers, axum::Json(answer)))
}

/// Measurements under the names of the Python service. It knew one column of each kind: the first is meant.
fn results(model: &Model, records: &[EvaluationRecord]) -> BTreeMap<String, f64> {
    let mut results = BTreeMap::new();
    let measurements = records.iter().flat_map(|record| &record.measurements);
    for one in measurements.filter(|one| one.row.is_none()) {
        let judged = !matches!(one.verdict, Verdict::Insufficient | Verdict::Failed);
        let column = one.column.as_deref().and_then(|name| role(model, name));
        if let Some(column) = column.filter(|_| judged) {
            let (subject, _) = subject(column);
            let end = if one.metric == EMD_METRIC {
                "emd"
            } else {
                "drift"
            };
            results
                .entry(format!("{subject}_{end}"))
                .or_insert(one.value);
        }
    }
    // The Python service knew no features; there are many, and each has a measurement of its own.
    results.retain(|name, _| !name.starts_with("data_"));
    results
}

/// What a column means: those that the host derives are not among the model's.
fn role(model: &Model, name: &str) -> Option<crate::domain::Role> {
    use crate::domain::Role;
    match name {
        "error" => Some(Role::Error),
        "brier" => Some(Role::Brier),
        "residual" => Some(Role::Residual),
        "absolute_residual" => Some(Role::AbsoluteResidual),
        _ => model.column(name).map(|column| column.role),
    }
}

/// `concept_drift` as `X-Concept-Drift`.
fn headers(results: &BTreeMap<String, f64>) -> HeaderMap {
    let pair = |(name, value): (&String, &f64)| {
        let name = format!("x-{}", name.replace('_', "-"));
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(&value.to_string()).ok()?;
        Some((name, value))
    };
    results.iter().filter_map(pair).collect()
}

/// A time as Python writes it: without a zone it is UTC.
fn lenient_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let error = match text.parse::<Timestamp>() {
        Ok(time) => return Ok(Some(time)),
        Err(error) => error,
    };
    text.parse::<DateTime>()
        .ok()
        .and_then(|time| TimeZone::UTC.to_timestamp(time).ok())
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(error))
}

/// Reads all rows of a model back
///
/// The call of the Python service: one array, in the order of arrival, each row with the label that counts. Sent while it
/// is read, whatever its length. New clients read `/v1/models/{model_id}/predictions` page by page.
#[utoipa::path(get, path = "/prediction_history/{model_id}", tag = "legacy",
    params(("model_id" = String, Path, description = "The model", example = "churn")),
    responses((status = 200, description = "The rows", body = Vec<LegacyRow>)))]
pub(super) async fn prediction_history(
    State(app): State<App>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let model = existing(&app, &model_id(id)?).await?;
    // The first page is read before anything is sent, so that a database that is away is an error and no broken array.
    let first = app.store.history_rows(&model, 0, PAGE_ROWS, false).await?;
    let after = next_of(&first);
    let first = page(&model, first, true)?;
    let rest = pages(app.store.clone(), model, after);
    let end = stream::once(async { Ok(Bytes::from_static(b"]")) });
    let body = stream::once(async { Ok(first) }).chain(rest).chain(end);
    let body = Body::from_stream(body);
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The pages behind the first one. `after`: the last row that was sent, if there may be more.
fn pages(
    store: Store,
    model: Model,
    after: Option<i64>,
) -> impl Stream<Item = Result<Bytes, ApiError>> {
    let next = move |after: Option<i64>| {
        let (store, model) = (store.clone(), model.clone());
        async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let rows: StoreResult<_> = store.history_rows(&model, after, PAGE_ROWS, false).await;
            let rows = rows?;
            let after = next_of(&rows);
            Ok::<_, ApiError>(Some((page(&model, rows, false)?, after)))
        }
    };
    stream::try_unfold(after, next).inspect_err(|error| {
        // The status is sent already: the connection is cut, which every client notices.
        tracing::error!(
            error = error as &dyn std::error::Error,
            "a history could not be sent to its end"
        );
    })
}

fn next_of(rows: &[crate::store::HistoryRow]) -> Option<i64> {
    let full = rows.len() == PAGE_ROWS as usize;
    rows.last().filter(|_| full).map(|row| row.seq)
}

/// Rows as elements of an array, with its beginning if they are the first.
fn page(model: &Model, rows: Vec<crate::store::HistoryRow>, first: bool) -> ApiResult<Bytes> {
    let mut out = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        out.push(if first && at == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut out, &legacy_row(model, row))
            .map_err(|error| ApiError::caused(ProblemKind::Internal, error))?;
    }
    if first && out.is_empty() {
        out.push(b'[');
    }
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_batch_is_read_as_python_writes_it() {
        let read = |time: &str| {
            let body = format!(
                r#"{{"model_id": "m", "model_type": "classifier", "last_training_time": {time}, "predictions": []}}"#
            );
            let head: Result<Head, _> = serde_json::from_str(&body);
            head.map(|head| head.last_training_time.map(|time| time.to_string()))
                .map_err(|_| ())
        };
        let expected = Ok(Some("2025-01-01T10:00:00Z".to_owned()));
        assert_eq!(read("\"2025-01-01T10:00:00\""), expected);
        assert_eq!(read("\"2025-01-01 10:00:00\""), expected);
        assert_eq!(read("\"2025-01-01T12:00:00+02:00\""), expected);
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("\"yesterday\""), Err(()));
    }

    #[test]
    fn results_stand_in_headers_under_their_old_names() {
        let results = BTreeMap::from([
            ("concept_drift".to_owned(), 0.25),
            ("prediction_prob_emd".to_owned(), 1e-9),
        ]);

        let headers = headers(&results);

        assert_eq!(headers["X-Concept-Drift"], "0.25");
        assert_eq!(headers["X-Prediction-Prob-Emd"], "0.000000001");
        assert_eq!(headers.len(), 2);
    }
}
