//! Optimisers: the formulas of [`Optimizer`] as the frameworks write them, one
//! weight at a time, in f64.

use crate::Optimizer;
use crate::optimizer::Convention::PyTorch;

/// The weight after step number `step` (from 1). `state` holds the numbers of
/// [`Optimizer::state_names`], 0 before the first step.
pub fn update(
    optimizer: Optimizer,
    lr: f64,
    step: u64,
    w: f64,
    g: f64,
    state: &mut [f64; 3],
) -> f64 {
    let t = step as f64;
    match optimizer {
        Optimizer::Sgd { momentum: 0.0, .. } => w - lr * g,
        Optimizer::Sgd {
            momentum,
            nesterov,
            convention,
        } => {
            let v = &mut state[0];
            if convention == PyTorch {
                *v = momentum * *v + g;
                w - lr * if nesterov { g + momentum * *v } else { *v }
            } else {
                *v = momentum * *v - lr * g;
                w + if nesterov { momentum * *v - lr * g } else { *v }
            }
        }
        Optimizer::AdamW {
            beta1,
            beta2,
            epsilon,
            weight_decay,
            convention,
        } => {
            let adam = Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
                convention,
            };
            update(adam, lr, step, w - lr * weight_decay * w, g, state)
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
            convention,
        } => {
            let [m, v, _] = state;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            let (correct1, correct2) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
            if convention == PyTorch {
                w - lr * (*m / correct1) / ((*v / correct2).sqrt() + epsilon)
            } else {
                w - lr * correct2.sqrt() / correct1 * *m / (v.sqrt() + epsilon)
            }
        }
        Optimizer::Adadelta { rho, epsilon, .. } => {
            let [v, d, _] = state;
            *v = rho * *v + (1.0 - rho) * g * g;
            let delta = (*d + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
            *d = rho * *d + (1.0 - rho) * delta * delta;
            w - lr * delta
        }
        Optimizer::RmsProp {
            rho,
            epsilon,
            momentum,
            centered,
            convention,
        } => {
            let [v, a, b] = state;
            *v = rho * *v + (1.0 - rho) * g * g;
            *a = rho * *a + (1.0 - rho) * g;
            let variance = if centered { *v - *a * *a } else { *v };
            let u = match convention {
                crate::optimizer::Convention::Keras => g / (variance + epsilon).sqrt(),
                _ => g / (variance.sqrt() + epsilon),
            };
            if convention == PyTorch {
                *b = momentum * *b + u;
                w - lr * *b
            } else {
                *b = momentum * *b + lr * u;
                w - *b
            }
        }
    }
}
