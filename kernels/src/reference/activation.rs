//! Activations, their derivatives, and softmax over a row.

use super::math::{normal_cdf, normal_density, sigmoid, softplus};
use crate::activation::Activation;

/// λ and α of selu. (Klambauer et al. 2017)
const LAMBDA: f64 = 1.050_700_987_355_480_5;
const ALPHA: f64 = 1.673_263_242_354_377_2;
/// √(2/π), of gelu's tanh form.
const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;

/// act(z); softmax, which needs a row, as the identity.
pub fn apply(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Identity | Activation::Softmax => z,
        Activation::Relu => {
            if z <= 0.0 {
                0.0
            } else {
                z
            }
        }
        Activation::LeakyRelu { slope } => {
            if z <= 0.0 {
                f64::from(slope) * z
            } else {
                z
            }
        }
        Activation::Elu { alpha } => {
            if z <= 0.0 {
                f64::from(alpha) * z.exp_m1()
            } else {
                z
            }
        }
        Activation::Selu => LAMBDA * if z <= 0.0 { ALPHA * z.exp_m1() } else { z },
        Activation::Sigmoid => sigmoid(z),
        Activation::Tanh => z.tanh(),
        Activation::Softplus => softplus(z),
        Activation::Gelu => z * normal_cdf(z),
        // ½·(1 + tanh u) = sigmoid(2u), which does not cancel.
        Activation::GeluTanh => z * sigmoid(2.0 * gelu_argument(z)),
        Activation::Silu => z * sigmoid(z),
    }
}

/// act′(z)
pub fn derivative(activation: Activation, z: f64) -> f64 {
    let step = if z > 0.0 { 1.0 } else { 0.0 };
    match activation {
        Activation::Identity | Activation::Softmax => 1.0,
        Activation::Relu => step,
        Activation::LeakyRelu { slope } => {
            if z > 0.0 {
                1.0
            } else {
                f64::from(slope)
            }
        }
        Activation::Elu { alpha } => {
            if z > 0.0 {
                1.0
            } else {
                f64::from(alpha) * z.exp()
            }
        }
        Activation::Selu => LAMBDA * if z > 0.0 { 1.0 } else { ALPHA * z.exp() },
        Activation::Sigmoid => sigmoid(z) * sigmoid(-z),
        Activation::Tanh => 1.0 / z.cosh().powi(2),
        Activation::Softplus => sigmoid(z),
        Activation::Gelu => normal_cdf(z) + z * normal_density(z),
        Activation::GeluTanh => {
            let y = sigmoid(2.0 * gelu_argument(z));
            let inner = 2.0 * SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044715 * z * z);
            y + z * y * (1.0 - y) * inner
        }
        Activation::Silu => sigmoid(z) * (1.0 + z * sigmoid(-z)),
    }
}

/// act′ from what the activation saves ([`Activation::saves`]), y or z.
pub fn derivative_of_saved(activation: Activation, saved: f64) -> f64 {
    let below = |value: f64| if saved > 0.0 { 1.0 } else { value };
    match activation {
        Activation::Elu { alpha } => below(saved + f64::from(alpha)),
        Activation::Selu if saved > 0.0 => LAMBDA,
        Activation::Selu => saved + LAMBDA * ALPHA,
        Activation::Sigmoid => saved * (1.0 - saved),
        Activation::Tanh => 1.0 - saved * saved,
        Activation::Softplus => -(-saved).exp_m1(),
        // Those of z; and steps, for which y has the sign of z.
        _ => derivative(activation, saved),
    }
}

