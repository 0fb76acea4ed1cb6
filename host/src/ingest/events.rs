//! Who is told of what comes in.

use std::time::Duration;

use super::{IngestError, Receipt};

/// Told of commits and answers, in this process. Must not block.
pub trait IngestEvents: Send + Sync {
    /// One transaction stored rows or labels of these models, in so long.
    fn committed(&self, models: &[i32], duration: Duration);
    /// A request is about to be answered.
    fn answered(&self, answer: &Result<Receipt, IngestError>);
}

/// Of each model whose rows or labels were committed.
impl<F: Fn(i32) + Send + Sync> IngestEvents for F {
    fn committed(&self, models: &[i32], _: Duration) {
        for &model in models {
            self(model);
        }
    }

    fn answered(&self, _: &Result<Receipt, IngestError>) {}
}
