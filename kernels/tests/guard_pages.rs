//! Every public kernel at every level on memory that ends at a page that nobody
//! may touch, then on memory that begins at one: a byte too far, read or
//! written, ends the process.

#![cfg(unix)]

mod common;

use autoencoder_kernels::activation;
use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, UpdateWeight, column_sums,
};
use autoencoder_kernels::gather::gather_rows;
use autoencoder_kernels::gemm::{Panels, gemm};
use autoencoder_kernels::math::Function;
use autoencoder_kernels::norm::{LayerNorm, LayerNormBackward};
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::prefetch::prefetch;
use autoencoder_kernels::random::{Key, fill_normal, fill_uniform};
use autoencoder_kernels::transpose::transpose_into;
use autoencoder_kernels::{
    Activation, Context, Level, Loss, Noise, Optimizer, convert, loss, matrixmultiply, noise,
    penalty,
};
use common::Layout;
use common::paged::{Edge, Paged, PagedMatrix};

const LAYOUTS: [Layout; 3] = [
    Layout::RowMajor { gap: 3 },
    Layout::ColMajor { gap: 2 },
    Layout::Spread { gap: 1, step: 2 },
];

/// With contiguous rows.
const ROWS: Layout = Layout::RowMajor { gap: 5 };

/// Shapes round the widths of vectors (8, 16) and tiles (4, 6 and 12 rows of 8, 16
/// and 32), and round the 64 columns that random numbers are made for.
const SHAPES: [(usize, usize); 14] = [
    (0, 3),
    (3, 0),
    (1, 1),
    (2, 2),
    (3, 7),
    (2, 8),
    (1, 9),
    (3, 15),
    (2, 16),
    (1, 17),
    (2, 31),
    (9, 33),
    (2, 65),
    (3, 100),
];

const KEY: Key = Key {
    seed: 1,
    stream: 2,
    step: 3,
};

/// A level, and where the forbidden pages are.
#[derive(Clone, Copy, Debug)]
struct Case {
    level: Level,
    edge: Edge,
}

impl Case {
    fn all() -> impl Iterator<Item = Case> {
        let edges = [Edge::End, Edge::Start];
        let case = move |&level| edges.map(|edge| Case { level, edge });
        Level::available().iter().flat_map(case)
    }

    fn context(self) -> Context {
        Context::default().with_level(self.level)
    }

    fn matrix(self, shape: (usize, usize), layout: Layout) -> PagedMatrix {
        PagedMatrix::new(self.edge, shape, layout, 1)
    }

    /// With contiguous rows.
    fn rows(self, rows: usize, cols: usize) -> PagedMatrix {
        self.matrix((rows, cols), ROWS)
    }

    fn vector(self, len: usize) -> Paged<f32> {
        let values: Vec<f32> = (0..len).map(|i| common::noise(2, i, 0).abs()).collect();
        Paged::new(self.edge, &values)
    }
}

fn elementwise() -> impl Iterator<Item = Activation> {
    Activation::ALL
        .into_iter()
        .filter(|activation| activation.is_elementwise())
}

/// Runs the test below, which must not live to tell of it.
#[test]
fn a_byte_too_far_ends_the_process() {
    let program = std::env::current_exe().expect("the test binary");
    for direction in ["forwards", "backwards"] {
        let output = std::process::Command::new(&program)
            .args(["--exact", "one_byte_too_far", "--ignored", "--nocapture"])
            .env("DIRECTION", direction)
            // Under AddressSanitizer, whose report this is not worth.
            .env("ASAN_OPTIONS", "handle_segv=0")
            .output()
            .expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{direction}: {text}");
        assert!(text.contains("inside is fine"), "{direction}: {text}");
        assert!(!text.contains("nobody saw"), "{direction}: {text}");
    }
}

#[test]
#[ignore = "faults on purpose; a_byte_too_far_ends_the_process runs it"]
fn one_byte_too_far() {
    let (edge, offset) = match std::env::var("DIRECTION").as_deref() {
        Ok("backwards") => (Edge::Start, -1),
        _ => (Edge::End, 3),
    };
    let bytes = Paged::new(edge, &[1u8, 2, 3]);
    let slice = std::hint::black_box(bytes.slice());
    println!("inside is fine: {slice:?}");
    // SAFETY: none: it is the fault that is tested.
    let beyond = unsafe { slice.as_ptr().offset(offset).read_volatile() };
    println!("nobody saw {beyond}");
}

