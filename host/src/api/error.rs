//! From the errors of the use cases to answers: one row for each kind, and causes of a 5xx go to the log only.

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::ingest::{IngestError, RowProblem};
use crate::monitor::{ProfileError, VersionError, WatchError};
use crate::store::StoreError;

use super::problem::{InputProblem, PROBLEM_JSON, Problem, ProblemKind};

/// Seconds after which a busy server is worth another try.
const RETRY_BUSY_SECONDS: u32 = 1;
/// Seconds after which a server that stops, or has no database, is worth another try.
const RETRY_AWAY_SECONDS: u32 = 5;

/// Result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
#[error("{}", .detail.as_deref().unwrap_or(.kind.row().title))]
pub struct ApiError {
    kind: ProblemKind,
    detail: Option<String>,
    errors: Vec<InputProblem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// An error of a kind, with what is wrong this time.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: Some(detail.into()),
            errors: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }
    }

    /// An error of a kind that needs no more words.
    pub fn of(kind: ProblemKind) -> Self {
        Self {
            detail: None,
            ..Self::new(kind, "")
        }
    }

    /// Something that the server is to blame for: the client learns the kind, the log the cause.
    pub fn caused(kind: ProblemKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..Self::of(kind)
        }
    }

    /// Says which field of the input is wrong.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        let reason = self.to_string();
        self.errors.push(InputProblem {
            row: None,
            field: Some(field.into()),
            reason,
        });
        self
    }

    /// Adds a header to the answer. A value that no header can have is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::ModelGone => ProblemKind::NoModel,
            error if error.is_transient() => ProblemKind::DatabaseAway,
            _ => ProblemKind::Internal,
        };
        if kind == ProblemKind::NoModel {
            return Self::new(kind, error.to_string());
        }
        Self::caused(kind, error)
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        let kind = match error {
            IngestError::Store(error) => return error.into(),
            IngestError::Body { .. } => ProblemKind::BadBody,
            IngestError::Rows { .. } => ProblemKind::BadRows,
            IngestError::TooLarge { .. } => ProblemKind::TooLarge,
            IngestError::Contradiction { .. } => ProblemKind::Contradiction,
            IngestError::Registration(_) => ProblemKind::BadModel,
            IngestError::NoModel(_) => ProblemKind::NoModel,
            IngestError::Busy => ProblemKind::Busy,
            IngestError::Stopping => ProblemKind::Stopping,
        };
        let mut answer = Self::new(kind, error.to_string());
        match error {
            IngestError::Rows { problems, .. } => {
                answer.errors = problems.into_iter().map(InputProblem::from).collect();
            }
            IngestError::Contradiction { field, .. } => return answer.at(field),
            _ => {}
        }
        answer
    }
}

impl From<WatchError> for ApiError {
    fn from(error: WatchError) -> Self {
        let kind = match error {
            WatchError::Store(error) | WatchError::Profile(ProfileError::Store(error)) => {
                return error.into();
            }
            WatchError::Profile(error) => return Self::caused(ProblemKind::Internal, error),
            WatchError::NoModel(_) => ProblemKind::NoModel,
            WatchError::NoMonitor { .. } => ProblemKind::NoMonitor,
            WatchError::NoBacktest(_) => ProblemKind::NoBacktest,
            WatchError::NoColumn(_) => ProblemKind::NoColumn,
            WatchError::NameTaken { .. } => ProblemKind::NameTaken,
            WatchError::Spec { .. } | WatchError::TooMany(_) | WatchError::Schema(_) => {
                ProblemKind::BadMonitor
            }
            WatchError::Stopping => ProblemKind::Stopping,
        };
        let answer = Self::new(kind, error.to_string());
        match error {
            WatchError::NoColumn(_) => answer.at("column"),
            WatchError::Spec { field, reason } => Self {
                errors: vec![InputProblem {
                    row: None,
                    field: Some(field.to_owned()),
                    reason,
                }],
                ..answer
            },
            _ => answer,
        }
    }
}

impl From<VersionError> for ApiError {
    fn from(error: VersionError) -> Self {
        let kind = match error {
            VersionError::Watch(error) => return error.into(),
            VersionError::Host(error) => return Self::caused(ProblemKind::Internal, error),
            VersionError::Refused { .. } | VersionError::Limit(_) | VersionError::Closed => {
                ProblemKind::BadDetector
            }
            VersionError::NameTaken(_) => ProblemKind::NameTaken,
            VersionError::VersionTaken { .. } => ProblemKind::VersionTaken,
            VersionError::MetricTaken(_) => ProblemKind::MetricTaken,
            VersionError::NoVersion(_) => ProblemKind::NoDetector,
            VersionError::State { .. } => ProblemKind::WrongState,
            VersionError::InUse { .. } => ProblemKind::InUse,
            VersionError::Busy(_) => ProblemKind::Busy,
        };
        let answer = Self::new(kind, error.to_string());
        match error {
            VersionError::Refused { step, reason } => Self {
                errors: vec![InputProblem {
                    row: None,
                    field: Some(step.to_string()),
                    reason,
                }],
                ..answer
            },
            VersionError::Limit(limit) => answer.at(limit.field),
            VersionError::MetricTaken(taken) => answer.at(taken.metric),
            _ => answer,
        }
    }
}

