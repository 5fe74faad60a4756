//! Reads Iceberg tables with the Rust library; requests and answers are those of read_tables.py.

use std::io::Read;
use std::ops::Range;
use std::panic::AssertUnwindSafe;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use futures::{FutureExt, TryStreamExt};
use iceberg::expr::{Predicate, Reference};
use iceberg::io::FileIO;
use iceberg::spec::Datum;
use iceberg::table::StaticTable;
use iceberg::TableIdent;
use serde_json::{json, Map, Value};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut answers = Vec::new();
    for request in serde_json::from_str::<Vec<Value>>(&text)? {
        answers.push(match answer(&request).await {
            Ok(answer) => answer,
            Err(error) => json!({ "error": error.to_string() }),
        });
    }
    println!("{}", Value::Array(answers));
    Ok(())
}

async fn answer(request: &Value) -> Result<Value, Failure> {
    let metadata = request["metadata"].as_str().ok_or("no metadata")?;
    let ident = TableIdent::from_strs(["meru", "table"])?;
    let table = StaticTable::from_metadata_file(metadata, ident, FileIO::new_with_fs()).await?;
    match request["filters"].as_array() {
        Some(conditions) => Ok(filter(&table, conditions).await),
        None => Ok(json!({ "rows": read(&table, request).await? })),
    }
}

/// One answer for each condition: the ids of the rows that meet it, or an error.
async fn filter(table: &StaticTable, conditions: &[Value]) -> Value {
    let mut matches = Vec::new();
    let mut files = 0;
    for condition in conditions {
        // The library panics at values that it cannot convert.
        let found = AssertUnwindSafe(matching(table, condition)).catch_unwind();
        let found = found.await.unwrap_or_else(|panic| {
            Err(panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or("panic".into())
                .into())
        });
        matches.push(match found {
            Ok((ids, planned)) => {
                files += planned;
                json!(ids)
            }
            Err(error) => json!(error.to_string()),
        });
    }
    json!({ "matches": matches, "files": files })
}

/// Ids, and how many files are planned to be read.
async fn matching(table: &StaticTable, condition: &Value) -> Result<(Vec<i32>, usize), Failure> {
    let scan = table.scan().select(["id"]);
    let scan = scan.with_filter(predicate(condition)?).build()?;
    let planned: Vec<_> = scan.plan_files().await?.try_collect().await?;
    let batches: Vec<_> = scan.to_arrow().await?.try_collect().await?;
    let columns = batches.iter().map(|batch| batch.column(0));
    let ids = columns.flat_map(|column| column.as_primitive::<Int32Type>().values().to_vec());
    Ok((ids.collect(), planned.len()))
}

fn predicate(condition: &Value) -> Result<Predicate, Failure> {
    let text = |name: &str| condition[name].as_str().ok_or(format!("no {name}"));
    let (kind, column) = (text("type")?, Reference::new(text("column")?));
    let values = condition["values"].as_array().ok_or("no values")?;
    let mut data = Vec::new();
    for value in values {
        data.push(datum(kind, value.as_str().ok_or("no text")?)?);
    }
    let operator = text("operator")?;
    let first = data.first().cloned().ok_or("no value");
    Ok(match operator {
        "isNull" => column.is_null(),
        "notNull" => column.is_not_null(),
        "isNan" => column.is_nan(),
        "in" => column.is_in(data),
        "eq" => column.equal_to(first?),
        "ne" => column.not_equal_to(first?),
        "lt" => column.less_than(first?),
        "lte" => column.less_than_or_equal_to(first?),
        "gt" => column.greater_than(first?),
        "gte" => column.greater_than_or_equal_to(first?),
        "prefix" => column.starts_with(first?),
        _ => return Err(format!("no operator {operator}").into()),
    })
}

fn datum(kind: &str, text: &str) -> Result<Datum, Failure> {
    Ok(match kind {
        "boolean" => Datum::bool_from_str(text)?,
        "int" => Datum::int(text.parse::<i32>()?),
        "long" => Datum::long(text.parse::<i64>()?),
        "float" => Datum::float(text.parse::<f32>()?),
        "double" => Datum::double(text.parse::<f64>()?),
        "date" => Datum::date_from_str(text)?,
        "time" => Datum::time_micros(text.parse()?)?,
        "timestamp" => Datum::timestamp_micros(text.parse()?),
        "timestamptz" => Datum::timestamptz_micros(text.parse()?),
        "string" => Datum::string(text),
        "uuid" => Datum::uuid_from_str(text)?,
        "binary" => Datum::binary(bytes(text)?),
        _ if kind.starts_with("fixed") => Datum::fixed(bytes(text)?),
        _ => Datum::decimal_from_str(text)?,
    })
}