#[test]
fn functions_of_slices() {
    for case in Case::all() {
        for len in 0..70 {
            let from = case.vector(len);
            let mut to = case.vector(len);
            for function in Function::ALL {
                function
                    .apply(case.level, from.slice(), to.slice_mut())
                    .unwrap();
            }
            let bytes = Paged::new(case.edge, &vec![7u8; len]);
            for divisor in [255.0, 3.0] {
                convert::scale_u8(case.level, bytes.slice(), divisor, to.slice_mut()).unwrap();
            }
            prefetch(from.slice());
            for optimizer in Optimizer::ALL {
                let mut state = OptimizerState::new(optimizer, 1, len).unwrap();
                let (weight, gradient) = (to.slice_mut(), from.slice());
                optimizer::update(case.level, optimizer, 0.1, 1, weight, gradient, &mut state)
                    .unwrap();
            }
        }
    }
}

#[test]
fn activations_and_losses_in_any_layout() {
    for case in Case::all() {
        for shape in SHAPES {
            for layout in LAYOUTS {
                let (z, mut y) = (case.matrix(shape, layout), case.matrix(shape, layout));
                let turned = case.matrix(shape, LAYOUTS[0]);
                for activation in Activation::ALL {
                    activation::forward(case.level, activation, z.view(), y.view_mut()).unwrap();
                    activation::forward(case.level, activation, turned.view(), y.view_mut())
                        .unwrap();
                    activation::forward_in_place(case.level, activation, y.view_mut()).unwrap();
                    activation::backward(case.level, activation, z.view(), y.view_mut()).unwrap();
                }
                let mut values = case.vector(shape.0);
                for loss in Loss::ALL {
                    let (level, y) = (case.level, Some(y.view_mut()));
                    loss::check_targets(level, loss, z.view()).unwrap();
                    loss::value_and_gradient(level, loss, z.view(), turned.view(), y, 0.5).unwrap();
                    let values = values.slice_mut();
                    loss::per_sample(level, loss, z.view(), turned.view(), values).unwrap();
                }
            }
        }
    }
}

#[test]
fn products() {
    for case in Case::all() {
        let mut shapes = vec![(25, 1100, 40), (100, 70, 520)];
        // With strips of one and two columns, whole and ragged.
        shapes.extend([(33, 9, 1), (49, 17, 2), (50, 8, 17), (40, 3, 34)]);
        for m in [1, 4, 5, 13] {
            for n in [1, 7, 8, 16, 17, 33, 47] {
                shapes.extend([0, 1, 9, 70].map(|k| (m, k, n)));
            }
        }
        for (at, (m, k, n)) in shapes.into_iter().enumerate() {
            for (i, a_layout) in LAYOUTS.into_iter().enumerate() {
                for (j, b_layout) in LAYOUTS.into_iter().enumerate() {
                    let a = case.matrix((m, k), a_layout);
                    let b = case.matrix((k, n), b_layout);
                    let mut c = case.matrix((m, n), LAYOUTS[(i + j + at) % 3]);
                    let beta = if (i + at).is_multiple_of(2) { 0.0 } else { 0.5 };
                    gemm(case.context(), 0.5, a.view(), b.view(), beta, c.view_mut()).unwrap();
                    check_sgemm(&a, &b, &mut c);
                    let mut panels = Panels::try_new(k, n).unwrap();
                    panels.pack(case.context(), b.view()).unwrap();
                    let b = b.view().with_panels(&panels);
                    gemm(case.context(), 0.5, a.view(), b, beta, c.view_mut()).unwrap();
                }
            }
        }
        // Where A is packed: rows 4 KB apart, and p that are no neighbours; and where a
        // large one is read as it is.
        for layout in [Layout::RowMajor { gap: 124 }, LAYOUTS[1], ROWS] {
            let (a, b) = (case.matrix((300, 900), layout), case.rows(900, 260));
            let mut c = case.rows(300, 260);
            gemm(case.context(), 1.0, a.view(), b.view(), 0.0, c.view_mut()).unwrap();
        }
    }
}

#[test]
fn products_that_skip_zeros() {
    for case in Case::all() {
        for m in [1, 4, 12, 13, 25, 300] {
            for k in [1, 7, 16, 17, 40, 1100] {
                for (layout, n) in [(LAYOUTS[0], 33), (LAYOUTS[1], 16), (LAYOUTS[2], 3)] {
                    let mut a = case.matrix((m, k), layout);
                    let mut values = a.view_mut();
                    for i in 0..m {
                        (0..k)
                            .filter(|p| p % 4 < 3)
                            .for_each(|p| values.set(i, p, 0.0));
                    }
                    let b = case.matrix((k, n), ROWS);
                    let mut c = case.rows(m, n);
                    let a = a.view().skip_zeros();
                    gemm(case.context(), 1.0, a, b.view(), 0.0, c.view_mut()).unwrap();
                }
            }
        }
    }
}

