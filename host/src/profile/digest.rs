//! A number for what a detector can see of a window.

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::domain::{ColumnKind, ColumnValues, Role};

use super::window::Window;

impl Window {
    /// Digest of the columns of these roles and kinds: their profile, and their kept rows if there are any. Equal windows
    /// have equal digests, on every machine; it tells damage and mix-ups, not malice.
    pub fn digest(&self, roles: &[Role], kinds: &[ColumnKind]) -> u128 {
        let wanted = |role: Role, kind: ColumnKind| roles.contains(&role) && kinds.contains(&kind);
        let profile = self.profile();
        let all = profile
            .schema()
            .columns()
            .iter()
            .all(|spec| wanted(spec.role, spec.kind));
        let bytes = if all {
            profile.to_bytes()
        } else {
            profile
                .narrowed(|spec| wanted(spec.role, spec.kind))
                .to_bytes()
        };
        let Ok(kept) = self.kept() else {
            return xxh3_128(&bytes);
        };
        let mut hash = Xxh3::new();
        hash.update(&bytes);
        hash.update(&u64::from(kept.rows()).to_le_bytes());
        for time in kept.times().unwrap_or_default() {
            hash.update(&time.to_bits().to_le_bytes());
        }
        for (spec, values) in kept.schema().columns().iter().zip(kept.columns()) {
            if wanted(spec.role, spec.kind) {
                hash.update(spec.name.as_bytes());
                add(&mut hash, values);
            }
        }
        hash.digest128()
    }
}

fn add(hash: &mut Xxh3, values: &ColumnValues) {
    match values {
        ColumnValues::Numeric(numbers) => {
            for number in numbers {
                hash.update(&number.to_bits().to_le_bytes());
            }
        }
        ColumnValues::Categorical { codes, dictionary } => {
            for name in dictionary {
                hash.update(&(name.len() as u64).to_le_bytes());
                hash.update(name.as_bytes());
            }
            for code in codes {
                hash.update(&code.to_le_bytes());
            }
        }
        ColumnValues::Embedding { values, .. } => {
            for number in values {
                hash.update(&number.to_bits().to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Batch, ColumnSpec, Schema};
    use crate::profile::{KeptRowsBuilder, ProfileBuilder, ProfileConfig};

    fn window(features: &[f64], labels: &[f64], keep: bool) -> Window {
        let spec = |name: &str, role| ColumnSpec {
            name: name.into(),
            kind: ColumnKind::Numeric,
            role,
        };
        let specs = vec![spec("x", Role::Feature), spec("label", Role::Label)];
        let schema = Arc::new(Schema::new(specs).unwrap());
        let columns = [features, labels].map(|values| ColumnValues::Numeric(values.to_vec()));
        let batch = Batch::new(None, columns.to_vec());
        let mut profile = ProfileBuilder::new(schema.clone(), ProfileConfig::default());
        profile.observe(&batch).unwrap();
        let mut kept = KeptRowsBuilder::new(schema, 10, 0);
        kept.observe(&batch);
        let kept = keep.then(|| Arc::new(kept.finish()));
        Window::new(Arc::new(profile.finish()), kept).unwrap()
    }

    #[test]
    fn it_follows_what_can_be_seen_and_nothing_else() {
        let features = |window: &Window| window.digest(&[Role::Feature], &[ColumnKind::Numeric]);
        let both =
            |window: &Window| window.digest(&[Role::Feature, Role::Label], &[ColumnKind::Numeric]);
        let one = window(&[1.0, 2.0], &[0.0, 1.0], false);
        let swapped = window(&[2.0, 1.0], &[0.0, 1.0], false);
        let other_label = window(&[1.0, 2.0], &[1.0, 1.0], false);
        let other_value = window(&[1.0, 2.0 + f64::EPSILON * 2.0], &[0.0, 1.0], false);
        assert_eq!(features(&one), features(&one.clone()));
        assert_eq!(features(&one), features(&other_label));
        assert_ne!(both(&one), both(&other_label));
        assert_ne!(features(&one), features(&other_value));
        assert_eq!(features(&one), features(&swapped), "a profile has no order");

        let kept = window(&[1.0, 2.0], &[0.0, 1.0], true);
        let kept_swapped = window(&[2.0, 1.0], &[0.0, 1.0], true);
        assert_ne!(features(&kept), features(&one));
        assert_ne!(
            features(&kept),
            features(&kept_swapped),
            "kept rows have one"
        );
    }
}
