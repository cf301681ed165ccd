//! Samples as short codes in a file that carries its own decoder.
//!
//! | file | what |
//! |---|---|
//! | `precision.rs` | codes as bytes: 8 bits, half or single precision |
//! | `half.rs` | half precision |
//! | `file.rs` | the file: header, decoder, entropy-coded codes |
//! | `report.rs` | how small it is, beside gzip and PNG, and how much is lost |
//!
//! An autoencoder is a lossy coder: the encoder turns a sample into a few numbers,
//! which are rounded to a few bits each, and the bits that can be foretold are
//! taken out by an entropy coder. That is Brotli, in pure Rust: zstd's crate would
//! want a C compiler, and there is none else that has both directions and is kept
//! as well.

mod file;
mod half;
mod precision;
mod report;

pub use precision::Precision;
pub use report::Report;

use autoencoder_kernels::Mat;

use crate::data::{Dataset, SampleKind};
use crate::error::{Error, Result};
use crate::model::{Autoencoder, Decoder};

/// Samples as rounded codes, with the decoder that turns them back.
///
/// ```
/// use autoencoder::compress::{Compressed, Precision};
/// use autoencoder::model::Autoencoder;
///
/// let digits = autoencoder::data::digits().slice(0..50)?;
/// let model = Autoencoder::builder().input(784).encoder([8]).build()?;
/// let compressed = Compressed::new(&model, &digits, Precision::U8)?;
/// let bytes = compressed.to_bytes()?;
///
/// let again = Compressed::from_bytes(&bytes)?.decompress()?;
/// assert_eq!(again.shape(), (50, 784));
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compressed {
    decoder: Decoder,
    kind: SampleKind,
    precision: Precision,
    samples: usize,
    /// The codes as [`Precision::to_bytes`] gives them.
    codes: Vec<u8>,
    /// The same as they stand in the file.
    packed: Vec<u8>,
}

impl Compressed {
    /// Encodes samples and rounds the codes.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the samples are as wide as the model's input;
    /// [`Error::NotFinite`] if a code is not finite;
    /// [`Error::Configuration`] for a code beyond what the precision has;
    /// [`Error::Io`], which does not happen in practice.
    pub fn new(model: &Autoencoder, data: &Dataset, precision: Precision) -> Result<Self> {
        let codes = precision.to_bytes(&model.encode(data)?)?;
        Ok(Compressed {
            packed: file::pack(&codes)?,
            decoder: Decoder::of(model)?,
            kind: data.kind(),
            precision,
            samples: data.len(),
            codes,
        })
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// What the samples were.
    pub fn kind(&self) -> &SampleKind {
        &self.kind
    }

    /// As what numbers the codes are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What turns codes back into samples.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The rounded codes, one a row.
    ///
    /// # Errors
    /// [`Error::Kernels`] if they do not fit in memory.
    pub fn codes(&self) -> Result<Mat<f32>> {
        let shape = (self.samples, self.decoder.code());
        self.precision.restore(&self.codes, shape)
    }

    /// What is left of the samples, one a row.
    ///
    /// # Errors
    /// [`Error::Kernels`] if they do not fit in memory.
    pub fn decompress(&self) -> Result<Mat<f32>> {
        self.decoder.decode(&self.codes()?)
    }
}
