//! Reads paths, queries and JSON bodies so that every rejection is a problem document.

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::Value;

use crate::domain::ModelId;
use crate::domain::monitor::MONITOR_NAME_BYTES_MAX;

use super::body::Intake;
use super::error::{ApiError, ApiResult};
use super::problem::ProblemKind;

/// The header that lists which content types a POST takes.
pub(super) const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
/// Largest whole number that JSON numbers hold exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Parameters of the path.
#[derive(Debug)]
pub(super) struct Path<T>(pub T);

/// Parameters behind the question mark.
#[derive(Debug)]
pub(super) struct Query<T>(pub T);

/// A JSON body.
#[derive(Debug)]
pub(super) struct Json<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(ProblemKind::BadPath, rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let reason = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Err(ApiError::new(ProblemKind::BadQuery, reason))
            }
        }
    }
}

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    Intake: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match media_type(request.headers()).as_deref() {
            None | Some("application/json") => {}
            Some(other) => return Err(unsupported_type(other, &["application/json"])),
        }
        let intake = Intake::from_ref(state);
        let received = intake
            .read(request, intake.limits().document_bytes_max)
            .await?;
        from_json(&received.bytes).map(Self)
    }
}

/// Reads JSON. A whole number may be written as `5.0`, as JSON Schema has it.
///
/// # Errors
/// `bad-body` with line and column.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    if has_nul(bytes) {
        return Err(ApiError::new(
            ProblemKind::BadText,
            "the body has a text with the character U+0000, which the database cannot store",
        ));
    }
    // Serde reads a list as the fields of a struct in their order, which nobody means.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::new(
            ProblemKind::BadBody,
            "the body is a list where an object is expected",
        ));
    }
    let error = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if error.is_data()
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
        && make_whole(&mut value)
        && let Ok(value) = serde_json::from_value(value)
    {
        return Ok(value);
    }
    Err(ApiError::new(
        ProblemKind::BadBody,
        format!("the body is not the JSON that is expected here: {error}"),
    ))
}

/// Whether a text of a JSON document has a NUL character, which can only be written as `\u0000`.
fn has_nul(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        // The character behind a backslash belongs to it, also if it is another backslash.
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// Writes whole numbers without a fraction; whether there was one to write so.
fn make_whole(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) else {
                return false;
            };
            *number = whole.into();
            true
        }
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |any, value| make_whole(value) | any),
        Value::Object(fields) => fields
            .values_mut()
            .fold(false, |any, value| make_whole(value) | any),
        _ => false,
    }
}

fn whole(number: f64) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and far inside the range"
    )]
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64)
}

/// The media type of the body in lower case, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("unreadable");
    let name = text.split(';').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// The answer to a body in a format that is not taken.
pub(super) fn unsupported_type(found: &str, taken: &[&str]) -> ApiError {
    let taken = taken.join(", ");
    ApiError::new(
        ProblemKind::UnsupportedType,
        format!("the content type '{found}' is not taken here; these are: {taken}"),
    )
    .with_header(ACCEPT_POST, &taken)
}

/// The model that a path names.
///
/// # Errors
/// `bad-path` if no model can have this name.
pub(super) fn model_id(text: String) -> ApiResult<ModelId> {
    ModelId::new(text).map_err(|error| ApiError::new(ProblemKind::BadPath, error.to_string()))
}

/// The monitor that a path names.
///
/// # Errors
/// `bad-path` if no monitor can have this name.
pub(super) fn monitor_name(text: &str) -> ApiResult<&str> {
    if text.is_empty() || text.len() > MONITOR_NAME_BYTES_MAX || text.chars().any(char::is_control)
    {
        return Err(ApiError::new(
            ProblemKind::BadPath,
            format!(
                "a monitor's name has 1 to {MONITOR_NAME_BYTES_MAX} bytes and no control characters"
            ),
        ));
    }
    Ok(text)
}

