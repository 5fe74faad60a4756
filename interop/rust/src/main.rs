//! Reads Iceberg tables with the Rust library; requests and answers are those of read_tables.py.

use std::io::Read;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use futures::TryStreamExt;
use iceberg::io::FileIO;
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
        answers.push(match read(&request).await {
            Ok(rows) => json!({ "rows": rows }),
            Err(error) => json!({ "error": error.to_string() }),
        });
    }
    println!("{}", Value::Array(answers));
    Ok(())
}

async fn read(request: &Value) -> Result<Vec<Value>, Failure> {
    let metadata = request["metadata"].as_str().ok_or("no metadata")?;
    let ident = TableIdent::from_strs(["meru", "table"])?;
    let table = StaticTable::from_metadata_file(metadata, ident, FileIO::new_with_fs()).await?;
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
                    false => format!("{{{}}}", range.map(entry).collect::<Vec<_>>().join(",")),
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
