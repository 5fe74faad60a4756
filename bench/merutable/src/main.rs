//! Measures merutable with the rows and operations of `bench/src/workload.ts`; figures as JSON on stdout.
//! `merutable-driver <rows> <milliseconds of a measured loop>`.

mod meter;
mod rows;
mod workload;

const VERSION: &str = "0.0.1";

#[tokio::main]
async fn main() {
    let args: Vec<usize> =
        std::env::args().skip(1).map(|arg| arg.parse().expect("arguments are whole numbers")).collect();
    let &[rows, budget_ms] = args.as_slice() else { panic!("two arguments expected: rows, milliseconds") };
    let figures = workload::measure(rows, budget_ms as f64).await;
    let list: Vec<String> = figures.iter().map(meter::Figure::json).collect();
    let (proof, list) = (rows::proof(), list.join(","));
    println!("{{\"engine\":\"merutable\",\"version\":\"{VERSION}\",\"proof\":{proof},\"figures\":[{list}]}}");
}
