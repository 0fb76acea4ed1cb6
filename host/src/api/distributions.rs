//! Where the values of a column are, in the two windows of a monitor.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::monitor::BINS_MAX;

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query, model_id, named_monitor, query_integer};
use super::problem::ProblemKind;
use super::views::DistributionsView;

/// Bins where nothing is said.
const BINS_DEFAULT: u32 = 30;

/// Which column, in which windows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DistributionsQuery {
    /// A column of the model, or a derived one: `error`, `brier`, `residual`, `absolute_residual`.
    #[param(min_length = 1, example = "age")]
    column: String,
    /// The monitor whose windows are meant.
    #[param(min_length = 1, example = "data-drift")]
    monitor: String,
    /// Most bins of numbers, or names of categories.
    #[serde(default, deserialize_with = "query_integer")]
    #[param(minimum = 1, maximum = 200, default = 30, nullable = false)]
    bins: Option<i64>,
}

/// Compares the distributions of a column
///
/// In the windows that the monitor would compare now, or, where its windows tumble, in the one that it judged last: both cut into
/// the same bins, out of stored profiles.
#[utoipa::path(get, path = "/v1/models/{model_id}/distributions", tag = "measurements",
    params(("model_id" = String, Path, description = "The model", example = "churn"), DistributionsQuery),
    responses((status = 200, description = "The column in both windows", body = DistributionsView)))]
pub(super) async fn distributions(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<DistributionsQuery>,
) -> ApiResult<axum::Json<DistributionsView>> {
    let bins = bins(query.bins)?;
    let id = model_id(id)?;
    let monitor = named_monitor(&query.monitor)?;
    let found = app
        .watch
        .distributions(&id, monitor, &query.column, bins)
        .await?;
    Ok(axum::Json(DistributionsView::of(
        id.as_str(),
        monitor,
        &query.column,
        found,
    )))
}

/// How many bins there may be.
///
/// # Errors
/// `bad-query` outside 1 to [`BINS_MAX`].
fn bins(asked: Option<i64>) -> ApiResult<u32> {
    let Some(asked) = asked else {
        return Ok(BINS_DEFAULT);
    };
    u32::try_from(asked)
        .ok()
        .filter(|bins| (1..=BINS_MAX).contains(bins))
        .ok_or_else(|| {
            let detail = format!("bins is {asked}; it can be 1 to {BINS_MAX}");
            ApiError::new(ProblemKind::BadQuery, detail).at("bins")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_at_least_one_bin_and_at_most_two_hundred() {
        assert_eq!(bins(None).unwrap(), BINS_DEFAULT);
        assert_eq!(bins(Some(1)).unwrap(), 1);
        assert_eq!(bins(Some(BINS_MAX.into())).unwrap(), BINS_MAX);
        for odd in [0, -1, i64::from(BINS_MAX) + 1] {
            assert_eq!(bins(Some(odd)).unwrap_err().kind(), ProblemKind::BadQuery);
        }
    }
}