/// At the current level, from the last row and column backwards.
fn check_sgemm(a: &PagedMatrix, b: &PagedMatrix, c: &mut PagedMatrix) {
    let (a, b, mut c) = (a.view(), b.view(), c.view_mut());
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    if m * n * k == 0 {
        return;
    }
    let [ra, ca, rb, cb] = [
        a.row_stride(),
        a.col_stride(),
        b.row_stride(),
        b.col_stride(),
    ]
    .map(|stride| stride as isize);
    let (rc, cc) = (c.row_stride() as isize, c.col_stride() as isize);
    let last = |rows: usize, cols: usize, (row, col): (isize, isize)| {
        (rows as isize - 1) * row + (cols as isize - 1) * col
    };
    // SAFETY: the last elements of the views, and strides that lead from them to
    // all others.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr().offset(last(m, k, (ra, ca))),
            -ra,
            -ca,
            b.as_ptr().offset(last(k, n, (rb, cb))),
            -rb,
            -cb,
            0.0,
            c.as_mut_ptr().offset(last(m, n, (rc, cc))),
            -rc,
            -cc,
        );
    }
}

/// Batch, inputs and outputs; the last ones are worth two threads.
const LAYERS: [(usize, usize, usize); 8] = [
    (1, 1, 1),
    (5, 3, 7),
    (4, 9, 8),
    (13, 17, 16),
    (3, 8, 33),
    (25, 33, 47),
    (0, 3, 5),
    (70, 100, 90),
];

