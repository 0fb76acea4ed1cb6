//! One line for each measurement, chunks included, numbers to the last bit.
//!
//! Errors of detectors and notes are no measurements: they are in the JSON document. Names stand as
//! they are; a spreadsheet that runs formulas out of a file must be told not to.

use crate::check::report::{Evaluation, Report, WindowSummary};
use crate::domain::Measurement;
use crate::metrics::exposition::exact;

const HEADER: [&str; 19] = [
    "window",
    "from",
    "to",
    "detector",
    "kind",
    "column",
    "metric",
    "value",
    "effect",
    "p_value",
    "p_adjusted",
    "threshold",
    "threshold_kind",
    "reference_rows",
    "current_rows",
    "missing_share",
    "unseen_share",
    "verdict",
    "row",
];

/// The measurements, the whole window first (`window` is `whole`), then chunk after chunk (its
/// number). What is absent is an empty field.
pub(super) fn render(report: &Report) -> String {
    let whole = ("whole".to_owned(), &report.current, &report.evaluations);
    let chunks = report
        .chunks
        .iter()
        .map(|chunk| (chunk.number.to_string(), &chunk.window, &chunk.evaluations));
    let mut records = vec![HEADER.map(str::to_owned)];
    for (name, window, evaluations) in std::iter::once(whole).chain(chunks) {
        for evaluation in evaluations {
            records.extend(
                evaluation
                    .measurements
                    .iter()
                    .map(|one| record(&name, window, evaluation, one)),
            );
        }
    }
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for record in &records {
        writer
            .write_record(record)
            .expect("memory takes every record, and all have as many fields");
    }
    let bytes = writer.into_inner().expect("memory takes every record");
    String::from_utf8(bytes).expect("records of text are text")
}

fn record(
    name: &str,
    window: &WindowSummary,
    evaluation: &Evaluation,
    one: &Measurement,
) -> [String; 19] {
    let number = |value: Option<f64>| value.map(exact).unwrap_or_default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    [
        name.to_owned(),
        text(&window.from),
        text(&window.to),
        evaluation.detector.clone(),
        evaluation.kind.to_string(),
        text(&one.column),
        one.metric.clone(),
        exact(one.value),
        number(one.effect),
        number(one.p_value),
        number(one.p_adjusted),
        number(one.threshold),
        one.threshold_kind
            .map(|kind| kind.to_string())
            .unwrap_or_default(),
        one.reference_rows.to_string(),
        one.current_rows.to_string(),
        exact(one.missing_share),
        exact(one.unseen_share),
        one.verdict.to_string(),
        one.row.map(|row| row.to_string()).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    const HEAD: &str = "window,from,to,detector,kind,column,metric,value,effect,p_value,p_adjusted,threshold,threshold_kind,reference_rows,current_rows,missing_share,unseen_share,verdict,row\n";

    #[test]
    fn every_measurement_of_every_window_is_a_line() {
        let expected = "\
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,temperature,ks,0.9987,0.9987,0,0,0.05,floor,27902,25124,0.112,0,drifted,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,temperature,missing,0.004,0.004,0.06,0.06,0.06123,calibrated,27902,28293,0.112,0,stable,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,origin,chi_square,0.4214,0.00274,0.81,0.81,0.06123,calibrated,27902,28293,0,0.0213,stable,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,precipitation,ks,0,,,,,,27902,28293,0,0,failed,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,visibility,ks,0,,,,,,27902,12,0,0,insufficient,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,country,ks,0,,,,,,27902,28293,0,0,constant,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,,drifted_share,0.5,0.5,,,0.5,fixed,27902,28293,0,0,stable,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,concept-drift@0.1.0,concept,error,chi_square,41.28,0.0567,6e-11,1.2e-10,0.05,floor,27902,28293,0,0,drifted,
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,adwin@0.1.0,concept,error,change,0.3491,,,,,,0,4212,0,0,drifted,4211
whole,2013-07-01T04:59:00Z,2013-08-01T02:30:00Z,adwin@0.1.0,concept,error,detections,1,,,,,,0,28293,0,0,drifted,
1,2013-07-01T04:59:00Z,2013-07-16T04:00:00Z,data-drift@0.1.0,data,temperature,ks,0.03,0.03,0.3,0.3,0.06123,calibrated,27902,28293,0,0,stable,
1,2013-07-01T04:59:00Z,2013-07-16T04:00:00Z,data-drift@0.1.0,data,origin,ks,0.01,0.01,0.4,0.4,0.06123,calibrated,27902,28293,0,0,stable,
1,2013-07-01T04:59:00Z,2013-07-16T04:00:00Z,concept-drift@0.1.0,concept,error,ks,0.01,0.01,0.7,0.7,0.06123,calibrated,27902,28293,0,0,stable,
2,2013-07-16T04:00:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,temperature,ks,0.4,0.4,1e-20,1e-20,0.05,floor,27902,28293,0,0,drifted,
2,2013-07-16T04:00:00Z,2013-08-01T02:30:00Z,data-drift@0.1.0,data,origin,ks,0.2,0.2,1e-9,1e-9,0.05,floor,27902,28293,0,0,drifted,
";
        assert_eq!(render(&sample::chunked()), format!("{HEAD}{expected}"));
    }

    #[test]
    fn an_empty_report_is_a_header() {
        assert_eq!(render(&sample::empty()), HEAD);
    }

    #[test]
    fn names_and_extreme_numbers_come_back_as_they_were() {
        let mut report = sample::empty();
        let name = "a \"b\", c\nd,温度";
        report.evaluations = vec![sample::evaluation(
            "data-drift@0.1.0",
            vec![sample::drifted(name, 1e300, 1e-320)],
        )];
        let text = render(&report);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(&record[5], name);
        assert_eq!((&record[7], &record[9]), ("1e300", "1e-320"));
    }
}
