//! Every penalty at every level against the f64 reference.

use super::*;
use crate::activation::{Activation, Saves};
use crate::reference::activation as scalar;
use crate::reference::penalty as reference;
use crate::{Level, Mat};

/// Around the widths of vectors, and empty.
const SHAPES: [(usize, usize); 7] = [(0, 3), (2, 0), (1, 1), (2, 7), (3, 16), (4, 17), (2, 100)];

/// Numbers between −3 and 3, 0 among them.
fn mat(rows: usize, cols: usize, seed: usize) -> Mat<f32> {
    Mat::from_fn(rows, cols, |i, j| {
        let hash = ((i * 131 + j * 31 + seed * 7 + 1) as u32).wrapping_mul(2_654_435_761) >> 8;
        let x = hash as f32 / (1u32 << 23) as f32 * 3.0 - 3.0;
        if (i + j).is_multiple_of(9) { 0.0 } else { x }
    })
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

#[track_caller]
fn assert_close(got: f64, want: f64, what: &str) {
    let bound = 2e-6 * (1.0 + want.abs());
    assert!((got - want).abs() <= bound, "{what}: {got}, not {want}");
}

#[track_caller]
fn assert_all_close(got: &Mat<f32>, want: impl Iterator<Item = f64>, what: &str) {
    let want = Vec::from_iter(want);
    assert_eq!(got.as_slice().len(), want.len());
    for (&got, want) in got.as_slice().iter().zip(want) {
        assert_close(f64::from(got), want, what);
    }
}

/// Calls `check` for each level and shape, with room filled with NaN.
fn each(check: impl Fn(Level, (usize, usize), Mat<f32>, &str)) {
    for &level in Level::available() {
        for (rows, cols) in SHAPES {
            let room = Mat::from_fn(rows, cols, |_, _| f32::NAN);
            check(
                level,
                (rows, cols),
                room,
                &format!("{level}, {rows} × {cols}"),
            );
        }
    }
}

#[test]
fn absolute_values_and_signs() {
    each(|level, (rows, cols), mut gradient, what| {
        let x = mat(rows, cols, 1);
        let exact = wide(x.as_slice());
        let got = absolute_sum(level, x.as_ref()).unwrap();
        assert_close(got, exact.iter().map(|x| x.abs()).sum(), what);
        absolute_gradient(level, x.as_ref(), 0.3, gradient.as_mut()).unwrap();
        let sign = |x: &f64| if *x == 0.0 { 0.0 } else { x.signum() };
        assert_all_close(&gradient, exact.iter().map(|x| 0.3 * sign(x)), what);
    });
    let nan = Mat::from_fn(1, 3, |_, _| f32::NAN);
    let mut gradient = nan.clone();
    for &level in Level::available() {
        assert!(absolute_sum(level, nan.as_ref()).unwrap().is_nan());
        absolute_gradient(level, nan.as_ref(), 1.0, gradient.as_mut()).unwrap();
        assert!(gradient.as_slice().iter().all(|x| x.is_nan()));
    }
}

#[test]
fn normal_codes() {
    each(|level, (rows, cols), mut to, what| {
        let [mean, log_variance, noise] = [1, 2, 3].map(|seed| mat(rows, cols, seed));
        let exact = [&mean, &log_variance, &noise].map(|mat| wide(mat.as_slice()));
        let all = || (0..rows * cols).map(|i| [exact[0][i], exact[1][i], exact[2][i]]);

        let got = kl_divergence(level, mean.as_ref(), log_variance.as_ref()).unwrap();
        let want = all().map(|[m, l, _]| reference::kl_divergence(m, l)).sum();
        assert_close(got, want, what);
        let (m, l, e) = (mean.as_ref(), log_variance.as_ref(), noise.as_ref());
        let mut to_mean = to.clone();
        kl_gradient(level, m, l, 0.7, to_mean.as_mut(), to.as_mut()).unwrap();
        assert_all_close(&to_mean, all().map(|[m, _, _]| 0.7 * m), what);
        assert_all_close(&to, all().map(|[_, l, _]| 0.35 * l.exp_m1()), what);

        sample(level, mean.as_ref(), l, e, to.as_mut()).unwrap();
        let want = all().map(|[m, l, e]| reference::sample(m, l, e));
        assert_all_close(&to, want, what);
        sample_gradient_log_variance(level, mean.as_ref(), l, e, to.as_mut()).unwrap();
        let want = all().map(|[dz, l, e]| dz * 0.5 * (0.5 * l).exp() * e);
        assert_all_close(&to, want, what);
    });
}

#[test]
fn contractive_layers() {
    for activation in Activation::ALL.into_iter().filter(|a| a.is_elementwise()) {
        each(|level, (rows, cols), mut gradient, what| {
            let what = format!("{activation}, {what}");
            let (z, weight) = (mat(rows, cols, 1), mat(5, cols, 2));
            let y = |i, j| scalar::apply(activation, f64::from(z[(i, j)])) as f32;
            let saved = match activation.saves() {
                Saves::Input => z.clone(),
                Saves::Output => Mat::from_fn(rows, cols, y),
            };
            let mut norms = vec![f32::NAN; cols];
            column_square_norms(level, weight.as_ref(), &mut norms).unwrap();
            let mut sums = vec![0.5; cols];
            add_squared_slopes(level, activation, saved.as_ref(), &mut sums).unwrap();
            let got = sums
                .iter()
                .zip(&norms)
                .map(|(s, n)| f64::from((s - 0.5) * n));
            let exact = wide(weight.as_slice());
            let z = |i: usize| wide(z.row(i));
            let want = (0..rows).map(|i| reference::contractive(activation, &z(i), &exact));
            let (got, want) = (got.sum::<f64>(), want.sum::<f64>());
            assert!(
                (got - want).abs() <= 2e-5 * (1.0 + want),
                "{what}: {got}, not {want}"
            );

            let (saved, to) = (saved.as_ref(), gradient.as_mut());
            contractive_gradient(level, activation, saved, &norms, 0.3, to).unwrap();
            let want =
                (0..rows).map(|i| reference::contractive_gradient(activation, &z(i), &exact));
            for (i, want) in want.enumerate() {
                for (&got, want) in gradient.row(i).iter().zip(want) {
                    let error = (f64::from(got) - 0.3 * want).abs();
                    // Saturated outputs have lost digits that z has.
                    assert!(error <= 3e-5, "{what}: {got}, not {}", 0.3 * want);
                }
            }
        });
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let level = Level::Portable;
    let (x, mut other) = (mat(2, 3, 1), mat(2, 4, 1));
    assert!(absolute_gradient(level, x.as_ref(), 1.0, other.as_mut()).is_err());
    assert!(absolute_sum(level, x.as_ref().transpose()).is_err());
    assert!(kl_divergence(level, x.as_ref(), other.as_ref()).is_err());
    let mut z = mat(2, 3, 1);
    let x_view = x.as_ref();
    assert!(kl_gradient(level, x_view, x_view, 1.0, z.as_mut(), other.as_mut()).is_err());
    let (a, b) = (x.as_ref(), other.as_ref());
    assert!(sample(level, a, b, a, z.as_mut()).is_err());
    assert!(sample_gradient_log_variance(level, a, a, b, z.as_mut()).is_err());
    assert!(column_square_norms(level, a, &mut [0.0; 2]).is_err());
    for activation in [Activation::Softmax, Activation::Elu { alpha: -1.0 }] {
        assert!(add_squared_slopes(level, activation, a, &mut [0.0; 3]).is_err());
        let to = z.as_mut();
        assert!(contractive_gradient(level, activation, a, &[0.0; 3], 1.0, to).is_err());
    }
    assert!(add_squared_slopes(level, Activation::Relu, a, &mut [0.0; 2]).is_err());
}
