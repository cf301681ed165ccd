//! Arguments that nobody gives by accident, to every public safe function: sizes
//! and strides up to the largest there are, elements repeated without end, wrong
//! lengths, levels that the CPU may lack. Each is refused with an error, panics as
//! documented, or works; none reaches memory that is not its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, MAX_TERMS, UpdateWeight,
    column_sums,
};
use autoencoder_kernels::gather::gather_rows;
use autoencoder_kernels::gemm::{Panels, gemm};
use autoencoder_kernels::math::Function;
use autoencoder_kernels::norm::{LayerNorm, LayerNormBackward};
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::parallel::{for_each, for_each_mut};
use autoencoder_kernels::random::{Key, fill_normal, fill_uniform};
use autoencoder_kernels::rows::for_each_block;
use autoencoder_kernels::transpose::transpose_into;
use autoencoder_kernels::{
    Activation, Context, Error, Level, Loss, Mat, MatMut, MatRef, Noise, Optimizer, Parallelism,
    activation, convert, loss, noise, penalty,
};

const HUGE: [usize; 6] = [
    1 << 31,
    (1 << 32) + 1,
    usize::MAX / 4 + 1,
    isize::MAX as usize,
    isize::MAX as usize + 1,
    usize::MAX,
];

const KEY: Key = Key {
    seed: 1,
    stream: 0,
    step: 0,
};

fn panics<R>(f: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

#[test]
fn views_of_huge_sizes_and_strides() {
    let mut data = [1.0f32; 12];
    for huge in HUGE {
        // What reaches beyond the slice is refused, however the product wraps.
        for (rows, cols, row, col) in [
            (huge, 1, 1, 1),
            (1, huge, 1, 1),
            (2, 1, huge, 1),
            (1, 2, 1, huge),
            (huge, huge, huge, huge),
            (3, 3, huge / 2, huge / 2),
            (huge, 2, 0, huge),
        ] {
            assert!(MatRef::with_strides(&data, rows, cols, row, col).is_err());
            assert!(MatMut::with_strides(&mut data, rows, cols, row, col).is_err());
        }
        assert!(MatRef::new(&data, huge, huge).is_err());
        // A stride that leads nowhere may be anything.
        let one = MatRef::with_strides(&data, 1, 1, huge, huge).unwrap();
        assert_eq!(
            (one.get(0, 0), one.row(0), one.as_slice()),
            (1.0, Some(&[1.0f32][..]), Some(&[1.0][..]))
        );
        // Empty views reach nothing.
        for (rows, cols) in [(huge, 0), (0, huge)] {
            let view = MatRef::with_strides(&data, rows, cols, huge, huge).unwrap();
            assert_eq!(view.as_slice(), Some(&[][..]));
            assert_eq!(
                view.transpose().submatrix(0..cols, 0..rows).shape(),
                (cols, rows)
            );
            assert!(panics(|| view.get(0, 0)));
            let mut view = MatMut::with_strides(&mut data, rows, cols, huge, huge).unwrap();
            view.fill(0.0);
            assert!(panics(|| view.set(0, 0, 1.0)));
            let (first, second) = view.split_at_row(rows);
            assert_eq!((first.shape(), second.shape()), ((rows, cols), (0, cols)));
        }
        // Repeated without end: readable, never writable.
        let repeated = MatRef::with_strides(&data, huge, 3, 0, 1).unwrap();
        assert_eq!(repeated.get(huge - 1, 2), 1.0);
        assert_eq!(repeated.row(huge - 1), Some(&[1.0f32; 3][..]));
        assert_eq!(
            repeated
                .submatrix(huge - 2..huge, 1..3)
                .to_owned()
                .as_slice(),
            [1.0; 4]
        );
        assert!(panics(|| repeated.to_owned()));
        assert!(panics(|| repeated.get(huge, 0)) && panics(|| repeated.get(0, 3)));
        assert!(MatMut::with_strides(&mut data, huge, 3, 0, 1).is_err());
    }
    let view = MatRef::new(&data, 3, 4).unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "what is tested")]
    for (rows, cols) in [
        (0..4, 0..4),
        (0..3, 0..5),
        (2..1, 0..4),
        (0..3, 5..5),
        (4..4, 0..0),
    ] {
        assert!(panics(|| view.submatrix(rows.clone(), cols.clone())));
        let mut copy = data;
        let view = MatMut::new(&mut copy, 3, 4).unwrap();
        assert!(panics(|| view.submatrix(rows, cols)));
    }
    assert!(panics(|| MatMut::new(&mut data, 3, 4)
        .unwrap()
        .split_at_row(4)));
}

