//! Elementary functions in f64: what `std` has, and what it lacks.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::math::Function;

/// `function` at x.
pub fn apply(function: Function, x: f64) -> f64 {
    match function {
        Function::Exp => x.exp(),
        Function::Expm1 => x.exp_m1(),
        Function::Log => x.ln(),
        Function::Log1p => x.ln_1p(),
        Function::Sigmoid => sigmoid(x),
        Function::Tanh => x.tanh(),
        Function::Softplus => softplus(x),
        Function::Erf => erf(x),
        Function::NormalCdf => normal_cdf(x),
    }
}

/// 1 / (1 + e⁻ˣ)
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)
pub fn softplus(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 2/√π · ∫₀ˣ e^(−t²) dt
///
/// By the series 2/√π · e^(−x²) · Σ 2ⁿ·x^(2n+1) / (1·3·5·…·(2n+1)), whose
/// terms all have one sign (Abramowitz and Stegun 7.1.6), or as 1 − erfc.
pub fn erf(x: f64) -> f64 {
    if x.abs() >= 1.5 {
        return x.signum() - x.signum() * erfc(x.abs());
    }
    let (mut term, mut sum) = (x, x);
    let mut n = 0.0;
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// 1 − erf(x), to full relative accuracy for large x.
///
/// By the continued fraction √π·e^(x²)·erfc(x) = 1/(x + ½/(x + 1/(x + …)))
/// (Abramowitz and Stegun 7.1.14), from its hundredth term upwards.
pub fn erfc(x: f64) -> f64 {
    if x < 1.5 {
        return 1.0 - erf(x);
    }
    if x > 28.0 {
        // e^(−x²) is 0 in f64, and most f32 lie here.
        return 0.0;
    }
    let fraction = (1..=100).rev().fold(x, |f, n| x + 0.5 * f64::from(n) / f);
    0.5 * FRAC_2_SQRT_PI * (-x * x).exp() / fraction
}

/// Φ(x), the normal distribution's share below x.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// e^(−x²/2) / √(2π), the normal distribution's density.
pub fn normal_density(x: f64) -> f64 {
    0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * x * x).exp()
}

/// Distance from `want` in units of the spacing of `f32` there, or at `at_least`
/// where that is larger in magnitude: 0 for the plain error in ULP, which for a
/// subnormal `want` counts in steps of 2⁻¹⁴⁹. ∞ counts as 2¹²⁸, the number
/// after the largest. Two NaN are 0 apart, a NaN from a number ∞.
#[inline]
pub fn error_in_ulp(got: f32, want: f64, at_least: f64) -> f64 {
    let beyond = f64::from_bits((1023 + 128) << 52); // 2¹²⁸
    let (got, limited) = (
        f64::from(got).clamp(-beyond, beyond),
        want.clamp(-beyond, beyond),
    );
    let magnitude = limited.abs().max(at_least);
    // 2^(23 − exponent), exactly.
    let exponent = (magnitude.to_bits() >> 52).clamp(1023 - 126, 1023 + 127);
    let inverse_spacing = f64::from_bits((2 * 1023 + 23 - exponent) << 52);
    let error = (got - limited).abs() * inverse_spacing;
    match (got.is_nan(), want.is_nan()) {
        (false, false) => error,
        (true, true) => 0.0,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ruler_measures() {
        let ulp = |got, want| error_in_ulp(got, want, 0.0);
        assert_eq!(ulp(1.0, 1.0), 0.0);
        assert_eq!(ulp(1.0 + f32::EPSILON, 1.0), 1.0);
        assert_eq!(ulp(1e-45, 0.0), 1.0);
        assert_eq!(ulp(-1e-45, 1e-310), 1.0);
        assert_eq!(ulp(f32::INFINITY, f64::from(f32::MAX)), 1.0);
        assert_eq!(ulp(f32::INFINITY, f64::INFINITY), 0.0);
        assert_eq!(ulp(f32::NAN, f64::NAN), 0.0);
        assert_eq!(ulp(f32::NAN, 0.0), f64::INFINITY);
        assert_eq!(ulp(0.0, f64::NAN), f64::INFINITY);
        assert_eq!(error_in_ulp(f32::EPSILON, 0.0, 1.0), 1.0);
        assert_eq!(error_in_ulp(8.0, 4.0, 1.0), 2f64.powi(23));
    }

    /// Values to 17 digits, from 40-digit arithmetic.
    #[test]
    fn error_function_has_its_tabulated_values() {
        let close = |got: f64, want: f64, bound: f64| {
            let error = (got / want - 1.0).abs();
            assert!(error <= bound, "{got:e}, not {want:e}");
        };
        for (x, want) in [
            (1e-300, 1.128_379_167_095_512_6e-300),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (1.499, 0.965_986_037_651_856_7),
            (2.0, 0.995_322_265_018_952_7),
        ] {
            close(erf(x), want, 1e-15);
            close(erf(-x), -want, 1e-15);
        }
        for (x, want) in [
            (-1.0, 1.842_700_792_949_715),
            (1.499, 0.034_013_962_348_143_33),
            (1.5, 0.033_894_853_524_689_273),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_034_8e-12),
            (10.0, 2.088_487_583_762_545e-45),
        ] {
            close(erfc(x), want, 2e-14);
        }
        assert_eq!(erf(f64::INFINITY), 1.0);
        assert_eq!(erfc(f64::NEG_INFINITY), 2.0);
        assert!(erf(f64::NAN).is_nan() && normal_cdf(f64::NAN).is_nan());
        close(normal_cdf(-1.0), 0.158_655_253_931_457_05, 1e-14);
        close(normal_density(1.0), 0.241_970_724_519_143_37, 1e-14);
    }
}