impl From<RowProblem> for InputProblem {
    fn from(problem: RowProblem) -> Self {
        Self {
            row: Some(problem.row),
            field: problem.field,
            reason: problem.reason,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let row = self.kind.row();
        if let Some(cause) = &self.cause {
            let cause: &(dyn Error + 'static) = cause.as_ref();
            if self.kind == ProblemKind::Internal {
                tracing::error!(error = cause, slug = row.slug, "request failed");
            } else {
                tracing::warn!(error = cause, slug = row.slug, "request failed");
            }
        }
        let problem = Problem {
            detail: self.detail,
            errors: self.errors,
            ..Problem::new(self.kind)
        };
        let mut response = Response::new(render(&problem));
        *response.status_mut() = row.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        match self.kind {
            ProblemKind::Busy | ProblemKind::Timeout => {
                headers.insert(RETRY_AFTER, RETRY_BUSY_SECONDS.into());
            }
            ProblemKind::Stopping | ProblemKind::DatabaseAway | ProblemKind::NotReady => {
                headers.insert(RETRY_AFTER, RETRY_AWAY_SECONDS.into());
            }
            ProblemKind::Unauthorized => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"leeway\""),
                );
            }
            _ => {}
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        // The outermost layer knows the request id and writes the document again with it.
        response.extensions_mut().insert(Arc::new(problem));
        response
    }
}

/// A problem as a body.
pub(super) fn render(problem: &Problem) -> Body {
    // A problem is strings and numbers: writing it cannot fail.
    Body::from(serde_json::to_vec(problem).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::HeaderMap;

    use crate::domain::ModelId;

    use super::*;

    async fn answer(error: impl Into<ApiError>) -> (u16, HeaderMap, serde_json::Value) {
        let response = error.into().into_response();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (
            parts.status.as_u16(),
            parts.headers,
            serde_json::from_slice(&body).unwrap(),
        )
    }

    #[tokio::test]
    async fn wrong_rows_are_listed_with_position_field_and_reason() {
        let problems = vec![RowProblem {
            row: 2,
            field: Some("age".into()),
            reason: "\"old\" is not a number".into(),
        }];

        let (status, headers, body) = answer(IngestError::Rows { problems, total: 7 }).await;

        assert_eq!(
            (status, headers[CONTENT_TYPE].to_str().unwrap()),
            (422, PROBLEM_JSON)
        );
        insta::assert_json_snapshot!(body, @r#"
        {
          "detail": "7 of the rows cannot be taken; the first: row 2, field 'age': \"old\" is not a number",
          "errors": [
            {
              "field": "age",
              "reason": "\"old\" is not a number",
              "row": 2
            }
          ],
          "status": 422,
          "title": "Rows cannot be taken",
          "type": "/problems/bad-rows"
        }
        "#);
    }

    #[tokio::test]
    async fn the_cause_of_a_failure_stays_inside() {
        let broken = StoreError::Database(sqlx::Error::ColumnNotFound("secret".into()));

        let (status, _, body) = answer(broken).await;

        assert_eq!(status, 500);
        assert!(!body.to_string().contains("secret"), "{body}");
        assert_eq!(body.get("detail"), None);
    }

    #[tokio::test]
    async fn what_may_work_later_says_when_to_try_again() {
        let cases: [(ApiError, &str); 4] = [
            (IngestError::Busy.into(), "1"),
            (IngestError::Stopping.into(), "5"),
            (StoreError::Database(sqlx::Error::PoolTimedOut).into(), "5"),
            (WatchError::Stopping.into(), "5"),
        ];
        for (error, seconds) in cases {
            let (status, headers, body) = answer(error).await;
            assert_eq!(
                (status, headers[RETRY_AFTER].to_str().unwrap()),
                (503, seconds),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn each_error_of_the_use_cases_has_its_status() {
        let model = || ModelId::new("m").unwrap();
        let contradiction = IngestError::Contradiction {
            model: "m".into(),
            field: "model_type",
            known: "classifier".into(),
            asked: "regressor".into(),
        };
        let body = IngestError::Body {
            format: "JSON",
            reason: "at line 1".into(),
        };
        let large = IngestError::TooLarge {
            what: "rows",
            found: 2,
            limit: 1,
        };
        let spec = WatchError::Spec {
            field: "detector",
            reason: "there is none".into(),
        };
        let taken = WatchError::NameTaken {
            model: model(),
            monitor: "x".into(),
        };
        let no_monitor = WatchError::NoMonitor {
            model: model(),
            monitor: "x".into(),
        };
        let cases: [(ApiError, u16, &str); 10] = [
            (contradiction.into(), 409, "contradiction"),
            (body.into(), 400, "bad-body"),
            (large.into(), 413, "too-large"),
            (IngestError::NoModel("m".into()).into(), 404, "no-model"),
            (StoreError::ModelGone.into(), 404, "no-model"),
            (spec.into(), 422, "bad-monitor"),
            (taken.into(), 409, "name-taken"),
            (no_monitor.into(), 404, "no-monitor"),
            (WatchError::NoBacktest(3).into(), 404, "no-backtest"),
            (WatchError::TooMany(100).into(), 422, "bad-monitor"),
        ];
        for (error, status, slug) in cases {
            let (found, _, body) = answer(error).await;
            assert_eq!(
                (found, body["type"].as_str().unwrap()),
                (status, format!("/problems/{slug}").as_str())
            );
        }
    }
}