#[test]
fn matrices_that_no_memory_holds() {
    for huge in HUGE {
        // 2³¹ floats might be there.
        if huge > 1 << 32 {
            let error = Mat::<f64>::try_zeros(huge, 1 << 20).unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }));
            assert!(panics(|| Mat::<f32>::zeros(1 << 20, huge)));
            assert!(OptimizerState::new(Optimizer::adam_keras(), huge, 1 << 20).is_err());
        }
        // The length is looked at first.
        assert!(Mat::from_slice(huge, 1, &[1.0f32]).is_err());
        assert!(Mat::from_slice(huge, huge, &[1.0f32]).is_err());
        for (rows, cols) in [(huge, 0), (0, huge)] {
            let mut empty = Mat::<f32>::zeros(rows, cols);
            assert_eq!(empty.clone(), empty);
            assert_eq!(empty.transposed().shape(), (cols, rows));
            assert_eq!(empty.as_mut_slice(), []);
            assert!(panics(|| empty[(0, 0)]));
        }
    }
    // As much as isize allows, which no system gives.
    assert!(Mat::<u8>::try_zeros(isize::MAX as usize - 63, 1).is_err());
    let mut mat = Mat::<f32>::zeros(2, 3);
    assert!(panics(|| mat[(2, 0)]) && panics(|| mat[(0, 3)] = 1.0));
    assert!(panics(|| mat.row(usize::MAX).len()));
    assert!(panics(|| mat.row_mut(2).len()));
}

#[test]
fn products_of_repeated_and_empty_operands() {
    let data = [1.0f32; 64];
    for context in contexts() {
        for huge in HUGE {
            // m or n is huge, and C empty.
            let a = MatRef::with_strides(&data, huge, 3, 0, 1).unwrap();
            let b = MatRef::with_strides(&data, 3, 0, huge, huge).unwrap();
            let mut nothing = [];
            let c = MatMut::with_strides(&mut nothing, huge, 0, huge, huge).unwrap();
            gemm(context, 1.0, a, b, 0.0, c).unwrap();
            let c = MatMut::with_strides(&mut nothing, 0, huge, huge, huge).unwrap();
            gemm(context, 1.0, b.transpose(), a.transpose(), 1.0, c).unwrap();
            // Nothing to add up: C becomes 0.
            let (a, b) = (
                MatRef::with_strides(&[], 2, 0, huge, huge).unwrap(),
                MatRef::with_strides(&[], 0, 2, huge, huge).unwrap(),
            );
            let mut c = Mat::from_slice(2, 2, &[f32::NAN; 4]).unwrap();
            gemm(context, 1.0, a, b, 0.0, c.as_mut()).unwrap();
            assert_eq!(c.as_slice(), [0.0; 4]);
            // Strides of dimensions of length 1.
            let x = MatRef::with_strides(&data, 1, 1, huge, huge).unwrap();
            let mut c = [f32::NAN];
            let view = MatMut::with_strides(&mut c, 1, 1, huge, huge).unwrap();
            gemm(context, 2.0, x, x, 0.0, view).unwrap();
            assert_eq!(c, [2.0]);
        }
        // Rows and columns on top of each other, and the two operands on each other.
        let a = MatRef::with_strides(&data, 30, 30, 1, 1).unwrap();
        let same = MatRef::with_strides(&data, 30, 30, 0, 0).unwrap();
        let mut c = Mat::zeros(30, 30);
        gemm(context, 1.0, a, a.transpose(), 0.0, c.as_mut()).unwrap();
        gemm(context, 1.0, same, a, 1.0, c.as_mut()).unwrap();
        assert!(c.as_slice().iter().all(|&x| x == 60.0));
        // A long sum of one product.
        let a = MatRef::with_strides(&data, 3, 1 << 20, 1, 0).unwrap();
        let b = MatRef::with_strides(&data, 1 << 20, 2, 0, 1).unwrap();
        let mut c = Mat::zeros(3, 2);
        gemm(context, 1.0, a, b, 0.0, c.as_mut()).unwrap();
        assert!(c.as_slice().iter().all(|&x| x == 1_048_576.0));
    }
}

