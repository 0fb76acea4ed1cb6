//! Which content types rows come in.

use axum::http::HeaderMap;

use crate::ingest::BodyFormat;

use super::error::ApiResult;
use super::extract::{media_type, unsupported_type};

/// What the documentation calls the formats; more names are understood.
const NAMES: [&str; 5] = [
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
];

/// The format of a body: JSON where nothing is said.
///
/// # Errors
/// `unsupported-type` for any other.
pub(super) fn body_format(headers: &HeaderMap) -> ApiResult<BodyFormat> {
    // Nearly every request has this very value.
    let exact = headers.get(axum::http::header::CONTENT_TYPE);
    if exact.is_none_or(|value| value == NAMES[0]) {
        return Ok(BodyFormat::Json);
    }
    let found = media_type(headers);
    match found.as_deref() {
        None | Some("application/json") => Ok(BodyFormat::Json),
        Some("application/x-ndjson" | "application/ndjson" | "application/jsonl") => {
            Ok(BodyFormat::Ndjson)
        }
        Some("text/csv") => Ok(BodyFormat::Csv),
        Some("application/vnd.apache.arrow.stream" | "application/vnd.apache.arrow.file") => {
            Ok(BodyFormat::Arrow)
        }
        Some("application/vnd.apache.parquet") => Ok(BodyFormat::Parquet),
        Some(other) => Err(unsupported_type(other, &NAMES)),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;

    use super::super::problem::ProblemKind;
    use super::*;

    fn format(content_type: &str) -> Result<BodyFormat, ProblemKind> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        body_format(&headers).map_err(|error| error.kind())
    }

    #[test]
    fn each_content_type_has_its_format_whatever_its_parameters_and_case() {
        assert_eq!(body_format(&HeaderMap::new()).unwrap(), BodyFormat::Json);
        assert_eq!(
            format("application/json; charset=utf-8"),
            Ok(BodyFormat::Json)
        );
        assert_eq!(format("Text/CSV"), Ok(BodyFormat::Csv));
        let formats = NAMES.map(|name| format(name).unwrap());
        let expected = [
            BodyFormat::Json,
            BodyFormat::Ndjson,
            BodyFormat::Csv,
            BodyFormat::Arrow,
            BodyFormat::Parquet,
        ];
        assert_eq!(formats, expected);
        assert_eq!(
            format("application/x-www-form-urlencoded"),
            Err(ProblemKind::UnsupportedType)
        );
    }
}
