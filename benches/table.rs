//! GFLOP/s of each product of the suite, ours beside peers, on one thread and
//! on all: the best of many runs in turn, so that a slow moment of the machine
//! hits all alike. Every peer's result is checked before it is timed.
//!
//! Give part of a shape's name to see those only.

use std::time::{Duration, Instant};

use autoencoder_benches::{Peer, SUITE};
use autoencoder_kernels::Level;

const PEERS: [Peer; 3] = [Peer::Ours, Peer::Gemm, Peer::Matrixmultiply];

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    // matrixmultiply reads its number of threads once per process: a process
    // for each number.
    if std::env::var_os("AUTOENCODER_TABLE_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!(
            "GFLOP/s, f32, level {}, {} cores; ratio = ours / best peer",
            Level::current(),
            cores
        );
        for threads in [1, cores] {
            let program = std::env::current_exe().expect("this program has a path");
            let status = std::process::Command::new(program)
                .args(wanted.as_deref())
                .env("AUTOENCODER_TABLE_THREADS", threads.to_string())
                .env("MATMUL_NUM_THREADS", threads.to_string())
                .env("RAYON_NUM_THREADS", threads.to_string())
                .status();
            assert!(status.is_ok_and(|status| status.success()));
        }
        return;
    }
    let threads = rayon::current_num_threads();
    println!("\n| m×k×n, {threads} thread(s) | ours | gemm 0.19 | matrixmultiply 0.3.11 | ratio |");
    println!("|---|---|---|---|---|");
    // Inside the pool, as a training loop is.
    rayon::scope(|_| {
        let mut product = 1.0;
        let mut count = 0;
        for shape in SUITE {
            if wanted
                .as_ref()
                .is_some_and(|part| !shape.to_string().contains(part.as_str()))
            {
                continue;
            }
            let problem = shape.problem();
            let mut c = problem.output();
            let mut best = [Duration::MAX; 3];
            let calls = ((2e8 / shape.flops()) as u32).clamp(1, 20_000);
            for peer in PEERS {
                problem.check(peer, threads > 1);
            }
            let start = Instant::now();
            let mut rounds = 0;
            while rounds < 5 || start.elapsed() < Duration::from_millis(600) {
                for (peer, best) in PEERS.into_iter().zip(&mut best) {
                    let start = Instant::now();
                    for _ in 0..calls {
                        problem.multiply(peer, threads > 1, &mut c);
                    }
                    *best = start.elapsed().div_f64(f64::from(calls)).min(*best);
                }
                rounds += 1;
            }
            let [ours, gemm, mm] = best.map(|best| shape.flops() / best.as_secs_f64() / 1e9);
            let ratio = ours / gemm.max(mm);
            println!("| {shape} | {ours:.0} | {gemm:.0} | {mm:.0} | {ratio:.2} |");
            product *= ratio;
            count += 1;
        }
        println!(
            "| geometric mean | | | | {:.2} |",
            product.powf(1.0 / f64::from(count.max(1)))
        );
    });
}
