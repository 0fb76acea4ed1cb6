//! A headless Chromium, driven with its `DevTools` protocol through a pipe: no driver, no port.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use super::repository;

/// Longest wait for what a page is to become, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(1);
/// Names of the program, the first that is there.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// The accessibility rules that a page is held against: fetched by `cargo xtask test`, never part of the repository.
const AXE: &str = "target/axe-core/axe.min.js";

type Answers = Mutex<HashMap<u64, oneshot::Sender<Value>>>;

/// One tab of a browser of its own.
pub struct Browser {
    _child: Child,
    _profile: TempDir,
    input: tokio::sync::Mutex<ChildStdin>,
    heard: Arc<Heard>,
    next: AtomicU64,
    session: String,
}

/// What the browser said.
#[derive(Default)]
struct Heard {
    answers: Answers,
    complaints: Mutex<Vec<String>>,
}

impl Browser {
    /// Starts a browser with an empty tab, 1,440 pixels wide, light, without movement.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The protocol is spoken on descriptors 3 and 4, which a shell makes of those that a child has anyway.
        let mut child = Command::new("sh")
            .args([
                "-c",
                r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#,
            ])
            .arg(program())
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--hide-scrollbars",
                "--no-first-run",
                "--lang=en",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let heard = Arc::new(Heard::default());
        let listener = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .await
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                listener.hear(&serde_json::from_slice(&message).unwrap_or_default());
                message.clear();
            }
            // Whoever waits for an answer is told that none will come.
            listener.answers.lock().unwrap().clear();
        });
        let mut browser = Self {
            _child: child,
            _profile: profile,
            input: tokio::sync::Mutex::new(input),
            heard,
            next: AtomicU64::new(1),
            session: String::new(),
        };
        let target = browser
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.size(1_440, 900).await;
        browser.looks("light").await;
        browser
    }

    /// Calls a method of the protocol; its result.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.heard.answers.lock().unwrap().insert(id, sender);
        let mut message = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.lock().await.write_all(&bytes).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE * 2, receiver).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer: {method}"));
        let answer = answer.unwrap_or_else(|_| panic!("the browser ended: {method}"));
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// Goes to an address.
    pub async fn open(&self, address: &str) {
        // Another hash alone would leave the page as it is.
        self.call("Page.navigate", json!({"url": "about:blank"}))
            .await;
        self.call("Page.navigate", json!({"url": address})).await;
    }

    /// The value of an expression in the page, which may be a promise.
    #[track_caller]
    pub fn value<'a>(&'a self, expression: &str) -> impl Future<Output = Value> + use<'a> {
        let place = std::panic::Location::caller();
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        async move {
            let answer = self.call("Runtime.evaluate", params).await;
            let thrown = &answer["exceptionDetails"];
            assert!(thrown.is_null(), "{place}: {thrown:#}");
            answer["result"]["value"].clone()
        }
    }

    /// Waits until an expression in the page is true, which it must become; its value.
    #[track_caller]
    pub fn until<'a>(&'a self, expression: &str) -> impl Future<Output = Value> + use<'a> {
        let place = std::panic::Location::caller();
        let milliseconds = PATIENCE.as_millis();
        let code = format!(
            "new Promise((done) => {{ const end = Date.now() + {milliseconds}; const look = () => {{ let value; try {{ value = {expression}; }} catch {{ value = null; }} \
             if (value || Date.now() > end) done(value); else setTimeout(look, 20); }}; look(); }})"
        );
        let params = json!({"expression": code, "awaitPromise": true, "returnByValue": true});
        let expression = expression.to_owned();
        async move {
            // A page that is being loaded takes the promise with it: once more then.
            for _ in 0..10 {
                let answer = self.call_or_none("Runtime.evaluate", &params).await;
                let Some(answer) = answer else { continue };
                let value = answer["result"]["value"].clone();
                let text = if is_true(&value) {
                    Value::Null
                } else {
                    self.value("document.body.innerText").await
                };
                assert!(
                    is_true(&value),
                    "{place}: never {expression}\n{}",
                    text.as_str().unwrap_or_default()
                );
                return value;
            }
            panic!("{place}: the page does not stay: {expression}");
        }
    }

    async fn call_or_none(&self, method: &str, params: &Value) -> Option<Value> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.heard.answers.lock().unwrap().insert(id, sender);
        let message =
            json!({"id": id, "method": method, "params": params, "sessionId": self.session});
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.lock().await.write_all(&bytes).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE * 2, receiver)
            .await
            .unwrap()
            .unwrap();
        answer["error"].is_null().then(|| answer["result"].clone())
    }

    /// The text of the first element that a selector finds, once it is there.
    #[track_caller]
    pub fn text<'a>(&'a self, selector: &str) -> impl Future<Output = String> + use<'a> {
        let found = self.until(&format!("document.querySelector({selector:?})?.innerText"));
        async move { found.await.as_str().unwrap_or_default().trim().to_owned() }
    }

    /// Clicks with the mouse in the middle of an element, once it is there.
    #[track_caller]
    pub fn click<'a>(&'a self, selector: &str) -> impl Future<Output = ()> + use<'a> {
        let place = self.until(&format!(
            "(() => {{ const found = document.querySelector({selector:?}); if (!found || found.disabled) return null; found.scrollIntoView({{block: 'center'}}); \
             const at = found.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height / 2]; }})()"
        ));
        async move {
            let place = place.await;
            for kind in ["mousePressed", "mouseReleased"] {
                let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
                self.call("Input.dispatchMouseEvent", event).await;
            }
        }
    }

    /// Presses a key: `Tab`, `Enter`, `ArrowDown`, or a character. With `Shift+` or `Control+` in front of it.
    pub async fn press(&self, key: &str) {
        let (modifiers, key) = match key.split_once('+') {
            Some(("Shift", key)) => (8, key),
            Some(("Control", key)) => (2, key),
            _ => (0, key),
        };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => Some("\r"),
            key if key.chars().count() == 1 => Some(key),
            _ => None,
        };
        let mut event = json!({"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers});
        if let Some(text) = text.filter(|_| modifiers != 2) {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event.clone()).await;
        event["type"] = json!("keyUp");
        event.as_object_mut().unwrap().remove("text");
        self.call("Input.dispatchKeyEvent", event).await;
    }

    /// Chooses a file for an input.
    pub async fn choose(&self, input: &str, file: &Path) {
        let found = json!({"expression": format!("document.querySelector({input:?})")});
        let found = self.call("Runtime.evaluate", found).await;
        let files = json!({"files": [file], "objectId": found["result"]["objectId"]});
        self.call("DOM.setFileInputFiles", files).await;
    }

    /// Writes where the focus is.
    pub async fn write(&self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Makes the window so large, in pixels.
    pub async fn size(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What the system prefers: `light` or `dark`.
    pub async fn looks(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    /// Keeps a picture of the whole page at `target/screenshots/NAME.png`.
    pub async fn picture(&self, name: &str, width: u32) {
        self.size(width, 900).await;
        let height = self
            .value("Math.min(6000, Math.max(700, document.documentElement.scrollHeight))")
            .await;
        self.size(width, u32::try_from(height.as_u64().unwrap()).unwrap())
            .await;
        // Charts follow the new size in the next frames.
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))").await;
        let shot = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let folder = repository().join("target/screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let bytes = decode(shot["data"].as_str().unwrap());
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
        self.size(width, 900).await;
    }

    /// What was wrong so far: errors of scripts, words on the console, violations of the policy. Answers of the server that are no
    /// success are not among them. Forgets them.
    pub fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.complaints.lock().unwrap())
    }

    /// Rules of accessibility that the page breaks, each with the elements that do.
    pub async fn barriers(&self) -> Vec<String> {
        let path = repository().join(AXE);
        let rules = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; `cargo xtask setup` fetches it",
                path.display()
            )
        });
        if self.value("typeof axe").await == "undefined" {
            self.value(&format!("{rules}; 0")).await;
        }
        let found = self
            .value(
                "axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations.map((one) => \
                 one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).slice(0, 4).join(' | ')))",
            )
            .await;
        let found = found.as_array().unwrap().iter();
        found.map(|one| one.as_str().unwrap().to_owned()).collect()
    }
}

