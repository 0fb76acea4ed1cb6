//! The flights as an example: late or on time, learned in winter.

use std::path::Path;

use anyhow::Context;

use super::data_set::{DataSet, Row};
use crate::demo::flights::{CATEGORICAL, Flight, Month, NUMERIC, files, value};
use crate::model_api::{Input, Instance};

/// What the model learns from.
const TRAINING: [&str; 2] = ["2013-01", "2013-02"];
/// The world as it was.
const NORMAL: [&str; 1] = ["2013-03"];
/// Another season.
const SHIFTED: [&str; 3] = ["2013-06", "2013-07", "2013-08"];
/// Column of the truth, and the class that is the positive one.
const LABEL: (&str, &str) = ("late", "late");
/// The model's fields, and whether each is a number.
const COLUMNS: [(&str, bool); 14] = columns();

const fn columns() -> [(&'static str, bool); 14] {
    let mut columns = [("", false); 14];
    let mut at = 0;
    while at < CATEGORICAL.len() {
        columns[at].0 = CATEGORICAL[at];
        at += 1;
    }
    while at < columns.len() {
        columns[at] = (NUMERIC[at - CATEGORICAL.len()], true);
        at += 1;
    }
    columns
}

/// Reads the months of a directory.
pub(super) fn read(directory: &Path) -> anyhow::Result<DataSet> {
    let files = files(directory).with_context(
        || "the flights lie in examples/flights of the repository; name the directory with --from",
    )?;
    let rows = |months: &[&str]| -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for wanted in months {
            let (name, path) = files
                .iter()
                .find(|(name, _)| name == wanted)
                .with_context(|| format!("{} has no month '{wanted}'", directory.display()))?;
            let month = Month::open(name, path)?;
            rows.extend(month.flights.iter().map(|flight| row(&month, flight)));
        }
        Ok(rows)
    };
    Ok(DataSet {
        name: "flights",
        about: "Says before departure whether a flight from New York will arrive late.",
        classes: ["on_time", "late"],
        input: Input::Table(&COLUMNS),
        training: rows(&TRAINING)?,
        normal: rows(&NORMAL)?,
        shifted: rows(&SHIFTED)?,
        shifted_labels_open: false,
        prior_share: 0.35,
        text: None,
        monitors: Vec::new(),
        shifts: [
            "half of the flights are of summer, with its weather; of them come those that leave answers, labels and errors as they were",
            "35% of the flights are late; of them come those that leave weather, routes and errors as they were",
            "labels are changed so that the model is wrong 25 percentage points more often; as many of them are late as before",
        ],
    })
}

fn row(month: &Month, flight: &Flight) -> Row {
    let fields = COLUMNS.iter().map(|&(name, numeric)| {
        let text = month.field(&flight.fields, name);
        (name.to_owned(), value(text, numeric))
    });
    Row {
        instance: fields
            .filter(|(_, value)| !value.is_null())
            .collect::<Instance>(),
        label: month.field(&flight.fields, LABEL.0) == LABEL.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winter_teaches_march_is_normal_and_summer_is_new() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights");
        let data = read(Path::new(directory)).unwrap();
        let sizes = [&data.training, &data.normal, &data.shifted].map(Vec::len);
        assert_eq!(sizes, [12_000, 6_000, 18_000]);
        let late = data.normal.iter().filter(|row| row.label).count();
        assert!((1_300..1_500).contains(&late), "{late}");
        let fields = &data.normal[0].instance;
        assert!(fields["carrier"].is_string() && fields["distance"].is_number());
        assert!(fields.len() <= COLUMNS.len());
    }

    #[test]
    fn a_directory_without_flights_says_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", read(folder.path()).unwrap_err());
        assert!(
            error.contains("--from") && error.contains("YYYY-MM"),
            "{error}"
        );
    }
}
