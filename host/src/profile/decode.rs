//! Bytes back into a profile, or a refusal.

use std::sync::Arc;

use crate::domain::schema::{COLUMN_NAME_BYTES_MAX, COLUMNS_MAX};
use crate::domain::{ColumnKind, ColumnSpec, Role, Schema};

use super::bytes::{Malformed, Reader};
use super::column::{ColumnProfile, Summary};
use super::config::{ProfileConfig, ROWS_MAX};
use super::decode_values::{read_categories, read_distribution};
use super::encode::{
    FORM_CATEGORIES, FORM_EXACT, FORM_SKETCHED, HEADER_BYTES, KINDS, MAGIC, ROLES, VERSION,
    checksum,
};
use super::summary::Profile;

/// Why bytes are not a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They do not start as a profile does.
    #[error("not a profile")]
    NotAProfile,
    /// They were written by another version of the program.
    #[error("a profile of layout {0}; this program reads layout {VERSION}")]
    UnknownVersion(u16),
    /// The checksum is another.
    #[error("a damaged profile: its checksum does not fit")]
    Damaged,
    /// The checksum fits and what it covers makes no profile.
    #[error("a malformed profile: {0}")]
    Malformed(&'static str),
}

impl Profile {
    /// The profile that [`Profile::to_bytes`] wrote. Never panics, and takes no more memory than the
    /// bytes bear out: at most 16 for one of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len()) != Ok(&MAGIC) || bytes.len() < HEADER_BYTES {
            return Err(DecodeError::NotAProfile);
        }
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version != VERSION {
            return Err(DecodeError::UnknownVersion(version));
        }
        let (header, payload) = bytes.split_at(HEADER_BYTES);
        if checksum(version, payload).to_le_bytes() != header[6..] {
            return Err(DecodeError::Damaged);
        }
        read_profile(&mut Reader::new(payload)).map_err(DecodeError::Malformed)
    }
}

/// Refuses what does not hold.
pub(super) fn ensure(holds: bool, otherwise: Malformed) -> Result<(), Malformed> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn read_profile(reader: &mut Reader<'_>) -> Result<Profile, Malformed> {
    let mut setting = || usize::try_from(reader.number()?).map_err(|_| "a setting is out of range");
    let config = ProfileConfig::new(setting()?, setting()?, setting()?)
        .map_err(|_| "a setting is out of range")?;
    let schema = read_schema(reader)?;
    let rows = read_rows(reader)?;
    let span = match reader.byte()? {
        0 => None,
        1 => Some((reader.double()?, reader.double()?)),
        _ => return Err("the span is neither there nor absent"),
    };
    let ordered =
        span.is_none_or(|(first, last)| first.is_finite() && last.is_finite() && first <= last);
    ensure(
        ordered && (span.is_none() || rows > 0),
        "the span is not one",
    )?;
    let mut columns = Vec::with_capacity(schema.columns().len());
    for spec in schema.columns() {
        let column = read_column(reader, spec, &config)?;
        let labelled = spec.role.is_derived() || spec.role == Role::Label;
        let fits = column.rows == rows || labelled && column.rows < rows;
        ensure(fits, "a column has another number of rows")?;
        columns.push(column);
    }
    ensure(reader.is_empty(), "something follows the last column")?;
    Ok(Profile {
        config,
        schema: Arc::new(schema),
        rows,
        span,
        columns,
    })
}

fn read_schema(reader: &mut Reader<'_>) -> Result<Schema, Malformed> {
    let count = reader.length(COLUMNS_MAX)?;
    let mut columns = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = *KINDS
            .get(usize::from(reader.byte()?))
            .ok_or("a column's kind is unknown")?;
        let role = *ROLES
            .get(usize::from(reader.byte()?))
            .ok_or("a column's role is unknown")?;
        let name = reader.text(COLUMN_NAME_BYTES_MAX)?.to_owned();
        columns.push(ColumnSpec { name, kind, role });
    }
    Schema::new(columns).map_err(|_| "the columns make no schema")
}

/// A number of rows, which no profile has more of than [`ROWS_MAX`].
pub(super) fn read_rows(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let rows = reader.number()?;
    ensure(rows <= ROWS_MAX, "a number of rows is too large")?;
    Ok(rows)
}

fn read_column(
    reader: &mut Reader<'_>,
    spec: &ColumnSpec,
    config: &ProfileConfig,
) -> Result<ColumnProfile, Malformed> {
    let (rows, missing, non_finite) = (read_rows(reader)?, read_rows(reader)?, read_rows(reader)?);
    let form = reader.byte()?;
    let (summary, values) = match (spec.kind, form) {
        (ColumnKind::Categorical, FORM_CATEGORIES) => {
            let categories = read_categories(reader, config)?;
            ensure(non_finite == 0, "a category is infinite")?;
            let total = categories.total();
            (Summary::Categories(categories), total)
        }
        (ColumnKind::Numeric, FORM_EXACT | FORM_SKETCHED) => {
            let numbers = read_distribution(reader, form, config)?;
            let count = numbers.count();
            (Summary::Numbers(numbers), count)
        }
        (ColumnKind::Embedding, FORM_EXACT | FORM_SKETCHED) => {
            let dimension = u32::try_from(reader.number()?).map_err(|_| "vectors are too long")?;
            ensure((dimension == 0) == (rows == 0), "vectors have no length")?;
            let norms = read_distribution(reader, form, config)?;
            ensure(norms.moments().minimum >= 0.0, "a norm is negative")?;
            let count = norms.count();
            (Summary::Norms { dimension, norms }, count)
        }
        _ => return Err("a column has the form of another kind"),
    };
    ensure(
        missing + non_finite + values == rows,
        "the rows of a column do not add up",
    )?;
    Ok(ColumnProfile {
        rows,
        missing,
        non_finite,
        summary,
    })
}
