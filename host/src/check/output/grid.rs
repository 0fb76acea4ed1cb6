//! Sets cells in columns that fit a terminal.

use super::text::{clean, shorten, width};

/// Spaces before a column.
const GAP: usize = 2;
/// The same before numbers where room is short: they stand at the right of their column.
const GAP_TIGHT: usize = 1;
/// A name is shortened to this before a column is left out.
const NAME_MIN: usize = 14;
/// A name is shortened to this where nothing is left to leave out.
const NAME_LAST: usize = 6;

/// How a cell is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Red,
    Green,
    Yellow,
    Dim,
    Bold,
}

impl Paint {
    /// The text between ANSI codes, or as it is.
    pub(crate) fn apply(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => "",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Dim => "2",
            Self::Bold => "1",
        };
        if colour && !code.is_empty() && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What may happen to a column where room is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It stays as it is.
    Fixed,
    /// Its cells may be shortened.
    Name,
    /// It may be left out; the largest number goes first.
    Optional(u8),
}

pub(crate) struct Column {
    header: String,
    right: bool,
    fit: Fit,
}

impl Column {
    pub(crate) fn left(header: &str, fit: Fit) -> Self {
        Self {
            header: clean(header),
            right: false,
            fit,
        }
    }

    pub(crate) fn right(header: &str, fit: Fit) -> Self {
        Self {
            header: clean(header),
            right: true,
            fit,
        }
    }
}

pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(crate) fn new(text: &str, paint: Paint) -> Self {
        Self {
            text: clean(text),
            paint,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text.as_ref(), Paint::Plain)
    }
}

/// Cells in rows. A row has a cell for every column, or fewer: then its last one flows over the
/// columns behind it.
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// The lines, and the headers of the columns that found no room. A column without text in any
    /// row is left out and not named.
    pub(crate) fn render(&self, width_max: usize, colour: bool) -> (String, Vec<&str>) {
        let Layout {
            widths,
            tight,
            dropped,
        } = self.layout(width_max);
        let mut lines = String::new();
        let header = |column: &Column| Cell {
            text: column.header.clone(),
            paint: Paint::Dim,
        };
        let headers: Vec<Cell> = self.columns.iter().map(header).collect();
        for row in std::iter::once(&headers).chain(&self.rows) {
            let mut line = String::new();
            // Owed spaces come with the next text: a line ends in text.
            let (mut taken, mut owed) = (0, 0);
            for (at, cell) in row.iter().enumerate() {
                let flows = self.flows(row, at);
                if widths[at] == 0 && !flows {
                    continue;
                }
                owed += if taken + owed > 0 {
                    self.gap(at, tight && !flows)
                } else {
                    0
                };
                let room = if flows {
                    width_max.saturating_sub(taken + owed)
                } else {
                    widths[at]
                };
                let text = shorten(&cell.text, room);
                let space = room - width(&text);
                if text.is_empty() {
                    owed += room;
                    continue;
                }
                let (before, after) = if self.columns[at].right && !flows {
                    (space, 0)
                } else {
                    (0, space)
                };
                line.push_str(&" ".repeat(owed + before));
                line.push_str(&cell.paint.apply(&text, colour));
                taken += owed + before + width(&text);
                owed = after;
            }
            lines.push_str(&line);
            lines.push('\n');
        }
        (lines, dropped)
    }

    fn gap(&self, at: usize, tight: bool) -> usize {
        if tight && self.columns[at].right {
            GAP_TIGHT
        } else {
            GAP
        }
    }

    /// Whether a cell takes the room of all columns behind it.
    fn flows(&self, row: &[Cell], at: usize) -> bool {
        row.len() < self.columns.len() && at + 1 == row.len()
    }

    fn layout(&self, width_max: usize) -> Layout<'_> {
        let widths = (0..self.columns.len()).map(|at| self.natural(at)).collect();
        let mut layout = Layout {
            widths,
            tight: false,
            dropped: Vec::new(),
        };
        layout.tight = self.total(&layout) > width_max;
        self.squeeze(&mut layout, width_max, NAME_MIN);
        while self.total(&layout) > width_max {
            let last = (0..self.columns.len())
                .filter(|&at| layout.widths[at] > 0)
                .filter_map(|at| match self.columns[at].fit {
                    Fit::Optional(order) => Some((order, at)),
                    _ => None,
                });
            let Some((_, at)) = last.max() else {
                self.squeeze(&mut layout, width_max, NAME_LAST);
                break;
            };
            layout.widths[at] = 0;
            layout.dropped.push(self.columns[at].header.as_str());
            // Names get back what room there is now.
            for at in self.names() {
                layout.widths[at] = self.natural(at);
            }
            self.squeeze(&mut layout, width_max, NAME_MIN);
        }
        layout
    }

    fn names(&self) -> impl Iterator<Item = usize> {
        (0..self.columns.len()).filter(|&at| self.columns[at].fit == Fit::Name)
    }

    /// Room that the widest cell takes; 0 if there is none.
    fn natural(&self, at: usize) -> usize {
        let own = |row: &&Vec<Cell>| at < row.len() && !self.flows(row, at);
        let widest = self
            .rows
            .iter()
            .filter(own)
            .map(|row| width(&row[at].text))
            .max()
            .unwrap_or(0);
        if widest == 0 {
            0
        } else {
            widest.max(width(&self.columns[at].header))
        }
    }

    /// Takes room from the widest names, down to `name_min` each.
    fn squeeze(&self, layout: &mut Layout, width_max: usize, name_min: usize) {
        while self.total(layout) > width_max {
            let widths = &layout.widths;
            let Some(at) = self
                .names()
                .filter(|&at| widths[at] > name_min)
                .max_by_key(|&at| widths[at])
            else {
                break;
            };
            layout.widths[at] -= 1;
        }
    }

    fn total(&self, layout: &Layout) -> usize {
        let mut total = 0;
        for (at, room) in layout
            .widths
            .iter()
            .enumerate()
            .filter(|(_, room)| **room > 0)
        {
            total += room
                + if total > 0 {
                    self.gap(at, layout.tight)
                } else {
                    0
                };
        }
        total
    }
}

