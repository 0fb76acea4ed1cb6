//! What a run shows: of one client every column that drifts, of many a line each.

use crate::check::output::grid::{Cell, Column, Fit, Grid, Paint};
use crate::check::output::number::count;
use crate::demo::board::{self, Seen};
use crate::demo::client::Outcome;
use crate::demo::screen::Screen;
use crate::domain::{DriftKind, Verdict};

/// Clients of which each column is shown.
const DETAILED_MAX: usize = 2;
/// Batches after which a client of many has a line although nothing has changed.
const LINES_APART: u64 = 10;

/// What was last heard of each client.
pub(super) struct Show {
    seen: Vec<Option<Seen>>,
    /// What stands in a client's last line, and batches since.
    said: Vec<(String, u64)>,
    screen: Screen,
}

impl Show {
    pub(super) fn new(clients: usize, screen: Screen) -> Self {
        Self {
            seen: vec![None; clients],
            said: vec![(String::new(), 0); clients],
            screen,
        }
    }

    pub(super) fn say(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.screen.say(line)?)
    }

    /// Takes what is new of a client; where there is no terminal, a line says it.
    pub(super) fn hear(&mut self, client: usize, seen: Seen) -> anyhow::Result<()> {
        if !self.screen.is_live() {
            let verdicts = tallies(&seen).join(", ");
            let (said, batches) = &mut self.said[client];
            *batches += 1;
            let many = self.seen.len() > DETAILED_MAX;
            if !many || *said != verdicts || *batches >= LINES_APART {
                (*said, *batches) = (verdicts, 0);
                let line = board::line(&format!("{:>6}", count(seen.rows)), &seen);
                self.screen.say(&line)?;
            }
        }
        self.seen[client] = Some(seen);
        Ok(())
    }

    /// Shows the table where there is a terminal.
    pub(super) fn draw(&mut self) -> anyhow::Result<()> {
        if !self.screen.is_live() {
            return Ok(());
        }
        let (columns, lines) = self.screen.size();
        // The cursor stands on a line of its own below the table.
        let lines_max = lines.saturating_sub(1);
        let colour = self.screen.has_colour();
        let table: Vec<String> = if self.seen.len() <= DETAILED_MAX {
            let seen: Vec<Seen> = self.seen.iter().flatten().cloned().collect();
            board::table(&seen, columns, lines_max, colour)
        } else {
            let text = self.summary(columns, colour);
            text.lines().take(lines_max).map(str::to_owned).collect()
        };
        Ok(self.screen.show(&table)?)
    }

    /// The last words: a line a client.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        // Of many clients the table is the summary, which takes its place.
        if self.screen.is_live() && self.seen.len() <= DETAILED_MAX {
            self.draw()?;
            self.screen.keep();
        }
        let (columns, _) = self.screen.size();
        let summary = self.summary(columns, self.screen.has_colour());
        Ok(self.screen.say(&format!("\n{summary}"))?)
    }

    fn summary(&self, width: usize, colour: bool) -> String {
        let mut grid = Grid::new(vec![
            Column::left("model", Fit::Name),
            Column::left("prepared", Fit::Optional(1)),
            Column::right("rows", Fit::Fixed),
            Column::right("labels", Fit::Optional(0)),
            Column::left("data drift", Fit::Fixed),
            Column::left("prior drift", Fit::Fixed),
            Column::left("concept drift", Fit::Fixed),
        ]);
        for seen in self.seen.iter().flatten() {
            let mut cells = vec![
                Cell::from(&seen.model),
                Cell::from(&seen.model_type),
                Cell::from(count(seen.rows)),
                Cell::from(count(seen.labels)),
            ];
            for (tally, kind) in tallies(seen).iter().zip(KINDS) {
                let paint = if drifts(seen, kind) {
                    Paint::Red
                } else {
                    Paint::Plain
                };
                cells.push(Cell::new(tally, paint));
            }
            grid.push(cells);
        }
        grid.render(width, colour).0
    }
}

const KINDS: [DriftKind; 3] = [DriftKind::Data, DriftKind::Prior, DriftKind::Concept];

/// What the monitors of each kind say.
fn tallies(seen: &Seen) -> [String; 3] {
    KINDS.map(|kind| {
        let of_kind = seen.evaluations.iter().filter(|one| one.kind == kind);
        of_kind.map(board::tally).collect::<Vec<_>>().join(", ")
    })
}

/// Whether a monitor of a kind says that something drifts.
fn drifts(seen: &Seen, kind: DriftKind) -> bool {
    seen.evaluations
        .iter()
        .filter(|one| one.kind == kind && one.outcome == Outcome::Judged)
        .flat_map(|one| &one.measurements)
        .any(|one| one.verdict == Verdict::Drifted)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn seen(rows: u64) -> Seen {
        Seen {
            model: "flights-none".into(),
            model_type: "none".into(),
            rows,
            rows_total: 2_000,
            ..Seen::default()
        }
    }

    fn lines(clients: usize, batches: u64) -> Vec<String> {
        let written = Written::default();
        let mut show = Show::new(clients, Screen::plain(written.clone()));
        for batch in 1..=batches {
            show.hear(0, seen(batch * 50)).unwrap();
            show.draw().unwrap();
        }
        show.end().unwrap();
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_batch_of_one_client_has_a_line_and_the_end_sums_up() {
        let lines = lines(1, 2);
        assert!(
            lines[0].starts_with("    50  flights-none: 50 rows"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("   100"));
        assert!(lines[3].starts_with("model"));
        assert_eq!(
            lines[4].split_whitespace().collect::<Vec<_>>(),
            ["flights-none", "none", "100", "0"]
        );
    }

    #[test]
    fn many_clients_have_a_line_where_something_changed() {
        // The first batch, the tenth after it, and the four lines of the summary.
        assert_eq!(lines(3, 1 + LINES_APART).len(), lines(3, 1).len() + 1);
    }
}
