//! Autoencoders on the CPU.
//!
//! - [`model`]: build, train, use, save and load an [`Autoencoder`].
//! - [`data`]: samples in memory and in files, and the digits of MNIST.
//! - [`tape`]: what a network computes, recorded once and replayed for every
//!   minibatch.
//! - `analysis`, with the feature of that name: PCA, probes, anomaly scores and
//!   distributions of codes.
//! - [`guide`]: how to choose, train and test a model, with measured figures.
//! - [`compress`]: samples as short codes, in a file with its decoder.
//! - [`onnx`]: models for other programs to run.
//! - [`random`]: random numbers that stay the same.
//! - [`plot`]: pictures of a run.
//! - [`mod@file`]: files that are written whole or not at all.
//! - [`error`]: the one error type.
//!
//! The kernels are a crate of their own, `autoencoder_kernels`.
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
