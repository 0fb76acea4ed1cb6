//! The whole service inside the test's process: a database of its own, a clock that the test moves, HTTP on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leeway::api::{Phase, RequestLimits};
use leeway::builtin;
use leeway::certify;
use leeway::domain::ManualClock;
use leeway::monitor::{Detectors, Loader, VersionSettings};
use leeway::runtime::{Limits, Plugin};
use leeway::serve::{Service, ServiceSettings};
use leeway::store::{SqlOptions, SqlReader, Store};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{metered, plugin, runtime, server};

/// When the clock of every test stands at its start.
pub const NOW: &str = "2026-01-01T00:00:00Z";

/// A running service. Nothing happens in the background: rows are profiled and monitors evaluated when the test asks for it.
pub struct TestApp {
    pub service: Service,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub client: reqwest::Client,
    pub address: SocketAddr,
    server: JoinHandle<()>,
}

impl TestApp {
    /// A service on an empty database.
    pub async fn start() -> Self {
        Self::with(settings()).await
    }

    /// A service with limits of the test's choice.
    pub async fn with(settings: ServiceSettings) -> Self {
        let clock = ManualClock::new(NOW.parse().unwrap());
        Self::over(server::database().await, Arc::new(clock), settings).await
    }

    /// Another host on the same database and by the same clock.
    pub async fn beside(&self) -> Self {
        let settings = settings();
        Self::over(self.store.clone(), self.clock.clone(), settings).await
    }

    async fn over(store: Store, clock: Arc<ManualClock>, mut settings: ServiceSettings) -> Self {
        // A host without a background says that it is alive only when the test lets it look, and the machine may be busy.
        settings.follow.host_timeout = Duration::from_mins(1);
        let options = SqlOptions {
            url: None,
            private: true,
        };
        let sql = SqlReader::open(&store, &options).await.unwrap();
        let service = Service::new(store.clone(), clock.clone(), detectors(), sql, settings)
            .await
            .unwrap();
        service.readiness.set(Phase::Ready);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = service.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            service,
            store,
            clock,
            client: reqwest::Client::new(),
            address,
            server,
        }
    }

    /// A request that the test completes.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// A body of any content type.
    pub async fn send(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = self.request(Method::POST, path);
        Answer::of(request.header(CONTENT_TYPE, content_type).body(body.into())).await
    }

    /// Profiles and evaluates everything that is due, as the background would.
    pub async fn run_due(&self) {
        self.service.versions.run_due().await.unwrap();
        self.service.watch.run_due().await.unwrap();
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// What time it is for the service.
    pub fn now(&self) -> Timestamp {
        leeway::domain::Clock::now(self.clock.as_ref())
    }

    /// What stands on `/metrics`.
    pub async fn metrics(&self) -> Series {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        Series::parse(&answer.text())
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Settings of every test: report cards of few trials, which take the time that a busy machine needs.
pub fn settings() -> ServiceSettings {
    let patience = Duration::from_mins(10);
    ServiceSettings {
        versions: VersionSettings {
            card: certify::Settings {
                time: patience,
                trials: 40,
                trials_of_shift: 4,
                ..certify::Settings::default()
            },
            wait: patience,
            ..VersionSettings::default()
        },
        requests: RequestLimits {
            answer: patience,
            ..RequestLimits::default()
        },
        ..ServiceSettings::default()
    }
}

/// The detectors that come with the host, loaded once for all tests.
fn detectors() -> Detectors {
    static PLUGINS: OnceLock<Vec<Plugin>> = OnceLock::new();
    let load = || builtin::ALL.iter().map(|one| plugin(one.name)).collect();
    let loader = Loader::new(Arc::clone(runtime()), Some(Arc::clone(metered())));
    Detectors::of(PLUGINS.get_or_init(load).iter().cloned()).with_uploads(loader, Limits::default())
}

/// An answer that has arrived whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// Sends a request.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// The body, whatever the status.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{} {error}: {}", self.status, self.text()),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a success; null if there is none.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self}");
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The problem document of a refusal of this status and kind.
    #[track_caller]
    pub fn refused(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"), "{self}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"], self.header("x-request-id"));
        problem
    }

    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

/// The samples of a page of `/metrics`, by name and labels.
#[derive(Debug, Default)]
pub struct Series(pub BTreeMap<(String, BTreeMap<String, String>), f64>);

impl Series {
    /// Reads a page in the text format 0.0.4. A series that stands twice fails the test.
    #[track_caller]
    pub fn parse(page: &str) -> Self {
        let mut series = Self::default();
        for line in page.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = sample(line).unwrap_or_else(|| panic!("no sample: {line}"));
            let before = series.0.insert(key, value);
            assert!(before.is_none(), "stands twice: {line}");
        }
        series
    }

    /// The samples of a name that have these labels, among others.
    pub fn all(
        &self,
        name: &str,
        labels: &[(&str, &str)],
    ) -> Vec<(&BTreeMap<String, String>, f64)> {
        let has = |found: &BTreeMap<String, String>| {
            labels
                .iter()
                .all(|&(name, value)| found.get(name).is_some_and(|found| found == value))
        };
        self.0
            .iter()
            .filter(|((found, labels), _)| found == name && has(labels))
            .map(|((_, labels), &value)| (labels, value))
            .collect()
    }

    /// The sample of a name that has these labels, among others. There must be exactly one.
    #[track_caller]
    pub fn one(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.all(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].1
    }

    /// How many series have this label.
    pub fn with(&self, label: &str, value: &str) -> usize {
        let has =
            |labels: &BTreeMap<String, String>| labels.get(label).is_some_and(|it| it == value);
        self.0.keys().filter(|(_, labels)| has(labels)).count()
    }
}

/// A series: its name and its labels.
type Key = (String, BTreeMap<String, String>);

fn sample(line: &str) -> Option<(Key, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            rest = rest.strip_prefix(',').unwrap_or(rest);
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, behind) = unescape(quoted)?;
            labels.insert(label.to_owned(), value);
            rest = behind;
        }
        rest = &rest[1..];
    }
    let value = match rest.trim() {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some(((name.to_owned(), labels), value))
}

/// A label's value up to its closing quote, and what is behind it.
fn unescape(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_all_its_escapes() {
        let page = "# HELP a b\na{x=\"1\",y=\"q\\\"\\\\\\n}, \"} 2.5\na 3\nb{le=\"+Inf\"} +Inf\n";

        let series = Series::parse(page);

        assert!((series.one("a", &[("y", "q\"\\\n}, ")]) - 2.5).abs() < f64::EPSILON);
        assert_eq!(series.all("a", &[]).len(), 2);
        assert!(series.one("b", &[]).is_infinite());
        assert_eq!(series.with("x", "1"), 1);
    }
}
