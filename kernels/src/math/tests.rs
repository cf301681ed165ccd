//! Special values and slices of any length; `tests/accuracy.rs` has the errors.

use super::*;
use crate::reference::math::error_in_ulp;

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
                let error = error_in_ulp(got, f64::from(x).exp(), 0.0);
                assert!(error <= f64::from(EXP_MAX_ULP));
            }
            assert!(got[len].is_nan());
        }
        let error = Function::Exp
            .apply(level, &[1.0; 3], &mut [0.0; 2])
            .unwrap_err();
        assert_eq!(error.to_string(), "to has 2 elements, expected 3");
    }
}
