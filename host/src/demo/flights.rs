//! The example data as two models would send them: predictions as they are made, labels when the truth is known.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// Column of each flight's name.
pub(crate) const RECORD_ID: &str = "flight_id";
/// Column of each flight's scheduled departure: the time of its prediction.
const TIME: &str = "scheduled_at";
/// Features that are names.
pub(crate) const CATEGORICAL: [&str; 4] = ["carrier", "origin", "destination", "weekday"];
/// Features that are numbers.
pub(crate) const NUMERIC: [&str; 10] = [
    "distance",
    "scheduled_departure_minute",
    "scheduled_arrival_minute",
    "temperature",
    "dew_point",
    "humidity",
    "wind_speed",
    "precipitation",
    "pressure",
    "visibility",
];
/// The truth about a flight is known so long after its scheduled departure, in hours.
const LABEL_DELAY_HOURS: i64 = 24;

/// A model of the example data.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) id: &'static str,
    pub(crate) model_type: &'static str,
    prediction: &'static str,
    probability: Option<&'static str>,
    label: &'static str,
    positive_label: Option<&'static str>,
}

/// Late or on time; and how many minutes late.
pub(crate) const WATCHED: [Watched; 2] = [
    Watched {
        id: "flights",
        model_type: "classifier",
        prediction: "late_predicted",
        probability: Some("late_probability"),
        label: "late",
        positive_label: Some("late"),
    },
    Watched {
        id: "flights-delay",
        model_type: "regressor",
        prediction: "delay_predicted",
        probability: None,
        label: "arrival_delay",
        positive_label: None,
    },
];

/// One flight.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    pub(crate) time: Timestamp,
    pub(crate) fields: StringRecord,
}

/// The flights of a month, in order of time.
#[derive(Debug)]
pub(crate) struct Month {
    /// Such as `2013-07`.
    pub(crate) name: String,
    header: StringRecord,
    pub(crate) flights: Vec<Flight>,
}

/// The files of a directory in order of their months.
pub(crate) fn files(directory: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("the example data: {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(month) = name.and_then(|name| name.strip_suffix(".csv.gz")) {
            files.push((month.to_owned(), path.clone()));
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{} has no file YYYY-MM.csv.gz", directory.display());
    }
    Ok(files)
}

impl Month {
    /// Reads a file.
    pub(crate) fn open(name: &str, path: &Path) -> anyhow::Result<Self> {
        let at = || path.display().to_string();
        let file = File::open(path).with_context(at)?;
        Self::read(name, MultiGzDecoder::new(file)).with_context(at)
    }

    /// Reads CSV.
    fn read(name: &str, text: impl Read) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers()?.clone();
        let mut month = Self {
            name: name.to_owned(),
            header,
            flights: Vec::new(),
        };
        let needed = [RECORD_ID, TIME]
            .into_iter()
            .chain(NUMERIC)
            .chain(CATEGORICAL);
        let of_models = WATCHED
            .iter()
            .flat_map(|model| [Some(model.prediction), model.probability, Some(model.label)]);
        for column in needed.chain(of_models.flatten()) {
            if !month.header.iter().any(|name| name == column) {
                bail!("there is no column '{column}'");
            }
        }
        for fields in reader.into_records() {
            let fields = fields?;
            let text = month.field(&fields, TIME);
            let line = fields.position().map_or(0, csv::Position::line);
            let time = text
                .parse()
                .with_context(|| format!("line {line}: '{text}' is no time"))?;
            month.flights.push(Flight { time, fields });
        }
        Ok(month)
    }

    /// A field; empty where there is none.
    pub(crate) fn field<'f>(&self, fields: &'f StringRecord, column: &str) -> &'f str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| fields.get(at)).unwrap_or("")
    }
}

/// A number where it is one, else a name, else null: a missing value.
pub(crate) fn value(text: &str, numeric: bool) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    match text.parse::<f64>() {
        Ok(number) if numeric => json!(number),
        _ => json!(text),
    }
}

impl Watched {
    fn is_regressor(&self) -> bool {
        self.model_type == "regressor"
    }

