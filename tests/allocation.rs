//! A training step allocates nothing, from the second one on.
//!
//! One test in a file of its own: a count of many threads' allocations wants
//! no other test beside it.

mod nets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use autoencoder::tape::{Parameters, Program, ProgramOptions};
use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::optimizer::Optimizer;
use autoencoder_kernels::{Context, Mat, Parallelism};
use nets::{Kind, Net, Random, filler, initialise};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Of the pool's threads. The test harness has a thread of its own, which
    // speaks up when a test takes a minute.
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if IS_COUNTED.get() {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: all methods hand their arguments to `System` as they are, and their
// callers keep its contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn steps_allocate_nothing() {
    let net = |kind, features, hidden, code, activation, loss| Net {
        kind,
        features,
        hidden,
        code,
        activation,
        output: Activation::Sigmoid,
        loss,
    };
    let (bce, mse) = (Loss::BinaryCrossEntropy, Loss::MeanSquaredError);
    let cases = [
        (net(Kind::Plain, 784, 32, 32, Activation::Relu, bce), 256),
        (net(Kind::Plain, 784, 129, 65, Activation::Gelu, mse), 100),
        (net(Kind::Plain, 10, 5, 8, Activation::Tanh, bce), 16),
        (
            net(Kind::Plain, 1, 1, 1, Activation::Elu { alpha: 1.0 }, mse),
            1,
        ),
        (net(Kind::Tied, 784, 64, 33, Activation::Silu, bce), 67),
        (net(Kind::Noisy, 131, 67, 31, Activation::Relu, bce), 100),
        (
            net(Kind::Branched, 131, 67, 31, Activation::Softmax, mse),
            250,
        ),
        (
            net(Kind::Penalised, 131, 67, 31, Activation::Tanh, mse),
            250,
        ),
        (
            net(Kind::Variational, 784, 64, 20, Activation::Relu, bce),
            256,
        ),
    ];
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .start_handler(|_| IS_COUNTED.set(true));
        pool.build().unwrap().install(|| {
            // The counter counts.
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            drop(std::hint::black_box(Box::new(1)));
            assert!(ALLOCATIONS.load(Ordering::Relaxed) > before);
            for fused in [true, false] {
                for (net, rows) in &cases {
                    let options = ProgramOptions {
                        batch_size: *rows,
                        fused,
                        context: Context::default(),
                        seed: 1,
                    };
                    check(
                        net,
                        options,
                        &format!("{net:?}, {threads} threads, {fused}"),
                    );
                }
            }
        });
    }
}

fn check(net: &Net, options: ProgramOptions, what: &str) {
    let (tape, inputs, _) = net.tape();
    let mut random = Random(1);
    let rows = options.batch_size;
    let data: Vec<Mat<f32>> = inputs
        .iter()
        .map(|_| random.mat(rows, net.features, 0.0..1.0))
        .collect();
    let fill = filler(&inputs, &data);
    let train = |options: ProgramOptions, limit: Option<f32>, last: u64| {
        let mut parameters = Parameters::zeros(&tape).unwrap();
        initialise(&mut parameters, &tape, &mut Random(2));
        let mut program = Program::new(&tape, options).unwrap();
        program.clip_gradients(limit).unwrap();
        for step in 1..=last {
            // The last minibatch of an epoch is smaller.
            let rows = if step % 4 == 0 {
                rows.div_ceil(2)
            } else {
                rows
            };
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            let optimizer = Optimizer::adam_keras();
            program
                .step(&mut parameters, optimizer, 0.001, step, rows, &fill)
                .unwrap();
            let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
            if step == 1 {
                assert!(allocations > 0, "{what}: no room for the optimiser's state");
            } else if options.context.parallelism == Parallelism::Pool {
                assert_eq!(allocations, 0, "{what}: step {step}");
            }
        }
    };
    // Each thread of the pool has its workspace from the first step that it
    // takes part in, which need not be the pool's first: here it is.
    let context = options.context.with_parallelism(Parallelism::Serial);
    for limit in [None, Some(0.1)] {
        rayon::broadcast(|_| train(ProgramOptions { context, ..options }, limit, 1));
        train(options, limit, 12);
    }
}
