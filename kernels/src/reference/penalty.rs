//! Penalties on activations, and the normal code of a variational model.

use super::activation::{derivative, second_derivative};
use crate::Activation;

/// ‖∂h/∂x‖² of h = act(x·W + b) for one sample, by the entries of the
/// Jacobian. `weight` is in × out, row-major; z = x·W + b.
pub fn contractive(activation: Activation, z: &[f64], weight: &[f64]) -> f64 {
    let entries = weight.iter().enumerate().map(|(ij, w)| {
        let entry = derivative(activation, z[ij % z.len()]) * w;
        entry * entry
    });
    entries.sum()
}

/// The derivative of [`contractive`] with respect to h, as far as it goes
/// through z.
pub fn contractive_gradient(activation: Activation, z: &[f64], weight: &[f64]) -> Vec<f64> {
    let bend = |j: usize| {
        let norm: f64 = weight.iter().skip(j).step_by(z.len()).map(|w| w * w).sum();
        2.0 * norm * second_derivative(activation, z[j])
    };
    (0..z.len()).map(bend).collect()
}

/// KL(N(μ, σ²) ‖ N(0, 1)), in nats.
pub fn kl_divergence(mean: f64, log_variance: f64) -> f64 {
    0.5 * (mean * mean + log_variance.exp_m1() - log_variance)
}

/// KL of a coin that falls on one side with probability `rate` from one with
/// probability `target`: ρ·ln(ρ/ρ̂) + (1 − ρ)·ln((1 − ρ)/(1 − ρ̂)).
pub fn kl_sparsity(target: f64, rate: f64) -> f64 {
    target * (target / rate).ln() + (1.0 - target) * ((1.0 - target) / (1.0 - rate)).ln()
}

/// z = μ + σ·ε
pub fn sample(mean: f64, log_variance: f64, noise: f64) -> f64 {
    mean + (0.5 * log_variance).exp() * noise
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::math::normal_density;

    /// The integral of q·ln(q/p) by the rectangle rule, which is exact to many
    /// digits for smooth functions that vanish at both ends.
    #[test]
    fn the_divergence_is_the_integral_that_defines_it() {
        for (mean, log_variance) in [(0.0, 0.0), (0.7, -1.3), (-2.0, 0.9), (0.1, -4.0)] {
            let deviation = f64::exp(0.5 * log_variance);
            let step = deviation / 64.0;
            let terms = (-64 * 12..=64 * 12).map(|i| {
                let z = mean + step * f64::from(i);
                let q = normal_density((z - mean) / deviation) / deviation;
                let log_q = -0.5 * ((z - mean) / deviation).powi(2) - deviation.ln();
                q * (log_q + 0.5 * z * z) * step
            });
            let (want, got) = (terms.sum::<f64>(), kl_divergence(mean, log_variance));
            assert!((got - want).abs() < 1e-9, "{got}, not {want}");
        }
    }
}
