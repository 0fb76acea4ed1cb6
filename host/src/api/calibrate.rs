//! Replaying a model's reference against itself.

use axum::extract::State;

use crate::monitor::CalibrationError;

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, model_id, monitor_name};
use super::problem::ProblemKind;
use super::views::{CalibrationBody, CalibrationView};

/// Calibrates a model's monitors
///
/// Replays the rows of the reference against themselves: false alarms of each monitor and of all together, the smallest shift that
/// each column shows at each size of window, a size to take, and whether the reference moves by itself. The rows are those of the active
/// reference data, else those up to the last training, else those that the first monitor compares with now. Nothing is stored. One
/// calibration runs at a time, between evaluations; it takes seconds to minutes, so for more than the default the time to an answer
/// (`--request-timeout`) may have to be longer.
#[utoipa::path(post, path = "/v1/models/{model_id}/calibrate", tag = "monitors",
    params(("model_id" = String, Path, description = "The model", example = "shop")),
    request_body(content = CalibrationBody, example = json!({"monitor": "data-drift", "replays": 20, "rows": 1000, "sizes": [100, 200], "columns": 2})),
    responses((status = 200, description = "What came out", body = CalibrationView),
        (status = 409, description = "no-reference-rows", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn calibrate_model(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<CalibrationBody>,
) -> ApiResult<axum::Json<CalibrationView>> {
    let id = model_id(id)?;
    let monitor = body.monitor.clone();
    let monitor = monitor.as_deref().map(monitor_name).transpose()?;
    let report = app.watch.calibrate(&id, monitor, body.into()).await?;
    Ok(axum::Json(CalibrationView(report)))
}

impl From<CalibrationError> for ApiError {
    fn from(error: CalibrationError) -> Self {
        let text = error.to_string();
        let kind = match error {
            CalibrationError::Settings(_) | CalibrationError::Monitor { .. } => {
                ProblemKind::BadCalibration
            }
            CalibrationError::Reference(_) => ProblemKind::NoReferenceRows,
            CalibrationError::Watch(error) => return error.into(),
            CalibrationError::Store(error) => return error.into(),
            CalibrationError::Stopping => ProblemKind::Stopping,
        };
        Self::new(kind, text)
    }
}
