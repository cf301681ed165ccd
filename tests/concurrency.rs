//! Many models trained at once, from threads of all kinds: no deadlock, no
//! interference, the same bits as each alone.
//!
//! A test that does not end in time fails instead of waiting for ever. Without the
//! feature `parallel` the pools are the caller's alone, and all holds likewise.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{Epoch, FitOptions, Regularization};
use autoencoder::{Activation, Autoencoder, Noise, Optimizer};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// All this takes seconds.
const LONGEST: Duration = Duration::from_secs(240);

/// Models that are trained at once.
const JOBS: usize = 12;

/// What is left of a training: bits of parameters, losses, codes and
/// reconstructions.
type Outcome = Vec<u64>;

/// Each alone, on one thread.
static ALONE: LazyLock<Vec<Outcome>> =
    LazyLock::new(|| pool(1).install(|| (0..JOBS).map(train).collect()));

fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap()
}

/// Fails if `work` takes so long that it must be a deadlock.
fn in_time(work: impl FnOnce() + Send + 'static) {
    // Not in a task: a worker that waits for another pool takes up other tasks
    // meanwhile, and they would wait for this.
    LazyLock::force(&ALONE);
    let (sender, receiver) = channel();
    let worker = thread::spawn(move || {
        work();
        // The watch may have given up.
        let _ = sender.send(());
    });
    match receiver.recv_timeout(LONGEST) {
        Err(RecvTimeoutError::Timeout) => panic!("no end after {LONGEST:?}: a deadlock"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(panic) = worker.join() {
                resume_unwind(panic);
            }
        }
    }
}

fn data() -> Dataset {
    digits().slice(0..300).unwrap()
}

/// One of the models and its training; each number has another seed, and the
/// kinds take turns.
fn job(number: usize) -> (Autoencoder, FitOptions) {
    let seed = number as u64;
    let builder = Autoencoder::builder().input(784).seed(seed);
    let options = FitOptions {
        epochs: 2,
        batch_size: 128,
        seed,
        ..FitOptions::default()
    };
    let (builder, options) = match number % 6 {
        0 => (builder.encoder([48]), options),
        1 => (
            builder.encoder([64, 16]).tied(true),
            FitOptions {
                noise: Some(Noise::Gaussian { stddev: 0.3 }),
                dropout: 0.1,
                ..options
            },
        ),
        2 => (
            builder.encoder([40, 5]).variational(true),
            FitOptions {
                validation: Some(data().slice(200..300).unwrap()),
                ..options
            },
        ),
        // So many rows and weights that products are packed.
        3 => (
            builder.encoder([400]),
            FitOptions {
                epochs: 1,
                batch_size: 300,
                optimizer: Optimizer::sgd(),
                ..options
            },
        ),
        4 => (
            builder.encoder([48]).hidden(Activation::Sigmoid),
            FitOptions {
                regularization: Regularization {
                    contractive: Some(0.01),
                    ..Regularization::default()
                },
                clip_norm: Some(0.1),
                ..options
            },
        ),
        // So few that no other thread is woken.
        _ => (
            builder.encoder([2]),
            FitOptions {
                batch_size: 7,
                ..options
            },
        ),
    };
    (builder.build().unwrap(), options)
}

fn train(number: usize) -> Outcome {
    let (mut model, options) = job(number);
    let data = data();
    let history = model.fit(&data, &options).unwrap();
    outcome(&model, &history.epochs, &data)
}

fn outcome(model: &Autoencoder, epochs: &[Epoch], data: &Dataset) -> Outcome {
    let codes = model.encode(data).unwrap();
    let reconstructions = model.reconstruct(data).unwrap();
    let parameters = model.parameters().map(|(_, mat)| mat);
    let mats = parameters.chain([&codes, &reconstructions]);
    let floats = mats.flat_map(|mat| mat.as_slice().iter().map(|x| u64::from(x.to_bits())));
    let losses = epochs
        .iter()
        .flat_map(|epoch| [Some(epoch.loss), epoch.val_loss]);
    let losses = losses.flatten().map(f64::to_bits);
    floats.chain(losses).collect()
}

/// Trains and compares.
fn check(number: usize) {
    assert!(train(number) == ALONE[number], "job {number}");
}

/// Calls a function for each job, each on a thread of its own that no pool has,
/// all at once.
fn on_threads(work: impl Fn(usize) + Sync) {
    let start = Barrier::new(JOBS);
    thread::scope(|scope| {
        for number in 0..JOBS {
            let (work, start) = (&work, &start);
            scope.spawn(move || {
                start.wait();
                work(number);
            });
        }
    });
}

#[test]
fn outside_of_pools() {
    in_time(|| on_threads(check));
}

