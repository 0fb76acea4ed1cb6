//! Runs what is deployed, with nothing but Debian's packages: no registry, no Docker.
//!
//! Podman builds the image and brings up docker-compose.yml, with stand-ins for the images of others (`xtask/compose`); rows
//! go in, their drift comes out of Prometheus, and the database answers Grafana's role. Then podman plays the base of `k8s/`.

use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::deploy::{checkers, kubectl, kustomize};
use crate::podman::{Podman, STAND_INS, get, soon};
use crate::setup::quiet;
use crate::steps::{root, run};

/// The database of the played deployment, and the network of both; and where it is open to this machine.
const PLAY: &str = "leeway-play";
const PLAY_PORT: u16 = 15_432;

/// Builds, starts, feeds, asks, and takes everything down again. `only_play`: the base of `k8s/` alone, on images that are there.
pub(crate) fn compose(only_play: bool) -> anyhow::Result<()> {
    let podman = Podman::new()?;
    if only_play {
        return podman.play_and_end();
    }
    podman.build()?;
    let up = podman.up();
    if up.is_err() {
        podman.logs();
    }
    let down = podman.down();
    up.and(down)?;
    podman.play_and_end()
}

impl Podman {
    /// docker-compose.yml, from an empty database to drift in Prometheus.
    fn up(&self) -> anyhow::Result<()> {
        run(self
            .compose(&["up", "--detach", "--no-build"])
            .env("LEEWAY_EXAMPLE_DRIFT", "concept_drift"))?;
        soon("the service is ready", || {
            get("http://127.0.0.1:5000/health/ready").is_ok()
        })?;
        for container in ["leeway", "postgres", "prometheus", "model-api"] {
            let container = format!("leeway_{container}_1");
            let health = || quiet(&mut self.podman(&["healthcheck", "run", &container]));
            soon(&format!("{container} is healthy"), health)?;
        }
        // As a person would: rows to the model API, its answers to the service.
        let profile = ["--profile", "example"];
        let words = ["run", "--rm", "-T", "--no-deps", "example"];
        run(self
            .compose(&profile)
            .args(words)
            .args(["example", "run", "--interval", "0s"]))?;
        for (kind, drifted) in [("concept", 1), ("data", 0)] {
            let wanted =
                format!("drift_monitoring_api_model_drifted{{kind=\"{kind}\"}}=={drifted}");
            let query = wanted.replace('=', "%3D").replace('"', "%22");
            let address = format!("http://127.0.0.1:9090/api/v1/query?query={query}");
            soon(&format!("Prometheus has {wanted}"), || {
                get(&address).is_ok_and(|answer| answer.contains("\"value\""))
            })?;
        }
        self.as_grafana()?;
        let written = self.inside("leeway_leeway_1", "touch /usr/local/bin/x")?;
        if written.status.success() {
            bail!("the file system of the service can be written");
        }
        Ok(())
    }

    /// What Grafana would be given, tried from its place: its files, its role, its Prometheus.
    fn as_grafana(&self) -> anyhow::Result<()> {
        let sql = |statement: &str| {
            format!(
                "PGPASSWORD=$LEEWAY_GRAFANA_DATABASE_PASSWORD psql --no-psqlrc --tuples-only --host ${{LEEWAY_GRAFANA_DATABASE_HOST%:*}} \
                 --username leeway_grafana --dbname leeway --command '{statement}'"
            )
        };
        for (what, script, allowed) in [
            (
                "dashboards",
                "test -r /etc/leeway/dashboards/overall.json".to_owned(),
                true,
            ),
            (
                "data sources",
                "test -r /etc/grafana/provisioning/datasources/leeway.yml".to_owned(),
                true,
            ),
            (
                "Prometheus",
                "curl -sf \"$LEEWAY_PROMETHEUS_URL/api/v1/query?query=leeway_models\"".to_owned(),
                true,
            ),
            (
                "the history",
                sql("SELECT count(*) FROM history.measurements"),
                true,
            ),
            ("tokens", sql("SELECT * FROM public.token"), false),
            ("writing", sql("CREATE TEMPORARY TABLE x ()"), false),
        ] {
            let done = self.inside("leeway_grafana_1", &script)?;
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            eprintln!(
                "as Grafana, {what}: {}",
                if done.status.success() {
                    "allowed"
                } else {
                    "refused"
                }
            );
            if done.status.success() != allowed {
                bail!("as Grafana, {what}: {said}");
            }
        }
        Ok(())
    }

