//! Models: [`Autoencoder`], from its builder through training to its file.
//!
//! | file | what |
//! |---|---|
//! | `architecture.rs` | two lists of layers, loss and shapes, without numbers; always sound |
//! | `builder.rs`, `init.rs` | a model from widths, texts and names; the first weights |
//! | `autoencoder.rs`, `samples.rs` | the model: encode, decode, reconstruct |
//! | `decoder.rs` | the decoder alone |
//! | `graph.rs`, `training_graph.rs` | the architecture on a tape; with what training minimises |
//! | `evaluation.rs` | how far reconstructions are from their samples |
//! | `denoising.rs` | how well a model mends corrupted samples |
//! | `distortion.rs` | how far numbers are from the original ones |
//! | `fit.rs`, `trainer.rs`, `fitting.rs` | training: options, the loop over epochs, and all of it in one call |
//! | `pretrain.rs` | layer by layer, before training the whole |
//! | `preset.rs` | the programs of well-known tutorials, an entry each |
//! | `advice.rs` | warnings before training |
//! | `schedule/` | how the learning rate changes, one schedule a file |
//! | `regularization.rs` | penalties, weight decay, the KL divergence of a variational code |
//! | `history.rs`, `callback.rs`, `early_stopping.rs` | what training reports, and what ends it |
//! | `checkpoint.rs` | a training between two epochs, and how it goes on |
//! | `variational.rs` | samples from the prior, the parts of the ELBO |
//! | `training.rs`, `file/` | how a model was trained, and its `.safetensors` file |
//! | `summary.rs` | the table of layers for people |

mod advice;
mod architecture;
mod autoencoder;
mod builder;
mod callback;
mod checkpoint;
mod decoder;
mod denoising;
mod distortion;
mod early_stopping;
mod evaluation;
mod file;
mod fit;
mod fitting;
mod graph;
mod history;
mod init;
mod preset;
mod pretrain;
mod regularization;
mod samples;
mod schedule;
mod summary;
mod trainer;
mod training;
mod training_graph;
mod variational;

pub use architecture::{Architecture, ParameterInfo, Part, Placed};
pub use autoencoder::Autoencoder;
pub use builder::Builder;
pub use callback::{Callback, Progress};
pub use checkpoint::Checkpoint;
pub use decoder::Decoder;
pub use denoising::Denoising;
#[cfg(any(feature = "compress", feature = "cli"))]
pub(crate) use distortion::Distortion;
pub use early_stopping::EarlyStopping;
pub use evaluation::{Evaluation, ReconstructionError};
#[cfg(feature = "onnx")]
pub(crate) use file::matrix_bytes;
#[cfg(feature = "compress")]
pub(crate) use file::read_decoder;
pub use fit::FitOptions;
pub use history::{Epoch, Figure, History};
pub use preset::Preset;
pub use regularization::{Regularization, Sparsity};
pub use samples::Samples;
pub use schedule::{Cosine, Plateau, Schedule, StepDecay};
pub use summary::Summary;
pub use trainer::Trainer;
pub use training::Training;
pub use variational::Elbo;