fn contexts() -> impl Iterator<Item = Context> {
    // Levels that the CPU lacks, too.
    Level::ALL.into_iter().flat_map(|level| {
        [Parallelism::Serial, Parallelism::Pool].map(|parallelism| {
            Context::default()
                .with_level(level)
                .with_parallelism(parallelism)
        })
    })
}

#[test]
fn layers_of_shapes_that_do_not_fit() {
    let mat = |rows, cols| Mat::<f32>::zeros(rows, cols);
    let sizes = [0usize, 1, 2, 9];
    for context in contexts() {
        for (at, batch) in sizes.into_iter().enumerate() {
            let (inputs, outputs) = (sizes[(at + 1) % 4], sizes[(at + 2) % 4]);
            let (x, weight) = (mat(batch, inputs), mat(inputs, outputs));
            let delta = mat(batch, outputs);
            for wrong in [
                (batch + 1, outputs),
                (batch, outputs + 1),
                (outputs + 3, batch),
            ] {
                let mut y = mat(wrong.0, wrong.1);
                let forward = |bias: Option<&[f32]>, y: MatMut<'_, f32>, z| {
                    Forward {
                        x: x.as_ref(),
                        weight: weight.as_ref(),
                        bias,
                        activation: Activation::Silu,
                        output: y,
                        pre_activation: z,
                    }
                    .run(context)
                };
                assert!(forward(None, y.as_mut(), None).is_err());
                let mut good = mat(batch, outputs);
                assert!(forward(None, good.as_mut(), Some(y.as_mut())).is_err());
                let short = vec![0.0; outputs + 1];
                assert!(forward(Some(&short), good.as_mut(), None).is_err());
                assert!(forward(None, good.as_mut(), None).is_ok());
                let mut sums = vec![0.0; outputs];
                let with_loss = |target: &Mat<f32>, delta: &mut Mat<f32>, sums: &mut [f32]| {
                    ForwardLoss {
                        x: x.as_ref(),
                        weight: weight.as_ref(),
                        bias: None,
                        activation: Activation::Tanh,
                        loss: Loss::MeanSquaredError,
                        target: target.as_ref(),
                        scale: 1.0,
                        delta: delta.as_mut(),
                        bias_gradient: Some(sums),
                    }
                    .run(context)
                };
                assert!(with_loss(&y, &mut good, &mut sums).is_err());
                assert!(with_loss(&delta, &mut y, &mut sums).is_err());
                assert!(with_loss(&delta, &mut good, &mut vec![0.0; outputs + 1]).is_err());
                assert!(column_sums(context, y.as_ref(), &mut vec![0.0; wrong.1 + 1]).is_err());

                let transposed = mat(outputs, inputs);
                let (saved, mut below) = (mat(wrong.0, wrong.1 + inputs + 1), mat(batch, inputs));
                let backward = BackwardInput {
                    delta: delta.as_ref(),
                    weight_transposed: transposed.as_ref(),
                    activation: Activation::Relu,
                    saved: Some(saved.as_ref()),
                    output: below.as_mut(),
                    bias_gradient: None,
                };
                assert!(backward.run(context).is_err());
                let terms = [(x.as_ref(), delta.as_ref()), (saved.as_ref(), y.as_ref())];
                let mut gradient = mat(inputs, outputs);
                let backward = BackwardWeight {
                    terms: &terms,
                    gradient: gradient.as_mut(),
                };
                assert!(backward.run(context).is_err());
                let decay = Decay {
                    all: 1.0,
                    columns: Some(&short),
                };
                assert!(
                    decay
                        .add_to(context, weight.as_ref(), gradient.as_mut())
                        .is_err()
                );
                check_update(context, terms[0], &mut gradient, (inputs, outputs));
            }
        }
        let (x, mut gradient) = (mat(2, 2), mat(2, 2));
        for count in [0, MAX_TERMS + 1, 100] {
            let terms = vec![(x.as_ref(), x.as_ref()); count];
            let backward = BackwardWeight {
                terms: &terms,
                gradient: gradient.as_mut(),
            };
            assert!(backward.run(context).is_err());
        }
        // Repeated rows are a minibatch like any other.
        let x = MatRef::with_strides(&[1.0, 2.0], 100_000, 2, 0, 1).unwrap();
        let terms = [(x, x)];
        let backward = BackwardWeight {
            terms: &terms,
            gradient: gradient.as_mut(),
        };
        backward.run(context).unwrap();
        assert_eq!(gradient.as_slice(), [1e5, 2e5, 2e5, 4e5]);
    }
}

