//! The operations, in the order of `workload.ts`. What is read is compared with what was written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use merutable::value::Row;
use merutable::{MeruDB, OpenOptions};

use crate::meter::{bytes_written, peak_mebibytes, Figure, Meter};
use crate::rows::{fields_of, key_of, read, row_of, schema, shuffled, zipf, Fields, KEY_STEP};

const BATCH: usize = 1000;
const CHUNK: usize = 500;
const MIB: f64 = 1048576.0;

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("meru-bench-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Subject {
    rows: usize,
    budget_ms: f64,
    revisions: Vec<u8>,
    figures: Vec<Figure>,
}

pub async fn measure(rows: usize, budget_ms: f64) -> Vec<Figure> {
    let mut subject = Subject { rows, budget_ms, revisions: vec![0; rows], figures: Vec::new() };
    let main = Directory::new("main");
    subject.load(&main.0).await;
    subject.random_upserts(&main.0).await;
    subject.reads_and_scans(&main.0).await;
    drop(main);
    let durable = Directory::new("durable");
    subject.durable_writes(&durable.0).await;
    subject.figures
}

/// `cached` keeps as many rows in memory as the table has.
async fn open(directory: &Path, rows_cached: usize) -> MeruDB {
    let options = OpenOptions::new(schema())
        .wal_dir(directory.join("wal"))
        .catalog_uri(directory.join("data").to_string_lossy().to_string())
        .row_cache_capacity(rows_cached);
    MeruDB::open(options).await.expect("the database opens")
}

impl Subject {
    fn check(&self, row: Option<Row>, n: usize) {
        let found = row.as_ref().map(read);
        assert_eq!(found, Some(fields_of(n, self.revisions[n])), "row {n}");
    }

    async fn load(&mut self, directory: &Path) {
        let db = open(directory, 1).await;
        let mut meter = Meter::new();
        for from in (0..self.rows).step_by(BATCH) {
            let batch: Vec<Row> = (from..self.rows.min(from + BATCH)).map(|n| row_of(n, 0)).collect();
            meter.start();
            db.put_batch(batch).await.expect("a batch is written");
            meter.stop();
        }
        meter.start();
        db.flush().await.expect("a flush ends");
        meter.stop();
        self.figures.push(meter.rate("bulk load, ascending", self.rows as f64, "rows/s"));
        self.figures.push(Figure::less("peak memory of the load", peak_mebibytes(), "MiB"));
        db.close().await.expect("the database closes");
    }

    async fn random_upserts(&mut self, directory: &Path) {
        let db = open(directory, 1).await;
        let written_before = bytes_written();
        let mut row_bytes = 0;
        let mut meter = Meter::new();
        for part in shuffled(self.rows, self.rows as u64).chunks(BATCH) {
            let fields: Vec<Fields> = part.iter().map(|&n| fields_of(n, 1)).collect();
            row_bytes += fields.iter().map(Fields::bytes).sum::<usize>();
            let batch = fields.iter().map(Fields::to_row).collect();
            meter.start();
            db.put_batch(batch).await.expect("a batch is written");
            meter.stop();
        }
        self.revisions.fill(1);
        self.figures.push(meter.rate("buffered batches of 1000, random upserts", self.rows as f64, "rows/s"));
        db.flush().await.expect("a flush ends");
        let written = (bytes_written() - written_before) / row_bytes as f64;
        self.figures.push(Figure::less("write amplification of random upserts", written, "×"));
        let space = bytes_below(directory) / row_bytes as f64;
        self.figures.push(Figure::less("space amplification after random upserts", space, "×"));
        db.close().await.expect("the database closes");
    }

