//! What an error answer looks like: RFC 9457 problem documents, and the table of their kinds.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of every error answer.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";
/// Where the explanations of the kinds are.
pub(super) const PROBLEM_PATH: &str = "/problems/";

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Last part of `type`. Stable: clients may compare it.
    pub slug: &'static str,
    /// Status of the answer.
    pub status: StatusCode,
    /// The same for every occurrence.
    pub title: &'static str,
    /// What it means, and what to do.
    pub meaning: &'static str,
}

macro_rules! kinds {
    ($($variant:ident = $status:ident, $slug:literal, $title:literal, $meaning:literal;)+) => {
        /// Kinds of error answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $(#[doc = $title] $variant,)+
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its row of the table.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        slug: $slug,
                        status: StatusCode::$status,
                        title: $title,
                        meaning: $meaning,
                    },)+
                }
            }
        }
    };
}

kinds! {
    BadBody = BAD_REQUEST, "bad-body", "The body cannot be read",
        "The body is not what its content type or content encoding says, or a field of it has the wrong type. Nothing was stored. The detail says what is wrong and where.";
    BadQuery = BAD_REQUEST, "bad-query", "The query parameters cannot be read",
        "A parameter behind the question mark is unknown, stands twice, or has a value that it may not have.";
    BadPath = BAD_REQUEST, "bad-path", "A name in the path cannot be read",
        "A name in the path is too long, is not UTF-8, or has control characters.";
    Unauthorized = UNAUTHORIZED, "unauthorized", "A token is needed",
        "The server has tokens, and the request brought none or one that is not valid (any more). Send `Authorization: Bearer <token>`; `leeway token` makes one.";
    Forbidden = FORBIDDEN, "forbidden", "The token does not allow this",
        "The token is valid but lacks the scope that this operation needs: ingest, read, detectors or admin. `WWW-Authenticate` names it.";
    NoRoute = NOT_FOUND, "no-route", "There is nothing at this path",
        "No operation has this path. The document at /openapi.json lists those that exist.";
    NoModel = NOT_FOUND, "no-model", "There is no such model",
        "No model has this model_id. A model exists from its registration or from its first rows on.";
    NoMonitor = NOT_FOUND, "no-monitor", "There is no such monitor",
        "The model has no monitor of this name.";
    NoColumn = NOT_FOUND, "no-column", "There is no such column",
        "The model has no column of this name, and none of this name is derived for it.";
    NoReference = NOT_FOUND, "no-reference", "There is no such reference version",
        "The model has no reference data of this version.";
    NoBacktest = NOT_FOUND, "no-backtest", "There is no such backtest",
        "No backtest has this number.";
    NoEvaluation = NOT_FOUND, "no-evaluation", "There is no such evaluation",
        "No evaluation has this number. Evaluations go with their monitor, and when they are older than they may be.";
    NotJudged = CONFLICT, "not-judged", "The evaluation has no measurements",
        "Only an evaluation that came to measurements can be made again. This one failed, or had too little to judge.";
    InputsNotKept = CONFLICT, "inputs-not-kept", "What the evaluation was made of was not kept",
        "The evaluation cannot be made again: it is from an earlier version of leeway, or was made over a window that kept changing while it was read, over more chunks than a list may have, or from a state too large to keep.";
    InputsGone = CONFLICT, "inputs-gone", "What the evaluation was made of is gone",
        "The evaluation cannot be made again: the detail says what is missing, such as the component, the reference data, or rows of a chunk that has changed since.";
    InputsDiffer = CONFLICT, "inputs-differ", "What the evaluation was made of cannot be rebuilt",
        "What could be rebuilt has another digest than what the evaluation was made of, so nothing was compared. The detail says what differs.";
    ReplayFailed = CONFLICT, "replay-failed", "The detector gave no answer this time",
        "The evaluation was made again from the same inputs, and the detector failed. The detail says how.";
    NoReferenceRows = CONFLICT, "no-reference-rows", "The reference has too few rows",
        "A calibration needs reference data, rows of a training, or a reference that a monitor compares with, of at least three times the smallest size of window. The detail says what there is.";
    BadCalibration = UNPROCESSABLE_ENTITY, "bad-calibration", "The calibration cannot be made like this",
        "A number is out of its range, or a monitor cannot be called. The detail says which.";
    NoDetector = NOT_FOUND, "no-detector", "There is no such detector",
        "No detector has this name, or it has no such version.";
    NoProblem = NOT_FOUND, "no-problem", "There is no such kind of problem",
        "No kind of problem has this name.";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not have this method",
        "The path exists, but not with this method. The header `Allow` lists those that it has.";
    NotAcceptable = NOT_ACCEPTABLE, "not-acceptable", "No answer in an accepted format",
        "The header `Accept` names no format in which this operation can answer.";
    SlowBody = REQUEST_TIMEOUT, "slow-body", "The body took too long to arrive",
        "The server stopped waiting for the rest of the body. Nothing was stored: the request may be sent again.";
    Contradiction = CONFLICT, "contradiction", "This contradicts what is known of the model",
        "A field was given a value that differs from the known one and cannot change any more. Nothing was stored.";
    NameTaken = CONFLICT, "name-taken", "The name is taken",
        "Something of this name exists already. PUT changes a monitor. A detector cannot have the name of one that comes with the host.";
    VersionTaken = CONFLICT, "version-taken", "The version is there already",
        "This version of the detector is there with other bytes, or with other limits. A version never changes: raise its number.";
    MetricTaken = CONFLICT, "metric-taken", "A metric has the name of another detector's",
        "On /metrics a name is made of the kind of drift and the metric, and each belongs to one detector. The detail names the metric and whose it is: give it a name of its own.";
    WrongState = CONFLICT, "wrong-state", "The version is not in a state for this",
        "Versions are uploaded, refused, certified, active, shadow, retired or quarantined. The detail says which this one is and what is possible from there.";
    InUse = CONFLICT, "in-use", "Monitors use this detector",
        "Change or delete the monitors that the detail names, or activate another version first.";
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "More came in than is allowed",
        "The body, also after decompression, or something in it is larger or more than the server takes. The detail names the limit. Nothing was stored: send smaller batches.";
    UnsupportedType = UNSUPPORTED_MEDIA_TYPE, "unsupported-type", "The format of the body is not supported",
        "The operation does not take this content type or content encoding. The detail lists what it takes.";
    BadRows = UNPROCESSABLE_ENTITY, "bad-rows", "Rows cannot be taken",
        "The body can be read, but rows do not fit the model or are wrong in themselves. `errors` lists the first of them with position, field and reason. Nothing was stored, unless `partial=true` asked for the good rows.";
    BadText = UNPROCESSABLE_ENTITY, "bad-text", "A text cannot be stored",
        "A text of the body has the character U+0000, which the database cannot store.";
    BadModel = UNPROCESSABLE_ENTITY, "bad-model", "The model cannot be registered like this",
        "What is said of the model makes no sense in itself, or breaks a limit.";
    BadMonitor = UNPROCESSABLE_ENTITY, "bad-monitor", "The monitor cannot be made like this",
        "The detector is unknown, its configuration does not fit its schema, or a window or cadence makes no sense. `errors` names the field.";
    BadDetector = UNPROCESSABLE_ENTITY, "bad-detector", "The detector is refused",
        "The upload fails a step of the way in. `errors` names the step: `size`, `form` (a component, not a core module), `imports` (windows, kernels and logging of the contract alone), `exports` (one of the two worlds), `compile`, `describe` (what it says of itself, the schema of its configuration included), or the limit that it cannot have. `leeway plugin inspect` and `leeway plugin test` say the same before an upload.";
    BadSql = UNPROCESSABLE_ENTITY, "bad-sql", "The statement was refused",
        "The statement is not one single reading statement over the views of the schema `history`, is not correct, or needs more time or rows than allowed. The detail says what the database said.";
    NoSql = NOT_IMPLEMENTED, "no-sql", "Statements cannot be run on this database",
        "The server has no role for statements on its database. The detail says what an administrator has to grant.";
    Busy = SERVICE_UNAVAILABLE, "busy", "The server is busy",
        "More is waiting than the server holds. Nothing of this request was stored. Try again after `Retry-After` seconds.";
    Timeout = SERVICE_UNAVAILABLE, "timeout", "The answer took too long",
        "The server gave up. Whether rows were stored is not known: they may be sent again, rows that are stored already count once.";
    Stopping = SERVICE_UNAVAILABLE, "stopping", "The server is stopping",
        "The server takes no more requests. Try again after `Retry-After` seconds.";
    DatabaseAway = SERVICE_UNAVAILABLE, "database-away", "The database cannot be reached",
        "The database is away or restarts. Whether rows were stored is not known: they may be sent again, rows that are stored already count once.";
    NotReady = SERVICE_UNAVAILABLE, "not-ready", "The server is not ready",
        "The server starts, stops, or cannot reach its database.";
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong inside the server",
        "The cause is in the server's log beside the request id, which `instance` repeats.";
}