fn bytes(hex: &str) -> Result<Vec<u8>, Failure> {
    let pairs = (0..hex.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    Ok(bytes.collect::<Result<_, _>>()?)
}

async fn read(table: &StaticTable, request: &Value) -> Result<Vec<Value>, Failure> {
    let mut scan = table.scan();
    if let Some(snapshot) = request["snapshot"].as_i64() {
        scan = scan.snapshot_id(snapshot);
    }
    if let Some(tag) = request["tag"].as_str() {
        let metadata = table.metadata();
        let named = metadata.snapshot_for_ref(tag);
        scan = scan.snapshot_id(named.ok_or("no snapshot of that name")?.snapshot_id());
    }
    let mut stream = scan.build()?.to_arrow().await?;
    let mut rows = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        let schema = batch.schema();
        let columns = batch
            .columns()
            .iter()
            .map(texts)
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut values = Map::new();
            for (field, column) in schema.fields().iter().zip(&columns) {
                values.insert(field.name().clone(), json!(column[row]));
            }
            rows.push(Value::Object(values));
        }
    }
    Ok(rows)
}

/// Null within a list, a map or a struct is None.
fn parts(array: &ArrayRef) -> Result<Vec<String>, Failure> {
    let parts = texts(array)?.into_iter();
    Ok(parts.map(|part| part.unwrap_or("None".into())).collect())
}

fn texts(array: &ArrayRef) -> Result<Vec<Option<String>>, Failure> {
    let spelled = match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let elements = parts(lists.values())?;
            ranges(lists.value_offsets())
                .map(|range| format!("[{}]", elements[range].join(",")))
                .collect()
        }
        DataType::Map(_, _) => {
            let maps = array.as_map();
            let (keys, values) = (parts(maps.keys())?, parts(maps.values())?);
            let entry = |i| format!("{}:{}", keys[i], values[i]);
            ranges(maps.value_offsets())
                .map(|range| match range.is_empty() {
                    // An empty map looks like an empty list.
                    true => "[]".into(),
                    false => {
                        let mut entries = range.map(entry).collect::<Vec<_>>();
                        entries.sort();
                        format!("{{{}}}", entries.join(","))
                    }
                })
                .collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(parts);
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let field = |i| {
                let named = fields.iter().zip(&columns);
                let texts = named.map(|(field, column)| format!("{}:{}", field.name(), column[i]));
                format!("{{{}}}", texts.collect::<Vec<_>>().join(","))
            };
            (0..array.len()).map(field).collect()
        }
        _ => return scalar_texts(array),
    };
    let spelled: Vec<String> = spelled;
    let texts = spelled.into_iter().enumerate();
    Ok(texts
        .map(|(i, text)| array.is_valid(i).then_some(text))
        .collect())
}

fn ranges(offsets: &[i32]) -> impl Iterator<Item = Range<usize>> + '_ {
    offsets
        .windows(2)
        .map(|pair| pair[0] as usize..pair[1] as usize)
}

fn scalar_texts(array: &ArrayRef) -> Result<Vec<Option<String>>, Failure> {
    let kind = match array.data_type() {
        DataType::Float32 | DataType::Float64 => {
            let doubles = cast(array, &DataType::Float64)?;
            let values = doubles.as_primitive::<arrow_array::types::Float64Type>();
            return Ok(values
                .iter()
                .map(|value| value.map(|v| format!("{:016x}", v.to_bits())))
                .collect());
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            let bytes = cast(array, &DataType::Binary)?;
            let values = bytes.as_binary::<i32>();
            return Ok(values
                .iter()
                .map(|value| value.map(|v| v.iter().map(|b| format!("{b:02x}")).collect()))
                .collect());
        }
        DataType::Timestamp(_, _) | DataType::Time64(_) => DataType::Int64,
        other => other.clone(),
    };
    let plain = cast(array, &kind)?;
    let strings = cast(&plain, &DataType::Utf8)?;
    let values = strings.as_string::<i32>();
    Ok((0..values.len())
        .map(|i| values.is_valid(i).then(|| values.value(i).to_string()))
        .collect())
}
