//! What surrounds every request: its id, its span, its time, its place among the others, and its end if it panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::error::{ApiError, render};
use super::problem::{Problem, ProblemKind};

/// The header that carries the id of a request, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;
/// What stands for the path of a request that no route matched: paths of clients never become labels.
const NO_PATH: &str = "none";
/// Status under which requests are counted whose client hung up.
const ABANDONED: u16 = 499;
/// Paths that are served however busy the server is.
const ALWAYS: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];

/// Limits of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Most requests that are served at a time.
    pub concurrent_max: usize,
    /// How long an answer may take to begin.
    pub answer: Duration,
}

impl Default for RequestLimits {
    /// 1,024 at a time, two minutes.
    fn default() -> Self {
        Self {
            concurrent_max: 1_024,
            answer: Duration::from_mins(2),
        }
    }
}

/// Counts requests.
pub trait Observer: Send + Sync {
    /// A request has come in; it is being served until what is returned is dropped.
    fn started(&self) -> Box<dyn Send>;

    /// It is answered. `path` is the route's pattern, so its values are bounded.
    fn answered(&self, method: &str, path: &str, status: u16, duration: Duration);
}

/// Counts nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn started(&self) -> Box<dyn Send> {
        Box::new(())
    }

    fn answered(&self, _: &str, _: &str, _: u16, _: Duration) {}
}

/// The way in for every request. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    limits: RequestLimits,
    places: Semaphore,
    observer: Arc<dyn Observer>,
    run: u32,
    next: AtomicU64,
}

impl Gate {
    /// A gate that counts with `observer`. `run` tells request ids of this start of the server from those of others.
    pub fn new(limits: RequestLimits, observer: Arc<dyn Observer>, run: u32) -> Self {
        Self(Arc::new(Inner {
            limits,
            places: Semaphore::new(limits.concurrent_max.min(Semaphore::MAX_PERMITS)),
            observer,
            run,
            next: AtomicU64::new(1),
        }))
    }

    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(REQUEST_ID)
            && fits(given.as_bytes())
        {
            return given.clone();
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        // Hexadecimal digits and a hyphen are a header value.
        HeaderValue::from_str(&format!("{:08x}-{number:x}", self.0.run))
            .unwrap_or(HeaderValue::from_static("none"))
    }
}

/// Ids end up in logs and in URI references: letters, digits and some marks.
fn fits(id: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// Counts a request as finished, also when its client hangs up.
struct Count {
    observer: Arc<dyn Observer>,
    method: &'static str,
    path: Option<MatchedPath>,
    status: u16,
    started: Instant,
}

impl Drop for Count {
    fn drop(&mut self) {
        let path = self.path.as_ref().map_or(NO_PATH, MatchedPath::as_str);
        self.observer
            .answered(self.method, path, self.status, self.started.elapsed());
    }
}

/// Methods are labels: those of clients' own making are one.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// The outermost layer.
pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = gate.request_id(request.headers());
    let _in_flight = gate.0.observer.started();
    let mut count = Count {
        observer: Arc::clone(&gate.0.observer),
        method: method_name(request.method()),
        path: request.extensions().get::<MatchedPath>().cloned(),
        status: ABANDONED,
        started: Instant::now(),
    };
    let path = count.path.as_ref().map_or(NO_PATH, MatchedPath::as_str);
    // Neither body, nor query, nor headers: they may hold what a log must not.
    let span = tracing::debug_span!(
        "request",
        http.method = count.method,
        http.route = path,
        request.id = id.to_str().unwrap_or_default()
    );
    let mut response = serve(&gate, path, request, next)
        .instrument(span.clone())
        .await;
    count.status = response.status().as_u16();
    span.in_scope(|| {
        tracing::debug!(
            http.status = count.status,
            duration_ms = count.started.elapsed().as_secs_f64() * 1e3,
            "answered"
        );
    });
    sign(&mut response, id);
    response
}

async fn serve(gate: &Gate, path: &str, request: Request, next: Next) -> Response {
    let _place = match gate.0.places.try_acquire() {
        Ok(place) => Some(place),
        Err(_) if ALWAYS.contains(&path) => None,
        Err(_) => {
            let limit = gate.0.limits.concurrent_max;
            let detail = format!("the server works on {limit} requests already");
            return ApiError::new(ProblemKind::Busy, detail).into_response();
        }
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(gate.0.limits.answer, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            // The payload is text for every `panic!`; it may quote what a client sent, so only its kind is known here:
            // the panic hook has logged place and message.
            drop(panic);
            tracing::error!(http.route = path, "a handler panicked");
            ApiError::of(ProblemKind::Internal).into_response()
        }
        Err(_) => ApiError::of(ProblemKind::Timeout).into_response(),
    }
}

/// Puts the request id into the headers and, where the answer is a problem, into the document.
fn sign(response: &mut Response, id: HeaderValue) {
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        let mut problem = Arc::unwrap_or_clone(problem);
        problem.instance = id.to_str().ok().map(str::to_owned);
        *response.body_mut() = render(&problem);
    }
    response.headers_mut().insert(REQUEST_ID, id);
}