/// An error answer (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; resolves to its explanation.
    #[serde(rename = "type")]
    #[schema(example = "/problems/bad-rows")]
    pub kind: String,
    /// The kind in words.
    #[schema(example = "Rows cannot be taken")]
    pub title: String,
    /// Status of the answer.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    pub status: u16,
    /// What is wrong this time. Absent where the cause is the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Id of the request, as in the header `X-Request-Id` and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instance: Option<String>,
    /// Where the input is wrong; absent where it is not about input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InputProblem>,
}

/// One thing that is wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InputProblem {
    /// Position of the row in the body, from 0; absent where it is not about a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub row: Option<u64>,
    /// The field; absent where it is about the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl Problem {
    /// A problem of a kind with nothing more to say.
    pub fn new(kind: ProblemKind) -> Self {
        let row = kind.row();
        Self {
            kind: format!("{PROBLEM_PATH}{}", row.slug),
            title: row.title.to_owned(),
            status: row.status.as_u16(),
            detail: None,
            instance: None,
            errors: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_slug_of_its_own_that_fits_a_path() {
        let mut seen = HashSet::new();
        for kind in ProblemKind::ALL {
            let row = kind.row();
            assert!(seen.insert(row.slug), "{} stands twice", row.slug);
            assert!(
                row.slug
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            );
            assert!(row.status.is_client_error() || row.status.is_server_error());
        }
    }

    #[test]
    fn a_problem_says_its_kind_and_leaves_out_what_it_does_not_know() {
        let mut problem = Problem::new(ProblemKind::BadRows);
        problem.errors.push(InputProblem {
            row: Some(3),
            field: Some("age".into()),
            reason: "\"x\" is not a number".into(),
        });

        insta::assert_json_snapshot!(problem, @r#"
        {
          "type": "/problems/bad-rows",
          "title": "Rows cannot be taken",
          "status": 422,
          "errors": [
            {
              "row": 3,
              "field": "age",
              "reason": "\"x\" is not a number"
            }
          ]
        }
        "#);
    }
}
