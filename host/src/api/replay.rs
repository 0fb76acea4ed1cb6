//! Making an evaluation again.

use axum::extract::State;

use crate::monitor::ReplayError;

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, number};
use super::problem::ProblemKind;
use super::views::ReplayView;

/// Makes an evaluation again
///
/// From what is stored: the component, configuration and seed, the baseline, and the windows as they stood, out of profiles
/// that have not changed since or out of rows. Every number is compared bit by bit; `same` says whether all are the same.
/// Nothing is stored. Where something is no longer there, the answer says what.
#[utoipa::path(post, path = "/v1/evaluations/{evaluation_no}/replay", tag = "evaluations",
    params(("evaluation_no" = i64, Path, description = "Number of the evaluation", minimum = 1, example = 1)),
    responses((status = 200, description = "What came out this time", body = ReplayView)))]
pub(super) async fn replay_evaluation(
    State(app): State<App>,
    Path(evaluation_no): Path<String>,
) -> ApiResult<axum::Json<ReplayView>> {
    let number = number(&evaluation_no, ProblemKind::NoEvaluation)?;
    Ok(axum::Json(app.watch.replay(number).await?.into()))
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        let text = error.to_string();
        let kind = match error {
            ReplayError::NoEvaluation(_) => ProblemKind::NoEvaluation,
            ReplayError::NotJudged { .. } => ProblemKind::NotJudged,
            ReplayError::NotKept { .. } => ProblemKind::InputsNotKept,
            ReplayError::Gone { .. } => ProblemKind::InputsGone,
            ReplayError::Differs { .. } => ProblemKind::InputsDiffer,
            ReplayError::Failed { .. } => ProblemKind::ReplayFailed,
            ReplayError::Stopping => ProblemKind::Stopping,
            ReplayError::Store(error) => return error.into(),
        };
        Self::new(kind, text)
    }
}
