//! What the benchmarks share. Each prints a table of ratios of one run, after
//! it has checked that what it times agrees with an independent result.
//!
//! | file | what | benchmarks that use it |
//! |---|---|---|
//! | `race.rs` | contenders that take turns | all |
//! | `cycles.rs` | the clock of the CPU | `maths`, `fusion` |
//! | `peak.rs` | most FLOP/s | `table`, `epoch`, `scaling` |
//! | `product.rs` | products by us and by peers | `table`, `inference`, `crossover`, `regressions` |
//! | `layer.rs` | dense layers, fused and in passes | `fusion`, `regressions` |
//! | `function.rs` | elementary functions by us and by peers | `maths`, `regressions` |
//! | `step.rs` | training steps of any net | `scaling`, `crossover`, `regressions` |
//! | `program.rs` | the training programs of the comparison | `epoch`, `memory`, `compare/run` |
//! | `peer.rs` | training epochs of peers in Rust | `compare/run` |
//!
//! The commands are in `benches/README.md`.

pub mod cycles;
pub mod function;
pub mod layer;
pub mod peak;
pub mod peer;
pub mod product;
pub mod program;
pub mod race;
pub mod step;

/// Whether the command line asks for the thing with this name: it gives part of
/// it, or names nothing at all.
pub fn is_wanted(name: &str) -> bool {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

/// The numbers of threads that are timed: one, and all.
pub fn thread_counts() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores > 1 { vec![1, cores] } else { vec![1] }
}

/// This speed as a percentage of the peak.
pub fn share(speed: f64, peak: Option<f64>) -> String {
    peak.map_or("–".into(), |peak| {
        format!("{:.0} %", 100.0 * speed / peak)
    })
}

/// A rayon pool of its own.
///
/// # Panics
/// If the system starts no thread.
pub fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("the system starts threads")
}

/// `length` numbers in [−½, ½), the same for the same seed.
pub fn numbers(length: usize, seed: usize) -> Vec<f32> {
    (0..length)
        .map(|i| ((i.wrapping_mul(7919) + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5)
        .collect()
}

/// Panics unless `a` and `b` are equal up to `bound` times the larger of 1 and
/// their size.
///
/// # Panics
/// See above; `what` is part of the message.
pub fn assert_close(what: &str, a: &[f32], b: &[f32], bound: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        let difference = (x - y).abs();
        assert!(
            difference <= bound * y.abs().max(1.0),
            "{what}: {x} and {y} at {i}"
        );
    }
}
