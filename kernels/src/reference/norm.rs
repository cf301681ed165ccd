//! Layer normalisation of one sample, by its definition.

/// The mean and 1/√(variance + ε).
pub fn statistics(x: &[f64], epsilon: f64) -> (f64, f64) {
    let count = x.len() as f64;
    let mean = x.iter().sum::<f64>() / count;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// x̂ = (x − mean)/√(variance + ε)
pub fn normalised(x: &[f64], epsilon: f64) -> Vec<f64> {
    let (mean, scale) = statistics(x, epsilon);
    x.iter().map(|x| (x - mean) * scale).collect()
}

/// y = γ ⊙ x̂ + β
pub fn layer(x: &[f64], weight: &[f64], bias: &[f64], epsilon: f64) -> Vec<f64> {
    let scaled = normalised(x, epsilon);
    (0..x.len())
        .map(|j| weight[j] * scaled[j] + bias[j])
        .collect()
}

/// The gradient of x, where `delta` is that of y:
/// dx = (g − mean(g) − x̂·mean(g ⊙ x̂))/√(variance + ε) with g = γ ⊙ δ.
pub fn layer_gradient(x: &[f64], weight: &[f64], delta: &[f64], epsilon: f64) -> Vec<f64> {
    let (_, scale) = statistics(x, epsilon);
    let normalised = normalised(x, epsilon);
    let count = x.len() as f64;
    let g: Vec<f64> = weight.iter().zip(delta).map(|(w, d)| w * d).collect();
    let mean = g.iter().sum::<f64>() / count;
    let projection = g.iter().zip(&normalised).map(|(g, x)| g * x).sum::<f64>() / count;
    (0..x.len())
        .map(|j| (g[j] - mean - normalised[j] * projection) * scale)
        .collect()
}

/// The gradient of γ, δ ⊙ x̂. That of β is δ.
pub fn layer_weight_gradient(x: &[f64], delta: &[f64], epsilon: f64) -> Vec<f64> {
    let normalised = normalised(x, epsilon);
    delta.iter().zip(normalised).map(|(d, x)| d * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let step = 1e-5;
        for features in [1, 2, 7] {
            let number = |i: usize, seed: f64| (i as f64 * 1.7 + seed).sin() * 2.0;
            let vector = |seed| -> Vec<f64> { (0..features).map(|i| number(i, seed)).collect() };
            let (x, weight, bias, delta) = (vector(0.3), vector(1.1), vector(2.9), vector(4.2));
            for epsilon in [1e-5, 1e-3, 0.5] {
                // Σ δ·y, whose gradients are asked for.
                let value = |x: &[f64], weight: &[f64]| -> f64 {
                    let y = layer(x, weight, &bias, epsilon);
                    y.iter().zip(&delta).map(|(y, d)| y * d).sum()
                };
                let dx = layer_gradient(&x, &weight, &delta, epsilon);
                let dw = layer_weight_gradient(&x, &delta, epsilon);
                for j in 0..features {
                    let moved = |from: &[f64], by: f64| {
                        let mut to = from.to_vec();
                        to[j] += by;
                        to
                    };
                    let slope = |plus: f64, minus: f64| (plus - minus) / (2.0 * step);
                    let want = slope(
                        value(&moved(&x, step), &weight),
                        value(&moved(&x, -step), &weight),
                    );
                    assert!((dx[j] - want).abs() <= 1e-7 * (1.0 + want.abs()));
                    let want = slope(
                        value(&x, &moved(&weight, step)),
                        value(&x, &moved(&weight, -step)),
                    );
                    assert!((dw[j] - want).abs() <= 1e-8 * (1.0 + want.abs()));
                }
            }
        }
    }
}
