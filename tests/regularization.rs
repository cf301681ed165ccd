//! Penalties on models: what they do to codes and weights, what is reported of
//! them, and what is refused.

use autoencoder::data::{Dataset, digits};
use autoencoder::model::{FitOptions, Regularization, Sparsity};
use autoencoder::{Activation, Autoencoder, Mat, Optimizer};

fn data() -> (Dataset, Dataset) {
    let digits = digits();
    let part = |range| digits.slice(range).unwrap();
    (part(0..1_000), part(1_000..1_200))
}

/// Six epochs, with Adam's learning rate raised tenfold: they are short.
fn fit(activation: Activation, optimizer: Optimizer, regularization: Regularization) -> Fitted {
    let (train, test) = data();
    let builder = Autoencoder::builder().input(784).encoder([24]);
    let mut model = builder.hidden(activation).build().unwrap();
    let options = FitOptions {
        epochs: 6,
        batch_size: 50,
        optimizer,
        learning_rate: Some(0.01),
        validation: Some(test.clone()),
        regularization,
        ..FitOptions::default()
    };
    let history = model.fit(&train, &options).unwrap();
    let codes = model.encode(&test).unwrap();
    let last = history.epochs.last().unwrap().clone();
    let names = last.figures.iter().map(|figure| figure.name.to_string());
    Fitted {
        figures: names.zip(last.figures.iter().map(|f| f.value)).collect(),
        loss: last.loss,
        val_loss: last.val_loss.unwrap(),
        codes,
        model,
    }
}

struct Fitted {
    model: Autoencoder,
    codes: Mat<f32>,
    loss: f64,
    val_loss: f64,
    figures: Vec<(String, f64)>,
}

impl Fitted {
    fn figure(&self, name: &str) -> f64 {
        let figure = self.figures.iter().find(|(other, _)| other == name);
        figure.unwrap_or_else(|| panic!("{name} is missing")).1
    }

    fn weight(&self) -> Vec<f64> {
        let (_, mat) = self.model.parameters().next().unwrap();
        mat.as_slice().iter().map(|&w| f64::from(w)).collect()
    }

    /// Fails unless the losses are the reconstruction's and this factor times
    /// the part of this name.
    fn check_parts(&self, name: &str, factor: f64) {
        for (loss, prefix) in [(self.loss, ""), (self.val_loss, "val_")] {
            let reconstruction = self.figure(&format!("{prefix}reconstruction"));
            let sum = reconstruction + factor * self.figure(&format!("{prefix}{name}"));
            assert!((loss - sum).abs() < 1e-6, "{loss}, not {sum}");
        }
    }
}

fn mean(numbers: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = numbers.len() as f64;
    numbers.sum::<f64>() / count
}

#[test]
fn an_l1_penalty_makes_codes_small() {
    let fit = |code_l1| {
        let regularization = Regularization {
            code_l1,
            ..Regularization::default()
        };
        fit(Activation::Relu, Optimizer::adam_keras(), regularization)
    };
    let (plain, sparse) = (fit(None), fit(Some(1e-3)));
    assert!(plain.figures.is_empty(), "{:?}", plain.figures);
    sparse.check_parts("code_l1", f64::from(1e-3f32));
    let size = |fitted: &Fitted| {
        let codes = fitted.codes.as_slice().iter();
        24.0 * mean(codes.map(|&h| f64::from(h.abs())))
    };
    assert!(size(&sparse) < 0.8 * size(&plain));
    let (got, want) = (sparse.figure("val_code_l1"), size(&sparse));
    assert!((got - want).abs() < 1e-4 * want, "{got}, not {want}");
}

#[test]
fn a_kl_penalty_brings_mean_activations_to_their_target() {
    let fit = |factor: Option<f32>| {
        let code_kl = factor.map(|factor| Sparsity {
            target: 0.1,
            factor,
        });
        let regularization = Regularization {
            code_kl,
            ..Regularization::default()
        };
        fit(Activation::Sigmoid, Optimizer::adam_keras(), regularization)
    };
    let far = |fitted: &Fitted| {
        let rates = (0..24).map(|j| mean((0..200).map(|i| f64::from(fitted.codes[(i, j)]))));
        mean(rates.map(|rate| (rate - 0.1).abs()))
    };
    let (plain, sparse) = (fit(None), fit(Some(0.05)));
    sparse.check_parts("code_kl", f64::from(0.05f32));
    assert!(far(&sparse) < 0.1 && far(&plain) > 0.2);
}

