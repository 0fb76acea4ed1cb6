//! What a run shows: of one client every column that drifts, of many a line each.

use serde::Deserialize;

use crate::check::output::grid::{Cell, Column, Fit, Grid, Paint};
use crate::check::output::number::{count, short};
use crate::demo::board::{self, Seen};
use crate::demo::client::Outcome;
use crate::demo::screen::Screen;
use crate::domain::{DriftKind, Verdict};

/// Clients of which each column is shown.
const DETAILED_MAX: usize = 2;
/// Words that are told of a column.
const WORDS_MAX: usize = 8;
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
        self.screen.say(&format!("\n{summary}"))?;
        if self.seen.len() <= DETAILED_MAX {
            for line in self.seen.iter().flatten().flat_map(words) {
                self.screen.say(&line)?;
            }
        }
        Ok(())
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

/// A word that tells the current texts from the reference's, and the shares of both that have it.
#[derive(Debug, Deserialize)]
struct Word {
    #[serde(rename = "word")]
    text: String,
    reference: f64,
    current: f64,
}

/// The words that gave texts away, a line a column that drifted by them.
fn words(seen: &Seen) -> Vec<String> {
    let measurements = seen.evaluations.iter().flat_map(|one| &one.measurements);
    measurements
        .filter(|one| one.verdict == Verdict::Drifted)
        .filter_map(|one| {
            let words = one.detail.as_ref()?.get("words")?;
            let words: Vec<Word> = serde_json::from_value(words.clone()).ok()?;
            let told = words.iter().take(WORDS_MAX).map(|one| {
                let percent = |share: f64| short(100.0 * share, 2);
                let (then, now) = (percent(one.reference), percent(one.current));
                format!("{} {then}% to {now}%", one.text)
            });
            let told: Vec<String> = told.collect();
            let column = one.column.as_deref().unwrap_or_default();
            let area = short(one.value, 3);
            Some(format!(
                "words      of {column} that give it away (area {area}), in so many texts of the reference and now: {}",
                told.join(", ")
            ))
        })
        .collect()
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

    use serde_json::json;

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
    fn words_that_gave_texts_away_are_told_once_they_drift() {
        let told = |verdict: &str, detail: serde_json::Value| {
            let evaluation = json!({"monitor": "text-drift", "kind": "data", "outcome": "judged", "reference_rows": 680, "current_rows": 200,
                "measurements": [{"metric": "text_auc", "column": "opening", "value": 0.7123, "threshold": 0.6, "reference_rows": 680,
                    "current_rows": 200, "missing_share": 0.0, "unseen_share": 0.0, "verdict": verdict, "detail": detail}]});
            words(&Seen {
                evaluations: vec![serde_json::from_value(evaluation).unwrap()],
                ..seen(200)
            })
        };
        let word = |word: &str| json!({"word": word, "reference": 0.0015, "current": 0.107});
        let many: Vec<_> = (0..=WORDS_MAX).map(|at| word(&format!("w{at}"))).collect();

        let lines = told("drifted", json!({"words": many}));

        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with("words      of opening that give it away (area 0.712)"),
            "{lines:?}"
        );
        assert!(
            lines[0].contains(": w0 0.15% to 11%, w1 ") && lines[0].ends_with("w7 0.15% to 11%"),
            "{lines:?}"
        );
        assert!(told("stable", json!({"words": [word("w")]})).is_empty());
        for other in [json!(null), json!({"words": "none"}), json!({})] {
            assert!(told("drifted", other).is_empty());
        }
    }

    #[test]
    fn many_clients_have_a_line_where_something_changed() {
        // The first batch, the tenth after it, and the four lines of the summary.
        assert_eq!(lines(3, 1 + LINES_APART).len(), lines(3, 1).len() + 1);
    }
}