    /// The body that registers the model: a chunk a day, and every column from the start.
    pub(crate) fn registration(&self) -> Value {
        let column =
            |name: &str, kind: &str, role: &str| json!({"name": name, "kind": kind, "role": role});
        let answer = if self.is_regressor() {
            "numeric"
        } else {
            "categorical"
        };
        let mut columns: Vec<Value> = NUMERIC
            .iter()
            .map(|name| column(name, "numeric", "feature"))
            .collect();
        columns.extend(CATEGORICAL.map(|name| column(name, "categorical", "feature")));
        columns.push(column("prediction", answer, "prediction"));
        columns.extend(
            self.probability
                .map(|_| column("probability", "numeric", "probability")),
        );
        columns.push(column("label", answer, "label"));
        json!({
            "model_id": self.id,
            "model_type": self.model_type,
            "positive_label": self.positive_label,
            "settings": {"chunk_seconds": 86_400, "chunk_rows": 1_000},
            "columns": columns,
        })
    }

    /// A month as the model's reference data: CSV with labels.
    pub(crate) fn reference(&self, month: &Month) -> anyhow::Result<Vec<u8>> {
        let mut renamed = vec![
            (RECORD_ID, "record_id"),
            (TIME, "prediction_time"),
            (self.prediction, "prediction"),
        ];
        renamed.extend(self.probability.map(|column| (column, "probability")));
        renamed.push((self.label, "label"));
        renamed.extend(
            NUMERIC
                .into_iter()
                .chain(CATEGORICAL)
                .map(|name| (name, name)),
        );
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(renamed.iter().map(|(_, name)| name))?;
        for flight in &month.flights {
            let fields = renamed
                .iter()
                .map(|(column, _)| month.field(&flight.fields, column));
            writer.write_record(fields)?;
        }
        Ok(writer.into_inner()?)
    }

    /// Predictions as the model's service would send them: without labels.
    pub(crate) fn predictions(&self, month: &Month, flights: &[Flight]) -> Value {
        let row = |flight: &Flight| {
            let field = |column| month.field(&flight.fields, column);
            let numbers = NUMERIC.map(|name| (name, value(field(name), true)));
            let names = CATEGORICAL.map(|name| (name, value(field(name), false)));
            let features: Map<String, Value> = numbers
                .into_iter()
                .chain(names)
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            let mut row = json!({
                "record_id": field(RECORD_ID),
                "prediction_time": field(TIME),
                "prediction": value(field(self.prediction), self.is_regressor()),
                "features": features,
            });
            if let Some(probability) = self.probability {
                row["probability"] = value(field(probability), true);
            }
            row
        };
        flights.iter().map(row).collect()
    }
}

/// Flights that have departed and whose truth is not known yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    flights: VecDeque<Truth>,
}

/// What is known of a flight in the end, of each of [`WATCHED`].
#[derive(Debug)]
struct Truth {
    known_at: Timestamp,
    record_id: String,
    labels: [Value; WATCHED.len()],
}

impl Pending {
    /// Takes flights whose predictions were sent, in order of time.
    pub(crate) fn push(&mut self, month: &Month, flights: &[Flight]) -> anyhow::Result<()> {
        for flight in flights {
            let field = |column| month.field(&flight.fields, column);
            self.flights.push_back(Truth {
                known_at: flight
                    .time
                    .checked_add(SignedDuration::from_hours(LABEL_DELAY_HOURS))?,
                record_id: field(RECORD_ID).to_owned(),
                labels: std::array::from_fn(|at| {
                    let model = &WATCHED[at];
                    value(field(model.label), model.is_regressor())
                }),
            });
        }
        Ok(())
    }

