//! Kernels.

pub mod activation;
pub mod convert;
pub mod dense;
pub mod error;
pub mod gemm;
pub mod level;
pub mod loss;
pub mod mat;
pub mod math;
pub mod matrixmultiply;
pub mod optimizer;
pub mod parallel;
pub mod reference;
pub mod rows;
pub(crate) mod simd;
pub mod transpose;
mod tuning;
mod workspace;

pub use activation::Activation;
pub use error::Error;
pub use level::Level;
pub use loss::Loss;
pub use mat::{Mat, MatMut, MatRef};
pub use optimizer::Optimizer;
pub use parallel::{Context, Parallelism};
