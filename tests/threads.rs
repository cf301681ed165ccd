//! The same bits, whatever the number of threads, fused or not, and whatever
//! the room that is left in a minibatch.

mod nets;

use autoencoder::tape::{Inference, Parameters, Program, ProgramOptions};
use autoencoder_kernels::activation::Activation;
use autoencoder_kernels::loss::Loss;
use autoencoder_kernels::optimizer::Optimizer;
use autoencoder_kernels::{Context, Level, Mat, parallel};
use nets::{Kind, Net, Random, filler, initialise};

/// What a short training leaves behind.
#[derive(Debug, PartialEq)]
struct Outcome {
    parameters: Vec<Vec<u32>>,
    state: Vec<Vec<u32>>,
    output: Vec<u32>,
    losses: Vec<u64>,
}

impl Outcome {
    /// Fails unless everything but the losses has the same bits, and those
    /// agree as sums in another order do.
    fn assert_same_numbers(&self, other: &Outcome, what: &str) {
        assert!(self.parameters == other.parameters, "{what}: parameters");
        assert!(self.state == other.state, "{what}: state");
        assert!(self.output == other.output, "{what}: output");
        assert_eq!(self.losses.len(), other.losses.len());
        for (a, b) in self.losses.iter().zip(&other.losses) {
            let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
            assert!(
                (a - b).abs() <= 1e-6 * a.abs().max(1e-3),
                "{what}: loss {a} and {b}"
            );
        }
    }
}

fn bits(mat: &Mat<f32>) -> Vec<u32> {
    mat.as_slice().iter().map(|x| x.to_bits()).collect()
}

const STEPS: u64 = 4;

/// Trains a net for some steps, the last of them with fewer rows.
fn train(net: &Net, options: ProgramOptions, rows: usize, optimizer: Optimizer) -> Outcome {
    let (tape, inputs, output) = net.tape();
    let mut random = Random(7);
    let mut parameters = Parameters::zeros(&tape).unwrap();
    initialise(&mut parameters, &tape, &mut random);
    let mut program = Program::new(&tape, options).unwrap();
    let mut losses = Vec::new();
    let mut data = Vec::new();
    for step in 1..=STEPS {
        data = inputs
            .iter()
            .map(|_| random.mat(rows, net.features, 0.0..1.0))
            .collect::<Vec<_>>();
        let rows = if step == STEPS {
            rows.div_ceil(2)
        } else {
            rows
        };
        let fill = filler(&inputs, &data);
        let loss = program
            .step(&mut parameters, optimizer, 0.01, step, rows, fill)
            .unwrap();
        assert!(loss.is_finite(), "{net:?}");
        losses.push(loss.to_bits());
    }
    let inference = Inference::new(&tape, output, options.context).unwrap();
    let result = inference
        .run(&parameters, rows, filler(&inputs, &data))
        .unwrap();
    let all = || tape.parameters();
    let slots = |p| parameters.state(p).unwrap().slots().iter();
    Outcome {
        parameters: all().map(|p| bits(parameters.get(p))).collect(),
        state: all().flat_map(slots).map(bits).collect(),
        output: bits(&result),
        losses,
    }
}

fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(work)
}

fn large(kind: Kind) -> Net {
    Net {
        kind,
        features: 131,
        hidden: 70,
        code: 33,
        activation: Activation::Tanh,
        output: Activation::Sigmoid,
        loss: Loss::BinaryCrossEntropy,
    }
}

#[test]
fn threads_do_not_change_bits() {
    for kind in Kind::ALL {
        for fused in [true, false] {
            let options = ProgramOptions {
                batch_size: 203,
                fused,
                context: Context::default(),
                seed: 1,
            };
            let run = || train(&large(kind), options, 203, Optimizer::adam_keras());
            let want = with_threads(1, run);
            for threads in [2, 3, 7, 64] {
                let in_pool = with_threads(threads, run);
                assert!(in_pool == want, "{kind:?}, {threads} threads, {fused}");
            }
            let serial = ProgramOptions {
                context: Context::serial(),
                ..options
            };
            let serial = train(&large(kind), serial, 203, Optimizer::adam_keras());
            assert!(serial == want, "{kind:?}, serial, fused: {fused}");
            let outside = parallel::in_pool(autoencoder_kernels::Parallelism::Pool, run);
            assert!(outside == want, "{kind:?}, the global pool, {fused}");
        }
    }
}