    async fn reads_and_scans(&mut self, directory: &Path) {
        forget(directory);
        let mut meter = Meter::new();
        meter.start();
        let db = open(directory, self.rows).await;
        meter.stop();
        self.figures.push(meter.duration("open, cold"));
        let cold = shuffled(self.rows, 5);
        self.gets(&db, &cold[..cold.len().min(3000)], Some("get, uniform, cold"));
        self.point_reads(&db, ", before compaction");
        let bytes = bytes_below(directory);
        let mut meter = Meter::new();
        meter.start();
        db.compact().await.expect("a compaction ends");
        meter.stop();
        if meter.millis() > 1.0 {
            self.figures.push(meter.rate("compaction", bytes / MIB, "MiB/s"));
        }
        self.point_reads(&db, "");
        self.figures.push(Figure::less("peak memory of writes and gets", peak_mebibytes(), "MiB"));
        self.scan(&db, "full scan to row objects");
        self.ranges(&db);
        self.change(&db).await;
        self.scan(&db, "full scan to row objects, 10 % changed");
        let mut meter = Meter::new();
        meter.start();
        db.export_iceberg(directory.join("export")).await.expect("an export ends");
        meter.stop();
        self.figures.push(meter.duration("Iceberg export, 10 % changed"));
        fs::remove_dir_all(directory.join("export")).expect("the export can be removed");
        db.compact().await.expect("a compaction ends");
        db.close().await.expect("the database closes");
        let per_row = bytes_below(directory) / self.rows as f64;
        self.figures.push(Figure::less("bytes per row at rest", per_row, "B"));
        let mut meter = Meter::new();
        meter.start();
        let db = open(directory, self.rows).await;
        meter.stop();
        self.figures.push(meter.duration("open"));
        self.scan(&db, "");
        db.close().await.expect("the database closes");
    }

    fn point_reads(&mut self, db: &MeruDB, when: &str) {
        let uniform = shuffled(self.rows, self.rows as u64);
        let uniform = &uniform[..self.rows.min(100_000)];
        self.gets(db, uniform, None);
        self.gets(db, uniform, Some(&format!("get, synchronous, uniform{when}")));
        let hot = zipf(self.rows, self.rows.min(100_000));
        self.gets(db, &hot, Some(&format!("get, synchronous, zipf{when}")));
        let mut meter = Meter::new();
        let mut done = 0;
        for part in uniform.chunks(CHUNK) {
            let keys: Vec<_> = part.iter().map(|&n| merutable::value::FieldValue::Int64(n as i64 * KEY_STEP + 1)).collect();
            meter.start();
            let found = keys.iter().filter(|key| db.get(std::slice::from_ref(key)).expect("a get ends").is_some()).count();
            meter.stop();
            assert_eq!(found, 0, "rows were found that were never written");
            done += part.len();
            if meter.millis() > self.budget_ms {
                break;
            }
        }
        self.figures.push(meter.rate(&format!("get of a missing key{when}"), done as f64, "ops/s"));
    }

    fn gets(&mut self, db: &MeruDB, ids: &[usize], operation: Option<&str>) {
        let mut meter = Meter::new();
        let mut done = 0;
        for part in ids.chunks(CHUNK) {
            let keys: Vec<_> = part.iter().map(|&n| key_of(n)).collect();
            meter.start();
            let found: Vec<Option<Row>> = keys.iter().map(|key| db.get(key).expect("a get ends")).collect();
            meter.stop();
            for (row, &n) in found.into_iter().zip(part) {
                self.check(row, n);
            }
            done += part.len();
            if meter.millis() > self.budget_ms {
                break;
            }
        }
        if let Some(operation) = operation {
            self.figures.push(meter.rate(operation, done as f64, "ops/s"));
        }
    }

    /// All rows, every field compared outside of the time.
    fn scan(&mut self, db: &MeruDB, operation: &str) {
        let mut meter = Meter::new();
        meter.start();
        let rows = db.scan(None, None).expect("a scan ends");
        meter.stop();
        assert_eq!(rows.len(), self.rows, "rows of a full scan");
        for (n, (_, row)) in rows.into_iter().enumerate() {
            self.check(Some(row), n);
        }
        if !operation.is_empty() {
            self.figures.push(meter.rate(operation, self.rows as f64, "rows/s"));
        }
    }

