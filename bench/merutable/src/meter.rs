//! Wall and processor time of pieces of work, and the figures made of them.

use std::time::{Duration, Instant};

pub struct Figure {
    pub operation: String,
    pub value: f64,
    pub unit: &'static str,
    pub less: bool,
    pub cpu_micros: Option<f64>,
}

impl Figure {
    pub fn less(operation: &str, value: f64, unit: &'static str) -> Self {
        Figure { operation: operation.into(), value, unit, less: true, cpu_micros: None }
    }

    pub fn json(&self) -> String {
        let less = if self.less { ",\"less\":true" } else { "" };
        let cpu = self.cpu_micros.map_or(String::new(), |cpu| format!(",\"cpuMicros\":{cpu}"));
        let Figure { operation, value, unit, .. } = self;
        format!("{{\"operation\":\"{operation}\",\"value\":{value},\"unit\":\"{unit}\"{less}{cpu}}}")
    }
}

/// Adds up pieces of work, and leaves out what lies between them.
pub struct Meter {
    wall: Duration,
    cpu: f64,
    begun: Instant,
    cpu_begun: f64,
}

impl Meter {
    pub fn new() -> Self {
        Meter { wall: Duration::ZERO, cpu: 0.0, begun: Instant::now(), cpu_begun: 0.0 }
    }

    pub fn start(&mut self) {
        self.cpu_begun = cpu_micros();
        self.begun = Instant::now();
    }

    pub fn stop(&mut self) {
        self.wall += self.begun.elapsed();
        self.cpu += cpu_micros() - self.cpu_begun;
    }

    pub fn millis(&self) -> f64 {
        self.wall.as_secs_f64() * 1000.0
    }

    pub fn rate(&self, operation: &str, count: f64, unit: &'static str) -> Figure {
        Figure {
            operation: operation.into(),
            value: count / self.wall.as_secs_f64(),
            unit,
            less: false,
            cpu_micros: Some(self.cpu / count),
        }
    }

    pub fn duration(&self, operation: &str) -> Figure {
        Figure { cpu_micros: Some(self.cpu), ..Figure::less(operation, self.millis(), "ms") }
    }
}

fn usage() -> libc::rusage {
    let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage
}

/// Processor time of all threads so far, in microseconds.
fn cpu_micros() -> f64 {
    let usage = usage();
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

pub fn peak_mebibytes() -> f64 {
    usage().ru_maxrss as f64 / 1024.0
}

/// Bytes that this process made the disk write so far.
pub fn bytes_written() -> f64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0.0)
}