#[test]
fn fusion_does_not_change_bits() {
    for &level in Level::available() {
        for kind in Kind::ALL {
            for activation in Activation::ALL {
                for loss in Loss::ALL {
                    let net = Net {
                        kind,
                        features: 19,
                        hidden: 17,
                        code: 3,
                        activation,
                        output: match loss {
                            Loss::BinaryCrossEntropyClipped => Activation::Sigmoid,
                            _ => activation,
                        },
                        loss,
                    };
                    fused_equals_unfused(&net, 37, level);
                }
            }
            fused_equals_unfused(&large(kind), 101, level);
        }
    }
}

fn fused_equals_unfused(net: &Net, rows: usize, level: Level) {
    let options = |fused| ProgramOptions {
        batch_size: rows,
        fused,
        context: Context::serial().with_level(level),
        seed: 1,
    };
    let optimizer = Optimizer::adam_pytorch();
    let fused = train(net, options(true), rows, optimizer);
    let unfused = train(net, options(false), rows, optimizer);
    fused.assert_same_numbers(&unfused, &format!("{net:?}, {level}"));
}

/// Nets whose blocks have another length than those of the others: so few
/// weights that it is 256 rows, so many that it grows with the minibatch.
fn extremes() -> [(Net, usize); 2] {
    let [small, large] = [(10, 8, 5), (610, 450, 20)].map(|(features, hidden, code)| Net {
        features,
        hidden,
        code,
        ..large(Kind::Plain)
    });
    [(small, 300), (large, 530)]
}

#[test]
fn the_length_of_blocks_does_not_matter() {
    for (net, rows) in extremes() {
        let options = ProgramOptions::new(rows);
        let run = |options| move || train(&net, options, rows, Optimizer::adam_keras());
        let want = with_threads(1, run(options));
        assert!(with_threads(3, run(options)) == want, "{net:?}");
        let spare = ProgramOptions::new(2 * rows);
        assert!(with_threads(2, run(spare)) == want, "{net:?}, spare room");
        fused_equals_unfused(&net, rows, Level::current());
    }
}

/// Minibatches whose gradients are added up chunk after chunk.
#[test]
fn chunks_do_not_depend_on_threads_or_fusion() {
    for kind in Kind::ALL {
        let net = Net {
            features: 30,
            hidden: 17,
            code: 5,
            ..large(kind)
        };
        let run = |rows| {
            move || {
                let options = ProgramOptions::new(rows);
                train(&net, options, 1100, Optimizer::adam_keras())
            }
        };
        let want = with_threads(1, run(1100));
        for threads in [2, 7] {
            assert!(with_threads(threads, run(1100)) == want, "{kind:?}");
        }
        assert!(with_threads(2, run(3000)) == want, "{kind:?}, spare room");
        fused_equals_unfused(&net, 1100, Level::current());
    }
}

#[test]
fn spare_room_does_not_change_bits() {
    for kind in Kind::ALL {
        let run = |batch_size| {
            let options = ProgramOptions::new(batch_size);
            train(&large(kind), options, 37, Optimizer::sgd())
        };
        assert!(run(37) == run(200), "{kind:?}");
    }
}

#[test]
fn inference_rows_do_not_depend_on_each_other() {
    let net = large(Kind::Tied);
    let (tape, inputs, output) = net.tape();
    let mut random = Random(3);
    let mut parameters = Parameters::zeros(&tape).unwrap();
    initialise(&mut parameters, &tape, &mut random);
    let rows = 600;
    let data = [random.mat(rows, net.features, 0.0..1.0)];
    let run = |from: usize, rows: usize| {
        let fill = filler(&inputs, &data);
        let inference = Inference::new(&tape, output, Context::default()).unwrap();
        inference
            .run(&parameters, rows, |input, rows, to| {
                fill(input, from + rows.start..from + rows.end, to)
            })
            .unwrap()
    };
    let all = run(0, rows);
    assert!(all.as_slice().iter().all(|y| y.is_finite()));
    for (from, count) in [(0, 1), (1, 31), (5, 32), (100, 257), (599, 1), (7, 0)] {
        let some = run(from, count);
        let same = all.as_ref().submatrix(from..from + count, 0..net.features);
        assert_eq!(bits(&some), bits(&same.to_owned()), "{count} from {from}");
    }
}
