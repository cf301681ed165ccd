//! Kernels.

pub mod error;
pub mod level;
pub mod mat;
pub mod reference;
pub(crate) mod simd;

pub use error::Error;
pub use level::Level;
pub use mat::{Mat, MatMut, MatRef};
