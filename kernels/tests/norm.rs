//! Layer normalisation, forward and backward, against the f64 reference: at every
//! level, in any layout, within the bounds that its documentation gives.

mod common;

use autoencoder_kernels::norm::{LayerNorm, LayerNormBackward};
use autoencoder_kernels::reference::norm as reference;
use autoencoder_kernels::{Context, Error, Level, Mat, Parallelism};
use common::{Guarded, Layout, bits, noise};
use proptest::prelude::*;

/// One feature, and round the widths of vectors and of blocks of four of them.
const FEATURES: [usize; 20] = [
    1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 129, 200, 784,
];

const ROWS: Layout = Layout::RowMajor { gap: 0 };

/// Numbers that are hard in different ways.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Numbers {
    Plain,
    /// A mean of 10⁴ with deviations of 1.
    FarFromZero,
    /// The first element, from which differences are taken, is far from the others.
    FirstIsFar,
    /// 0.1, and one element that is the next number.
    NearlyEqual,
    /// 0.1 and its neighbours, as often.
    Neighbours,
    Equal,
    Large,
    Small,
}

impl Numbers {
    const ALL: [Numbers; 8] = [
        Numbers::Plain,
        Numbers::FarFromZero,
        Numbers::FirstIsFar,
        Numbers::NearlyEqual,
        Numbers::Neighbours,
        Numbers::Equal,
        Numbers::Large,
        Numbers::Small,
    ];

    fn get(self, seed: u64, i: usize, j: usize) -> f32 {
        let x = noise(seed, i, j);
        match self {
            Numbers::Plain => 2.0 * x - 0.3,
            Numbers::FarFromZero => 1e4 + 1.7 * x,
            Numbers::FirstIsFar => {
                if j == 0 {
                    -1e6
                } else {
                    x
                }
            }
            Numbers::NearlyEqual => {
                if j == 5 {
                    0.1f32.next_up()
                } else {
                    0.1
                }
            }
            Numbers::Neighbours => {
                if x < 0.0 {
                    0.1f32.next_up()
                } else {
                    0.1
                }
            }
            Numbers::Equal => [0.1, 1e15, -3e-30, 0.0, 123_456.7][i % 5],
            Numbers::Large => 1e15 * x,
            Numbers::Small => 1e-20 * x,
        }
    }
}