impl Heard {
    fn hear(&self, message: &Value) {
        if let Some(id) = message["id"].as_u64() {
            if let Some(waits) = self.answers.lock().unwrap().remove(&id) {
                // Whoever asked may have given up.
                let _ = waits.send(message.clone());
            }
            return;
        }
        let params = &message["params"];
        let complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            Some("Runtime.consoleAPICalled") => params["args"].to_string(),
            Some("Log.entryAdded") if params["entry"]["source"] != "network" => {
                params["entry"].to_string()
            }
            _ => return,
        };
        self.complaints.lock().unwrap().push(complaint);
    }
}

/// As the page sees it.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn program() -> PathBuf {
    if let Some(given) = std::env::var_os("LEEWAY_CHROMIUM") {
        return given.into();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &&str| {
        std::env::split_paths(&folders)
            .map(|folder| folder.join(name))
            .find(|path| Path::is_file(path))
    };
    let found = PROGRAMS.iter().find_map(there);
    found.expect("no Chromium: `cargo xtask setup` installs it")
}

/// Bytes out of base64, as the protocol writes pictures.
fn decode(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.as_bytes().chunks(4) {
        let digits: Vec<u8> = four.iter().copied().filter(|&byte| byte != b'=').collect();
        let number = digits.iter().fold(0_u32, |number, &byte| {
            (number << 6) | u32::from(value(byte))
        });
        let number = number << (6 * (4 - digits.len()));
        bytes.extend(&number.to_be_bytes()[1..digits.len()]);
    }
    bytes
}