/// The state is the caller's to change.
fn check_update(
    context: Context,
    term: (MatRef<'_, f32>, MatRef<'_, f32>),
    weight: &mut Mat<f32>,
    (inputs, outputs): (usize, usize),
) {
    let optimizer = Optimizer::adam_keras();
    let mut update = |state: &mut OptimizerState, step, columns: Option<&[f32]>| {
        UpdateWeight {
            terms: &[term],
            weight: weight.as_mut(),
            state,
            optimizer,
            learning_rate: 0.1,
            step,
            decay: Decay { all: 0.0, columns },
        }
        .run(context)
    };
    let mut state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
    assert!(update(&mut state, 0, None).is_err());
    assert!(update(&mut state, 1, Some(&vec![0.0; outputs + 1])).is_err());
    assert!(update(&mut state, u64::MAX, None).is_ok());
    state.slots_mut()[1] = Mat::zeros(inputs, outputs + 1);
    assert!(update(&mut state, 1, None).is_err());
    let flat = vec![0.0; inputs * outputs];
    let (level, mut w) = (context.level, flat.clone());
    assert!(
        optimizer::update(level, optimizer, 0.1, 1, &mut w, &flat, &mut state).is_err()
            || inputs == 0
    );
    let mut state = OptimizerState::new(Optimizer::sgd(), inputs, outputs).unwrap();
    assert!(update(&mut state, 1, None).is_err());
}

#[test]
fn elementwise_kernels_of_lengths_and_shapes_that_do_not_fit() {
    let level = Level::current();
    let (short, mut long) = ([0.5f32; 5], [0.5f32; 9]);
    for function in Function::ALL {
        assert!(function.apply(level, &short, &mut long).is_err());
        assert!(function.apply(level, &long.clone(), &mut [0.0; 5]).is_err());
    }
    assert!(convert::scale_u8(level, &[1; 9], 255.0, &mut [0.0; 5]).is_err());
    assert!(convert::scale_u8(level, &[1; 5], 0.0, &mut [0.0; 5]).is_ok());
    let (a, mut b) = (Mat::<f32>::zeros(2, 3), Mat::<f32>::zeros(3, 2));
    let mut turned_data = [0.5f32; 6];
    let turned = MatRef::with_strides(&[0.5f32; 6], 2, 3, 1, 2).unwrap();
    for activation in Activation::ALL {
        assert!(activation::forward(level, activation, a.as_ref(), b.as_mut()).is_err());
        assert!(activation::backward(level, activation, a.as_ref(), b.as_mut()).is_err());
        let elementwise = activation.is_elementwise();
        let slopes = penalty::add_squared_slopes(level, activation, a.as_ref(), &mut [0.0; 4]);
        assert!(slopes.is_err());
        let slopes = penalty::add_squared_slopes(level, activation, a.as_ref(), &mut [0.0; 3]);
        assert_eq!(slopes.is_ok(), elementwise);
        let slopes = penalty::add_squared_slopes(level, activation, turned, &mut [0.0; 3]);
        assert!(slopes.is_err());
        let gradient = |norms: &[f32], to: MatMut<'_, f32>| {
            penalty::contractive_gradient(level, activation, a.as_ref(), norms, 1.0, to)
        };
        assert!(gradient(&[0.0; 3], b.as_mut()).is_err());
        assert!(gradient(&[0.0; 2], Mat::zeros(2, 3).as_mut()).is_err());
    }
    for loss in Loss::ALL {
        let target = b.as_ref().to_owned();
        let value = |to| loss::value_and_gradient(level, loss, a.as_ref(), a.as_ref(), to, 1.0);
        assert!(value(Some(b.as_mut())).is_err());
        let value = loss::value_and_gradient(level, loss, a.as_ref(), target.as_ref(), None, 1.0);
        assert!(value.is_err());
        let each = |out: &mut [f32]| loss::per_sample(level, loss, a.as_ref(), a.as_ref(), out);
        assert!(each(&mut [0.0; 3]).is_err() && each(&mut [0.0; 1]).is_err());
    }
    let row = |data| MatMut::with_strides(data, 2, 3, 1, 2).unwrap();
    assert!(fill_uniform(level, KEY, 0, row(&mut turned_data)).is_err());
    assert!(fill_normal(level, KEY, usize::MAX, b.as_mut()).is_err());
    assert!(fill_normal(level, KEY, 1 << 32, b.as_mut()).is_err());
    let late = Key {
        step: 1 << 48,
        ..KEY
    };
    assert!(fill_uniform(level, late, 0, b.as_mut()).is_err());
    for kind in Noise::ALL {
        assert!(noise::corrupt(level, kind, KEY, 0, a.as_ref(), b.as_mut()).is_err());
        assert!(
            noise::corrupt(level, kind, KEY, usize::MAX, a.as_ref(), a.clone().as_mut()).is_err()
        );
    }
    for probability in [-0.1, 1.0, f32::NAN] {
        let mut to = a.clone();
        let dropped = noise::drop_out(level, probability, KEY, 0, a.as_ref(), to.as_mut());
        assert!(dropped.is_err());
    }
    let (a, b) = (a.as_ref(), b.as_mut());
    assert!(penalty::absolute_sum(level, turned).is_err());
    assert!(penalty::absolute_gradient(level, a, 1.0, b).is_err());
    assert!(penalty::kl_divergence(level, a, turned).is_err());
    assert!(penalty::column_square_norms(level, a, &mut [0.0; 2]).is_err());
    let mut to = Mat::zeros(2, 3);
    assert!(penalty::sample(level, a, turned, a, to.as_mut()).is_err());
    assert!(penalty::sample_gradient_log_variance(level, a, a, turned, to.as_mut()).is_err());
}