fn levels() -> impl Iterator<Item = Context> {
    let context = |&level| Context::serial().with_level(level);
    Level::available().iter().map(context)
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn vector(len: usize, seed: u64) -> Vec<f32> {
    (0..len).map(|j| 1.0 + 1.5 * noise(seed, 0, j)).collect()
}

/// The arguments of both directions, and what they have written.
struct Case {
    x: Mat<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
    delta: Mat<f32>,
    /// What is in the gradients of γ and β before.
    before: [Vec<f32>; 2],
}

struct Results {
    y: Mat<f32>,
    statistics: Mat<f32>,
    dx: Mat<f32>,
    weight_gradient: Vec<f32>,
    bias_gradient: Vec<f32>,
}

impl Results {
    fn bits(&self) -> Vec<Vec<u32>> {
        let vector = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect();
        vec![
            bits(self.y.as_ref()),
            bits(self.statistics.as_ref()),
            bits(self.dx.as_ref()),
            vector(&self.weight_gradient),
            vector(&self.bias_gradient),
        ]
    }
}

impl Case {
    fn new((rows, features): (usize, usize), numbers: Numbers, epsilon: f32) -> Self {
        Case {
            x: Mat::from_fn(rows, features, |i, j| numbers.get(1, i, j)),
            weight: vector(features, 2),
            bias: vector(features, 3),
            epsilon,
            delta: Mat::from_fn(rows, features, |i, j| noise(4, i, j)),
            before: [vector(features, 5), vector(features, 6)],
        }
    }

    /// Both directions with all matrices laid out so, in memory of NaN with canaries.
    fn run(&self, context: Context, layouts: [Layout; 5]) -> Results {
        let (rows, features) = self.x.shape();
        let new = |layout, mat: &Mat<f32>| {
            Guarded::new(mat.rows(), mat.cols(), layout, |i, j| mat.row(i)[j])
        };
        let room = |cols, layout| Guarded::new(rows, cols, layout, |_, _| f32::NAN);
        let x = new(layouts[0], &self.x);
        let mut y = room(features, layouts[1]);
        let mut statistics = room(2, layouts[2]);
        LayerNorm {
            x: x.view(),
            weight: &self.weight,
            bias: &self.bias,
            epsilon: self.epsilon,
            output: y.view_mut(),
            statistics: Some(statistics.view_mut()),
        }
        .run(context)
        .unwrap();
        let delta = new(layouts[3], &self.delta);
        let mut dx = room(features, layouts[4]);
        let [mut weight_gradient, mut bias_gradient] = self.before.clone();
        LayerNormBackward {
            x: x.view(),
            statistics: statistics.view(),
            weight: &self.weight,
            delta: delta.view(),
            output: Some(dx.view_mut()),
            weight_gradient: Some(&mut weight_gradient),
            bias_gradient: Some(&mut bias_gradient),
        }
        .run(context)
        .unwrap();
        for guarded in [&y, &statistics, &dx] {
            guarded.check_canaries();
        }
        Results {
            y: y.view().to_owned(),
            statistics: statistics.view().to_owned(),
            dx: dx.view().to_owned(),
            weight_gradient,
            bias_gradient,
        }
    }

    /// Fails where a result is further from the reference than documented.
    fn check(&self, results: &Results, what: &str) {
        let (rows, features) = self.x.shape();
        let (weight, bias) = (wide(&self.weight), wide(&self.bias));
        let epsilon = f64::from(self.epsilon);
        let forward = LayerNorm::error_bound(features);
        let backward = LayerNormBackward::error_bound(features);
        let unit = 2f64.powi(-24);
        let close = |got: f32, want: f64, bound: f64, name: &str| {
            let error = (f64::from(got) - want).abs();
            assert!(
                error <= bound,
                "{what}: {name} is {got}, not {want}: {} of the bound",
                error / bound
            );
        };
        let [before, bias_before] = [0, 1].map(|k| wide(&self.before[k]));
        let mut weight_gradient = before.clone();
        let mut bias_gradient = bias_before.clone();
        let mut weight_size: Vec<f64> = before.iter().map(|x| x.abs()).collect();
        let mut bias_size: Vec<f64> = bias_before.iter().map(|x| x.abs()).collect();
        for i in 0..rows {
            let (x, delta) = (wide(self.x.row(i)), wide(self.delta.row(i)));
            let (mean, scale) = reference::statistics(&x, epsilon);
            let statistics = results.statistics.row(i);
            let deviation: f64 = x.iter().map(|x| (x - mean).abs()).sum::<f64>() / features as f64;
            close(
                statistics[0],
                mean,
                2.0 * unit * mean.abs() + forward * deviation,
                "mean",
            );
            close(statistics[1], scale, forward * scale, "1/deviation");

            let normalised = reference::normalised(&x, epsilon);
            let y = reference::layer(&x, &weight, &bias, epsilon);
            let dx = reference::layer_gradient(&x, &weight, &delta, epsilon);
            let dw = reference::layer_weight_gradient(&x, &delta, epsilon);
            let g: Vec<f64> = weight.iter().zip(&delta).map(|(w, d)| w * d).collect();
            let size = (g.iter().map(|g| g * g).sum::<f64>() / features as f64).sqrt();
            for j in 0..features {
                let spread = 1.0 + normalised[j].abs();
                let bound = forward * (weight[j].abs() * spread + bias[j].abs());
                close(results.y.row(i)[j], y[j], bound, &format!("y({i}, {j})"));
                let bound = backward * scale * (g[j].abs() + size * spread);
                close(results.dx.row(i)[j], dx[j], bound, &format!("dx({i}, {j})"));
                weight_gradient[j] += dw[j];
                weight_size[j] += delta[j].abs() * spread;
                bias_gradient[j] += delta[j];
                bias_size[j] += delta[j].abs();
            }
        }
        let rows = rows as f64 * unit;
        for j in 0..features {
            let bound = (backward + 2.0 * rows) * weight_size[j];
            let got = results.weight_gradient[j];
            close(got, weight_gradient[j], bound, &format!("dγ({j})"));
            let bound = rows * bias_size[j];
            let got = results.bias_gradient[j];
            close(got, bias_gradient[j], bound, &format!("dβ({j})"));
        }
    }
}

#[test]
fn errors_are_within_the_documented_bounds() {
    for context in levels() {
        for features in FEATURES {
            for numbers in Numbers::ALL {
                for epsilon in [1e-5, 1e-3, 1e-12, 1e-30] {
                    let case = Case::new((5, features), numbers, epsilon);
                    let level = context.level;
                    let what = format!("{level}, {features} × {numbers:?}, ε = {epsilon}");
                    case.check(&case.run(context, [ROWS; 5]), &what);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// In any layout, with the same bits.
    #[test]
    fn layouts_change_no_bit(
        rows in 0usize..6,
        features in (1usize..140),
        layouts in [common::layout(), common::layout(), common::layout(), common::layout(), common::layout()],
        numbers in prop::sample::select(Numbers::ALL.to_vec()),
    ) {
        let case = Case::new((rows, features), numbers, 1e-5);
        for context in levels() {
            let results = case.run(context, layouts);
            case.check(&results, &format!("{context:?}"));
            prop_assert_eq!(results.bits(), case.run(context, [ROWS; 5]).bits());
        }
    }
}

#[test]
fn rows_have_the_same_bits_alone_and_on_any_number_of_threads() {
    for level in Level::available() {
        for shape in [(3, 5), (700, 130), (33, 5000), (2, 70_000)] {
            let case = Case::new(shape, Numbers::Plain, 1e-5);
            let context = Context::serial().with_level(*level);
            let want = case.run(context, [ROWS; 5]).bits();
            let pooled = context.with_parallelism(Parallelism::Pool);
            for threads in [1, 2, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let got = pool.unwrap().install(|| case.run(pooled, [ROWS; 5]).bits());
                assert!(got == want, "{level}, {threads} threads, {shape:?}");
                // What alone spreads over threads.
                let dx = input_gradient(&case, pooled);
                assert!(bits(dx.as_ref()) == want[2], "{level}, {shape:?}");
            }
            // Row by row, the sums carried on.
            let mut before = case.before.clone();
            for i in 0..shape.0 {
                let row = |mat: &Mat<f32>| Mat::from_slice(1, shape.1, mat.row(i)).unwrap();
                let alone = Case {
                    x: row(&case.x),
                    delta: row(&case.delta),
                    weight: case.weight.clone(),
                    bias: case.bias.clone(),
                    before,
                    ..case
                };
                let results = alone.run(context, [ROWS; 5]);
                let of_row = |of: &[u32], cols: usize| of[i * cols..(i + 1) * cols].to_vec();
                assert_eq!(results.bits()[0], of_row(&want[0], shape.1));
                assert_eq!(results.bits()[1], of_row(&want[1], 2));
                assert_eq!(results.bits()[2], of_row(&want[2], shape.1));
                before = [results.weight_gradient, results.bias_gradient];
            }
            let sums = before.map(|sums| sums.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            assert!(
                sums[0] == want[3] && sums[1] == want[4],
                "{level}, {shape:?}"
            );
        }
    }
}

/// dx without the other gradients, and without asking for statistics first.
fn input_gradient(case: &Case, context: Context) -> Mat<f32> {
    let (rows, features) = case.x.shape();
    let mut statistics = Mat::zeros(rows, 2);
    let forward = |statistics| {
        let mut y = Mat::zeros(rows, features);
        LayerNorm {
            x: case.x.as_ref(),
            weight: &case.weight,
            bias: &case.bias,
            epsilon: case.epsilon,
            output: y.as_mut(),
            statistics,
        }
        .run(context)
        .unwrap();
        bits(y.as_ref())
    };
    assert!(forward(None) == forward(Some(statistics.as_mut())));
    let mut dx = Mat::from_fn(rows, features, |_, _| f32::NAN);
    LayerNormBackward {
        x: case.x.as_ref(),
        statistics: statistics.as_ref(),
        weight: &case.weight,
        delta: case.delta.as_ref(),
        output: Some(dx.as_mut()),
        weight_gradient: None,
        bias_gradient: None,
    }
    .run(context)
    .unwrap();
    dx
}

#[test]
fn each_gradient_alone_has_the_bits_that_it_has_beside_the_others() {
    for context in levels() {
        for features in [1, 8, 13, 40, 100] {
            let case = Case::new((3, features), Numbers::Plain, 1e-5);
            let all = case.run(context, [ROWS; 5]);
            for asked in 0..8 {
                let wants = |bit: usize| asked >> bit & 1 == 1;
                let mut dx = Mat::from_fn(3, features, |_, _| f32::NAN);
                let [mut weight_gradient, mut bias_gradient] = case.before.clone();
                LayerNormBackward {
                    x: case.x.as_ref(),
                    statistics: all.statistics.as_ref(),
                    weight: &case.weight,
                    delta: case.delta.as_ref(),
                    output: wants(0).then_some(dx.as_mut()),
                    weight_gradient: wants(1).then_some(&mut weight_gradient),
                    bias_gradient: wants(2).then_some(&mut bias_gradient),
                }
                .run(context)
                .unwrap();
                if wants(0) {
                    assert_eq!(bits(dx.as_ref()), bits(all.dx.as_ref()));
                } else {
                    assert!(dx.as_slice().iter().all(|x| x.is_nan()));
                }
                let [before, bias_before] = &case.before;
                let expected = if wants(1) {
                    &all.weight_gradient
                } else {
                    before
                };
                assert_eq!(&weight_gradient, expected);
                let expected = if wants(2) {
                    &all.bias_gradient
                } else {
                    bias_before
                };
                assert_eq!(&bias_gradient, expected);
            }
        }
    }
}

#[test]
fn equal_numbers_give_the_shift_exactly() {
    for context in levels() {
        for features in FEATURES {
            let case = Case::new((5, features), Numbers::Equal, 1e-30);
            let results = case.run(context, [ROWS; 5]);
            for i in 0..5 {
                assert_eq!(results.y.row(i), case.bias);
                assert_eq!(results.statistics.row(i)[0], case.x.row(i)[0]);
            }
            // x̂ is 0.
            assert_eq!(results.weight_gradient, case.before[0]);
        }
        // One feature is always equal to its mean, and has no gradient.
        for numbers in Numbers::ALL {
            let case = Case::new((5, 1), numbers, 1e-5);
            let results = case.run(context, [ROWS; 5]);
            assert!(results.y.as_slice().iter().all(|y| *y == case.bias[0]));
            assert!(results.dx.as_slice().iter().all(|dx| *dx == 0.0));
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row() {
    for context in levels() {
        for features in [1, 2, 9, 33, 100] {
            for place in [0, features / 2, features - 1] {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let good = Case::new((3, features), Numbers::Plain, 1e-5);
                    let expected = good.run(context, [ROWS; 5]);
                    let mut case = Case::new((3, features), Numbers::Plain, 1e-5);
                    case.x.as_mut().set(1, place, bad);
                    let results = case.run(context, [ROWS; 5]);
                    let pairs = [
                        (&results.y, &expected.y),
                        (&results.statistics, &expected.statistics),
                        (&results.dx, &expected.dx),
                    ];
                    for (got, want) in pairs {
                        assert!(got.row(1).iter().all(|y| y.is_nan()), "{bad}: {got:?}");
                        for i in [0, 2] {
                            assert_eq!(got.row(i), want.row(i));
                        }
                    }
                    assert!(results.weight_gradient.iter().all(|x| x.is_nan()));
                    assert_eq!(results.bias_gradient, expected.bias_gradient);

                    let mut case = Case::new((3, features), Numbers::Plain, 1e-5);
                    case.delta.as_mut().set(1, place, bad);
                    let results = case.run(context, [ROWS; 5]);
                    let spoilt = |x: &f32| {
                        if bad.is_nan() {
                            x.is_nan()
                        } else {
                            !x.is_finite()
                        }
                    };
                    assert!(results.dx.row(1).iter().all(spoilt));
                    assert_eq!(results.dx.row(2), expected.dx.row(2));
                    assert!(!results.weight_gradient[place].is_finite());
                    assert!(!results.bias_gradient[place].is_finite());
                    if features > 1 {
                        let other = (place + 1) % features;
                        let of = |results: &Results| {
                            (results.weight_gradient[other], results.bias_gradient[other])
                        };
                        assert_eq!(of(&results), of(&expected));
                    }
                }
            }
        }
        // Squares beyond f32: β. Differences beyond it: NaN.
        let mut case = Case::new((2, 10), Numbers::Plain, 1e-5);
        (0..10).for_each(|j| case.x.as_mut().set(0, j, if j < 5 { 1e30 } else { -1e30 }));
        (0..10).for_each(|j| case.x.as_mut().set(1, j, if j < 5 { 3e38 } else { -3e38 }));
        let results = case.run(context, [ROWS; 5]);
        assert_eq!(results.y.row(0), case.bias);
        assert!(results.y.row(1).iter().all(|y| y.is_nan()));
    }
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let forward = |x: (usize, usize), weight, bias, epsilon, y: (usize, usize), cols| {
        let x = Mat::zeros(x.0, x.1);
        let mut y = Mat::zeros(y.0, y.1);
        let mut statistics = Mat::zeros(x.rows(), cols);
        LayerNorm {
            x: x.as_ref(),
            weight: &vec![1.0; weight],
            bias: &vec![1.0; bias],
            epsilon,
            output: y.as_mut(),
            statistics: Some(statistics.as_mut()),
        }
        .run(Context::default())
        .map_err(|error| error.to_string())
    };
    assert_eq!(forward((3, 4), 4, 4, 1e-5, (3, 4), 2), Ok(()));
    assert_eq!(forward((0, 4), 4, 4, 1e-5, (0, 4), 2), Ok(()));
    let message = |result: Result<(), String>| result.unwrap_err();
    let features = message(forward((3, 0), 0, 0, 1e-5, (3, 0), 2));
    assert!(features.contains("number of features is 0"), "{features}");
    let weight = message(forward((3, 4), 5, 4, 1e-5, (3, 4), 2));
    assert!(weight.contains("weight has 5"), "{weight}");
    let bias = message(forward((3, 4), 4, 3, 1e-5, (3, 4), 2));
    assert!(bias.contains("bias has 3"), "{bias}");
    let output = message(forward((3, 4), 4, 4, 1e-5, (4, 4), 2));
    assert!(output.contains("output is 4 × 4"), "{output}");
    let statistics = message(forward((3, 4), 4, 4, 1e-5, (3, 4), 3));
    assert!(statistics.contains("statistics is 3 × 3"), "{statistics}");
    for epsilon in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let epsilon = message(forward((3, 4), 4, 4, epsilon, (3, 4), 2));
        assert!(epsilon.starts_with("epsilon is"), "{epsilon}");
    }

    let backward = |x: (usize, usize), [statistics, weight, delta, dx, dw, db]: [usize; 6]| {
        let x = Mat::zeros(x.0, x.1);
        let statistics = Mat::zeros(x.rows(), statistics);
        let delta = Mat::zeros(x.rows(), delta);
        let mut output = Mat::zeros(x.rows(), dx);
        LayerNormBackward {
            x: x.as_ref(),
            statistics: statistics.as_ref(),
            weight: &vec![1.0; weight],
            delta: delta.as_ref(),
            output: Some(output.as_mut()),
            weight_gradient: Some(&mut vec![0.0; dw]),
            bias_gradient: Some(&mut vec![0.0; db]),
        }
        .run(Context::default())
    };
    assert_eq!(backward((3, 4), [2, 4, 4, 4, 4, 4]), Ok(()));
    assert_eq!(backward((0, 4), [2, 4, 4, 4, 4, 4]), Ok(()));
    let error = backward((3, 0), [2, 0, 0, 0, 0, 0]).unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }));
    for (wrong, name) in [
        "statistics",
        "weight",
        "delta",
        "output",
        "weight_gradient",
        "bias_gradient",
    ]
    .into_iter()
    .enumerate()
    {
        let mut lengths = [2, 4, 4, 4, 4, 4];
        lengths[wrong] += 1;
        let error = backward((3, 4), lengths).unwrap_err().to_string();
        assert!(error.starts_with(name), "{name}: {error}");
    }
}
