//! Every activation at every level against the f64 reference, in any layout;
//! `tests/accuracy.rs` has the errors.

use super::*;
use crate::reference::activation as reference;
use crate::{Level, Mat, MatMut, MatRef};

fn activations() -> impl Iterator<Item = Activation> {
    let others = [
        Activation::LeakyRelu { slope: 0.0 },
        Activation::LeakyRelu { slope: 0.3 },
        Activation::Elu { alpha: 0.0 },
        Activation::Elu { alpha: 2.5 },
    ];
    Activation::ALL.into_iter().chain(others)
}

/// Shapes around the widths of vectors, and empty ones.
const SHAPES: [(usize, usize); 8] = [
    (0, 3),
    (3, 0),
    (1, 1),
    (2, 7),
    (3, 16),
    (4, 17),
    (1, 33),
    (5, 100),
];

/// Row and column strides of `rows` × `cols`: contiguous, with a gap after
/// each row, transposed, and with gaps everywhere.
fn layouts(rows: usize, cols: usize) -> [(usize, usize); 4] {
    [(cols, 1), (cols + 3, 1), (1, rows), (2 * cols + 1, 2)]
}

/// A value for each element: mostly moderate, now and then large.
fn value(i: usize, j: usize, seed: usize) -> f32 {
    let hash = ((i * 131 + j * 31 + seed * 7 + 1) as u32).wrapping_mul(2_654_435_761) >> 8;
    let unit = hash as f32 / (1u32 << 23) as f32 - 1.0;
    unit * if (i + j).is_multiple_of(5) { 30.0 } else { 4.0 }
}

#[track_caller]
fn assert_close(got: f32, want: f64, relative: f64, absolute: f64, what: &dyn std::fmt::Display) {
    let error = (f64::from(got) - want).abs();
    let bound = relative * want.abs() + absolute;
    assert!(error <= bound, "{what}: {got:e}, not {want:e}");
}

/// ULP to relative error.
fn ulp(count: f64) -> f64 {
    count * f64::from(f32::EPSILON)
}

#[test]
fn special_values_have_defined_results() {
    for &level in Level::available() {
        for activation in activations().filter(|a| a.is_elementwise()) {
            let z = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0];
            let mut y = [7.0; 4];
            let view = |data| MatRef::new(data, 1, 4).unwrap();
            let to = MatMut::new(&mut y, 1, 4).unwrap();
            forward(level, activation, view(&z), to).unwrap();
            assert!(y[0].is_nan(), "{activation} of NaN is {} at {level}", y[0]);
            let below = match activation {
                Activation::Identity => f32::NEG_INFINITY,
                Activation::LeakyRelu { slope } if slope > 0.0 => f32::NEG_INFINITY,
                Activation::Elu { alpha } => -alpha,
                Activation::Selu => -1.758_099_3,
                Activation::Tanh => -1.0,
                _ => 0.0,
            };
            assert!(
                (y[1] - below).abs() < 1e-6 || y[1] == below,
                "{activation}(−∞) = {}",
                y[1]
            );
            let bounded = matches!(activation, Activation::Sigmoid | Activation::Tanh);
            assert_eq!(
                y[2],
                if bounded { 1.0 } else { f32::INFINITY },
                "{activation}"
            );
            assert_close(
                y[3],
                reference::apply(activation, 0.0),
                ulp(2.0),
                0.0,
                &activation,
            );

            let saved = if activation.saves() == Saves::Input {
                z
            } else {
                y
            };
            let mut delta = [1.0; 4];
            let to = MatMut::new(&mut delta, 1, 4).unwrap();
            backward(level, activation, view(&saved), to).unwrap();
            for i in [1, 2, 3] {
                // A finite stand-in for ±∞, beyond every limit.
                let z = f64::from(z[i].clamp(-300.0, 300.0));
                let want = reference::derivative(activation, z);
                let what = format!("{activation}′ at {z}, {level}");
                assert_close(delta[i], want, ulp(4.0), 1e-6, &what);
            }
        }
    }
}

#[test]
fn forward_and_backward_match_the_reference_for_any_strides() {
    for &level in Level::available() {
        for activation in activations() {
            for (rows, cols) in SHAPES {
                for (from, to) in layouts(rows, cols)
                    .into_iter()
                    .flat_map(|from| layouts(rows, cols).map(|to| (from, to)))
                {
                    check(level, activation, (rows, cols), from, to);
                }
            }
        }
    }
}

