//! Reading statements of clients over the views of the schema `history`.

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::store::{SqlError, SqlFormat, SqlLimits};

use super::app::App;
use super::error::{ApiError, ApiResult};
use super::extract::{from_json, media_type, negotiate, unsupported_type};
use super::problem::ProblemKind;

/// Says whether rows were cut off, in formats that have no place for it.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");
/// Formats of the answer, the default first.
const FORMATS: [(&str, SqlFormat); 3] = [
    ("application/json", SqlFormat::Json),
    ("text/csv", SqlFormat::Csv),
    ("application/vnd.apache.arrow.stream", SqlFormat::Arrow),
];

/// A statement to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlForm {
    /// One reading statement over the views of the schema `history`.
    #[schema(min_length = 1, pattern = r"^[^\x00]+$")]
    sql: String,
    /// Most rows of the answer; further ones are cut off.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10_000, default = 10_000)]
    rows_max: Option<u32>,
}

/// A column of an answer.
#[expect(dead_code, reason = "documents what the store writes")]
#[derive(Debug, ToSchema)]
pub(super) struct SqlColumnView {
    /// Its name.
    name: String,
    /// The database's name of its type.
    #[schema(example = "int8")]
    r#type: String,
}

/// An answer.
#[expect(dead_code, reason = "documents what the store writes")]
#[derive(Debug, ToSchema)]
pub(super) struct SqlView {
    /// Its columns.
    columns: Vec<SqlColumnView>,
    /// Its rows, one value a column. Numbers that JSON cannot say are null.
    rows: Vec<Vec<serde_json::Value>>,
    /// Whether there were more rows than allowed.
    truncated: bool,
}

/// Runs a reading statement
///
/// As a role that sees nothing but the views of the schema `history`, in a transaction that cannot write, with limits on
/// time, rows and bytes.
#[utoipa::path(post, path = "/v1/sql", tag = "sql",
    request_body(content(
        (SqlForm = "application/json", example = json!({"sql": "SELECT monitor, metric, column_name, value, verdict FROM history.measurements ORDER BY measured_at DESC LIMIT 20"})),
        (String = "text/plain", example = json!("SELECT model_id, rows_received, rows_profiled FROM history.models")))),
    responses(
        (status = 200, description = "The answer, in the first format of `Accept` that is offered",
            content((SqlView = "application/json"), (String = "text/csv"), ("application/vnd.apache.arrow.stream")),
            headers(("X-Truncated" = bool, description = "Whether there were more rows than allowed"))),
        (status = 406, description = "not-acceptable", body = super::problem::Problem, content_type = "application/problem+json"),
        (status = 501, description = "no-sql", body = super::problem::Problem, content_type = "application/problem+json")))]
pub(super) async fn run_sql(
    State(app): State<App>,
    request: Request,
) -> ApiResult<impl IntoResponse> {
    let offered = FORMATS.map(|(name, _)| name);
    let chosen = negotiate(request.headers(), &offered)?;
    let format = FORMATS
        .iter()
        .find(|(name, _)| *name == chosen)
        .map_or(SqlFormat::Json, |(_, format)| *format);
    let form = form(&app, request).await?;
    let limits = SqlLimits {
        rows_max: rows_max(form.rows_max, app.sql_limits.rows_max)?,
        ..app.sql_limits
    };
    let answer = app.sql.run(&form.sql, &limits).await?;
    let truncated = answer.truncated.to_string();
    // A large answer takes milliseconds to write: elsewhere than where requests are served.
    let bytes = tokio::task::spawn_blocking(move || answer.write(format))
        .await
        .map_err(|error| ApiError::caused(ProblemKind::Internal, error))?
        .map_err(|error| ApiError::caused(ProblemKind::Internal, error))?;
    Ok((
        [
            (CONTENT_TYPE, format.media_type().to_owned()),
            (TRUNCATED, truncated),
        ],
        bytes,
    ))
}

async fn form(app: &App, request: Request) -> ApiResult<SqlForm> {
    let content_type = media_type(request.headers());
    let received = app
        .intake
        .read(request, app.intake.limits().document_bytes_max)
        .await?;
    match content_type.as_deref() {
        None | Some("application/json") => from_json(&received.bytes),
        Some("text/plain" | "application/sql") => {
            let sql = std::str::from_utf8(&received.bytes).map_err(|error| {
                ApiError::new(
                    ProblemKind::BadBody,
                    format!("the statement is not UTF-8: {error}"),
                )
            })?;
            Ok(SqlForm {
                sql: sql.to_owned(),
                rows_max: None,
            })
        }
        Some(other) => Err(unsupported_type(other, &["application/json", "text/plain"])),
    }
}

/// # Errors
/// `bad-body` outside 1 to `most`.
fn rows_max(asked: Option<u32>, most: u32) -> ApiResult<u32> {
    let asked = asked.unwrap_or(most);
    if (1..=most).contains(&asked) {
        return Ok(asked);
    }
    let detail = format!("rows_max is {asked}; it can be 1 to {most}");
    Err(ApiError::new(ProblemKind::BadBody, detail).at("rows_max"))
}

impl From<SqlError> for ApiError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Refused {
                ref reason,
                position,
            } => {
                let place = position.map_or(String::new(), |at| format!(" (at character {at})"));
                Self::new(ProblemKind::BadSql, format!("{reason}{place}")).at("sql")
            }
            SqlError::Timeout { .. } => Self::new(ProblemKind::BadSql, error.to_string()),
            SqlError::Busy => Self::new(ProblemKind::Busy, error.to_string()),
            SqlError::Disabled(reason) => Self::new(ProblemKind::NoSql, reason),
            SqlError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_the_clients_to_mend_is_told_and_the_rest_is_not() {
        let refused = SqlError::Refused {
            reason: "no such column".into(),
            position: Some(8),
        };
        let error = ApiError::from(refused);
        assert_eq!(error.kind(), ProblemKind::BadSql);
        assert_eq!(error.to_string(), "no such column (at character 8)");
        let after = Duration::from_secs(30);
        let kinds = [
            (SqlError::Timeout { after }, ProblemKind::BadSql),
            (SqlError::Busy, ProblemKind::Busy),
            (SqlError::Disabled("grant".into()), ProblemKind::NoSql),
        ];
        for (error, kind) in kinds {
            assert_eq!(ApiError::from(error).kind(), kind);
        }
    }

    #[test]
    fn an_answer_has_one_row_at_least_and_as_many_as_the_limit_at_most() {
        assert_eq!(rows_max(None, 10).unwrap(), 10);
        assert_eq!(rows_max(Some(10), 10).unwrap(), 10);
        assert!(rows_max(Some(11), 10).is_err());
        assert!(rows_max(Some(0), 10).is_err());
    }
}
