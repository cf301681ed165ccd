//! The first weights of a model.

use super::autoencoder::Autoencoder;
use crate::layer::Initial;
use crate::random::{Generator, Purpose};

/// What the layers want of each parameter ([`Initial`]). All random numbers are drawn
/// from one sequence, in the order of [`Architecture::parameters`](super::Architecture::parameters) and row by row.
pub(super) fn initialise(model: &mut Autoencoder, seed: u64) {
    let mut generator = Generator::new(seed, Purpose::Weights);
    for (index, info) in model.architecture().parameters().iter().enumerate() {
        let mut parameter = model.parameter_mut(index);
        match info.initial {
            Initial::Zeros => parameter.fill(0.0),
            Initial::Ones => parameter.fill(1.0),
            Initial::GlorotUniform { fan_in, fan_out } => {
                let limit = (6.0 / (fan_in as f64 + fan_out as f64)).sqrt() as f32;
                let (rows, cols) = parameter.shape();
                for i in 0..rows {
                    for j in 0..cols {
                        parameter.set(i, j, limit * (2.0 * generator.unit() - 1.0));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fill_the_interval_and_nothing_else() {
        let model = |seed| {
            let builder = Autoencoder::builder().input(100).encoder([50]);
            builder.seed(seed).build().unwrap()
        };
        let weights = |model: &Autoencoder| -> Vec<Vec<f32>> {
            let parameters = model.parameters();
            parameters.map(|(_, mat)| mat.as_slice().to_vec()).collect()
        };
        let limit = (6.0f32 / 150.0).sqrt();
        for (info, mat) in model(7).parameters() {
            let values = mat.as_slice();
            if info.is_bias {
                assert!(values.iter().all(|&x| x == 0.0));
                continue;
            }
            assert!(values.iter().all(|x| x.abs() <= limit));
            let n = values.len() as f32;
            let mean = values.iter().sum::<f32>() / n;
            let variance = values.iter().map(|x| x * x).sum::<f32>() / n;
            // Four standard errors of a uniform distribution.
            assert!(mean.abs() < 4.0 * limit / (3.0 * n).sqrt(), "{mean}");
            assert!(
                (variance * 3.0 / limit.powi(2) - 1.0).abs() < 0.06,
                "{variance}"
            );
        }
        let (first, again, other) = (weights(&model(7)), weights(&model(7)), weights(&model(8)));
        assert_eq!(first, again);
        assert_ne!(first[0], other[0]);
        assert_ne!(first[0][..9], first[2][..9]);
    }
}