    fn ranges(&mut self, db: &MeruDB) {
        let starts = shuffled(self.rows - 100, self.rows as u64 - 100);
        let mut meter = Meter::new();
        let mut done = 0;
        for &start in starts.iter().take(2000) {
            let (from, to) = (key_of(start), key_of(start + 100));
            meter.start();
            let rows = db.scan(Some(&from), Some(&to)).expect("a scan ends");
            meter.stop();
            assert_eq!(rows.len(), 100, "rows of a range");
            for (place, (_, row)) in rows.into_iter().enumerate() {
                self.check(Some(row), start + place);
            }
            done += 1;
            if meter.millis() > self.budget_ms {
                break;
            }
        }
        self.figures.push(meter.rate("range scans of 100", done as f64, "scans/s"));
    }

    async fn change(&mut self, db: &MeruDB) {
        let order = shuffled(self.rows, 3);
        let changed = &order[..self.rows / 10];
        for part in changed.chunks(BATCH) {
            db.put_batch(part.iter().map(|&n| row_of(n, 2)).collect()).await.expect("a batch is written");
        }
        for &n in changed {
            self.revisions[n] = 2;
        }
        let mut meter = Meter::new();
        meter.start();
        db.flush().await.expect("a flush ends");
        meter.stop();
        self.figures.push(meter.rate("flush of 10 % of the rows", changed.len() as f64, "rows/s"));
    }

    async fn durable_writes(&mut self, directory: &Path) {
        let db = Arc::new(open(directory, 1).await);
        let written = Arc::new(AtomicUsize::new(0));
        for writers in [1, 64, 1000] {
            let first = written.load(Ordering::Relaxed);
            let end = Instant::now() + Duration::from_micros((self.budget_ms * 1000.0) as u64);
            let mut meter = Meter::new();
            meter.start();
            let tasks: Vec<_> = (0..writers)
                .map(|_| {
                    let (db, written) = (db.clone(), written.clone());
                    tokio::spawn(async move {
                        loop {
                            let n = written.fetch_add(1, Ordering::Relaxed);
                            db.put(row_of(n, 0)).await.expect("a put is written");
                            if Instant::now() >= end {
                                break;
                            }
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("a writer ends");
            }
            meter.stop();
            let puts = written.load(Ordering::Relaxed) - first;
            let noun = if writers == 1 { "writer" } else { "writers" };
            self.figures.push(meter.rate(&format!("durable put, {writers} {noun}"), puts as f64, "ops/s"));
        }
        let first = written.load(Ordering::Relaxed);
        let mut next = first;
        let mut meter = Meter::new();
        while next < first + 40 * BATCH && (next == first || meter.millis() < self.budget_ms) {
            let batch = (next..next + BATCH).map(|n| row_of(n, 0)).collect();
            meter.start();
            db.put_batch(batch).await.expect("a batch is written");
            meter.stop();
            next += BATCH;
        }
        self.figures.push(meter.rate("durable batches of 1000", (next - first) as f64, "rows/s"));
        db.close().await.expect("the database closes");
        drop(db);
        let db = open(directory, 1).await;
        assert_eq!(db.scan(None, None).expect("a scan ends").len(), next, "rows that were acknowledged");
        db.close().await.expect("the database closes");
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

/// Bytes that the files take on the disk.
fn bytes_below(directory: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt;
    files_below(directory).iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.blocks() as f64 * 512.0).sum()
}

/// Drops the operating system's cached pages of the files.
fn forget(directory: &Path) {
    for file in files_below(directory) {
        let input = format!("if={}", file.display());
        let _ = Command::new("dd").args([&input, "iflag=nocache", "count=0", "status=none"]).status();
    }
}