#[test]
fn layers_forwards() {
    for case in Case::all() {
        for (at, (batch, inputs, outputs)) in LAYERS.into_iter().enumerate() {
            let x = case.matrix((batch, inputs), LAYOUTS[at % 3]);
            let weight = case.matrix((inputs, outputs), LAYOUTS[(at + 1) % 3]);
            let bias = case.vector(outputs);
            let mut sums = case.vector(outputs);
            let target = case.rows(batch, outputs);
            let (mut y, mut z) = (case.rows(batch, outputs), case.rows(batch, outputs));
            for activation in elementwise() {
                for with in [true, false] {
                    Forward {
                        x: x.view(),
                        weight: weight.view(),
                        bias: with.then_some(bias.slice()),
                        activation,
                        output: y.view_mut(),
                        pre_activation: with.then(|| z.view_mut()),
                    }
                    .run(case.context())
                    .unwrap();
                    for loss in Loss::ALL {
                        ForwardLoss {
                            x: x.view(),
                            weight: weight.view(),
                            bias: with.then_some(bias.slice()),
                            activation,
                            loss,
                            target: target.view(),
                            scale: 0.5,
                            delta: y.view_mut(),
                            bias_gradient: with.then_some(sums.slice_mut()),
                        }
                        .run(case.context())
                        .unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn layers_backwards() {
    for case in Case::all() {
        for (at, (batch, inputs, outputs)) in LAYERS.into_iter().enumerate() {
            let delta = case.matrix((batch, outputs), LAYOUTS[at % 3]);
            let weight = case.matrix((outputs, inputs), LAYOUTS[(at + 1) % 3]);
            let saved = case.rows(batch, inputs);
            let mut output = case.rows(batch, inputs);
            let mut sums = case.vector(inputs);
            for activation in elementwise() {
                for with in [true, false] {
                    BackwardInput {
                        delta: delta.view(),
                        weight_transposed: weight.view(),
                        activation,
                        saved: Some(saved.view()),
                        output: output.view_mut(),
                        bias_gradient: with.then_some(sums.slice_mut()),
                    }
                    .run(case.context())
                    .unwrap();
                }
            }
            column_sums(case.context(), saved.view(), sums.slice_mut()).unwrap();

            let x = case.matrix((batch, inputs), LAYOUTS[(at + 2) % 3]);
            let terms = [(x.view(), delta.view()), (saved.view(), delta.view())];
            let mut gradient = case.rows(inputs, outputs);
            let mut weight = case.rows(inputs, outputs);
            let factors = case.vector(outputs);
            let decay = Decay {
                all: 0.1,
                columns: Some(factors.slice()),
            };
            BackwardWeight {
                terms: &terms,
                gradient: gradient.view_mut(),
            }
            .run(case.context())
            .unwrap();
            decay
                .add_to(case.context(), weight.view(), gradient.view_mut())
                .unwrap();
            for optimizer in Optimizer::ALL {
                let mut state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
                UpdateWeight {
                    terms: &terms,
                    weight: weight.view_mut(),
                    state: &mut state,
                    optimizer,
                    learning_rate: 0.1,
                    step: 1,
                    decay,
                }
                .run(case.context())
                .unwrap();
            }
        }
    }
}

#[test]
fn noise_random_numbers_and_penalties() {
    for case in Case::all() {
        let level = case.level;
        for (rows, cols) in SHAPES {
            let (from, other) = (case.rows(rows, cols), case.rows(rows, cols));
            let (mut to, mut second) = (case.rows(rows, cols), case.rows(rows, cols));
            fill_uniform(level, KEY, 5, to.view_mut()).unwrap();
            fill_normal(level, KEY, 5, to.view_mut()).unwrap();
            for kind in Noise::ALL {
                noise::corrupt(level, kind, KEY, 5, from.view(), to.view_mut()).unwrap();
            }
            noise::drop_out(level, 0.5, KEY, 5, from.view(), to.view_mut()).unwrap();

            let (a, b) = (from.view(), other.view());
            penalty::absolute_sum(level, a).unwrap();
            penalty::absolute_gradient(level, a, 0.5, to.view_mut()).unwrap();
            penalty::kl_divergence(level, a, b).unwrap();
            penalty::kl_gradient(level, a, b, 0.5, to.view_mut(), second.view_mut()).unwrap();
            penalty::sample(level, a, b, a, to.view_mut()).unwrap();
            penalty::sample_gradient_log_variance(level, a, b, a, to.view_mut()).unwrap();
            let mut norms = case.vector(cols);
            penalty::column_square_norms(level, a, norms.slice_mut()).unwrap();
            for activation in elementwise() {
                let norms = norms.slice_mut();
                penalty::add_squared_slopes(level, activation, a, norms).unwrap();
                penalty::contractive_gradient(level, activation, a, norms, 0.5, to.view_mut())
                    .unwrap();
            }
        }
    }
}

#[test]
fn layer_normalisation() {
    for case in Case::all() {
        // Without features there is nothing to normalise.
        for (rows, cols) in SHAPES.into_iter().filter(|shape| shape.1 > 0) {
            for (at, layout) in LAYOUTS.into_iter().enumerate() {
                let other = LAYOUTS[(at + 1) % 3];
                let x = case.matrix((rows, cols), layout);
                let mut y = case.matrix((rows, cols), other);
                let mut statistics = case.matrix((rows, 2), layout);
                let (weight, bias) = (case.vector(cols), case.vector(cols));
                LayerNorm {
                    x: x.view(),
                    weight: weight.slice(),
                    bias: bias.slice(),
                    epsilon: 1e-5,
                    output: y.view_mut(),
                    statistics: Some(statistics.view_mut()),
                }
                .run(case.context())
                .unwrap();
                let delta = case.matrix((rows, cols), other);
                let mut sums = [case.vector(cols), case.vector(cols)];
                for with in 0..4 {
                    let [weight_gradient, bias_gradient] = &mut sums;
                    LayerNormBackward {
                        x: x.view(),
                        statistics: statistics.view(),
                        weight: weight.slice(),
                        delta: delta.view(),
                        output: (with != 2).then(|| y.view_mut()),
                        weight_gradient: (with != 0).then(|| weight_gradient.slice_mut()),
                        bias_gradient: (with > 1).then(|| bias_gradient.slice_mut()),
                    }
                    .run(case.context())
                    .unwrap();
                }
            }
        }
    }
}

#[test]
fn copies() {
    for case in Case::all() {
        for shape in SHAPES.into_iter().chain([(40, 70), (700, 33)]) {
            let turned = (shape.1, shape.0);
            for from_layout in LAYOUTS {
                for to_layout in LAYOUTS {
                    let from = case.matrix(shape, from_layout);
                    let mut to = case.matrix(turned, to_layout);
                    transpose_into(case.context(), from.view(), to.view_mut()).unwrap();
                    let mut copy = case.matrix(shape, to_layout);
                    copy.view_mut().copy_from(from.view());
                    copy.view_mut().fill(1.0);
                }
            }
            let from = case.rows(shape.0, shape.1);
            let indices: Vec<usize> = (0..shape.0).rev().chain(0..shape.0).collect();
            let mut to = case.rows(indices.len(), shape.1);
            gather_rows(case.level, from.view(), &indices, to.view_mut()).unwrap();
        }
    }
}
