//! GFLOP/s of each product of the suite, ours beside peers, on one thread and
//! on all: the best of many turns. Every peer's result is checked before it is
//! timed. A second table sets odd shapes beside even ones.
//!
//! With the feature `products`, faer and rten-gemm take part. Give part of a
//! shape's name, or `odd`, to see those only.

use autoencoder_benches::product::{ODD_AND_EVEN, Peer, SUITE, Speeds};
use autoencoder_benches::{is_wanted, share, thread_counts};
use autoencoder_kernels::Level;

/// Where a child finds its number of threads.
const THREADS: &str = "AUTOENCODER_TABLE_THREADS";

fn main() {
    // matrixmultiply reads its number of threads once per process: a process
    // for each number.
    if std::env::var_os(THREADS).is_none() {
        println!(
            "GFLOP/s, f32, level {}; ratio = ours / best peer; of peak: ours of what \
             multiply-adds in registers reach",
            Level::current()
        );
        for threads in thread_counts() {
            let program = std::env::current_exe().expect("this program has a path");
            let status = std::process::Command::new(program)
                .args(std::env::args().skip(1))
                .env(THREADS, threads.to_string())
                .env("MATMUL_NUM_THREADS", threads.to_string())
                .env("RAYON_NUM_THREADS", threads.to_string())
                .status();
            assert!(status.is_ok_and(|status| status.success()));
        }
        return;
    }
    let threads = rayon::current_num_threads();
    // Inside the pool, as a training loop is.
    rayon::scope(|_| {
        suite(threads);
        odd_and_even(threads);
    });
}

fn suite(threads: usize) {
    let shapes = SUITE
        .iter()
        .filter(|shape| is_wanted(&shape.to_string()))
        .collect::<Vec<_>>();
    if shapes.is_empty() {
        return;
    }
    let names: Vec<_> = Peer::ALL.iter().map(|peer| peer.name()).collect();
    println!(
        "\n| m×k×n, {threads} thread(s) | {} | ratio | of peak |",
        names.join(" | ")
    );
    println!("|---|{}---|---|", "---|".repeat(names.len()));
    let mut product = 1.0;
    for &&shape in &shapes {
        let Speeds {
            peers: speeds,
            peak,
        } = Speeds::race(shape, Peer::ALL, threads > 1);
        let cells: Vec<_> = speeds.iter().map(|s| format!("{:.0}", s / 1e9)).collect();
        let ratio = speeds[0] / speeds[1..].iter().copied().fold(0.0, f64::max);
        let share = share(speeds[0], peak);
        println!("| {shape} | {} | {ratio:.2} | {share} |", cells.join(" | "));
        product *= ratio;
    }
    println!(
        "| geometric mean | {}{:.2} | |",
        "| ".repeat(names.len()),
        product.powf(1.0 / shapes.len() as f64)
    );
}

fn odd_and_even(threads: usize) {
    if !is_wanted("odd") {
        return;
    }
    println!("\n| odd, even, {threads} thread(s) | peer | odd | even | odd / even |");
    println!("|---|---|---|---|---|");
    for (odd, even) in ODD_AND_EVEN {
        let [odd_speeds, even_speeds] =
            [odd, even].map(|shape| Speeds::race(shape, Peer::ALL, threads > 1).peers);
        for ((peer, odd_speed), even_speed) in Peer::ALL.iter().zip(odd_speeds).zip(even_speeds) {
            println!(
                "| {odd}, {even} | {} | {:.0} | {:.0} | {:.2} |",
                peer.name(),
                odd_speed / 1e9,
                even_speed / 1e9,
                odd_speed / even_speed
            );
        }
    }
}
