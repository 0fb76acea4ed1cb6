//! The host and its Postgres are killed while rows come in: nothing acknowledged is lost, and nothing counts twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::harness::service::Service;

/// Rows of a request.
const ROWS: u64 = 20;
/// Clients that send at once, each to a model that two of them share.
const CLIENTS: u64 = 4;
/// Requests of a client that are acknowledged before the kill.
const REQUESTS: u64 = 25;

/// What the clients were told, and what they asked without an answer.
#[derive(Default)]
struct Sent {
    /// Acknowledged requests of each client: all before this are.
    acknowledged: [AtomicU64; 4],
}

fn body(client: u64, request: u64) -> Value {
    let rows: Vec<Value> = (0..ROWS)
        .map(|row| {
            let at = request * ROWS + row;
            json!({
                "record_id": format!("{client}-{at}"),
                "prediction_time": format!("2026-03-01T{:02}:{:02}:{:02}Z", at / 3_600, at / 60 % 60, at % 60),
                "prediction": at.is_multiple_of(3).to_string(),
                "label": at.is_multiple_of(4).to_string(),
                "features": { "x": (at * 7_919 % 1_000) as f64 / 1_000.0, "c": format!("c{}", at % 5) },
            })
        })
        .collect();
    json!({ "model_type": "classifier", "predictions": rows })
}

/// Sends until `stop` requests are acknowledged or the service is gone.
async fn send(address: std::net::SocketAddr, client: u64, sent: Arc<Sent>, stop: u64) {
    let http = reqwest::Client::new();
    let url = format!(
        "http://{address}/v1/models/model-{}/predictions",
        client / 2
    );
    let counter = &sent.acknowledged[usize::try_from(client).unwrap()];
    loop {
        let request = counter.load(Ordering::SeqCst);
        if request >= stop {
            return;
        }
        // A client that got no answer sends the same again: that is safe.
        match http.post(&url).json(&body(client, request)).send().await {
            Ok(answer) if answer.status().is_success() => {
                counter.fetch_add(1, Ordering::SeqCst);
            }
            Ok(answer) => assert_eq!(
                answer.status(),
                503,
                "{}",
                answer.text().await.unwrap_or_default()
            ),
            Err(_) => return,
        }
    }
}

async fn send_all(service: &Service, sent: &Arc<Sent>, stop: u64) {
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(send(service.address, client, Arc::clone(sent), stop));
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
}

/// Waits until some request of every client is acknowledged beyond `beyond`.
async fn under_way(sent: &Sent, beyond: u64) {
    while sent
        .acknowledged
        .iter()
        .any(|counter| counter.load(Ordering::SeqCst) <= beyond)
    {
        tokio::task::yield_now().await;
    }
}

/// Everything adds up: rows once each, chunks count what rows there are, evaluations have their measurements.
async fn assert_whole(service: &Service, requests: u64) {
    for model in 0..CLIENTS / 2 {
        let evaluated = service
            .post(
                &format!("/v1/models/model-{model}/evaluate?wait=true"),
                &json!({}),
            )
            .await
            .unwrap();
        assert!(
            evaluated.status().is_success(),
            "{}",
            evaluated.text().await.unwrap()
        );
    }
    let expected = requests * ROWS * 2;
    let rows = service
        .sql("SELECT model_id, count(*)::int8, count(DISTINCT record_id)::int8 FROM history.predictions GROUP BY 1 ORDER BY 1")
        .await;
    let chunks = service
        .sql("SELECT model_id, sum(rows)::int8, sum(labelled_rows)::int8 FROM history.chunks GROUP BY 1 ORDER BY 1")
        .await;
    for model in 0..CLIENTS / 2 {
        let of = |table: &[Vec<Value>]| table[usize::try_from(model).unwrap()][1..].to_vec();
        assert_eq!(
            of(&rows),
            vec![json!(expected), json!(expected)],
            "rows of model-{model}"
        );
        assert_eq!(
            of(&chunks),
            vec![json!(expected), json!(expected)],
            "profiled rows of model-{model}"
        );
    }
    let torn = service
        .sql(
            "SELECT e.evaluation_no FROM history.evaluations e LEFT JOIN history.measurements m USING (evaluation_no)
             GROUP BY 1, e.outcome HAVING (e.outcome = 'judged') <> (count(m.metric) > 0)",
        )
        .await;
    assert_eq!(
        torn,
        Vec::<Vec<Value>>::new(),
        "evaluations without their measurements"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_while_rows_come_in_loses_nothing_acknowledged_and_counts_nothing_twice()
 {
    let directory = tempfile::tempdir().unwrap();
    let sent = Arc::new(Sent::default());

    for round in 1..=3 {
        let service = Service::start(directory.path()).await;
        let (address, so_far) = (service.address, Arc::clone(&sent));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(send(address, client, Arc::clone(&so_far), u64::MAX));
        }
        under_way(&sent, round * 5).await;
        service.kill();
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
    }

    let service = Service::start(directory.path()).await;
    let most = sent
        .acknowledged
        .iter()
        .map(|counter| counter.load(Ordering::SeqCst))
        .max()
        .unwrap();
    send_all(&service, &sent, most.max(REQUESTS)).await;
    assert_whole(&service, most.max(REQUESTS)).await;
    assert_eq!(service.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_killed_while_rows_come_in_is_brought_back_and_nothing_is_lost_or_counted_twice()
 {
    let directory = tempfile::tempdir().unwrap();
    let sent = Arc::new(Sent::default());
    let service = Service::start(directory.path()).await;

    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(send(service.address, client, Arc::clone(&sent), REQUESTS));
    }
    under_way(&sent, 5).await;
    let postgres = Service::postgres(directory.path());
    let pid = rustix::process::Pid::from_raw(i32::try_from(postgres).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }

    assert_whole(&service, REQUESTS).await;
    assert_ne!(
        Service::postgres(directory.path()),
        postgres,
        "another Postgres runs"
    );
    assert_eq!(service.stop(), Some(0));
}