/// The model that a query or a body names.
///
/// # Errors
/// `no-model` if no model can have this name.
pub(super) fn named_model(text: String) -> ApiResult<ModelId> {
    ModelId::new(text).map_err(|error| ApiError::new(ProblemKind::NoModel, error.to_string()))
}

/// The monitor that a query or a body names.
///
/// # Errors
/// `no-monitor` if no monitor can have this name.
pub(super) fn named_monitor(text: &str) -> ApiResult<&str> {
    monitor_name(text).map_err(|error| ApiError::new(ProblemKind::NoMonitor, error.to_string()))
}

/// A number in the path; whatever is none names nothing that exists.
///
/// # Errors
/// `kind`, which is the 404 of its resource.
pub(super) fn number<T: std::str::FromStr>(text: &str, kind: ProblemKind) -> ApiResult<T> {
    text.parse().map_err(|_| ApiError::of(kind))
}

/// A whole number of a query, also written as `5.0`.
///
/// # Errors
/// If it is none.
pub(super) fn query_integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().and_then(whole))
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("'{text}' is not a whole number")))
}

/// Text of a query. The database knows no NUL character, so nothing there can match one.
///
/// # Errors
/// If it holds a control character.
pub(super) fn query_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.chars().any(char::is_control) {
        return Err(D::Error::custom("control characters are not allowed"));
    }
    Ok(Some(text))
}

