//! What several of the tests need.
#![allow(dead_code, reason = "each test uses some of it")]

use autoencoder::{Autoencoder, Mat};

/// The bits of the numbers, which tell 0 from −0 and one NaN from another.
pub(crate) fn bits(mat: &Mat<f32>) -> Vec<u32> {
    mat.as_slice().iter().map(|x| x.to_bits()).collect()
}

/// The bits of all parameters.
pub(crate) fn model_bits(model: &Autoencoder) -> Vec<u32> {
    model.parameters().flat_map(|(_, mat)| bits(mat)).collect()
}
