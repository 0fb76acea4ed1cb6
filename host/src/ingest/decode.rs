//! A body into rows, whatever it is written in.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::ModelType;
use crate::input::Columnar;

use super::BodyFormat;
use super::builder::{Purpose, RowsBuilder};
use super::error::IngestError;
use super::known::Known;
use super::limits::{
    REFERENCE_BYTES_MAX, REFERENCE_ROWS_MAX, ROWS_PER_REQUEST_MAX, VECTOR_NUMBERS_FREE,
};
use super::rows::Rows;
use super::{arrow, csv, json};

/// Checks the size of a body; `batch_bytes_max` is what one of rows or labels may have.
pub(super) fn check_size(
    body: &Bytes,
    purpose: Purpose,
    batch_bytes_max: usize,
) -> Result<(), IngestError> {
    let limit = match purpose {
        Purpose::Predictions | Purpose::Labels => batch_bytes_max,
        Purpose::Reference => REFERENCE_BYTES_MAX,
    };
    if body.len() > limit {
        return Err(IngestError::TooLarge {
            what: "the size of the body in bytes",
            found: body.len() as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}

/// Decodes a body. `now` in microseconds since 1970.
pub(super) fn decode(
    known: Option<&Arc<Known>>,
    model_type: Option<ModelType>,
    purpose: Purpose,
    format: BodyFormat,
    body: &Bytes,
    now: i64,
) -> Result<Rows, IngestError> {
    let rows_max = match purpose {
        Purpose::Predictions | Purpose::Labels => ROWS_PER_REQUEST_MAX,
        Purpose::Reference => REFERENCE_ROWS_MAX,
    };
    let room = VECTOR_NUMBERS_FREE.max(body.len() / 2);
    let builder = RowsBuilder::new(known, model_type, purpose, (rows_max, room));
    match format {
        BodyFormat::Json => json::decode(builder, body, now),
        BodyFormat::Ndjson => json::decode_lines(builder, body, now),
        BodyFormat::Csv => csv::decode(builder, body, now),
        BodyFormat::Arrow => arrow::decode(builder, body, Columnar::Arrow, rows_max, now),
        BodyFormat::Parquet => arrow::decode(builder, body, Columnar::Parquet, rows_max, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::model::EMBEDDING_DIMENSION_MAX;
    use crate::domain::{
        ColumnKind, ColumnValues, Model, ModelColumn, ModelId, ModelSettings, Role,
    };
    use jiff::Timestamp;

    const NOW: i64 = 1_800_000_000_000_000;

    /// A model with `x` numeric, `c` categorical as its first value showed, and `d` categorical as declared.
    fn known() -> Arc<Known> {
        let column = |no, name: &str, kind| ModelColumn {
            no,
            name: name.into(),
            kind,
            role: Role::Feature,
            position: 0,
            dimension: 0,
            schema_version: 1,
        };
        let model = Model {
            no: 1,
            id: ModelId::new("m").unwrap(),
            model_type: None,
            positive_label: None,
            last_training_time: None,
            schema_version: 1,
            settings: ModelSettings::default(),
            columns: vec![
                column(0, "x", ColumnKind::Numeric),
                column(1, "c", ColumnKind::Categorical),
                column(2, "d", ColumnKind::Categorical),
            ],
            created_at: Timestamp::UNIX_EPOCH,
        };
        Arc::new(Known::new(model, &[2], None))
    }

    fn decoded(purpose: Purpose, format: BodyFormat, body: &str) -> Result<Rows, IngestError> {
        let body = Bytes::from(body.to_owned());
        decode(Some(&known()), None, purpose, format, &body, NOW)
    }

    /// Columns by name, as text.
    fn columns(rows: &Rows) -> String {
        let mut all: Vec<String> = Vec::new();
        for column in &rows.columns {
            let values = match &column.values {
                ColumnValues::Numeric(values) => format!("{values:?}"),
                ColumnValues::Categorical { codes, dictionary } => {
                    let name =
                        |&code: &u32| dictionary.get(code as usize).map_or("-", String::as_str);
                    format!(
                        "[{}]",
                        codes.iter().map(name).collect::<Vec<_>>().join(", ")
                    )
                }
                ColumnValues::Embedding { dimension, values } => {
                    let vectors: Vec<&[f32]> = values.chunks(*dimension).collect();
                    format!("{vectors:?}")
                }
            };
            all.push(format!("{} {values}", column.name));
        }
        all.sort();
        all.join("; ")
    }

    #[test]
    fn every_shape_of_json_is_read() {
        let one = r#"{"record_id": "a", "prediction_time": 1, "features": {"x": 1, "c": "p"}}"#
            .replace("time\": 1", "time\": 1e9");
        let bodies = [
            (one.clone(), "c [p]; x [1.0]"),
            (format!("[{one}]"), "c [p]; x [1.0]"),
            (format!(r#"{{"predictions": [{one}], "model_id": "m"}}"#), "c [p]; x [1.0]"),
            (
                r#"{"record_id": [1, 2], "prediction_time": [1e9, 1e9], "prediction": [true, false], "label": null, "features": {"x": [null, 2]}}"#.into(),
                "prediction [true, false]; x [NaN, 2.0]",
            ),
            (
                r#"[{"features": {"c": "True", "d": 7.0, "y": "é\n"}, "prediction_time": "2026-01-01", "record_id": -3},
                   {"features": {"y": "NA", "d": "7", "c": null}, "prediction_time": "2026-01-01", "record_id": "b", "prediction_probability": 0.5}]"#.into(),
                "c [true, -]; d [7, 7]; probability [NaN, 0.5]; y [é\n, -]",
            ),
            ("[]".into(), ""),
        ];
        for (body, expected) in bodies {
            let rows = decoded(Purpose::Predictions, BodyFormat::Json, &body).unwrap();
            assert_eq!(rows.problems, [], "{body}");
            assert_eq!(columns(&rows), expected, "{body}");
        }
    }

    /// A model with `v`, vectors of two numbers, and `x`, which is numeric.
    fn embedded() -> Arc<Known> {
        let mut model = known().model.clone();
        model.columns.truncate(2);
        model.columns[1].name = "v".into();
        model.columns[1].kind = ColumnKind::Embedding;
        model.columns[1].dimension = 2;
        Arc::new(Known::new(model, &[], None))
    }

    fn decoded_of(known: &Arc<Known>, format: BodyFormat, body: &str) -> Result<Rows, IngestError> {
        let body = Bytes::from(body.to_owned());
        decode(Some(known), None, Purpose::Predictions, format, &body, NOW)
    }

    #[test]
    fn lists_of_numbers_are_vectors_in_every_shape_of_json() {
        let rest = r#""record_id": "a", "prediction_time": 1e9"#;
        let row = |features: &str| format!(r#"{{{rest}, "features": {{{features}}}}}"#);
        let two = r#""record_id": ["a", "b"], "prediction_time": [1e9, 1e9]"#;
        let bodies = [
            (row(r#""v": [1, -2.5]"#), "v [[1.0, -2.5]]"),
            (row(r#""w": [1, null, "Infinity"]"#), "w [[1.0, NaN, inf]]"),
            (row(r#""v": [null, null], "x": 1"#), "x [1.0]"),
            (row(r#""v": null, "x": 1"#), "x [1.0]"),
            (row(r#""v": "[3, 4]""#), "v [[3.0, 4.0]]"),
            // What tells that it is one row stands behind its vectors.
            (
                format!(r#"{{"features": {{"v": [1, 2], "w": [3], "x": 4}}, {rest}}}"#),
                "v [[1.0, 2.0]]; w [[3.0]]; x [4.0]",
            ),
            (
                format!(
                    "[{}, {}, {}]",
                    row(r#""w": [1]"#),
                    row(r#""x": 1"#),
                    row(r#""w": [2]"#)
                ),
                "w [[1.0], [NaN], [2.0]]; x [NaN, 1.0, NaN]",
            ),
            (
                format!(
                    r#"{{{two}, "features": {{"v": [[1, 2], null], "w": [null, [1, 2, 3]], "x": [1, 2]}}}}"#
                ),
                "v [[1.0, 2.0], [NaN, NaN]]; w [[NaN, NaN, NaN], [1.0, 2.0, 3.0]]; x [1.0, 2.0]",
            ),
        ];
        for (body, expected) in bodies {
            let rows = decoded_of(&embedded(), BodyFormat::Json, &body).unwrap();
            assert_eq!(rows.problems, [], "{body}");
            assert_eq!(columns(&rows), expected, "{body}");
        }
        for body in [
            format!(r#"{{{rest}, "features": {{"x": [1]}}}}"#),
            format!(r#"{{"features": {{"x": [1]}}, {rest}}}"#),
            format!(r#"{{{rest}, "prediction": [1]}}"#),
        ] {
            let error = decoded_of(&embedded(), BodyFormat::Json, &body).unwrap_err();
            let words = "single values beside lists of values: write one or the other";
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn a_vector_that_does_not_fit_says_its_length_and_the_one_that_was_expected() {
        let row = |features: &str| {
            format!(r#"{{"record_id": "a", "prediction_time": 1e9, "features": {{{features}}}}}"#)
        };
        let list = |length: usize| format!("[{}]", vec!["0.5"; length].join(","));
        let (most, more) = (EMBEDDING_DIMENSION_MAX, EMBEDDING_DIMENSION_MAX + 1);
        let cases = [
            (
                format!(r#""v": {}"#, list(1)),
                "v: a vector of 1 components; the column has 2",
            ),
            (
                format!(r#""v": {}"#, list(more)),
                "v: a vector of 4097 components; the column has 2",
            ),
            (
                r#""v": []"#.into(),
                "v: a vector of 0 components; the column has 2",
            ),
            (
                r#""v": "[1]""#.into(),
                "v: a vector of 1 components; the column has 2",
            ),
            (r#""v": "x""#.into(), "v: 'x' is not a list of numbers"),
            (r#""v": true"#.into(), "v: 'true' is not a list of numbers"),
            (
                r#""v": 3"#.into(),
                "v: 3 is a number, and the column is an embedding",
            ),
            (
                r#""v": [1, "x"]"#.into(),
                "v: a list that is not of numbers",
            ),
            (
                r#""v": [[1], [2]]"#.into(),
                "v: a list that is not of numbers",
            ),
            (
                r#""v": {"x": 1}"#.into(),
                "v: an object where one value belongs",
            ),
            (
                r#""v": [1, 2], "v": [1, 2]"#.into(),
                "v: the key stands twice",
            ),
            (r#""x": [1, 2]"#.into(), "x: a list where one value belongs"),
            (
                r#""new": ["p"]"#.into(),
                "new: a list where one value belongs",
            ),
            (
                r#""new": []"#.into(),
                "new: a vector of 0 components; it may have 1 to 4096",
            ),
            (
                format!(r#""new": {}"#, list(more)),
                "new: a vector of 4097 components; it may have 1 to 4096",
            ),
        ];
        for (features, expected) in cases {
            let body = format!("[{}, {}]", row(r#""x": 1"#), row(&features));
            let rows = decoded_of(&embedded(), BodyFormat::Json, &body).unwrap();
            let problem = &rows.problems[0];
            let found = format!("{}: {}", problem.field.as_deref().unwrap(), problem.reason);
            assert_eq!((found.as_str(), problem.row), (expected, 1));
        }
        let rows = decoded_of(
            &embedded(),
            BodyFormat::Json,
            &row(&format!(r#""new": {}"#, list(most))),
        );
        let rows = rows.unwrap();
        assert_eq!(rows.problems, []);
        assert!(
            matches!(rows.columns[0].values, ColumnValues::Embedding { dimension, .. } if dimension == most)
        );
        // The first vector of a body says how long the others are.
        let body = format!("[{}, {}]", row(r#""new": [1, 2, 3]"#), row(r#""new": [1]"#));
        let rows = decoded_of(&embedded(), BodyFormat::Json, &body).unwrap();
        assert_eq!(
            rows.problems[0].reason,
            "a vector of 1 components; the column has 3"
        );
        assert_eq!(rows.bad, [1]);
    }

    #[test]
    fn a_small_body_does_not_grow_into_many_long_vectors() {
        let rows = VECTOR_NUMBERS_FREE / EMBEDDING_DIMENSION_MAX;
        let long = format!("[{}]", vec!["1"; EMBEDDING_DIMENSION_MAX].join(","));
        let row = |features: &str| {
            format!(r#"{{"record_id": "a", "prediction_time": 1e9, "features": {{{features}}}}}"#)
        };
        let vector = row(&format!(r#""w": {long}"#));
        // One vector, and many rows without: before it, behind it.
        for last in [false, true] {
            for (rows, fits) in [(rows, true), (rows + 1, false)] {
                let mut bodies = vec![row(""); rows - 1];
                bodies.insert(if last { rows - 1 } else { 0 }, vector.clone());
                let body = format!("[{}]", bodies.join(","));
                let rows = decoded_of(&embedded(), BodyFormat::Json, &body);
                let words = match &rows {
                    Ok(rows) if rows.problems.is_empty() => String::new(),
                    Ok(rows) => rows.problems[0].reason.clone(),
                    Err(error) => error.to_string(),
                };
                let expected = match (fits, last) {
                    (true, _) => "",
                    (false, true) => "a vector too many: missing ones take as much room as others",
                    (false, false) => {
                        "the numbers of all vectors of the request, missing ones included, is 4198400; at most 4194304 is allowed"
                    }
                };
                assert_eq!(words, expected);
            }
        }
    }

    #[test]
    fn csv_has_vectors_as_text() {
        let body = "record_id;prediction_time;v;new;mixed\n\
                    a;2026-01-01T00:00:00Z;[1, 2];[0.5 -1 2e3];[1]\n\
                    b;2026-01-01T00:00:00Z;;NA;x\n\
                    c;2026-01-01T00:00:00Z;[3];[1];\n";
        let rows = decoded_of(&embedded(), BodyFormat::Csv, body).unwrap();
        assert_eq!(
            columns(&rows),
            "mixed [[1], x, -]; new [[0.5, -1.0, 2000.0], [NaN, NaN, NaN], [NaN, NaN, NaN]]; v [[1.0, 2.0], [NaN, NaN], [NaN, NaN]]"
        );
        let problems: Vec<_> = rows
            .problems
            .iter()
            .map(|one| (one.row, one.reason.as_str()))
            .collect();
        let expected = [
            (2, "a vector of 1 components; the column has 2"),
            (2, "a vector of 1 components; the column has 3"),
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_wrong_with_a_row_is_said_with_its_row_and_field() {
        let row = |rest: &str| format!(r#"{{"record_id": "a", "prediction_time": 1e9, {rest}}}"#);
        let long = "x".repeat(crate::input::CATEGORY_BYTES_MAX + 1);
        let cases = [
            (
                row(r#""features": {"x": "1"}"#),
                "x: '1' is text, and the column is numeric",
            ),
            (
                row(r#""features": {"x": true}"#),
                "x: true is no number, and the column is numeric",
            ),
            (
                row(r#""features": {"c": 1.5}"#),
                "c: 1.5 is a number, and the column is categorical",
            ),
            (
                row(r#""features": {"c": ["p"]}"#),
                "c: a list where one value belongs",
            ),
            (
                row(r#""features": {"c": {"p": 1}}"#),
                "c: an object where one value belongs",
            ),
            (
                row(r#""features": {"c": "a\u0000"}"#),
                "c: has a NUL character, which is not stored",
            ),
            (
                row(&format!(r#""features": {{"c": "{long}"}}"#)),
                "c: is a category of 1025 bytes; it may have 1024",
            ),
            (
                row(r#""features": {"x": 1, "x": 2}"#),
                "x: the key stands twice",
            ),
            (
                row(r#""features": {"error": 2}"#),
                "error: is a name that no feature may have",
            ),
            (
                row(r#""features": {"": 2}"#),
                ": a feature's name has 0 bytes; it must have 1 to 256",
            ),
            (
                row(r#""features": {"a\u0001": 2}"#),
                "a : a feature's name has no control characters",
            ),
            (
                row(r#""features": 5"#),
                "features: a number where an object belongs",
            ),
            (
                row(r#""probability": "high""#),
                "probability: 'high' is text, and the column is numeric",
            ),
            (
                row(r#""prediction": 1, "label": "yes""#),
                "label: 'yes' is text, and the column is numeric",
            ),
            (
                row(r#""x": 1"#),
                "x: is no field of a row: features belong into 'features'",
            ),
            (
                r#"{"prediction_time": 1e9}"#.into(),
                "record_id: is missing",
            ),
            (
                r#"{"record_id": null, "prediction_time": 1e9}"#.into(),
                "record_id: is missing",
            ),
            (
                r#"{"record_id": "", "prediction_time": 1e9}"#.into(),
                "record_id: has 0 bytes; it must have 1 to 512",
            ),
            (
                r#"{"record_id": 1.5, "prediction_time": 1e9}"#.into(),
                "record_id: is neither text nor a whole number",
            ),
            (
                r#"{"record_id": "a\u0000b", "prediction_time": 1e9}"#.into(),
                "record_id: has a NUL character, which is not stored",
            ),
            (r#"{"record_id": 1}"#.into(), "prediction_time: is missing"),
            (
                r#"{"record_id": 1, "prediction_time": "noon"}"#.into(),
                "prediction_time: 'noon' is no time: RFC 3339, such as 2026-11-23T10:00:00Z, or seconds since 1970",
            ),
            (
                r#"{"record_id": 1, "prediction_time": 9e8}"#.into(),
                "prediction_time: is before the year 2000",
            ),
            (
                r#"{"record_id": 1, "prediction_time": 1.81e9}"#.into(),
                "prediction_time: is more than a day ahead of the server's clock",
            ),
        ];
        for (body, expected) in cases {
            let good = row(r#""prediction": null"#);
            let body = format!("[{good}, {body}]");
            let rows = decoded(Purpose::Predictions, BodyFormat::Json, &body).unwrap();
            let problem = rows.problems.first().unwrap_or_else(|| panic!("{body}"));
            let found = format!(
                "{}: {}",
                problem.field.clone().unwrap_or_default(),
                problem.reason
            );
            assert_eq!(found, expected, "{body}");
            assert_eq!((problem.row, rows.bad.as_slice()), (1, &[1][..]), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_no_body_is_refused_as_a_whole() {
        let cases = [
            (
                BodyFormat::Json,
                "",
                "the body is not JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                BodyFormat::Json,
                "[1]",
                "the body is not JSON: invalid type: integer `1`, expected a row, which is an object at line 1 column 2",
            ),
            (
                BodyFormat::Json,
                "{} {}",
                "the body is not JSON: no rows at line 1 column 2",
            ),
            (
                BodyFormat::Json,
                "[] []",
                "the body is not JSON: trailing characters at line 1 column 4",
            ),
            (
                BodyFormat::Json,
                r#"{"record_id": [1, 2], "features": {"x": [1]}}"#,
                "the body is not JSON: a column has 1 values where another has 2 at line 1 column 45",
            ),
            (
                BodyFormat::Json,
                r#"{"record_id": [1, 2], "prediction": 1}"#,
                "the body is not JSON: single values beside lists of values: write one or the other at line 1 column 38",
            ),
            (
                BodyFormat::Json,
                r#"{"predictions": [], "record_id": 1}"#,
                "the body is not JSON: a list of rows beside fields of a row: write one or the other at line 1 column 35",
            ),
            (
                BodyFormat::Csv,
                "record_id,prediction_time\na\n",
                "the body is not CSV: CSV error: record 1 (line: 2, byte: 26): found record with 1 fields, but the previous record has 2 fields",
            ),
        ];
        for (format, body, expected) in cases {
            let error = decoded(Purpose::Predictions, format, body).unwrap_err();
            assert_eq!(error.to_string(), expected, "{body}");
        }
        for format in [BodyFormat::Arrow, BodyFormat::Parquet] {
            for body in [
                "",
                "ARROW1",
                "PAR1xxxxPAR1",
                "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}",
            ] {
                let error = decoded(Purpose::Predictions, format, body);
                let refused = matches!(error, Err(IngestError::Body { .. }));
                let empty = matches!(&error, Ok(rows) if rows.count == 0 && body.is_empty());
                assert!(refused || empty, "{format:?} {body:?} {error:?}");
            }
        }
    }

    #[test]
    fn a_line_that_is_no_row_is_bad_alone() {
        let body = "{\"record_id\": 1, \"prediction_time\": 1e9, \"features\": {\"x\": 5, \"c\": \"p\n\n{\"record_id\": 2, \"prediction_time\": 1e9, \"features\": {\"x\": 6}}\n";
        let mut rows = decoded(Purpose::Predictions, BodyFormat::Ndjson, body).unwrap();
        assert_eq!((rows.count, rows.bad.as_slice()), (2, &[0][..]));
        assert!(
            rows.problems[0].reason.starts_with("is no row: "),
            "{:?}",
            rows.problems
        );
        rows.drop_bad();
        assert_eq!(columns(&rows), "x [6.0]");
        assert_eq!(rows.ids.get(0), "2");
    }

    #[test]
    fn columns_of_csv_are_what_all_of_their_values_are() {
        let body = "\u{feff}record_id;prediction_time;x;new;code;label;c;d\n\
                    a;2026-01-01T00:00:00Z;1,5;7;7;1;8;9\n\
                    b;2026-01-01T00:00:00Z;2;NA;x7;0;;9.0\n";
        let rows = decoded(Purpose::Predictions, BodyFormat::Csv, body).unwrap();
        let problem = &rows.problems[0];
        assert_eq!(
            (problem.row, problem.reason.as_str()),
            (0, "'1,5' is text, and the column is numeric")
        );
        assert_eq!(
            columns(&rows),
            "c [8, -]; code [7, x7]; d [9, 9]; label [1.0, 0.0]; new [7.0, NaN]; x [NaN, 2.0]"
        );
        for (header, field) in [("record_id,error", "error"), ("record_id,x,x", "x")] {
            let rows = decoded(
                Purpose::Predictions,
                BodyFormat::Csv,
                &format!("{header}\n"),
            )
            .unwrap();
            assert_eq!(rows.problems[0].field.as_deref(), Some(field));
        }
    }

    #[test]
    fn labels_have_a_record_and_a_label_and_nothing_else() {
        let rows = decoded(
            Purpose::Labels,
            BodyFormat::Json,
            r#"{"labels": [{"record_id": 1, "label": "yes"}, {"record_id": 2, "ground_truth_label": null}]}"#,
        )
        .unwrap();
        assert_eq!(
            (columns(&rows).as_str(), rows.problems.len()),
            ("label [yes, -]", 0)
        );
        let rows = decoded(
            Purpose::Labels,
            BodyFormat::Csv,
            "record_id,label,age\n1,0.5,3\n",
        )
        .unwrap();
        assert_eq!(
            rows.problems[0].reason,
            "is no field of a label: there are record_id and label"
        );
    }

    #[test]
    fn reference_rows_need_nothing_and_may_be_flat() {
        let body = r#"{"x": 1, "features": {"c": "p"}, "label": 1}
                      {"x": 2, "new": "n", "prediction_time": "1990-01-01T00:00:00Z"}"#;
        let rows = decoded(Purpose::Reference, BodyFormat::Ndjson, body).unwrap();
        assert_eq!(rows.problems, []);
        assert_eq!(
            columns(&rows),
            "c [p, -]; label [1.0, NaN]; new [-, n]; x [1.0, 2.0]"
        );
    }

    #[test]
    fn features_beyond_the_limit_are_refused() {
        use crate::domain::model::FEATURES_MAX;
        let row = |features: usize| {
            let features: Vec<String> = (0..features).map(|at| format!(r#""f{at}": 1"#)).collect();
            format!(
                r#"{{"record_id": 1, "prediction_time": 1e9, "features": {{{}}}}}"#,
                features.join(",")
            )
        };
        // Three are there already.
        let most = decoded(
            Purpose::Predictions,
            BodyFormat::Json,
            &row(FEATURES_MAX - 3),
        )
        .unwrap();
        assert_eq!(most.problems, []);
        let more = decoded(
            Purpose::Predictions,
            BodyFormat::Json,
            &row(FEATURES_MAX - 2),
        )
        .unwrap();
        assert_eq!(
            more.problems[0].reason,
            "is one feature too many: a model may have 4088"
        );
    }
}