#[test]
fn many_threads_in_one_pool() {
    in_time(|| {
        for threads in [1, 2, 64] {
            let pool = pool(threads);
            on_threads(|number| pool.install(|| check(number)));
        }
    });
}

#[test]
fn each_in_a_pool_of_its_own() {
    in_time(|| {
        on_threads(|number| {
            let threads = [1, 2, 3, 64][number % 4];
            pool(threads).install(|| check(number));
        });
    });
}

#[test]
fn nested_installs() {
    in_time(|| {
        for (outer, inner) in [(1, 1), (1, 64), (64, 1), (2, 3)] {
            let (outer, inner) = (pool(outer), pool(inner));
            // Also back into the pool that waits.
            outer.install(|| inner.install(|| outer.install(|| inner.install(|| check(0)))));
            outer.install(|| outer.install(|| check(1)));
            on_threads(|number| {
                let (first, second) = match number % 2 {
                    0 => (&outer, &inner),
                    _ => (&inner, &outer),
                };
                first.install(|| second.install(|| check(number)));
            });
        }
    });
}

#[test]
fn tasks_of_a_pool() {
    in_time(|| {
        for threads in [1, 2, 64] {
            let pool = pool(threads);
            pool.scope(|scope| {
                for number in 0..JOBS {
                    scope.spawn(move |_| check(number));
                }
            });
            pool.install(|| (0..JOBS).into_par_iter().for_each(check));
            pool.install(|| join(0, JOBS));
            pool.broadcast(|context| {
                if context.index() < JOBS {
                    check(context.index());
                }
            });
        }
    });
}

/// Each job in a branch of a tree.
fn join(from: usize, to: usize) {
    match to - from {
        0 => {}
        1 => check(from),
        count => {
            let middle = from + count / 2;
            rayon::join(|| join(from, middle), || join(middle, to));
        }
    }
}

/// A callback that trains another model before it lets the first one go on, and
/// waits for tasks of the same pool.
#[test]
fn training_within_training() {
    in_time(|| {
        for threads in [1, 2, 64] {
            pool(threads).install(|| {
                (0..4).into_par_iter().for_each(|number| {
                    let (mut model, options) = job(number);
                    let data = data();
                    let mut inner = |_: &Epoch| {
                        rayon::join(|| check(number + 4), || check(number + 5));
                        ControlFlow::Continue(())
                    };
                    let history = model.fit_with(&data, &options, &mut inner).unwrap();
                    let outcome = outcome(&model, &history.epochs, &data);
                    assert!(outcome == ALONE[number], "job {number}");
                });
            });
        }
    });
}

/// One model, whose plans are made by whoever comes first.
#[test]
fn one_model_used_by_all() {
    in_time(|| {
        for threads in [1, 2, 64] {
            let (pool, data) = (pool(threads), data());
            let (model, _) = job(0);
            let (codes, reconstructions) = {
                let model = model.clone();
                (
                    model.encode(&data).unwrap(),
                    model.reconstruct(&data).unwrap(),
                )
            };
            let model = Arc::new(model);
            let use_it = |number: usize| {
                if number.is_multiple_of(2) {
                    assert_eq!(model.encode(&data).unwrap(), codes);
                } else {
                    assert_eq!(model.reconstruct(&data).unwrap(), reconstructions);
                }
                assert_eq!(model.decode(&codes).unwrap(), reconstructions);
            };
            on_threads(|number| match number % 3 {
                0 => use_it(number),
                1 => pool.install(|| use_it(number)),
                _ => pool.install(|| (0..8).into_par_iter().for_each(use_it)),
            });
        }
    });
}

/// A callback that panics takes nobody else with it, and its threads go on.
#[test]
fn a_panic_stays_where_it_is() {
    in_time(|| {
        let pool = pool(3);
        let panics = Mutex::new(0);
        on_threads(|number| {
            pool.install(|| {
                if number % 3 > 0 {
                    return check(number);
                }
                let (mut model, options) = job(number);
                let before = model.clone();
                let mut callback = |_: &Epoch| -> ControlFlow<()> {
                    // Without the message, which would look like a failure.
                    resume_unwind(Box::new("on purpose"))
                };
                let fit = || model.fit_with(&data(), &options, &mut callback);
                assert!(catch_unwind(AssertUnwindSafe(fit)).is_err());
                let bits = |model: &Autoencoder| outcome(model, &[], &data());
                assert!(bits(&model) == bits(&before), "job {number}: half-trained");
                *panics.lock().unwrap() += 1;
            });
        });
        assert_eq!(panics.into_inner().unwrap(), JOBS / 3);
        pool.install(|| check(0));
    });
}
