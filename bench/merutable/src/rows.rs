//! The rows of the benchmark: the same as in `bench/src/rows.ts`, bit for bit.

use bytes::Bytes;
use merutable::schema::{ColumnDef, ColumnType, TableSchema};
use merutable::value::{FieldValue, Row};

const USERS: u32 = 50_000;
const WORDS: [&str; 12] = [
    "agent", "memory", "session", "state", "audit", "feature", "store", "series", "event", "token",
    "cache", "index",
];
const PAYLOAD_WORDS_BYTES: usize = 80;

/// Row n has the key n · KEY_STEP.
pub const KEY_STEP: i64 = 2;

/// A generator of 32-bit numbers from a seed (mulberry32).
pub struct Random(u32);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed as u32)
    }

    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x6d2b_79f5);
        let state = self.0;
        let mut mixed = (state ^ (state >> 15)).wrapping_mul(state | 1);
        mixed ^= mixed.wrapping_add((mixed ^ (mixed >> 7)).wrapping_mul(mixed | 61));
        mixed ^ (mixed >> 14)
    }
}

/// The fields of row `n` in its `revision`.
#[derive(Clone, PartialEq, Debug)]
pub struct Fields {
    pub id: i64,
    pub user: String,
    pub score: f64,
    pub payload: String,
}

pub fn fields_of(n: usize, revision: u8) -> Fields {
    let mut random = Random::new(n as u64 * 31 + u64::from(revision) * 7919 + 1);
    let mut payload = String::with_capacity(112);
    while payload.len() < PAYLOAD_WORDS_BYTES {
        let triple = random.next() as usize % (12 * 12 * 12);
        for word in [triple / 144, triple / 12 % 12, triple % 12] {
            payload.push_str(WORDS[word]);
            payload.push(' ');
        }
    }
    payload.push_str(&format!("{:08x}", random.next()));
    let user = format!("user-{:011}", random.next() % USERS);
    let score = f64::from(random.next() % 1_000_000) / 1000.0;
    Fields { id: n as i64 * KEY_STEP, user, score, payload }
}

impl Fields {
    pub fn to_row(&self) -> Row {
        Row::new(vec![
            Some(FieldValue::Int64(self.id)),
            Some(FieldValue::Bytes(Bytes::copy_from_slice(self.user.as_bytes()))),
            Some(FieldValue::Double(self.score)),
            Some(FieldValue::Bytes(Bytes::copy_from_slice(self.payload.as_bytes()))),
        ])
    }

    /// What the row holds without any encoding.
    pub fn bytes(&self) -> usize {
        16 + self.user.len() + self.payload.len()
    }
}

/// The fields of a row that was read.
pub fn read(row: &Row) -> Fields {
    let text = |column: usize| match row.get(column) {
        Some(FieldValue::Bytes(bytes)) => String::from_utf8(bytes.to_vec()).expect("text is UTF-8"),
        other => panic!("column {column} holds {other:?}"),
    };
    let (Some(FieldValue::Int64(id)), Some(FieldValue::Double(score))) = (row.get(0), row.get(2)) else {
        panic!("row came back as {row:?}");
    };
    Fields { id: *id, user: text(1), score: *score, payload: text(3) }
}

pub fn row_of(n: usize, revision: u8) -> Row {
    fields_of(n, revision).to_row()
}

pub fn key_of(n: usize) -> Vec<FieldValue> {
    vec![FieldValue::Int64(n as i64 * KEY_STEP)]
}

pub fn schema() -> TableSchema {
    let column = |name: &str, col_type| ColumnDef { name: name.into(), col_type, nullable: false, ..Default::default() };
    TableSchema {
        table_name: "rows".into(),
        columns: vec![
            column("id", ColumnType::Int64),
            column("user", ColumnType::ByteArray),
            column("score", ColumnType::Double),
            column("payload", ColumnType::ByteArray),
        ],
        primary_key: vec![0],
        ..Default::default()
    }
}

/// 0 … rows − 1 in an order that looks random and repeats nothing.
pub fn shuffled(rows: usize, seed: u64) -> Vec<usize> {
    let mut ids: Vec<usize> = (0..rows).collect();
    let mut random = Random::new(seed);
    for i in (1..rows).rev() {
        ids.swap(i, random.next() as usize % (i + 1));
    }
    ids
}

/// Zipf's law with exponent 0.99, by rejection-free inversion.
pub fn zipf(rows: usize, count: usize) -> Vec<usize> {
    let mut random = Random::new(17);
    let places = shuffled(rows, rows as u64);
    let exponent = 1.0 - 0.99;
    let top = (rows as f64).powf(exponent) - 1.0;
    (0..count)
        .map(|_| {
            let u = f64::from(random.next()) / 4_294_967_296.0;
            let rank = ((u * top + 1.0).powf(1.0 / exponent)).floor() as i64 - 1;
            places[rank.clamp(0, rows as i64 - 1) as usize]
        })
        .collect()
}

/// One number for the first rows, which `merutable.ts` computes too.
pub fn proof() -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for n in 0..1000 {
        let Fields { id, user, score, payload } = fields_of(n, (n % 3) as u8);
        for byte in format!("{id}|{user}|{score}|{payload}").bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
}