/// The answer where no route matches.
pub(super) async fn no_route() -> ApiError {
    ApiError::new(
        ProblemKind::NoRoute,
        "there is nothing here: /openapi.json lists the operations, /docs shows them",
    )
}

/// The answer where a route lacks the method; the router adds `Allow`.
pub(super) async fn no_method() -> ApiError {
    ApiError::of(ProblemKind::MethodNotAllowed)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::http::header::{ALLOW, RETRY_AFTER};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(String, String, u16)>>);

    impl Observer for Seen {
        fn started(&self) -> Box<dyn Send> {
            Box::new(())
        }

        fn answered(&self, method: &str, path: &str, status: u16, _: Duration) {
            let seen = (method.to_owned(), path.to_owned(), status);
            self.0.lock().unwrap().push(seen);
        }
    }

    fn app(limits: RequestLimits, seen: &Arc<Seen>) -> Router {
        let gate = Gate::new(limits, Arc::clone(seen) as Arc<dyn Observer>, 7);
        Router::new()
            .route("/things/{name}", get(async || "here"))
            .route("/metrics", get(async || "numbers"))
            .route("/broken", get(broken))
            .route("/slow", get(std::future::pending::<()>))
            .fallback(no_route)
            .method_not_allowed_fallback(no_method)
            .layer(from_fn_with_state(gate, pass))
    }

    async fn broken() {
        panic!("a secret");
    }

    async fn send(app: &Router, method: &str, uri: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.status, parts.headers, body)
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems_that_carry_the_request_id() {
        let app = app(RequestLimits::default(), &Arc::default());

        let (status, headers, body) = send(&app, "GET", "/nowhere").await;
        assert_eq!(
            (status.as_u16(), headers[REQUEST_ID].to_str().unwrap()),
            (404, "00000007-1")
        );
        insta::assert_snapshot!(body, @r#"{"type":"/problems/no-route","title":"There is nothing at this path","status":404,"detail":"there is nothing here: /openapi.json lists the operations, /docs shows them","instance":"00000007-1"}"#);

        let (status, headers, body) = send(&app, "DELETE", "/things/x").await;
        assert_eq!(
            (status.as_u16(), headers[ALLOW].to_str().unwrap()),
            (405, "GET,HEAD")
        );
        insta::assert_snapshot!(body, @r#"{"type":"/problems/method-not-allowed","title":"The path does not have this method","status":405,"instance":"00000007-2"}"#);
    }

    #[tokio::test]
    async fn requests_are_counted_by_route_and_never_by_path() {
        let seen = Arc::<Seen>::default();
        let app = app(RequestLimits::default(), &seen);

        send(&app, "GET", "/things/a").await;
        send(&app, "BREW", "/things/b").await;
        send(&app, "GET", "/else").await;

        let row = |method: &str, path: &str, status| (method.to_owned(), path.to_owned(), status);
        assert_eq!(
            *seen.0.lock().unwrap(),
            [
                row("GET", "/things/{name}", 200),
                row("OTHER", "/things/{name}", 405),
                row("GET", "none", 404)
            ]
        );
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let app = app(RequestLimits::default(), &Arc::default());

        let (status, _, body) = send(&app, "GET", "/broken").await;

        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_full_server_answers_503_and_still_shows_its_metrics() {
        let limits = RequestLimits {
            concurrent_max: 1,
            ..RequestLimits::default()
        };
        let seen = Arc::<Seen>::default();
        let app = app(limits, &seen);
        let mut slow = Box::pin(send(&app, "GET", "/slow"));
        assert!(futures_util::poll!(slow.as_mut()).is_pending());

        let (status, headers, _) = send(&app, "GET", "/things/x").await;
        assert_eq!(
            (status.as_u16(), headers[RETRY_AFTER].to_str().unwrap()),
            (503, "1")
        );
        assert_eq!(send(&app, "GET", "/metrics").await.0, StatusCode::OK);

        drop(slow);
        assert_eq!(send(&app, "GET", "/things/x").await.0, StatusCode::OK);
        let abandoned = ("GET".to_owned(), "/slow".to_owned(), ABANDONED);
        assert!(seen.0.lock().unwrap().contains(&abandoned));
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_given_up() {
        let limits = RequestLimits {
            answer: Duration::from_millis(1),
            ..RequestLimits::default()
        };
        let app = app(limits, &Arc::default());

        let (status, _, body) = send(&app, "GET", "/slow").await;

        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status.as_u16(), &problem["type"]),
            (503, &Value::from("/problems/timeout"))
        );
    }

    #[test]
    fn an_id_is_taken_over_if_it_is_short_and_plain() {
        let gate = Gate::new(RequestLimits::default(), Arc::new(NoObserver), 0);
        let id = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, given.parse().unwrap());
            gate.request_id(&headers)
        };
        let longest = "x".repeat(REQUEST_ID_BYTES_MAX);
        assert_eq!(id(&longest), longest);
        assert_eq!(id(&format!("{longest}x")), "00000000-1");
        assert_eq!(id("a b"), "00000000-2");
    }
}
