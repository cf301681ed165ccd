//! The frameworks' usual parameters.

use super::{Convention, Optimizer};

impl Optimizer {
    /// Every optimiser in every convention, with its usual parameters.
    pub const ALL: [Optimizer; 15] = [
        Optimizer::sgd(),
        Optimizer::momentum(0.9),
        Optimizer::nesterov(0.9),
        Optimizer::momentum_pytorch(0.9),
        Optimizer::nesterov_pytorch(0.9),
        Optimizer::adam_keras(),
        Optimizer::adam_pytorch(),
        Optimizer::adamw_keras(),
        Optimizer::adamw_pytorch(),
        Optimizer::adadelta_keras3(),
        Optimizer::adadelta_keras2(),
        Optimizer::adadelta_pytorch(),
        Optimizer::rmsprop_keras(),
        Optimizer::rmsprop_keras2(),
        Optimizer::rmsprop_pytorch(),
    ];

    /// Plain gradient descent.
    pub const fn sgd() -> Self {
        Self::momentum(0.0)
    }

    /// Gradient descent with momentum, Keras' way.
    pub const fn momentum(momentum: f64) -> Self {
        Optimizer::Sgd {
            momentum,
            nesterov: false,
            convention: Convention::Keras,
        }
    }

    /// Gradient descent with Nesterov's momentum, Keras' way.
    pub const fn nesterov(momentum: f64) -> Self {
        Optimizer::Sgd {
            momentum,
            nesterov: true,
            convention: Convention::Keras,
        }
    }

    /// Gradient descent with momentum, PyTorch's way.
    pub const fn momentum_pytorch(momentum: f64) -> Self {
        Optimizer::Sgd {
            momentum,
            nesterov: false,
            convention: Convention::PyTorch,
        }
    }

    /// Gradient descent with Nesterov's momentum, PyTorch's way.
    pub const fn nesterov_pytorch(momentum: f64) -> Self {
        Optimizer::Sgd {
            momentum,
            nesterov: true,
            convention: Convention::PyTorch,
        }
    }

    /// Adam with Keras' ε = 1e-7.
    pub const fn adam_keras() -> Self {
        Optimizer::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            convention: Convention::Keras,
        }
    }

    /// Adam with PyTorch's ε = 1e-8.
    pub const fn adam_pytorch() -> Self {
        Optimizer::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            convention: Convention::PyTorch,
        }
    }

    /// AdamW with Keras' weight decay of 0.004.
    pub const fn adamw_keras() -> Self {
        Optimizer::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.004,
            convention: Convention::Keras,
        }
    }

    /// AdamW with PyTorch's weight decay of 0.01.
    pub const fn adamw_pytorch() -> Self {
        Optimizer::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            convention: Convention::PyTorch,
        }
    }

    /// Adadelta of Keras 3: ρ = 0.95, ε = 1e-7, learning rate 0.001.
    pub const fn adadelta_keras3() -> Self {
        Optimizer::Adadelta {
            rho: 0.95,
            epsilon: 1e-7,
            convention: Convention::Keras,
        }
    }

    /// Adadelta of Keras 2: ρ = 0.95, ε = 1e-7, learning rate 1.
    pub const fn adadelta_keras2() -> Self {
        Optimizer::Adadelta {
            rho: 0.95,
            epsilon: 1e-7,
            convention: Convention::Keras2,
        }
    }

    /// Adadelta of PyTorch: ρ = 0.9, ε = 1e-6, learning rate 1.
    pub const fn adadelta_pytorch() -> Self {
        Optimizer::Adadelta {
            rho: 0.9,
            epsilon: 1e-6,
            convention: Convention::PyTorch,
        }
    }

    /// RMSprop of Keras 3: ρ = 0.9, ε = 1e-7 inside the root.
    pub const fn rmsprop_keras() -> Self {
        Self::rmsprop(0.9, 1e-7, Convention::Keras)
    }

    /// RMSprop of Keras 2: ρ = 0.9, ε = 1e-7 outside the root.
    pub const fn rmsprop_keras2() -> Self {
        Self::rmsprop(0.9, 1e-7, Convention::Keras2)
    }

    /// RMSprop of PyTorch: ρ = 0.99, ε = 1e-8 outside the root.
    pub const fn rmsprop_pytorch() -> Self {
        Self::rmsprop(0.99, 1e-8, Convention::PyTorch)
    }

    const fn rmsprop(rho: f64, epsilon: f64, convention: Convention) -> Self {
        Optimizer::RmsProp {
            rho,
            epsilon,
            momentum: 0.0,
            centered: false,
            convention,
        }
    }

    /// The learning rate that the framework uses if it is told none.
    pub const fn default_learning_rate(self) -> f32 {
        use Convention::{Keras, Keras2, PyTorch};
        match (self, self.convention()) {
            (Optimizer::Sgd { .. }, Keras | Keras2) => 0.01,
            (Optimizer::Sgd { .. }, PyTorch) => 0.001,
            (Optimizer::Adam { .. } | Optimizer::AdamW { .. }, _) => 0.001,
            (Optimizer::Adadelta { .. }, Keras) => 0.001,
            (Optimizer::Adadelta { .. }, Keras2 | PyTorch) => 1.0,
            (Optimizer::RmsProp { .. }, Keras | Keras2) => 0.001,
            (Optimizer::RmsProp { .. }, PyTorch) => 0.01,
        }
    }
}
