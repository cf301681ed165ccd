//! From which size on a second thread pays, and what it costs to wake one: the
//! measurements behind the choice between serial and parallel.
//!
//! Give `work` or `wake` to see that table only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use autoencoder_benches::product::{Peer, shape};
use autoencoder_benches::race::{Time, contender, race};
use autoencoder_benches::step::{Net, Training};
use autoencoder_benches::{is_wanted, numbers, pool, thread_counts};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::{Context, Level, Mat, Parallelism, parallel};
use rayon::ThreadPool;

fn main() {
    let Some(&threads) = thread_counts().get(1) else {
        println!("This machine has one core: nothing is ever parallel.");
        return;
    };
    println!("Level {}, a pool of {threads} threads", Level::current());
    let pool = pool(threads);
    work(&pool);
    wake(&pool);
}

/// Serial against parallel, from within the pool: products whose halves are
/// given to the pool by hand, whatever their size, and what a call and a step
/// choose by themselves.
fn work(pool: &ThreadPool) {
    if !is_wanted("work") {
        return;
    }
    println!(
        "\n| serial or parallel | MFLOP | serial, µs | two halves on the pool, µs | by itself, µs \
         | serial / halves | serial / by itself |\n|{}",
        "---|".repeat(7)
    );
    for m in [8, 16, 32, 48, 64, 96, 128, 192, 256, 512] {
        let shape = shape(m, 256, 64);
        let problem = shape.problem();
        problem.check(Peer::Ours, true);
        let (a, b) = (mat(m, 256, 1), mat(256, 64, 2));
        let halves = |c: &mut Mat<f32>| {
            let (top, bottom) = c.as_mut().split_at_row(m / 2);
            let mut parts = [(0, top), (m / 2, bottom)];
            parallel::for_each_mut(Parallelism::Pool, &mut parts, |_, (from, c)| {
                let a = a.as_ref().submatrix(*from..*from + c.rows(), 0..256);
                gemm(Context::serial(), 1.0, a, b.as_ref(), 0.0, c.as_mut())
                    .expect("the shapes fit");
            });
        };
        let mut want = mat(m, 64, 3);
        gemm(
            Context::serial(),
            1.0,
            a.as_ref(),
            b.as_ref(),
            0.0,
            want.as_mut(),
        )
        .expect("the shapes fit");
        let mut got = mat(m, 64, 4);
        pool.install(|| halves(&mut got));
        assert!(got == want, "the halves of {shape}");
        let mut c = [problem.output(), problem.output(), problem.output()];
        let [c0, c1, c2] = &mut c;
        let times = pool.install(|| {
            let mut contenders = [
                contender(|| problem.multiply(Peer::Ours, false, c0)),
                contender(|| halves(c1)),
                contender(|| problem.multiply(Peer::Ours, true, c2)),
            ];
            race(&mut contenders, Duration::from_millis(150))
        });
        println!(
            "{}",
            choice(&shape.to_string(), shape.flops(), &times, true)
        );
    }
    for batch in [8, 16, 32, 64, 128, 256] {
        let net = Net::new(&[784, 32, 784], batch);
        let mut serial = Training::new(&net, Context::serial(), true);
        let mut free = Training::new(&net, Context::default(), true);
        let times = pool.install(|| {
            let mut contenders = [
                contender(|| _ = serial.step()),
                contender(|| _ = free.step()),
            ];
            race(&mut contenders, Duration::from_millis(200))
        });
        println!(
            "{}",
            choice(&format!("step of {net}"), net.flops(), &times, false)
        );
    }
}

fn mat(rows: usize, cols: usize, seed: usize) -> Mat<f32> {
    let values = numbers(rows * cols, seed);
    Mat::from_fn(rows, cols, |i, j| values[i * cols + j])
}

fn choice(name: &str, flops: f64, times: &[Time], halves: bool) -> String {
    let micro = |time: Time| format!("{:.2}", time.least * 1e6);
    let (serial, free) = (times[0], times[times.len() - 1]);
    let ratio = |time: Time| format!("{:.2}", serial.least / time.least);
    let [by_hand, gain] = match halves {
        true => [micro(times[1]), ratio(times[1])],
        false => ["–".to_string(), "–".to_string()],
    };
    format!(
        "| {name} | {:.2} | {} | {by_hand} | {} | {gain} | {} |",
        flops / 1e6,
        micro(serial),
        micro(free),
        ratio(free)
    )
}

/// What a region of two empty tasks costs on a thread of the pool, so long after
/// the last one; how long it takes until both threads are at work; and the same
/// from outside of the pool.
fn wake(pool: &ThreadPool) {
    if !is_wanted("wake") {
        return;
    }
    println!(
        "\n| serial work before, µs | region of two empty tasks, µs: median | 95 % \
         | both threads at work after, µs: median | 95 % | the empty region from outside, µs: \
         median | 95 % |\n|{}",
        "---|".repeat(7)
    );
    for pause in [0, 2, 5, 20, 100, 1000] {
        let pause = Duration::from_micros(pause);
        let empty = || parallel::for_each(Parallelism::Pool, 2, |_| {});
        let meeting = || {
            let arrived = AtomicUsize::new(0);
            parallel::for_each(Parallelism::Pool, 2, |_| {
                arrived.fetch_add(1, Ordering::AcqRel);
                while arrived.load(Ordering::Acquire) < 2 {
                    std::hint::spin_loop();
                }
            });
        };
        let inside = pool.install(|| after(pause, empty));
        let both = pool.install(|| after(pause, meeting));
        let outside = after(pause, || pool.install(empty));
        let cells =
            [inside, both, outside].map(|(median, most)| format!("{median:.2} | {most:.2}"));
        println!("| {} | {} |", pause.as_micros(), cells.join(" | "));
    }
}

/// µs of `region`, median and 95th percentile, each time so long after the last.
fn after(pause: Duration, region: impl Fn()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            while start.elapsed() < pause {}
            let start = Instant::now();
            region();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 95 / 100])
}