#[test]
fn a_contractive_penalty_makes_the_jacobian_small() {
    let fit = |contractive| {
        let regularization = Regularization {
            contractive,
            ..Regularization::default()
        };
        // Sigmoids that saturate have a small Jacobian by themselves.
        fit(
            Activation::Softplus,
            Optimizer::adam_keras(),
            regularization,
        )
    };
    let (plain, contractive) = (fit(None), fit(Some(0.01)));
    contractive.check_parts("contractive", f64::from(0.01f32));
    // ‖J‖² entry by entry: (1 − e⁻ʰ)·W.
    let jacobian = |fitted: &Fitted| {
        let weight = fitted.weight();
        mean((0..200).map(|row| {
            let code = fitted.codes.row(row);
            let entries = weight.iter().enumerate().map(|(ij, w)| {
                let h = f64::from(code[ij % 24]);
                ((1.0 - (-h).exp()) * w).powi(2)
            });
            entries.sum::<f64>()
        }))
    };
    let (small, large) = (jacobian(&contractive), jacobian(&plain));
    assert!(small < 0.5 * large, "{small}, {large}");
    let (got, want) = (
        contractive.figure("val_contractive"),
        jacobian(&contractive),
    );
    assert!((got - want).abs() < 1e-4 * want, "{got}, not {want}");
}

#[test]
fn weight_decay_makes_weights_small_in_adamw_too() {
    let norm = |optimizer: Optimizer, weight_decay| {
        let regularization = Regularization {
            weight_decay,
            ..Regularization::default()
        };
        let fitted = fit(Activation::Relu, optimizer, regularization);
        let name = fitted.model.training().unwrap().optimizer.clone();
        let squares = fitted.weight().into_iter().map(|w| w * w);
        (squares.sum::<f64>(), name)
    };
    for optimizer in [Optimizer::adam_keras(), Optimizer::sgd()] {
        let (plain, decayed) = (norm(optimizer, None), norm(optimizer, Some(0.05)));
        assert!(
            decayed.0 < 0.99 * plain.0,
            "{optimizer}: {decayed:?}, {plain:?}"
        );
    }
    let adamw = Optimizer::adamw_keras();
    let (own, given) = (norm(adamw, None), norm(adamw, Some(1.0)));
    assert!(given.0 < 0.95 * own.0, "{given:?}, {own:?}");
    assert!(given.1.contains('1'), "{}", given.1);
}

#[test]
fn what_makes_no_sense_is_an_error_that_says_so() {
    let (train, _) = data();
    let none = Regularization::default();
    for (widths, hidden, regularization, says) in [
        (
            &[8, 4][..],
            Activation::Sigmoid,
            Regularization {
                contractive: Some(0.1),
                ..none
            },
            "encoder layers under a contractive penalty is 2",
        ),
        (
            &[4],
            Activation::Softmax,
            Regularization {
                contractive: Some(0.1),
                ..none
            },
            "softmax",
        ),
        (
            &[4],
            Activation::Relu,
            Regularization {
                code_kl: Some(Sparsity {
                    target: 0.1,
                    factor: 1.0,
                }),
                ..none
            },
            "relu, expected sigmoid",
        ),
        (
            &[4],
            Activation::Relu,
            Regularization {
                code_l1: Some(-1.0),
                ..none
            },
            "positive",
        ),
        (
            &[4],
            Activation::Relu,
            Regularization {
                weight_decay: Some(f64::NAN),
                ..none
            },
            "the weight decay is NaN",
        ),
        (
            &[4],
            Activation::Relu,
            Regularization {
                beta: Some(1.0),
                ..none
            },
            "not variational",
        ),
    ] {
        let builder = Autoencoder::builder().input(784).encoder(widths);
        let mut model = builder.hidden(hidden).build().unwrap();
        let options = FitOptions {
            regularization,
            ..FitOptions::default()
        };
        let error = model.fit(&train, &options).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
}