    fn down(&self) -> anyhow::Result<()> {
        run(&mut self.compose(&["down", "--volumes", "--timeout", "20"]))
    }

    fn play_and_end(&self) -> anyhow::Result<()> {
        // What an earlier run may have left.
        self.unplay();
        let played = self.play();
        self.unplay();
        played
    }

    /// The deployment of `k8s/base`, on the stand-in for Postgres.
    fn play(&self) -> anyhow::Result<()> {
        let built = self.folder.join("base.yaml");
        kustomize(&kubectl(&checkers()?)?, "base", &built)?;
        let text = std::fs::read_to_string(&built)?;
        // What podman knows; the rest is for a cluster.
        let kept: Vec<&str> = text
            .split("\n---\n")
            .filter(|one| {
                let kind = |line| line == "kind: Deployment" || line == "kind: ConfigMap";
                one.lines().any(kind)
            })
            .collect();
        if kept.len() != 2 {
            bail!(
                "k8s/base has another deployment, or configuration, than expected: {}",
                kept.len()
            );
        }
        // There is no service in front of it: its port is opened as it is.
        let open = "hostPort: 5000\n          containerPort: 5000";
        let played = kept.join("\n---\n").replace("containerPort: 5000", open);
        std::fs::write(&built, played)?;
        // Podman 4.3 keeps the secret of a pod as an object of JSON.
        let secret = format!(
            "printf '{{\"url\":\"%s\"}}' \"$(printf %s 'postgres://leeway:leeway@{PLAY}:5432/leeway' | base64 -w0)\" | podman secret create leeway-database -"
        );
        run(self.command(Path::new("sh")).args(["-euc", &secret]))?;
        run(&mut self.podman(&["network", "create", PLAY]))?;
        run(self
            .podman(&["run", "--detach", "--name", PLAY, "--network", PLAY])
            .args(["--publish", &format!("127.0.0.1:{PLAY_PORT}:5432")])
            .args(["--env", "POSTGRES_PASSWORD=postgres"])
            .args(["--env", "LEEWAY_DATABASE_PASSWORD=leeway"])
            .args(["--env", "LEEWAY_GRAFANA_DATABASE_PASSWORD=grafana"])
            .arg("--volume")
            .arg(format!(
                "{}:/docker-entrypoint-initdb.d:ro",
                root().canonicalize()?.join("config/postgres").display()
            ))
            .arg(STAND_INS[0].1))?;
        // Without a token the host refuses to listen beyond its own machine: one is made first, as k8s/README.md does.
        let url = format!("postgres://leeway:leeway@127.0.0.1:{PLAY_PORT}/leeway");
        soon("the database takes a token", || {
            quiet(
                Command::new(&self.program)
                    .args(["token", "create", "--name", "play", "--scope", "admin"])
                    .env("DATABASE_URL", &url),
            )
        })?;
        run(self
            .podman(&["kube", "play", "--network", PLAY])
            .arg(&built))?;
        soon("the played deployment is ready", || {
            get("http://127.0.0.1:5000/health/ready").is_ok()
        })?;
        if get("http://127.0.0.1:5000/v1/models").is_ok() {
            bail!("the played deployment answers without a token");
        }
        eprintln!("the deployment is ready, and asks for a token");
        Ok(())
    }

    fn unplay(&self) {
        let built = self.folder.join("base.yaml");
        let _ = quiet(self.podman(&["kube", "down"]).arg(built));
        let _ = quiet(&mut self.podman(&["rm", "--force", "--volumes", PLAY]));
        let _ = quiet(&mut self.podman(&["network", "rm", "--force", PLAY]));
        let _ = quiet(&mut self.podman(&["secret", "rm", "leeway-database"]));
    }
}
