//! Every function at every level against f64, with the published bounds.

use super::*;
use crate::reference::math as reference;

/// Distance from `want` in units of the spacing of `f32` there. ∞ counts as
/// 2¹²⁸, the number after the largest.
pub(crate) fn error_in_ulp(got: f32, want: f64) -> f64 {
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let beyond = 128f64.exp2();
    let want = want.clamp(-beyond, beyond);
    let got = f64::from(got).clamp(-beyond, beyond);
    let exponent = ((want.to_bits() >> 52 & 0x7ff) as i64 - 1023).clamp(-126, 127);
    // 2^−(exponent − 23), exactly.
    let inverse_spacing = f64::from_bits(((1023 + 23 - exponent) as u64) << 52);
    (got - want).abs() * inverse_spacing
}

/// The largest error that was seen, and where.
#[derive(Clone, Copy, Debug)]
struct Worst {
    level: Level,
    ulp: f64,
    x: f32,
}

impl Worst {
    fn none() -> Vec<Worst> {
        let none = |&level| Worst {
            level,
            ulp: 0.0,
            x: 0.0,
        };
        Level::available().iter().map(none).collect()
    }

    fn update(all: &mut [Worst], function: Function, x: &[f32]) {
        let want: Vec<f64> = x
            .iter()
            .map(|&x| reference::apply(function, f64::from(x)))
            .collect();
        let mut got = vec![f32::NAN; x.len()];
        for worst in all {
            got.fill(f32::NAN);
            function.apply(worst.level, x, &mut got).unwrap();
            for ((&x, &got), &want) in x.iter().zip(&got).zip(&want) {
                let ulp = error_in_ulp(got, want);
                if ulp > worst.ulp {
                    *worst = Worst { ulp, x, ..*worst };
                }
            }
        }
    }

    fn check(all: &[Worst], function: Function) {
        for worst in all {
            let Worst { level, ulp, x } = worst;
            println!("{function:?} at {level}: {ulp:.3} ULP for x = {x:e}");
        }
        for Worst { level, ulp, x } in all {
            let bound = f64::from(function.max_ulp());
            assert!(
                *ulp <= bound,
                "{function:?} at {level}: {ulp} ULP for x = {x:e}, not {bound}"
            );
        }
    }
}

#[test]
fn every_1024th_float_is_within_the_bound() {
    for function in Function::ALL {
        let mut worst = Worst::none();
        for chunk in 0..1 << 10 {
            // An odd offset, so that not all mantissas end with zeros.
            let x: Vec<f32> = (0..1 << 12)
                .map(|i| f32::from_bits(chunk << 22 | i << 10 | (i * 37 + chunk) & 0x3ff))
                .collect();
            Worst::update(&mut worst, function, &x);
        }
        Worst::check(&worst, function);
    }
}

#[test]
fn neighbours_of_special_points_are_within_the_bound() {
    // Zero, limits of the polynomials and of the reductions, under- and
    // overflow of each function.
    let mut points = vec![
        0.0,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        0.5,
        1.0,
        1.5,
        2.0,
        4.0,
    ];
    points.extend([
        0.346_573_6,
        std::f32::consts::LN_2,
        1.039_720_8,
        std::f32::consts::SQRT_2,
        0.707_106_77,
    ]);
    points.extend([
        17.3, 20.0, 14.6, 14.17, 13.2, 87.3, 88.37, 88.72, 89.0, 103.28, 103.97, 104.0,
    ]);
    points.extend((-30..30).map(|e| (e as f32).exp2()));
    for function in Function::ALL {
        let mut worst = Worst::none();
        for point in points.iter().flat_map(|&x: &f32| [x, -x]) {
            let x: Vec<f32> = (-1000i32..=1000)
                .map(|d| f32::from_bits(point.to_bits().wrapping_add_signed(d)))
                .collect();
            Worst::update(&mut worst, function, &x);
        }
        Worst::check(&worst, function);
    }
}

