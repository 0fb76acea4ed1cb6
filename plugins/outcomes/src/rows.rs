//! Rows of a window as columns, drawn where there are too many.

use leeway_sdk::{Column, ColumnKind, Failure, Role, Window};

use crate::classes::Named;

/// Rows that are looked at; of more, so many are drawn with the call's seed.
pub const ROWS_MAX: u32 = 100_000;
/// Rows that are asked for at once.
pub const PIECE: u32 = 65_536;

/// The rows of a window that are looked at.
pub struct Rows<'a> {
    window: &'a dyn Window,
    columns: Vec<Column>,
    /// Ascending; absent where they are all kept rows.
    drawn: Option<Vec<u32>>,
    kept: u32,
}

impl<'a> Rows<'a> {
    /// All kept rows, or [`ROWS_MAX`] of them drawn with the seed.
    pub fn of(window: &'a dyn Window, seed: u64) -> Result<Self, Failure> {
        let kept = window.kept_rows();
        let drawn = if kept > ROWS_MAX {
            Some(window.sample(ROWS_MAX, seed)?)
        } else {
            None
        };
        Ok(Self {
            window,
            columns: window.columns(),
            drawn,
            kept,
        })
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.drawn.as_ref().map_or(self.kept as usize, Vec::len)
    }

    /// The columns of the window.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of a role.
    pub fn role(&self, role: Role) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// Numbers of a numeric column; missing and infinite ones are NaN, and all are where the window has no such column of numbers.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Failure> {
        let Some(at) = self.position(name, ColumnKind::Numeric) else {
            return Ok(vec![f64::NAN; self.count()]);
        };
        let mut numbers = self.read(|offset, len| Ok(self.window.numbers(at, offset, len)?))?;
        for number in &mut numbers {
            if number.is_infinite() {
                *number = f64::NAN;
            }
        }
        Ok(numbers)
    }

    /// Times of rows, in seconds; NaN where one has none.
    pub fn times(&self) -> Result<Vec<f64>, Failure> {
        self.read(|offset, len| Ok(self.window.times(offset, len)?))
    }

    /// Values of a column by name, be they names or numbers; none at all where the window has no such column.
    pub fn named(&self, name: &str) -> Result<Named, Failure> {
        if let Some(at) = self.position(name, ColumnKind::Categorical) {
            let names = self.window.dictionary(at)?;
            let codes = self.read(|offset, len| Ok(self.window.codes(at, offset, len)?))?;
            return Ok(Named::of_codes(&codes, &names));
        }
        Ok(Named::of_numbers(&self.numbers(name)?))
    }

    /// A column of names as numbers: what `number` makes of each name, asked once; NaN where a name is missing.
    pub fn by_name(
        &self,
        name: &str,
        number: impl FnMut(&str) -> f64,
    ) -> Result<Vec<f64>, Failure> {
        let Some(at) = self.position(name, ColumnKind::Categorical) else {
            return Ok(vec![f64::NAN; self.count()]);
        };
        let names = self.window.dictionary(at)?;
        let numbers: Vec<f64> = names.iter().map(String::as_str).map(number).collect();
        let codes = self.read(|offset, len| Ok(self.window.codes(at, offset, len)?))?;
        Ok(codes
            .into_iter()
            .map(|code| numbers.get(code as usize).copied().unwrap_or(f64::NAN))
            .collect())
    }

    fn position(&self, name: &str, kind: ColumnKind) -> Option<u32> {
        let found = (0..)
            .zip(&self.columns)
            .find(|(_, column)| column.name == name && column.kind == kind);
        found.map(|(at, _)| at)
    }

    fn read<T: Copy>(
        &self,
        mut piece: impl FnMut(u32, u32) -> Result<Vec<T>, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut values = Vec::with_capacity(self.count());
        let mut drawn = self.drawn.as_deref();
        let mut offset = 0;
        while offset < self.kept {
            let len = PIECE.min(self.kept - offset);
            let read = piece(offset, len)?;
            match &mut drawn {
                None => values.extend(read),
                Some(rest) => {
                    let (now, later) =
                        rest.split_at(rest.partition_point(|row| *row < offset + len));
                    values.extend(
                        now.iter()
                            .filter_map(|row| read.get((row - offset) as usize).copied()),
                    );
                    *rest = later;
                }
            }
            offset += len;
        }
        Ok(values)
    }
}