/// act″(z); at a kink, that of its left
pub fn second_derivative(activation: Activation, z: f64) -> f64 {
    let below = |value: f64| if z > 0.0 { 0.0 } else { value };
    match activation {
        Activation::Identity
        | Activation::Softmax
        | Activation::Relu
        | Activation::LeakyRelu { .. } => 0.0,
        Activation::Elu { alpha } => below(f64::from(alpha) * z.exp()),
        Activation::Selu => below(LAMBDA * ALPHA * z.exp()),
        Activation::Sigmoid => sigmoid(z) * sigmoid(-z) * (1.0 - 2.0 * sigmoid(z)),
        Activation::Tanh => -2.0 * z.tanh() / z.cosh().powi(2),
        Activation::Softplus => sigmoid(z) * sigmoid(-z),
        Activation::Gelu => normal_density(z) * (2.0 - z * z),
        Activation::GeluTanh => {
            let y = sigmoid(2.0 * gelu_argument(z));
            let inner = 2.0 * SQRT_2_OVER_PI * (1.0 + 3.0 * 0.044715 * z * z);
            let inner_slope = 2.0 * SQRT_2_OVER_PI * 6.0 * 0.044715 * z;
            let bend = inner_slope + (1.0 - 2.0 * y) * inner * inner;
            y * (1.0 - y) * (2.0 * inner + z * bend)
        }
        Activation::Silu => {
            let y = sigmoid(z);
            y * sigmoid(-z) * (2.0 + z * (1.0 - 2.0 * y))
        }
    }
}

fn gelu_argument(z: f64) -> f64 {
    SQRT_2_OVER_PI * (z + 0.044715 * z.powi(3))
}

/// e^zᵢ / Σⱼ e^zⱼ
pub fn softmax(z: &[f64]) -> Vec<f64> {
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
    z.iter().map(|z| (z - largest).exp() / sum).collect()
}

/// Softmax's Jacobian times dy: δᵢ = yᵢ·(dyᵢ − Σⱼ dyⱼ·yⱼ).
pub fn softmax_backward(y: &[f64], dy: &[f64]) -> Vec<f64> {
    let dot: f64 = y.iter().zip(dy).map(|(y, dy)| y * dy).sum();
    y.iter().zip(dy).map(|(y, dy)| y * (dy - dot)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Saves;

    #[test]
    fn derivatives_match_central_differences() {
        for activation in Activation::ALL.into_iter().chain([
            Activation::LeakyRelu { slope: 0.3 },
            Activation::Elu { alpha: 0.7 },
        ]) {
            for i in -400..=400 {
                // Beside 0, where some have no derivative or no second one.
                let (z, h) = (f64::from(i) * 0.025 + 0.01, 1e-5);
                let f = |z| apply(activation, z);
                let want = (f(z + h) - f(z - h)) / (2.0 * h);
                let got = derivative(activation, z);
                let saved = match activation.saves() {
                    Saves::Input => z,
                    Saves::Output => f(z),
                };
                let from_saved = derivative_of_saved(activation, saved);
                assert!(
                    (from_saved - got).abs() < 1e-14,
                    "{activation}′ at {z}: {from_saved} from what is saved, not {got}"
                );
                assert!(
                    (got - want).abs() < 1e-8,
                    "{activation} at {z}: {got}, not {want}"
                );
                let f = |z| derivative(activation, z);
                let want = (f(z + h) - f(z - h)) / (2.0 * h);
                let got = second_derivative(activation, z);
                assert!(
                    (got - want).abs() < 1e-8,
                    "{activation}″ at {z}: {got}, not {want}"
                );
            }
        }
    }

    #[test]
    fn kinks_are_where_the_derivative_jumps() {
        for activation in Activation::ALL {
            for i in -40..=40 {
                let z = i as f32 * 0.25;
                let (left, right) = (f64::from(z) - 1e-9, f64::from(z) + 1e-9);
                let jump = derivative(activation, right) - derivative(activation, left);
                let is_kink = activation.kinks().contains(&z);
                assert_eq!(jump.abs() > 1e-6, is_kink, "{activation} at {z}");
            }
        }
    }

    #[test]
    fn softmax_backward_matches_central_differences() {
        let (z, dy) = ([0.3, -1.2, 2.0, 0.0], [1.0, -0.5, 0.25, 2.0]);
        let loss = |z: &[f64]| -> f64 { softmax(z).iter().zip(dy).map(|(y, dy)| y * dy).sum() };
        let delta = softmax_backward(&softmax(&z), &dy);
        for i in 0..z.len() {
            let (mut above, mut below) = (z, z);
            above[i] += 1e-5;
            below[i] -= 1e-5;
            let want = (loss(&above) - loss(&below)) / 2e-5;
            assert!(
                (delta[i] - want).abs() < 1e-9,
                "{i}: {}, not {want}",
                delta[i]
            );
        }
    }
}
