//! An answer as JSON, CSV or Arrow.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field};
use serde_json::{Map, Value, json};

use super::sql_reader::{SqlColumn, SqlKind, SqlResult};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SqlFormat {
    /// One document.
    #[default]
    Json,
    /// With a header; null is an empty field.
    Csv,
    /// A stream of Arrow IPC.
    Arrow,
}

impl SqlFormat {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

impl SqlResult {
    /// The answer in a format.
    ///
    /// # Errors
    /// If a library cannot write what it was given, which would be a mistake of ours.
    pub fn write(&self, format: SqlFormat) -> anyhow::Result<Vec<u8>> {
        match format {
            SqlFormat::Json => Ok(serde_json::to_vec(&self.to_json())?),
            SqlFormat::Csv => self.to_csv(),
            SqlFormat::Arrow => Ok(self.to_arrow()?),
        }
    }

    /// `{columns: [{name, type}], rows: [[...]], truncated}`. Numbers that JSON cannot say (NaN, infinity) are null.
    pub fn to_json(&self) -> Value {
        let columns: Vec<Value> = self
            .columns
            .iter()
            .map(|column| json!({ "name": column.name, "type": column.type_name }))
            .collect();
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .zip(&self.columns)
                    .map(|(value, column)| to_json(value.as_deref(), column))
                    .collect()
            })
            .collect();
        let mut document = Map::new();
        document.insert("columns".to_owned(), Value::Array(columns));
        document.insert("rows".to_owned(), Value::Array(rows));
        document.insert("truncated".to_owned(), Value::Bool(self.truncated));
        Value::Object(document)
    }

    fn to_csv(&self) -> anyhow::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| &column.name))?;
        for row in &self.rows {
            let fields = row.iter().zip(&self.columns).map(|(value, column)| {
                match (value.as_deref(), column.kind) {
                    (Some("t"), SqlKind::Boolean) => "true",
                    (Some("f"), SqlKind::Boolean) => "false",
                    (value, _) => value.unwrap_or_default(),
                }
            });
            writer.write_record(fields)?;
        }
        Ok(writer.into_inner()?)
    }

    fn to_arrow(&self) -> Result<Vec<u8>, ArrowError> {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| Field::new(&column.name, data_type(column.kind), true))
            .collect();
        let schema = Arc::new(arrow_schema::Schema::new(fields));
        let arrays: Vec<ArrayRef> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| self.array(at, column.kind))
            .collect();
        // A query may have no columns at all, and yet rows.
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
        writer.write(&batch)?;
        writer.into_inner()
    }

    fn array(&self, at: usize, kind: SqlKind) -> ArrayRef {
        let values = self.rows.iter().map(|row| row[at].as_deref());
        match kind {
            SqlKind::Integer => {
                let mut array = Int64Builder::new();
                values.for_each(|value| {
                    array.append_option(value.and_then(|text| text.parse().ok()));
                });
                Arc::new(array.finish())
            }
            SqlKind::Float => {
                let mut array = Float64Builder::new();
                values.for_each(|value| {
                    array.append_option(value.and_then(|text| text.parse().ok()));
                });
                Arc::new(array.finish())
            }
            SqlKind::Boolean => {
                let mut array = BooleanBuilder::new();
                values.for_each(|value| array.append_option(value.map(|text| text == "t")));
                Arc::new(array.finish())
            }
            SqlKind::Json | SqlKind::Text => {
                let mut array = StringBuilder::new();
                values.for_each(|value| array.append_option(value));
                Arc::new(array.finish())
            }
        }
    }
}

fn data_type(kind: SqlKind) -> DataType {
    match kind {
        SqlKind::Integer => DataType::Int64,
        SqlKind::Float => DataType::Float64,
        SqlKind::Boolean => DataType::Boolean,
        SqlKind::Json | SqlKind::Text => DataType::Utf8,
    }
}

fn to_json(value: Option<&str>, column: &SqlColumn) -> Value {
    let Some(text) = value else {
        return Value::Null;
    };
    match column.kind {
        SqlKind::Integer => text.parse::<i64>().map_or(Value::Null, Value::from),
        SqlKind::Float => text.parse::<f64>().map_or(Value::Null, Value::from),
        SqlKind::Boolean => Value::Bool(text == "t"),
        SqlKind::Json => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
        SqlKind::Text => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};

    use super::*;

    fn answer() -> SqlResult {
        let column = |name: &str, type_name: &str, kind| SqlColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            kind,
        };
        let row = |values: [Option<&str>; 5]| values.map(|value| value.map(str::to_owned)).to_vec();
        SqlResult {
            columns: vec![
                column("n", "int8", SqlKind::Integer),
                column("x", "float8", SqlKind::Float),
                column("ok", "bool", SqlKind::Boolean),
                column("j", "jsonb", SqlKind::Json),
                column("t", "timestamptz", SqlKind::Text),
            ],
            rows: vec![
                row([
                    Some("-9007199254740993"),
                    Some("0.1"),
                    Some("t"),
                    Some(r#"{"a": [1]}"#),
                    Some("a, \"b\""),
                ]),
                row([None, Some("NaN"), Some("f"), None, Some("")]),
            ],
            truncated: true,
        }
    }

    #[test]
    fn json_tells_types_apart() {
        assert_eq!(
            answer().to_json(),
            json!({
                "columns": [
                    { "name": "n", "type": "int8" }, { "name": "x", "type": "float8" }, { "name": "ok", "type": "bool" },
                    { "name": "j", "type": "jsonb" }, { "name": "t", "type": "timestamptz" },
                ],
                "rows": [[-9_007_199_254_740_993_i64, 0.1, true, { "a": [1] }, "a, \"b\""], [null, null, false, null, ""]],
                "truncated": true,
            })
        );
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let text = String::from_utf8(answer().write(SqlFormat::Csv).unwrap()).unwrap();
        assert_eq!(
            text,
            "n,x,ok,j,t\n-9007199254740993,0.1,true,\"{\"\"a\"\": [1]}\",\"a, \"\"b\"\"\"\n,NaN,false,,\n"
        );
    }

    #[test]
    fn arrow_reads_back() {
        let bytes = answer().write(SqlFormat::Arrow).unwrap();
        let mut reader = arrow_ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
        let batch = reader.next().unwrap().unwrap();
        assert_eq!(batch.num_rows(), 2);
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        assert_eq!(numbers.value(0), -9_007_199_254_740_993);
        assert!(numbers.is_null(1));
        assert!(
            batch
                .column(1)
                .as_primitive::<Float64Type>()
                .value(1)
                .is_nan()
        );
        assert!(!batch.column(2).as_boolean().value(1));
        assert_eq!(batch.column(4).as_string::<i32>().value(0), "a, \"b\"");
        assert!(reader.next().is_none());
    }
}