/// The first of `offered` that the client accepts; the first of all where it says nothing.
///
/// # Errors
/// `not-acceptable` if it accepts none of them.
pub(super) fn negotiate(headers: &HeaderMap, offered: &[&'static str]) -> ApiResult<&'static str> {
    let mut asked = headers
        .get_all(axum::http::header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|part| part.split(';').next().unwrap_or_default().trim())
        .filter(|part| !part.is_empty())
        .peekable();
    if asked.peek().is_none() {
        return Ok(offered[0]);
    }
    let fits = |part: &str, offer: &str| {
        part == "*/*"
            || part.eq_ignore_ascii_case(offer)
            || part
                .strip_suffix("/*")
                .is_some_and(|kind| offer.split('/').next() == Some(kind))
    };
    asked
        .find_map(|part| offered.iter().find(|offer| fits(part, offer)))
        .copied()
        .ok_or_else(|| {
            let detail = format!("the answer can be: {}", offered.join(", "));
            ApiError::new(ProblemKind::NotAcceptable, detail)
        })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::ACCEPT;
    use axum::routing::{get, post};
    use tower::ServiceExt;

    use super::super::body::BodyLimits;
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        #[serde(default, deserialize_with = "query_integer")]
        limit: Option<i64>,
        #[serde(default, deserialize_with = "query_text")]
        column: Option<String>,
    }

    fn app() -> Router {
        let limits = BodyLimits {
            document_bytes_max: 64,
            ..BodyLimits::default()
        };
        Router::new()
            .route(
                "/json",
                post(|Json(form): Json<Form>| async move { form.count.to_string() }),
            )
            .route(
                "/query",
                get(|Query(filter): Query<Filter>| async move {
                    format!("{:?} {:?}", filter.limit, filter.column)
                }),
            )
            .route(
                "/path/{name}",
                get(|Path(name): Path<String>| async move { name }),
            )
            .with_state(Intake::new(limits))
    }

    async fn send(request: Request) -> (u16, String) {
        let response = app().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn post_json(content_type: &str, body: &str) -> (u16, String) {
        let request = Request::post("/json")
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        send(request).await
    }

    async fn get_uri(uri: &str) -> (u16, String) {
        send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn a_whole_number_may_have_a_fraction_of_zero() {
        let json = "application/json; charset=utf-8";
        assert_eq!(post_json(json, r#"{"count": 5}"#).await, (200, "5".into()));
        assert_eq!(
            post_json(json, r#"{"count": 5.0}"#).await,
            (200, "5".into())
        );
        assert_eq!(post_json(json, r#"{"count": 5.5}"#).await.0, 400);
        assert_eq!(post_json(json, r#"{"count": -8659.0}"#).await.0, 400);
        let (status, text) = get_uri("/query?limit=7.0").await;
        assert_eq!((status, text.as_str()), (200, "Some(7) None"));
        assert_eq!(get_uri("/query?limit=7.5").await.0, 400);
        assert_eq!(get_uri("/query?limit=1e300").await.0, 400);
    }

    #[tokio::test]
    async fn every_rejection_of_a_body_is_a_problem() {
        let cases = [
            ("application/json", "", 400, "bad-body"),
            ("application/json", "nul", 400, "bad-body"),
            ("application/json", "null", 400, "bad-body"),
            ("application/json", "[1]", 400, "bad-body"),
            (
                "application/json",
                r#"{"count": 1, "x": 2}"#,
                400,
                "bad-body",
            ),
            ("text/plain", r#"{"count": 1}"#, 415, "unsupported-type"),
            ("\u{ff}", r#"{"count": 1}"#, 415, "unsupported-type"),
            (
                "application/json",
                r#"{"count": 1                                                              }"#,
                413,
                "too-large",
            ),
        ];
        for (content_type, body, status, slug) in cases {
            let (found, text) = post_json(content_type, body).await;
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (found, problem["type"].as_str()),
                (status, Some(format!("/problems/{slug}").as_str())),
                "{body}"
            );
        }
        let (_, text) = post_json("application/json", "{\"count\": \"many\"}").await;
        insta::assert_snapshot!(text, @r#"{"type":"/problems/bad-body","title":"The body cannot be read","status":400,"detail":"the body is not the JSON that is expected here: invalid type: string \"many\", expected u32 at line 1 column 16"}"#);
    }

    #[tokio::test]
    async fn every_rejection_of_a_query_or_path_is_a_problem() {
        for uri in [
            "/query?limit=",
            "/query?limit=a",
            "/query?limit=1&limit=2",
            "/query?limt=1",
            "/query?column=%00",
            "/path/%ff",
        ] {
            let (status, text) = get_uri(uri).await;
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (status, problem["status"].as_u64()),
                (400, Some(400)),
                "{uri}"
            );
        }
        insta::assert_snapshot!(get_uri("/query?limt=1").await.1, @r#"{"type":"/problems/bad-query","title":"The query parameters cannot be read","status":400,"detail":"limt: unknown field `limt`, expected `limit` or `column`"}"#);
    }

    #[test]
    fn a_nul_character_is_found_and_a_backslash_before_u0000_is_none() {
        assert!(has_nul(br#"{"a": "x\u0000"}"#));
        assert!(has_nul(br#""\\\u0000""#));
        assert!(!has_nul(br#""\\u0000""#));
        assert!(!has_nul(br#""\u0001 \n u0000 \"#));
    }

    #[test]
    fn the_client_chooses_among_the_formats_that_are_offered() {
        let offered = ["application/json", "text/csv"];
        let choose = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            negotiate(&headers, &offered).map_err(|error| error.kind())
        };
        assert_eq!(negotiate(&HeaderMap::new(), &offered).unwrap(), offered[0]);
        assert_eq!(choose("text/csv; q=0.9"), Ok("text/csv"));
        assert_eq!(choose("text/html, text/*"), Ok("text/csv"));
        assert_eq!(choose("*/*"), Ok("application/json"));
        assert_eq!(choose("image/png"), Err(ProblemKind::NotAcceptable));
    }

    #[test]
    fn names_that_nothing_can_have_are_refused_in_the_path() {
        assert!(monitor_name(&"x".repeat(MONITOR_NAME_BYTES_MAX)).is_ok());
        assert!(monitor_name(&"x".repeat(MONITOR_NAME_BYTES_MAX + 1)).is_err());
        assert!(monitor_name("a\0").is_err());
        assert!(model_id("\n".into()).is_err());
        let huge = number::<i64>("99999999999999999999", ProblemKind::NoBacktest);
        assert_eq!(huge.unwrap_err().kind(), ProblemKind::NoBacktest);
    }
}
