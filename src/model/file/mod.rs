//! Model files: one `.safetensors` that PyTorch and candle load as it is.
//! (`checkpoint.rs` writes a training in the same format, `decoder.rs` a decoder
//! alone; `container.rs` is what they have in common.)
//!
//! ```text
//! 8 bytes     length of the header, little-endian
//! header      JSON: name → type, shape, place; and `__metadata__`
//! numbers     f32, little-endian
//! ```
//!
//! `encoder.0.weight` is `[outputs, inputs]`, as PyTorch's `nn.Linear` has it:
//! the transpose of the matrix in memory. `encoder.0.bias` is `[outputs]`; then
//! `encoder.1.…`, and `decoder.0.…`. A tied decoder stores biases alone. A
//! variational encoder has `encoder.log_variance.weight` and `.bias` too, the head
//! beside its last layer, which gives μ. The metadata key `autoencoder` holds the
//! architecture as JSON.

mod checkpoint;
mod container;
mod decoder;
mod read;
mod record;
mod write;

#[cfg(feature = "onnx")]
pub(crate) use container::matrix_bytes;
#[cfg(feature = "compress")]
pub(crate) use decoder::read as read_decoder;
