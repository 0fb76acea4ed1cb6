//! The page at `/ui`: files that are part of the program, sent with headers that let it load nothing else.
//!
//! Not part of the OpenAPI document, and open without a token: what the page shows it asks the API for, with the token that
//! its user enters.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use tower_http::compression::CompressionLayer;

use super::app::App;
use super::gate;

/// Scripts and styles come from this server's files alone: what a model or a column is called can never run.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// A file of the page.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal $kind:ident),+ $(,)?) => {
        [$(File { name: $name, kind: $kind, text: include_str!(concat!("../../ui/", $name)) }),+]
    };
}

/// Everything that the page is made of. The first is the page itself.
static FILES: [File; 24] = files![
    "index.html" HTML,
    "icon.svg" PICTURE,
    "style.css" STYLE,
    "charts.css" STYLE,
    "main.js" SCRIPT,
    "access.js" SCRIPT,
    "api.js" SCRIPT,
    "chart.js" SCRIPT,
    "detectors.js" SCRIPT,
    "distribution.js" SCRIPT,
    "dom.js" SCRIPT,
    "drift_map.js" SCRIPT,
    "format.js" SCRIPT,
    "model.js" SCRIPT,
    "monitors.js" SCRIPT,
    "overview.js" SCRIPT,
    "performance.js" SCRIPT,
    "sql.js" SCRIPT,
    "table.js" SCRIPT,
    "theme.js" SCRIPT,
    "words.js" SCRIPT,
    "vendor/uPlot.iife.min.js" SCRIPT,
    "vendor/uPlot.min.css" STYLE,
    "vendor/uPlot.LICENSE.txt" TEXT,
];

/// The routes of the page.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ui", get(to_page))
        .route("/ui/", get(page))
        .route("/ui/{*file}", get(file))
        .layer(CompressionLayer::new())
}

/// Relative, so that it holds behind a proxy that puts a path in front.
async fn to_page() -> impl IntoResponse {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "ui/")])
}

async fn page(headers: HeaderMap) -> Response {
    send(0, &headers)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match FILES.iter().position(|file| file.name == name) {
        Some(at) => send(at, &headers),
        None => gate::no_route().await.into_response(),
    }
}

fn send(at: usize, headers: &HeaderMap) -> Response {
    let file = &FILES[at];
    let text = file.text();
    let tag = tag(&text);
    // Browsers ask each time: after an upgrade no old script speaks to the new server.
    let always = [
        (CACHE_CONTROL, "no-cache"),
        (ETAG, tag.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok());
    if known.any(|value| value.contains(&tag)) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    (always, [(CONTENT_TYPE, file.kind)], text).into_response()
}

impl File {
    /// What is in it. While the host is developed, what is in it now: work on the page needs no build.
    fn text(&self) -> Cow<'static, str> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/");
        let developed = cfg!(debug_assertions).then(|| format!("{folder}{}", self.name));
        let now = developed.and_then(|path| std::fs::read_to_string(path).ok());
        now.map_or(Cow::Borrowed(self.text), Cow::Owned)
    }
}

/// A file's tag: the beginning of its digest.
fn tag(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut tag = String::from("\"");
    for byte in &digest[..12] {
        // Writing to a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Names of the files below a directory, as the page knows them.
    fn below(directory: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                below(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_served_and_every_import_is_there() {
        let mut found = BTreeSet::new();
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
        below(&directory, "", &mut found);
        found.remove("vendor/README.md");

        let served: BTreeSet<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
        assert_eq!(served, found);
        for file in FILES.iter().filter(|file| !file.name.contains('/')) {
            for part in file.text.split("from \"./").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(served.contains(name), "{}: {name}", file.name);
            }
        }
    }

    #[test]
    fn no_file_asks_for_anything_that_the_policy_forbids() {
        for file in FILES.iter().filter(|file| !file.name.contains('/')) {
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "eval(",
                "document.write",
                "https://",
                " style=\"",
                "onclick=",
            ] {
                assert!(!file.text.contains(forbidden), "{}: {forbidden}", file.name);
            }
        }
    }

    #[test]
    fn what_others_wrote_is_what_its_notice_says() {
        let notice = include_str!("../../ui/vendor/README.md");
        for file in FILES.iter().filter(|file| file.name.starts_with("vendor/")) {
            let digest = Sha256::digest(file.text.as_bytes());
            let digest = digest.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            });
            assert!(notice.contains(&digest), "{} {digest}", file.name);
        }
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let mut headers = HeaderMap::new();
        let first = send(0, &headers);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CONTENT_SECURITY_POLICY], POLICY);
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(send(0, &headers).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(send(1, &headers).status(), StatusCode::OK);
    }
}