/// One shape and pair of layouts. Elements outside of the views stay NaN.
fn check(
    level: Level,
    activation: Activation,
    (rows, cols): (usize, usize),
    from: (usize, usize),
    to: (usize, usize),
) {
    let what = format!("{activation} at {level}, {rows} × {cols}, strides {from:?} to {to:?}");
    let z = Mat::from_fn(rows, cols, |i, j| value(i, j, 0));
    let dy = Mat::from_fn(rows, cols, |i, j| value(i, j, 1));
    let place = |mat: &Mat<f32>, (row, col): (usize, usize)| {
        let mut data = vec![f32::NAN; rows * row.max(1) + cols * col.max(1) + 5];
        let mut view = MatMut::with_strides(&mut data, rows, cols, row, col).unwrap();
        view.copy_from(mat.as_ref());
        data
    };
    let count_nan = |data: &[f32]| data.iter().filter(|x| x.is_nan()).count();
    let view = |data, (row, col)| MatRef::with_strides(data, rows, cols, row, col).unwrap();

    let z_data = place(&z, from);
    let mut y_data = place(&Mat::from_fn(rows, cols, |_, _| f32::NAN), to);
    let outside = y_data.len() - rows * cols;
    let y = MatMut::with_strides(&mut y_data, rows, cols, to.0, to.1).unwrap();
    forward(level, activation, view(&z_data, from), y).unwrap();
    assert_eq!(count_nan(&y_data), outside, "{what}");

    let mut in_place = place(&z, to);
    let view_in_place = MatMut::with_strides(&mut in_place, rows, cols, to.0, to.1).unwrap();
    forward_in_place(level, activation, view_in_place).unwrap();
    assert_eq!(count_nan(&in_place), outside, "{what}");

    let y = view(&y_data, to);
    let saved = match activation.saves() {
        Saves::Input => place(&z, from),
        Saves::Output => place(&y.to_owned(), from),
    };
    let mut delta_data = place(&dy, to);
    let delta = MatMut::with_strides(&mut delta_data, rows, cols, to.0, to.1).unwrap();
    backward(level, activation, view(&saved, from), delta).unwrap();
    assert_eq!(count_nan(&delta_data), outside, "{what}");
    let delta = view(&delta_data, to);

    for i in 0..rows {
        let wide = |mat: &Mat<f32>| mat.row(i).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let (z, dy) = (wide(&z), wide(&dy));
        let (want_y, want_delta): (Vec<f64>, Vec<f64>) = if activation.is_elementwise() {
            let y = |&z: &f64| reference::apply(activation, z);
            let delta = |(z, dy): (&f64, &f64)| dy * reference::derivative(activation, *z);
            (
                z.iter().map(y).collect(),
                z.iter().zip(&dy).map(delta).collect(),
            )
        } else {
            let y = reference::softmax(&z);
            let delta = reference::softmax_backward(&y, &dy);
            (y, delta)
        };
        for j in 0..cols {
            let what = format!("{what}: ({i}, {j}), z = {}", z[j]);
            assert_close(y.get(i, j), want_y[j], ulp(60.0), 1e-30, &what);
            assert_close(
                delta.get(i, j),
                want_delta[j],
                ulp(20.0),
                2e-6 * dy[j].abs().max(1.0),
                &what,
            );
            let again = view(&in_place, to).get(i, j);
            assert_eq!(again.to_bits(), y.get(i, j).to_bits(), "{what} in place");
        }
    }
}

#[test]
fn softmax_does_not_overflow_and_spreads_nan() {
    for &level in Level::available() {
        let softmax = |z: &[f32]| {
            let mut z = z.to_vec();
            let view = MatMut::new(&mut z, 1, 3).unwrap();
            forward_in_place(level, Activation::Softmax, view).unwrap();
            z
        };
        assert_eq!(softmax(&[1e30, 1e30, -1e30]), [0.5, 0.5, 0.0]);
        assert_eq!(softmax(&[f32::NEG_INFINITY, 0.0, 0.0]), [0.0, 0.5, 0.5]);
        assert!(softmax(&[1.0, f32::NAN, 0.0]).iter().all(|y| y.is_nan()));
    }
}

#[test]
fn shapes_that_differ_and_bad_parameters_are_errors() {
    let level = Level::current();
    let a = Mat::<f32>::zeros(2, 3);
    let mut b = Mat::<f32>::zeros(3, 2);
    assert!(forward(level, Activation::Relu, a.as_ref(), b.as_mut()).is_err());
    assert!(backward(level, Activation::Relu, a.as_ref(), b.as_mut()).is_err());
    for bad in [-0.1, f32::NAN, f32::INFINITY] {
        for activation in [
            Activation::LeakyRelu { slope: bad },
            Activation::Elu { alpha: bad },
        ] {
            assert!(forward_in_place(level, activation, b.as_mut()).is_err());
        }
    }
}

#[test]
fn names_are_read_back() {
    for activation in activations() {
        assert_eq!(activation.name().parse(), Ok(activation));
        let word = activation.name().split(':').next().unwrap().to_string();
        assert!(name::KNOWN.contains(&word), "{word}");
        assert!(Activation::ALL.contains(&word.parse().unwrap()));
    }
    assert_eq!(
        "Leaky_ReLU: 0.2".parse(),
        Ok(Activation::LeakyRelu { slope: 0.2 })
    );
    assert_eq!(
        "leaky-relu:0.2".parse(),
        Ok(Activation::LeakyRelu { slope: 0.2 })
    );
    assert_eq!("gelu-tanh".parse(), Ok(Activation::GeluTanh));
    let message = |text: &str| text.parse::<Activation>().unwrap_err().to_string();
    assert!(message("rellu").starts_with("unknown activation \"rellu\": expected identity, "));
    assert_eq!("linear".parse(), Ok(Activation::Identity));
    assert_eq!(
        message("relu:1"),
        "relu is 1, expected no parameter: only leaky_relu and elu have one"
    );
    assert!(message("elu:x").contains("a number after the colon"));
    assert_eq!(
        message("elu:-1"),
        "alpha is -1, expected a finite number ≥ 0"
    );
}

#[test]
fn what_is_saved_is_as_documented() {
    for activation in Activation::ALL {
        let input =
            [Activation::Gelu, Activation::GeluTanh, Activation::Silu].contains(&activation);
        assert_eq!(activation.saves() == Saves::Input, input, "{activation}");
    }
}
