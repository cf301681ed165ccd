//! [`Framing`] and [`Audio`]: how sound is cut into frames, and put together again.

use autoencoder_kernels::MatRef;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How sound is cut into frames: `frame` numbers every `hop` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Framing {
    /// Numbers per frame, at least 1.
    pub frame: usize,
    /// Numbers from the start of a frame to that of the next: 1 to `frame`.
    pub hop: usize,
}

impl Default for Framing {
    /// Frames of 256, each half over the next.
    fn default() -> Self {
        Framing {
            frame: 256,
            hop: 128,
        }
    }
}

/// The sound that frames were cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Numbers per second.
    pub sample_rate: u32,
    /// Numbers in all. The last frame is filled up with zeros.
    pub length: usize,
    /// How it was cut.
    pub framing: Framing,
}

impl Framing {
    pub(super) fn check(self) -> Result<()> {
        let Framing { frame, hop } = self;
        if frame == 0 {
            return Err(Error::configuration(
                "the length of a frame",
                0,
                "at least 1",
            ));
        }
        if hop == 0 || hop > frame {
            return Err(Error::configuration(
                "the hop from frame to frame",
                hop,
                format_args!("from 1 to {frame}, the length of a frame"),
            ));
        }
        Ok(())
    }

    /// Frames that `length` numbers take.
    #[cfg(feature = "wav")]
    pub(super) fn count(self, length: usize) -> usize {
        1 + length.saturating_sub(self.frame).div_ceil(self.hop)
    }
}

impl Audio {
    /// The sound that frames make up, one a row: where they lie over each other,
    /// their mean with the weights of sin² windows. Frames that were cut from a
    /// sound give it back, but for rounding.
    ///
    /// # Errors
    /// [`Error::Shape`] unless the rows are as long as a frame;
    /// [`Error::Configuration`] for a framing that makes no sense.
    pub fn join(&self, frames: MatRef<'_, f32>) -> Result<Vec<f32>> {
        self.framing.check()?;
        let Framing { frame, hop } = self.framing;
        if frames.cols() != frame {
            return Err(Error::shape("length of a frame", frames.cols(), frame));
        }
        let window = |i: usize| {
            let phase = std::f64::consts::PI * (i as f64 + 0.5) / frame as f64;
            phase.sin().powi(2)
        };
        let window: Vec<f64> = (0..frame).map(window).collect();
        let whole = frames.rows().saturating_sub(1) * hop + frame;
        let (mut sums, mut weights) = (vec![0.0; whole], vec![0.0; whole]);
        for i in 0..frames.rows() {
            for (j, weight) in window.iter().enumerate() {
                sums[i * hop + j] += weight * f64::from(frames.get(i, j));
                weights[i * hop + j] += weight;
            }
        }
        let means = sums.iter().zip(&weights).map(|(sum, weight)| sum / weight);
        Ok(means.take(self.length).map(|mean| mean as f32).collect())
    }
}