/// `cargo test --release -p autoencoder-kernels every_float -- --ignored --nocapture`
#[test]
#[ignore = "all 2³² floats: some minutes for each function"]
fn every_float_is_within_the_bound() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    for function in Function::ALL {
        let next = AtomicU32::new(0);
        let work = || {
            let mut worst = Worst::none();
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if chunk >= 1 << 20 {
                    return worst;
                }
                let x: Vec<f32> = (0..1 << 12)
                    .map(|i| f32::from_bits(chunk << 12 | i))
                    .collect();
                Worst::update(&mut worst, function, &x);
            }
        };
        let mut worst = Worst::none();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                for (worst, other) in worst.iter_mut().zip(worker.join().unwrap()) {
                    if other.ulp > worst.ulp {
                        *worst = other;
                    }
                }
            }
        });
        Worst::check(&worst, function);
    }
}

#[test]
fn special_values_are_exact() {
    let inf = f32::INFINITY;
    let nan = f32::NAN;
    #[rustfmt::skip]
    let table: [(Function, &[(f32, f32)]); 9] = [
        (Function::Exp, &[(0.0, 1.0), (-0.0, 1.0), (-inf, 0.0), (inf, inf), (1e30, inf), (-1e30, 0.0)]),
        (Function::Expm1, &[(0.0, 0.0), (-0.0, -0.0), (-inf, -1.0), (inf, inf), (1e-45, 1e-45)]),
        (Function::Log, &[(1.0, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-1e-45, nan), (-inf, nan)]),
        (Function::Log1p, &[(0.0, 0.0), (-0.0, -0.0), (-1.0, -inf), (-1.5, nan), (inf, inf), (-inf, nan), (1e-45, 1e-45)]),
        (Function::Sigmoid, &[(0.0, 0.5), (-0.0, 0.5), (-inf, 0.0), (inf, 1.0)]),
        (Function::Tanh, &[(0.0, 0.0), (-0.0, -0.0), (-inf, -1.0), (inf, 1.0), (1e-45, 1e-45)]),
        (Function::Softplus, &[(-inf, 0.0), (inf, inf), (1e30, 1e30)]),
        (Function::Erf, &[(0.0, 0.0), (-0.0, -0.0), (-inf, -1.0), (inf, 1.0), (1e-45, 1e-45)]),
        (Function::NormalCdf, &[(0.0, 0.5), (-0.0, 0.5), (-inf, 0.0), (inf, 1.0)]),
    ];
    assert_eq!(table.map(|(function, _)| function), Function::ALL);
    for (function, pairs) in table {
        for &level in Level::available() {
            for &(x, want) in pairs.iter().chain(&[(nan, nan), (-nan, nan)]) {
                let mut got = [7.0];
                function.apply(level, &[x], &mut got).unwrap();
                let same = got[0].to_bits() == want.to_bits() || got[0].is_nan() && want.is_nan();
                assert!(
                    same,
                    "{function:?}({x}) is {} at {level}, not {want}",
                    got[0]
                );
            }
        }
    }
}

#[test]
fn every_length_is_written_and_nothing_else() {
    for &level in Level::available() {
        for len in 0..=67 {
            let x: Vec<f32> = (0..len).map(|i| i as f32 * 0.1 - 2.0).collect();
            let mut got = vec![f32::NAN; len + 1];
            Function::Exp.apply(level, &x, &mut got[..len]).unwrap();
            for (&x, &got) in x.iter().zip(&got) {
                assert!(error_in_ulp(got, f64::from(x).exp()) <= f64::from(EXP_MAX_ULP));
            }
            assert!(got[len].is_nan());
        }
        let error = Function::Exp
            .apply(level, &[1.0; 3], &mut [0.0; 2])
            .unwrap_err();
        assert_eq!(error.to_string(), "to has 2 elements, expected 3");
    }
}

#[test]
fn the_ruler_measures() {
    assert_eq!(error_in_ulp(1.0, 1.0), 0.0);
    assert_eq!(error_in_ulp(1.0 + f32::EPSILON, 1.0), 1.0);
    assert_eq!(error_in_ulp(1e-45, 0.0), 1.0);
    assert_eq!(error_in_ulp(f32::INFINITY, f64::from(f32::MAX)), 1.0);
    assert_eq!(error_in_ulp(f32::INFINITY, f64::INFINITY), 0.0);
    assert_eq!(error_in_ulp(f32::NAN, 0.0), f64::INFINITY);
    assert_eq!(error_in_ulp(0.0, f64::NAN), f64::INFINITY);
}
