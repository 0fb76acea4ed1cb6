//! Merges of neighbouring chunks that are remembered, so that a window is put together from few of them.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHasher;

use crate::domain::{ColumnSpec, Schema};
use crate::profile::{MergeError, Profile, ProfileBuilder, ProfileConfig};
use crate::store::ChunkInfo;

/// Chunks, or groups of the level below, of one group. With 8 a window of a million rows in chunks of a thousand is
/// some 30 groups; with more there are fewer levels to remember and more to merge at both ends.
pub(super) const FAN: usize = 8;

/// The profiles of some chunks together.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    /// Of all rows.
    pub(super) all: Arc<Profile>,
    /// Of labelled rows; absent where no chunk has any.
    pub(super) labelled: Option<Arc<Profile>>,
    /// About how much memory they take.
    pub(super) bytes: usize,
}

impl Merged {
    /// Profiles of the same chunks.
    pub(super) fn new(all: Arc<Profile>, labelled: Option<Arc<Profile>>) -> Self {
        Self {
            bytes: memory_bytes(&all) + labelled.as_deref().map_or(0, memory_bytes),
            all,
            labelled,
        }
    }
}

/// A group of chunks: `FAN^level` of them, whose numbers follow each other and begin at a multiple of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) level: u32,
    /// Where its chunks stand in the list.
    pub(super) chunks: Range<usize>,
}

/// The fewest groups that chunks, ordered by their number, make up. Which ones depends on the numbers alone.
pub(super) fn groups(chunks: &[ChunkInfo]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut from = 0;
    while from < chunks.len() {
        let first = chunks[from].chunk_no;
        let (mut level, mut size) = (0, 1);
        // Numbers begin at 1.
        while let Some(last) = chunks.get(from + size * FAN - 1)
            && let Ok(numbers) = i64::try_from(size * FAN)
            && (first - 1).rem_euclid(numbers) == 0
            && last.chunk_no - first == numbers - 1
        {
            size *= FAN;
            level += 1;
        }
        groups.push(Group {
            level,
            chunks: from..from + size,
        });
        from += size;
    }
    groups
}

/// Stands for the chunks and their revisions.
pub(super) fn signature(chunks: &[ChunkInfo]) -> u64 {
    let mut hasher = FxHasher::default();
    chunks.len().hash(&mut hasher);
    for chunk in chunks {
        (chunk.chunk_no, chunk.revision).hash(&mut hasher);
    }
    hasher.finish()
}

/// Schemas that profiles of older schemas are brought to.
#[derive(Debug, Clone)]
pub(super) struct Schemas {
    pub(super) all: Arc<Schema>,
    /// Absent where the model has no label.
    pub(super) labelled: Option<Arc<Schema>>,
}

/// Merges neighbours. Blocks.
pub(super) fn merge(parts: &[Merged], schemas: &Schemas) -> Result<Merged, MergeError> {
    let all: Vec<&Arc<Profile>> = parts.iter().map(|part| &part.all).collect();
    let labelled: Vec<&Arc<Profile>> = parts
        .iter()
        .filter_map(|part| part.labelled.as_ref())
        .collect();
    let all = merge_of(&all, &schemas.all)?;
    let labelled = match &schemas.labelled {
        Some(schema) if !labelled.is_empty() => Some(Arc::new(merge_of(&labelled, schema)?)),
        _ => None,
    };
    Ok(Merged::new(Arc::new(all), labelled))
}

/// Merges profiles, brought to a schema where theirs differ.
fn merge_of(profiles: &[&Arc<Profile>], schema: &Arc<Schema>) -> Result<Profile, MergeError> {
    let alike = profiles
        .windows(2)
        .all(|pair| pair[0].schema() == pair[1].schema());
    if alike {
        let profiles: Vec<&Profile> = profiles.iter().map(|profile| &***profile).collect();
        return Profile::merge_all(&profiles);
    }
    let brought: Result<Vec<Profile>, MergeError> = profiles
        .iter()
        .map(|profile| brought_to(Arc::clone(profile), schema))
        .collect();
    Profile::merge_all(&brought?)
}

/// Merges a window's large inner part with what stands around it: first that, so that the large one is gone through once and not
/// at each step. Blocks.
pub(super) fn merge_onto(
    large: Option<Merged>,
    small: &[Merged],
    schemas: &Schemas,
) -> Result<Option<Merged>, MergeError> {
    let small = match small {
        [] => None,
        small => Some(merge(small, schemas)?),
    };
    match (large, small) {
        (Some(large), Some(small)) => merge(&[large, small], schemas).map(Some),
        (large, small) => Ok(large.or(small)),
    }
}

