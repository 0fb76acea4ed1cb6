//! Rows of many columns, as the detectors that look at them together read, keep and encode them.
//!
//! - [`Table`]: the kept rows of some columns, or a uniform sample of them within named bounds.
//! - [`Scene`]: both windows' rows as one matrix of numbers, in which no row shows which window it is of but by its values.
//! - [`Sealed`]: a baseline as bytes with a format and a checksum.
//! - [`Call`]: what every measurement of a joint test shares: sizes, missing and unseen shares, the verdict.

mod call;
mod forward;
pub mod golden;
pub mod odd;
mod read;
mod scene;
mod seal;
pub mod simulate;

pub use call::{Call, Settings, Shares, settings_schema};
pub use forward::{PART_ROWS_MIN, Told, deal, tell};
pub use read::{COLUMN_ROWS_CHUNK, Table, TableColumn, Values, read, rows_within, seeded};
pub use scene::{CATEGORIES_MAX, CATEGORY_ROWS_MIN, Part, SCENE_VALUES_MAX, Scene};
pub use seal::Sealed;
