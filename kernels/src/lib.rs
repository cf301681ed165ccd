//! Fused dense layers, GEMM, vector maths, losses and optimisers for neural
//! nets on the CPU, in f32.
//!
//! SIMD is chosen at run time ([`Level`]: AVX-512, AVX2 + FMA, or portable),
//! work is spread over the current rayon pool, and **no bit of a result
//! depends on the number of threads**.
//!
//! ```
//! use autoencoder_kernels::{Activation, Context, Mat, dense::Forward};
//!
//! let x = Mat::from_slice(1, 2, &[1.0, -2.0])?; // one sample, two features
//! let weight = Mat::from_slice(2, 3, &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0])?; // in × out
//! let mut y = Mat::zeros(1, 3);
//! Forward {
//!     x: x.as_ref(),
//!     weight: weight.as_ref(),
//!     bias: Some(&[0.5, 0.5, 0.5]),
//!     activation: Activation::Relu,
//!     output: y.as_mut(),
//!     pre_activation: None,
//! }
//! .run(Context::default())?;
//! assert_eq!(y.as_slice(), [1.5, 0.0, 0.0]);
//! # Ok::<(), autoencoder_kernels::Error>(())
//! ```
//!
//! # Map
//! From the caller down to the registers; a module uses only what stands
//! below it.
//!
//! | module | purpose |
//! |---|---|
//! | [`dense`] | fused layers: forward, with loss, backward, weight update |
//! | [`gemm`], [`matrixmultiply`] | C = α·A·B + β·C, safe, and as a drop-in `sgemm` |
//! | [`loss`], [`optimizer`], [`activation`] | each formula in one file, and kernels over matrices |
//! | [`penalty`] | L1, contractive layers, the normal code of a variational model |
//! | [`math`] | exp, log, tanh, … with error bounds in ULP |
//! | [`noise`] | corrupted samples, and dropout |
//! | [`norm`] | layer normalisation, forward and backward |
//! | [`random`] | numbers that are a function of seed, step, row and column |
//! | [`transpose`], [`rows`] | Wᵀ, blocks of rows on threads |
//! | [`gather`], [`convert`], [`prefetch`] | shuffled samples, 8-bit ones, and those to come |
//! | [`mod@reference`] | the specification: all of the above naively, in f64 |
//! | `mapped` | files mapped to memory (feature `mmap`) |
//! | `huge_pages` | large data in huge pages (feature `huge-pages`) |
//! | [`mat`] | owned matrices and checked strided views |
//! | [`parallel`], `crossover` | regions of independent tasks on the caller's pool, and from when on they pay |
//! | [`level`] | detection and dispatch of SIMD levels |
//! | `simd` | the register operations of each level |
//! | `extent` | debug assertions on the memory that raw operands reach |
//! | `tuning` | every number chosen by measurement |
//!
//! # Promises
//! * **Bits.** Work is cut by shape, never by thread count. An element of a
//!   product is one chain of multiply-adds in the order of k; a fused kernel
//!   has the bits of its parts. Levels differ by rounding alone.
//! * **Memory.** Nothing is read or written outside of the views given, and
//!   overwritten outputs are never read. After the first call of a size a
//!   thread allocates nothing.
//! * **Numbers.** No flushing of subnormals, no reassociation behind your back;
//!   NaN in gives NaN out, unless you let it meet nothing but zeros
//!   ([`MatRef::skip_zeros`]).
//! * **Errors, not panics**, for arguments that do not fit ([`Error`]).
//!
//! All `unsafe` of the project is in this crate, each block with its proof;
//! `UNSAFE.md` says what each contract is, who keeps it, and how that is tested.
//! The safety of a SIMD operation rests on a token that only a successful
//! detection can make; see `simd/mod.rs`.
//!
//! # Deliberately absent
//! Batched or sparse products, half precision, and NaN-ignoring "fast" modes.
//! f64 is prepared for — matrices, packing and micro-kernel are generic over
//! the element — but no f64 level exists yet.

pub mod activation;
pub mod convert;
mod crossover;
pub mod dense;
pub mod error;
mod extent;
pub mod gather;
pub mod gemm;
#[cfg(feature = "huge-pages")]
pub mod huge_pages;
pub mod level;
pub mod loss;
#[cfg(feature = "mmap")]
pub mod mapped;
pub mod mat;
pub mod math;
pub mod matrixmultiply;
pub mod noise;
pub mod norm;
pub mod optimizer;
pub mod parallel;
pub mod penalty;
pub mod prefetch;
pub mod random;
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
pub use noise::Noise;
pub use optimizer::Optimizer;
pub use parallel::{Context, Parallelism};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
