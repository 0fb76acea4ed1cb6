//! Learns from the reference how to estimate, and how far figures stray from window to window.

use std::collections::BTreeMap;

use leeway_outcomes::Rows;
use leeway_sdk::{Failure, Window};
use leeway_statistics::calibration::{Miscalibration, calibration_error};
use leeway_statistics::calibration_change::Scored;
use leeway_statistics::chunk_spread::ChunkSpread;

use crate::baseline::{Baseline, Certain, Expected, Learned};
use crate::config::{Config, Task};
use crate::data::{Data, Of};
use crate::figure::Figure;
use crate::subject::{Subject, task};

/// Chunks of the reference where the configuration gives no size.
const CHUNKS: usize = 10;
/// Fewest rows of such a chunk: fewer rows make fewer chunks.
const CHUNK_ROWS_MIN: usize = 30;

pub(crate) fn fit(reference: &dyn Window, config: &Config, seed: u64) -> Result<Baseline, Failure> {
    let rows = Rows::of(reference, seed)?;
    let regressor = task(&rows, config) == Task::Regressor;
    let (subject, data) = match Subject::learn(&rows, config)? {
        Ok(learned) => learned,
        Err(why) => return Ok(Baseline::Nothing { why, regressor }),
    };
    let certainty = data.certainty(&data.labelled).and_then(|certainty| {
        let (scores, truth) = (&certainty.scores, &certainty.truth);
        Some(Certain::new(
            calibration_error(scores, truth)?,
            Miscalibration::of(scores, truth)?.excess,
            Scored::learn(scores, truth),
        ))
    });
    Ok(Baseline::Learned(Box::new(Learned {
        rows: data.labelled.len() as u64,
        estimated: expected(&data, config, Of::Expected),
        realized: expected(&data, config, Of::Truth),
        subject,
        certainty,
    })))
}

/// Figures of the labelled rows, and their spread over chunks in order of time.
fn expected(data: &Data, config: &Config, of: Of) -> BTreeMap<Figure, Expected> {
    let rows = &data.labelled;
    let size = config
        .chunk_rows
        .unwrap_or((rows.len() / CHUNKS).max(CHUNK_ROWS_MIN));
    let wanted = |figure| config.wants(figure);
    let chunks: Vec<BTreeMap<Figure, f64>> = chunks(rows, size)
        .map(|chunk| {
            data.figures(chunk, of, wanted)
                .into_iter()
                .map(|(figure, found)| (figure, found.value))
                .collect()
        })
        .collect();
    let whole = data.figures(rows, of, wanted);
    let learned = whole.into_iter().map(|(figure, found)| {
        let values: Vec<f64> = chunks
            .iter()
            .filter_map(|chunk| chunk.get(&figure).copied())
            .collect();
        let spread = ChunkSpread::learn(&values, size as f64, rows.len() as f64, found.variance());
        let value = found.value;
        (figure, Expected { value, spread })
    });
    learned.collect()
}

/// Runs of `size` rows. What is left over joins the last if it is less than half a chunk.
fn chunks(rows: &[usize], size: usize) -> impl Iterator<Item = &[usize]> {
    let count = ((rows.len() + size / 2) / size).max(1);
    (0..count).map(move |at| {
        let to = if at + 1 == count {
            rows.len()
        } else {
            (at + 1) * size
        };
        &rows[at * size..to]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_rest_joins_the_last_chunk_and_a_long_one_is_its_own() {
        let rows: Vec<usize> = (0..114).collect();
        let sizes = |size| chunks(&rows, size).map(<[usize]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(50), [50, 64]);
        assert_eq!(sizes(40), [40, 40, 34]);
        assert_eq!(sizes(200), [114]);
        assert_eq!(sizes(500), [114]);
    }
}
