//! How a training step scales with threads, batch, width and depth, and where
//! its data leave the caches.
//!
//! Give `batch`, `width`, `depth` or `size` to see that table only.

use std::time::Duration;

use autoencoder_benches::race::{Contender, contender, race};
use autoencoder_benches::step::{Net, Training};
use autoencoder_benches::{is_wanted, peak, pool, share, thread_counts};
use autoencoder_kernels::{Context, Level};
use rayon::ThreadPool;

fn main() {
    let threads = thread_counts();
    let pools: Vec<ThreadPool> = threads.iter().map(|&threads| pool(threads)).collect();
    println!("Level {}; {}", Level::current(), caches());
    let batches = (5..=13).map(|log| Net::new(&[784, 32, 784], 1 << log));
    let widths = (4..=11).map(|log| Net::new(&[784, 1 << log, 784], 256));
    let halves = [512, 256, 128, 64];
    let depths = (1..=4).map(|depth| {
        let mut all = vec![784];
        all.extend(&halves[4 - depth..]);
        all.extend(halves[4 - depth..3].iter().rev());
        all.push(784);
        Net::new(&all, 256)
    });
    let sizes = vec![Net::tiny(), Net::new(&[4096, 1024, 4096], 1024)];
    steps("batch", batches.collect(), &threads, &pools);
    steps("width", widths.collect(), &threads, &pools);
    steps("depth", depths.collect(), &threads, &pools);
    steps("size", sizes, &threads, &pools);
}

/// Sizes of the caches of a core, as Linux knows them.
fn caches() -> String {
    let read = |index: u32, file: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{file}");
        std::fs::read_to_string(path).map(|text| text.trim().to_string())
    };
    let cache = |index| match (read(index, "level"), read(index, "size")) {
        (Ok(level), Ok(size)) => Some(format!("L{level} {size}")),
        _ => None,
    };
    let found: Vec<_> = [0, 2, 3].into_iter().filter_map(cache).collect();
    format!("caches: {}", found.join(", "))
}

/// The time of a step of each net with each pool.
fn steps(axis: &str, nets: Vec<Net>, threads: &[usize], pools: &[ThreadPool]) {
    if !is_wanted(axis) {
        return;
    }
    let columns: String = threads
        .iter()
        .map(|t| format!("µs, {t} thread(s) | GFLOP/s | of peak | "))
        .collect();
    println!(
        "\n| a training step, by {axis} | parameters, MB | rows, MB | {columns}speed-up |\n|{}",
        "---|".repeat(4 + 3 * threads.len())
    );
    for net in nets {
        let (times, peaks) = measure(&net, pools);
        let mut row = format!(
            "| {net} | {:.2} | {:.2} |",
            net.parameter_bytes() as f64 / 1e6,
            net.row_bytes() as f64 / 1e6
        );
        for (seconds, &peak) in times.iter().zip(&peaks) {
            let speed = net.flops() / seconds;
            let share = share(speed, peak);
            row += &format!(" {:.1} | {:.0} | {share} |", seconds * 1e6, speed / 1e9);
        }
        let speed_up = times[0] / times[times.len() - 1];
        println!("{row} {speed_up:.2} |");
    }
}

/// Seconds of a step, and the peak meanwhile, with each of the pools.
fn measure(net: &Net, pools: &[ThreadPool]) -> (Vec<f64>, Vec<Option<f64>>) {
    Training::check(net, pools);
    let mut contenders: Vec<Contender<'_>> = pools
        .iter()
        .map(|pool| {
            let mut training = Training::new(net, Context::default(), true);
            let step = move || _ = training.step();
            on(pool, contender(step))
        })
        .collect();
    let mut flops = Vec::new();
    for pool in pools {
        let parallel = pool.current_num_threads() > 1;
        if let Some((counter, of_a_call)) = pool.install(|| peak::counter(parallel)) {
            contenders.push(on(pool, counter));
            flops.push(of_a_call);
        }
    }
    let times = race(&mut contenders, Duration::from_millis(700));
    let (steps, counters) = times.split_at(pools.len());
    let peak = |i: usize| Some(flops.get(i)? / counters.get(i)?.least);
    (
        steps.iter().map(|time| time.least).collect(),
        (0..pools.len()).map(peak).collect(),
    )
}

/// A turn is one visit to the pool, as an epoch is.
fn on<'a>(pool: &'a ThreadPool, mut contender: Contender<'a>) -> Contender<'a> {
    Box::new(move |calls| pool.install(|| contender(calls)))
}