/// What each column got.
struct Layout<'a> {
    /// 0 where a column is left out.
    widths: Vec<usize>,
    /// Whether numbers stand closer.
    tight: bool,
    /// Headers of the columns that found no room.
    dropped: Vec<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec![
            Column::left("name", Fit::Name),
            Column::right("value", Fit::Fixed),
            Column::right("none", Fit::Fixed),
            Column::right("rows", Fit::Optional(1)),
            Column::left("why", Fit::Optional(2)),
        ]);
        grid.push(vec![
            "a name of twenty-three".into(),
            "1".into(),
            "".into(),
            "1234".into(),
            "because".into(),
        ]);
        grid.push(vec![
            Cell::new("温度", Paint::Red),
            "22.5".into(),
            "".into(),
            "".into(),
            "".into(),
        ]);
        grid
    }

    #[test]
    fn cells_stand_in_columns_and_lines_end_in_text() {
        let grid = grid();
        let (lines, dropped) = grid.render(80, false);
        let expected = "\
name                    value  rows  why
a name of twenty-three      1  1234  because
温度                     22.5
";
        assert_eq!((lines.as_str(), dropped), (expected, vec![]));
    }

    #[test]
    fn names_shrink_first_then_columns_go_then_names_shrink_again() {
        let grid = grid();
        let (lines, dropped) = grid.render(38, false);
        assert_eq!(
            lines.lines().nth(1),
            Some("a name of twenty-…     1 1234  because")
        );
        assert!(dropped.is_empty());
        let (lines, dropped) = grid.render(32, false);
        assert_eq!(
            lines.lines().nth(1),
            Some("a name of twenty-thr…     1 1234")
        );
        assert_eq!(dropped, ["why"]);
        let (lines, dropped) = grid.render(16, false);
        assert_eq!(lines.lines().nth(1), Some("a name of…     1"));
        assert_eq!(dropped, ["why", "rows"]);
    }

    #[test]
    fn the_last_cell_of_a_short_row_flows() {
        let mut grid = grid();
        grid.push(vec![
            "short".into(),
            "there is no value for this name".into(),
        ]);
        let (lines, _) = grid.render(40, false);
        assert_eq!(
            lines.lines().nth(3),
            Some("short                 there is no value…")
        );
    }

    #[test]
    fn colours_take_no_room() {
        let grid = grid();
        let (lines, _) = grid.render(80, true);
        assert_eq!(
            lines.lines().nth(2),
            Some("\u{1b}[31m温度\u{1b}[0m                     22.5")
        );
    }
}
