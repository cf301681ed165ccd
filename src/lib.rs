//! Autoencoders on the CPU: which function is for what.
//!
//! | I want to … | use |
//! |---|---|
//! | train a model | [`Autoencoder::builder`], then [`Autoencoder::fit`] with [`model::FitOptions`] |
//! | watch training, end it early, or resume it | [`model::Callback`], [`model::EarlyStopping`], [`model::Trainer`] and [`model::Checkpoint`] |
//! | read samples | [`data::load`] for files, [`data::Dataset`] for numbers in memory, `data::digits` (feature `digits`) for a try |
//! | turn samples into codes, and back | [`Autoencoder::encode`], [`Autoencoder::decode`], [`Autoencoder::reconstruct`] |
//! | know how good a model is | [`Autoencoder::evaluate`] |
//! | find anomalies | [`Autoencoder::reconstruction_error`] and `analysis::threshold` (feature `analysis`) |
//! | clean samples | [`model::FitOptions::noise`], then [`Autoencoder::reconstruct`] |
//! | make new samples | [`model::Builder::variational`] and [`Autoencoder::sample`], or `analysis::GaussianMixture` |
//! | compare with PCA, or with labels | `analysis::Pca`, `analysis::Probe` |
//! | keep a model, or read one | [`Autoencoder::save`], [`Autoencoder::load`]; for other programs `onnx::save` (feature `onnx`) |
//! | store samples in few bytes | `compress::Compressed` (feature `compress`) |
//! | draw losses, codes, samples | `plot` (feature `plot`) |
//! | choose layers, by a text such as `784,layer-norm,128,64` | [`layer`], [`model::Builder::layers`] |
//! | train a net of another shape | [`tape::Tape`] and [`tape::Program`] |
//! | fast products, layers or vector maths alone | the crate [`autoencoder_kernels`] |
//! | know what works, with figures | the [`guide`] |
//!
//! `examples/` in the package has a short program for each of the usual uses. Errors are
//! of one type, [`Error`]. Without default features the crate has IDX and `.npy` data,
//! models, training and the tape; each other format, the digits, `analysis`,
//! `compress`, `onnx` and `plot` are features of these names, `parallel` brings threads,
//! and `cli` all of them and the program `autoencoder`.
#![forbid(unsafe_code)]

#[cfg(feature = "analysis")]
pub mod analysis;
mod checksum;
// The program, no interface of the library.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "compress")]
pub mod compress;
pub mod data;
pub mod error;
pub mod file;
pub mod guide;
pub mod layer;
pub mod model;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "plot")]
pub mod plot;
pub mod random;
pub mod tape;

pub use autoencoder_kernels::activation::Activation;
pub use autoencoder_kernels::loss::Loss;
pub use autoencoder_kernels::optimizer::Optimizer;
pub use autoencoder_kernels::{Level, Mat, MatMut, MatRef, Noise};
pub use error::{Error, Result};
pub use model::Autoencoder;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
