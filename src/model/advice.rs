//! What one may want to know before training: nothing here is an error.

use autoencoder_kernels::optimizer::{Convention, Optimizer};

use super::fit::FitOptions;

impl FitOptions {
    /// Warnings, a line each, about choices that are allowed but hardly meant.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Optimizer::Adadelta { convention, .. } = self.optimizer
            && self.effective_learning_rate() <= 0.01
        {
            let rate = self.effective_learning_rate();
            let whose = match convention {
                Convention::Keras if rate == 0.001 => ", Keras 3's default,",
                _ => "",
            };
            warnings.push(format!(
                "Adadelta with learning rate {rate}{whose} hardly learns: Adadelta finds the \
                 size of its steps by itself and means a learning rate of 1, as Zeiler's paper \
                 and Keras 2 have it (adadelta-keras2, or --learning-rate 1)"
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_adadelta_is_warned_of() {
        let of = |optimizer: Optimizer, learning_rate: Option<f32>| {
            let options = FitOptions {
                optimizer,
                learning_rate,
                ..FitOptions::default()
            };
            options.warnings().join(" ")
        };
        let keras = of(Optimizer::adadelta_keras3(), None);
        assert!(keras.contains("0.001, Keras 3's default,"), "{keras}");
        assert!(of(Optimizer::adadelta_keras2(), Some(0.01)).contains("hardly learns"));
        assert_eq!(of(Optimizer::adadelta_keras3(), Some(1.0)), "");
        assert_eq!(of(Optimizer::adadelta_keras2(), None), "");
        assert_eq!(of(Optimizer::adam_keras(), None), "");
    }
}
