//! What every always-valid monitor can do: bet against "nothing has changed", row by row, for ever.

use crate::state::StateError;

/// A monitor whose capital, an e-process, says how much a stream speaks against its null hypothesis.
///
/// Invariant: under the null hypothesis of the monitor the e-value is at most that of a non-negative supermartingale that starts at 1,
/// so the chance that it is ever `1 / level` or more is at most `level`, however long the stream and however often anyone looks.
/// Source: Ville (1939), "Étude critique de la notion de collectif".
pub trait AlwaysValid: Sized {
    /// Takes in the next value, with the level of false alarms over the whole stream; whether it is where the alarm is raised.
    /// Values that are no number or outside the monitor's range leave no trace.
    fn update(&mut self, value: f64, level: f64) -> bool;
    /// Where it stands.
    fn phase(&self) -> Phase;
    /// The e-value now, finite and not negative; after an alarm, the one that raised it.
    fn e_value(&self) -> f64;
    /// The largest e-value so far.
    fn largest(&self) -> f64;
    /// One over the largest e-value: a p-value whenever one looks. Absent where the e-value depends on the level.
    fn p_value(&self) -> Option<f64>;
    /// Size of the change on a scale of its own, as far as it can be estimated.
    fn effect(&self) -> f64;
    /// Rows that were learned from, and rows that were bet on.
    fn rows(&self) -> (f64, f64);
    /// Numbers that a person may want to see, for a level as in [`AlwaysValid::update`].
    fn numbers(&self, level: f64) -> Vec<(&'static str, f64)>;
    /// Its state, settings included. The same state gives the same bytes.
    fn to_bytes(&self) -> Vec<u8>;
    /// The state again.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are cut off, of another format, or hold what no monitor could have.
    fn from_bytes(bytes: &[u8]) -> Result<Self, StateError>;
}

/// Where a monitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It learns what is normal.
    Learning,
    /// It watches.
    Watching,
    /// It watches, and has seen one value only.
    Constant,
    /// It has raised the alarm.
    Alarmed,
}

/// What happens after an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterAlarm {
    /// It stays: one alarm a stream.
    #[default]
    Stay,
    /// The next row begins a new stream: the level holds from there on.
    Relearn,
}
