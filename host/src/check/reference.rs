//! Reads a reference file alone: its rows, and the detectors that would judge others against it.

use crate::profile::KeptRows;
use crate::runtime::{Detector, Runtime};

use super::error::CheckError;
use super::gather::{OnProgress, gather};
use super::plan::Plan;
use super::run::detectors;
use super::settings::{Chunking, Settings};
use super::stream::Followers;

/// A reference and who judges by it.
pub struct Reference {
    /// Its rows, derived columns included; of more than [`Settings::kept_rows_max`] a uniform sample.
    pub rows: KeptRows,
    /// Every detector with its configuration and seed, in the order they were asked for.
    pub detectors: Vec<Detector>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Reads the reference file as a check does; [`Settings::current`] and [`Settings::chunking`] are not looked at.
/// `progress` is told the bytes of the file as they are read; `start` their sum.
pub fn reference(
    settings: &Settings,
    runtime: &Runtime,
    start: &mut dyn FnMut(u64),
    progress: &mut OnProgress,
) -> Result<Reference, CheckError> {
    let plan = Plan::of_reference(settings)?;
    let detectors = detectors(settings, runtime)?;
    start(plan.bytes);
    let read = gather(
        &settings.reference,
        &plan,
        settings,
        Chunking::Whole,
        true,
        &mut Followers::new(Vec::new()),
        progress,
    )?;
    // Rows were asked for: they are there.
    let rows = read.whole.kept().map_err(CheckError::Kept)?.clone();
    Ok(Reference {
        rows,
        detectors,
        notes: plan.notes,
    })
}