#[test]
fn layer_normalisation_of_repeated_empty_and_huge_rows() {
    for context in contexts() {
        // One element, without end.
        let zero = [2.0f32];
        for huge in HUGE {
            let x = MatRef::with_strides(&zero, huge, 1, 0, 0).unwrap();
            let statistics = MatRef::with_strides(&zero, huge, 2, 0, 0).unwrap();
            let (mut small, mut wrong) = (Mat::zeros(2, 1), [0.0; 2]);
            let run = |x: MatRef<'_, f32>, weight: &[f32], output: MatMut<'_, f32>| {
                let forward = LayerNorm {
                    x,
                    weight,
                    bias: weight,
                    epsilon: 1e-5,
                    output,
                    statistics: None,
                };
                forward.run(context)
            };
            let backward = |weight: &[f32], output, bias_gradient| {
                let backward = LayerNormBackward {
                    x,
                    statistics,
                    weight,
                    delta: x,
                    output,
                    weight_gradient: None,
                    bias_gradient,
                };
                backward.run(context)
            };
            assert!(run(x, &[1.0], small.as_mut()).is_err());
            assert!(backward(&[1.0], Some(small.as_mut()), None).is_err());
            assert!(backward(&[], None, None).is_err());
            assert!(backward(&[1.0], None, Some(&mut wrong)).is_err());
            // Nothing is asked for, so nothing is read.
            assert!(backward(&[1.0], None, None).is_ok());
            // No rows of many features, and rows of none.
            let nothing = MatRef::with_strides(&zero, 0, huge, huge, huge).unwrap();
            let mut empty = Mat::zeros(0, 1);
            assert!(run(nothing, &[1.0], empty.as_mut()).is_err());
            let nothing = MatRef::with_strides(&zero, huge, 0, huge, huge).unwrap();
            let nowhere = MatMut::with_strides(&mut [], huge, 0, 1, 1).unwrap();
            assert!(run(nothing, &[], nowhere).is_err());
            // One row repeated, written to rows of their own.
            let repeated = MatRef::with_strides(&[3.0f32, 5.0], 3, 2, 0, 1).unwrap();
            let mut y = Mat::zeros(3, 2);
            assert!(run(repeated, &[0.5; 2], y.as_mut()).is_ok());
            assert!(y.row(0) == y.row(2) && y.row(0)[0] < y.row(0)[1]);
        }
    }
}