    /// Labels that are known at a time, of each of [`WATCHED`]; all of them where there is no time any more.
    pub(crate) fn known(&mut self, now: Option<Timestamp>) -> [Vec<Value>; WATCHED.len()] {
        let mut known: [Vec<Value>; WATCHED.len()] = std::array::from_fn(|_| Vec::new());
        let is_known = |truth: &Truth| now.is_none_or(|now| truth.known_at <= now);
        while self.flights.front().is_some_and(is_known) {
            let Some(truth) = self.flights.pop_front() else {
                break;
            };
            for (labels, label) in known.iter_mut().zip(truth.labels) {
                if !label.is_null() {
                    labels.push(json!({"record_id": truth.record_id, "label": label}));
                }
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str) -> Month {
        let directory = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/flights"));
        let files = files(directory).unwrap();
        assert_eq!(files.len(), 12);
        let (name, path) = files.iter().find(|(month, _)| month == name).unwrap();
        Month::open(name, path).unwrap()
    }

    #[test]
    fn a_flight_becomes_a_row_of_each_model() {
        let month = example("2013-03");
        assert_eq!(month.flights.len(), 6_000);
        let rows = WATCHED
            .each_ref()
            .map(|model| model.predictions(&month, &month.flights[..2]));
        let of_classifier = &rows[0][0];
        assert_eq!(of_classifier["record_id"], "AA1141-JFK-2013-03-01");
        assert_eq!(
            of_classifier["prediction_time"],
            "2013-03-01T05:40:00-05:00"
        );
        assert_eq!(of_classifier["prediction"], "on_time");
        assert_eq!(of_classifier["probability"], 0.1349);
        assert_eq!(of_classifier["features"]["carrier"], "AA");
        assert_eq!(of_classifier["features"]["distance"], 1089.0);
        assert_eq!(of_classifier["features"].as_object().unwrap().len(), 14);
        assert!(of_classifier.get("label").is_none(), "labels come later");
        let of_regressor = &rows[1][1];
        assert_eq!(of_regressor["prediction"], -5.1);
        assert!(of_regressor.get("probability").is_none());
    }

    #[test]
    fn a_missing_value_is_left_out() {
        let month = example("2013-03");
        let rows = WATCHED[0].predictions(&month, &month.flights);
        let rows = rows.as_array().unwrap();
        let missing = |row: &&Value| row["features"].get("pressure").is_none();
        let share = rows.iter().filter(missing).count() as f64 / rows.len() as f64;
        assert!((0.05..0.2).contains(&share), "{share}");
        assert!(rows.iter().all(|row| {
            row["features"]
                .as_object()
                .unwrap()
                .values()
                .all(|value| !value.is_null())
        }));
    }

    #[test]
    fn the_reference_is_csv_with_the_names_of_the_api() {
        let month = example("2013-03");
        let text = String::from_utf8(WATCHED[1].reference(&month).unwrap()).unwrap();
        let mut lines = text.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("record_id,prediction_time,prediction,label,distance,")
        );
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("AA1141-JFK-2013-03-01,2013-03-01T05:40:00-05:00,-3,6,1089,")
        );
        assert_eq!(lines.count(), 5_999);
    }

    #[test]
    fn labels_are_known_a_day_later_and_each_once() {
        let month = example("2013-03");
        let mut pending = Pending::default();
        for batch in month.flights.chunks(500) {
            pending.push(&month, batch).unwrap();
        }
        let first = month.flights[0].time;
        assert!(pending.known(Some(first)).iter().all(Vec::is_empty));
        let day = SignedDuration::from_hours(LABEL_DELAY_HOURS);
        let known = pending.known(Some(first.checked_add(day).unwrap()));
        assert_eq!(
            known[0][0],
            json!({"record_id": "AA1141-JFK-2013-03-01", "label": "on_time"})
        );
        assert_eq!(
            known[1][0],
            json!({"record_id": "AA1141-JFK-2013-03-01", "label": 6.0})
        );
        let rest = pending.known(None);
        assert_eq!(known[0].len() + rest[0].len(), 6_000);
        assert!(pending.known(None).iter().all(Vec::is_empty));
    }

    #[test]
    fn other_files_are_refused_with_what_is_missing() {
        let error = Month::read("x", &b"flight_id,scheduled_at\n"[..]).unwrap_err();
        assert_eq!(error.to_string(), "there is no column 'distance'");
        let header = NUMERIC
            .into_iter()
            .chain(CATEGORICAL)
            .collect::<Vec<_>>()
            .join(",");
        let text = format!(
            "flight_id,scheduled_at,late,late_predicted,late_probability,arrival_delay,delay_predicted,{header}\na,soon{}\n",
            ",".repeat(19)
        );
        let error = Month::read("x", text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 2: 'soon' is no time");
    }

    #[test]
    fn models_register_with_their_columns() {
        let body = WATCHED[0].registration();
        assert_eq!(body["model_id"], "flights");
        assert_eq!(body["columns"].as_array().unwrap().len(), 17);
        assert_eq!(
            WATCHED[1].registration()["columns"]
                .as_array()
                .unwrap()
                .len(),
            16
        );
        assert!(WATCHED[1].registration()["positive_label"].is_null());
    }
}
