//! How far a client has come, so that a run goes on where the one before was stopped.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::whole;

/// Written before a batch is sent and after it was acknowledged: a batch that is sent again, under the same ids and at the
/// same time, counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Which preparation and which server it is about.
    prepared_at: Timestamp,
    server: String,
    /// Whether model and reference are there.
    pub(super) begun: bool,
    /// Rows that were acknowledged.
    pub(super) rows: usize,
    /// Rows whose labels were acknowledged.
    pub(super) labels: usize,
    /// The batch on its way: where it ends, and its time.
    pub(super) sending: Option<(usize, Timestamp)>,
}

impl Position {
    /// Where nothing was sent yet.
    pub(super) fn start(prepared_at: Timestamp, server: &str) -> Self {
        Self {
            prepared_at,
            server: server.to_owned(),
            begun: false,
            rows: 0,
            labels: 0,
            sending: None,
        }
    }

    /// Where the run before stopped, if it sent the same rows to the same server.
    pub(super) fn load(folder: &Path, client: usize, start: Self) -> Self {
        let text = std::fs::read(folder.join(name(client))).ok();
        let found: Option<Self> = text.and_then(|text| serde_json::from_slice(&text).ok());
        found
            .filter(|found| found.prepared_at == start.prepared_at && found.server == start.server)
            .unwrap_or(start)
    }

    /// Writes it down.
    pub(super) fn save(&self, folder: &Path, client: usize) -> anyhow::Result<()> {
        let text = serde_json::to_vec(self)?;
        whole(folder, &name(client), |file| Ok(file.write_all(&text)?))
    }
}

fn name(client: usize) -> String {
    format!("position-{:04}.json", client + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_holds_for_its_preparation_and_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        let start = |second: i64, server: &str| {
            Position::start(Timestamp::from_second(second).unwrap(), server)
        };
        let mut position = start(1, "a");
        position.rows = 50;
        position.sending = Some((100, Timestamp::UNIX_EPOCH));
        position.save(folder.path(), 0).unwrap();
        let load = |client, start| Position::load(folder.path(), client, start);
        assert_eq!(load(0, start(1, "a")), position);
        for (client, start) in [(0, start(2, "a")), (0, start(1, "b")), (1, start(1, "a"))] {
            assert_eq!(load(client, start.clone()), start);
        }
    }
}