/// A profile with the columns of a schema. Derived columns that are no longer computed are left out. Copied only where it must be.
pub(super) fn brought_to(
    profile: Arc<Profile>,
    schema: &Arc<Schema>,
) -> Result<Profile, MergeError> {
    if *profile.schema() == **schema {
        return Ok(Arc::unwrap_or_clone(profile));
    }
    let gone = |spec: &ColumnSpec| {
        spec.role.is_derived() && schema.columns().iter().all(|there| there.name != spec.name)
    };
    if profile.schema().columns().iter().any(gone) {
        return profile.narrowed(|spec| !gone(spec)).widened(schema);
    }
    profile.widened(schema)
}

/// The columns of a window: those of all rows, then those of labelled rows. Blocks.
pub(super) fn side_by_side(
    merged: Option<Merged>,
    schemas: &Schemas,
) -> Result<Profile, SideError> {
    let nothing = |schema: &Arc<Schema>| {
        ProfileBuilder::new(Arc::clone(schema), ProfileConfig::service()).finish()
    };
    let (all, labelled) = merged.map_or((None, None), |merged| (Some(merged.all), merged.labelled));
    let brought = |profile: Option<Arc<Profile>>, schema: &Arc<Schema>| match profile {
        Some(profile) => brought_to(profile, schema),
        None => Ok(nothing(schema)),
    };
    let all = brought(all, &schemas.all)?;
    match &schemas.labelled {
        Some(schema) => Ok(all.beside(brought(labelled, schema)?)?),
        None => Ok(all),
    }
}

/// Why profiles make no window.
#[derive(Debug, thiserror::Error)]
pub(super) enum SideError {
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    Schema(#[from] crate::domain::SchemaError),
}

/// About how much memory a profile takes.
pub(super) fn memory_bytes(profile: &Profile) -> usize {
    profile
        .columns()
        .iter()
        .map(crate::profile::ColumnProfile::memory_bytes)
        .sum::<usize>()
        + 256
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn chunk(chunk_no: i64, revision: i64) -> ChunkInfo {
        ChunkInfo {
            chunk_no,
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::MAX,
            seq_from: chunk_no,
            seq_to: chunk_no,
            rows: 1,
            labelled_rows: 0,
            label_delay_seconds: 0.0,
            first_time: Timestamp::UNIX_EPOCH,
            last_time: Timestamp::UNIX_EPOCH,
            revision,
            stale: false,
        }
    }

    fn chunks(numbers: impl IntoIterator<Item = i64>) -> Vec<ChunkInfo> {
        numbers.into_iter().map(|number| chunk(number, 1)).collect()
    }

    #[test]
    fn whole_groups_are_taken_as_one() {
        let group = |level, chunks| Group { level, chunks };
        assert_eq!(groups(&chunks(1..=8)), [group(1, 0..8)]);
        assert_eq!(
            groups(&chunks(8..=17)),
            [group(0, 0..1), group(1, 1..9), group(0, 9..10)]
        );
        assert_eq!(groups(&chunks(1..=64)), [group(2, 0..64)]);
        let gap = groups(&chunks((1..=64).filter(|number| *number != 30)));
        let levels: Vec<u32> = gap.iter().map(|group| group.level).collect();
        assert_eq!(levels, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(groups(&[]), []);
    }

    #[test]
    fn a_window_of_a_thousand_chunks_is_few_groups_wherever_it_begins() {
        for first in 1..600 {
            let groups = groups(&chunks(first..first + 1_000));
            assert!(
                groups.len() <= 2 * 3 * (FAN - 1),
                "{first}: {}",
                groups.len()
            );
        }
    }

    #[test]
    fn another_revision_is_another_signature() {
        let one = chunks(1..=8);
        let mut other = one.clone();
        other[3].revision = 2;
        assert_ne!(signature(&one), signature(&other));
        assert_ne!(signature(&one), signature(&one[..7]));
        assert_eq!(signature(&one), signature(&chunks(1..=8)));
    }

    proptest! {
        #[test]
        fn groups_hold_every_chunk_once_and_are_aligned(numbers in prop::collection::btree_set(1..200_i64, 0..150)) {
            let chunks = chunks(numbers);
            let mut next = 0;
            for group in groups(&chunks) {
                prop_assert_eq!(group.chunks.start, next);
                next = group.chunks.end;
                let size = FAN.pow(group.level);
                prop_assert_eq!(group.chunks.len(), size);
                let first = chunks[group.chunks.start].chunk_no;
                prop_assert_eq!((first - 1) % i64::try_from(size).unwrap(), 0);
                prop_assert_eq!(chunks[group.chunks.end - 1].chunk_no, first + i64::try_from(size).unwrap() - 1);
            }
            prop_assert_eq!(next, chunks.len());
        }
    }
}