#[test]
fn copies_and_blocks_that_reach_too_far() {
    let level = Level::current();
    let from = Mat::<f32>::zeros(3, 4);
    let mut to = Mat::zeros(1, 4);
    for huge in HUGE.into_iter().chain([3]) {
        assert!(gather_rows(level, from.as_ref(), &[huge], to.as_mut()).is_err());
    }
    assert!(gather_rows(level, from.as_ref(), &[0, 0], to.as_mut()).is_err());
    for context in contexts() {
        assert!(transpose_into(context, from.as_ref(), Mat::zeros(3, 4).as_mut()).is_err());
        for huge in HUGE {
            // A row of its own length, with strides that lead nowhere.
            let row = MatRef::with_strides(&[1.0, 2.0, 3.0], 1, 3, huge, 1).unwrap();
            let mut data = [0.0; 3];
            let to = MatMut::with_strides(&mut data, 3, 1, 1, huge).unwrap();
            transpose_into(context, row, to).unwrap();
            assert_eq!(data, [1.0, 2.0, 3.0]);
            for view in [row, row.transpose()] {
                let mut panels = Panels::try_new(view.rows(), view.cols()).unwrap();
                panels.pack(context, view).unwrap();
                assert!(panels.pack(context, from.as_ref()).is_err());
                let ones = Mat::from_fn(1, view.rows(), |_, _| 1.0);
                let mut sums = Mat::zeros(1, view.cols());
                let view = view.with_panels(&panels);
                gemm(context, 1.0, ones.as_ref(), view, 0.0, sums.as_mut()).unwrap();
                assert_eq!(sums.as_slice().iter().sum::<f32>(), 6.0);
            }
            assert!(Panels::try_new(huge, huge).is_err());
            let none = MatRef::with_strides(&[0.0f32; 3], huge, 0, 0, 1).unwrap();
            let mut nothing = [];
            let to = MatMut::with_strides(&mut nothing, 0, huge, 1, 1).unwrap();
            transpose_into(context, none, to).unwrap();
        }
    }

    for parallelism in [Parallelism::Serial, Parallelism::Pool] {
        for_each(parallelism, 0, |_| panic!("there is no task"));
        for_each_mut(parallelism, &mut [(); 0], |_, ()| {
            panic!("there is no item")
        });
        for huge in HUGE {
            let blocks = |buffers: &mut [Mat<f32>], sums: &mut [Mat<f32>], rows, block_rows| {
                for_each_block(
                    parallelism,
                    buffers,
                    sums,
                    rows,
                    block_rows,
                    |_, mut block| {
                        let count = block.rows().len();
                        assert!(count > 0 && count <= block_rows);
                        let ([], [mut to]) = block.access([], [0]);
                        to.fill(1.0);
                    },
                )
            };
            let mut buffers = [Mat::zeros(3, 4)];
            assert!(blocks(&mut buffers, &mut [], huge, 1 << 30).is_err());
            assert!(blocks(&mut buffers, &mut [], 4, huge).is_err());
            assert!(blocks(&mut buffers, &mut [Mat::zeros(0, 4)], 3, huge).is_err());
            blocks(&mut buffers, &mut [], 3, huge).unwrap();
            // Rows without elements, as many as there are numbers.
            let mut buffers = [Mat::zeros(huge, 0)];
            blocks(&mut buffers, &mut [], huge, huge / 2 + 1).unwrap();
        }
        let mut buffers = [Mat::zeros(3, 4), Mat::zeros(3, 4)];
        let mut sums = [Mat::zeros(2, 4)];
        for_each_block(
            parallelism,
            &mut buffers,
            &mut sums,
            3,
            2,
            |_, mut block| {
                let mut refused = |read: [usize; 2], write: [usize; 2]| {
                    panics(|| block.access(read, write).0.len())
                };
                assert!(refused([0, 0], [1, 1]));
                assert!(refused([0, 1], [1, 0]));
                assert!(refused([0, 0], [1, 2]));
                assert!(refused([0, usize::MAX], [1, 0]));
                assert!(panics(|| block.per_block(1).len()));
                assert!(panics(|| block.access_with([], [0], [Some(usize::MAX)]).2
                    [0]
                .is_some()));
                assert!(panics(|| block
                    .access_with([], [], [Some(0), Some(0)])
                    .2
                    .len()));
                // Still good.
                let (_, [mut to], [sums]) = block.access_with([1], [0], [Some(0)]);
                to.fill(2.0);
                sums.unwrap().fill(3.0);
            },
        )
        .unwrap();
        assert_eq!(buffers[0].as_slice(), [2.0; 12]);
        assert_eq!(sums[0].as_slice(), [3.0; 8]);
    }
}
