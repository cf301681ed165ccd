//! The specification: every public kernel written naively, in f64, short
//! enough to read. Tests compare each kernel at each level with these.

pub mod activation;
pub mod dense;
pub mod gemm;
pub mod loss;
pub mod math;
pub mod noise;
pub mod norm;
pub mod optimizer;
pub mod penalty;
pub mod random;
