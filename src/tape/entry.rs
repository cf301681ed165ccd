//! [`Entry`]: one parameter's numbers, and what the optimiser knows of them.

use autoencoder_kernels::Mat;
use autoencoder_kernels::optimizer::OptimizerState;

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Mat<f32>,
    /// None before the first step.
    pub(super) state: Option<OptimizerState>,
}
