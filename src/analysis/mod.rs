//! What codes are good for, measured: beside PCA, by a linear probe, as scores
//! of anomalies, as a distribution to draw new codes from.
//!
//! | file | what |
//! |---|---|
//! | `pca.rs` | [`Pca`]: the best linear code |
//! | `probe.rs`, `lbfgs.rs` | [`Probe`]: a linear classifier, and how it is fitted |
//! | `anomaly.rs` | [`threshold`], [`roc_auc`], [`Detection`] |
//! | `mixture.rs` | [`GaussianMixture`]: a distribution of codes |
//! | `latent.rs` | codes [`around`] others, or on the way [between](interpolate) them |
//! | `moments.rs` | means and covariances |
//!
//! Numbers are summed in f64 and in a fixed order: a result never depends on the
//! number of threads.

mod anomaly;
mod latent;
mod lbfgs;
mod mixture;
mod moments;
mod pca;
mod probe;

pub use anomaly::{Detection, roc_auc, threshold};
pub use latent::{around, clamp_to_range, interpolate, standard_deviations};
pub use mixture::{GaussianMixture, MixtureOptions};
pub use pca::Pca;
pub use probe::{Probe, ProbeOptions};

use crate::error::{Error, Result};
use crate::model::Samples;

/// Fails for no samples, or samples of no numbers.
fn check_some(samples: Samples<'_>) -> Result<()> {
    if samples.is_empty() || samples.features() == 0 {
        let given = format!("{} × {}", samples.len(), samples.features());
        return Err(Error::shape(
            "samples",
            given,
            "at least one number each of at least one",
        ));
    }
    Ok(())
}

/// Fails unless there is a label for each sample.
fn check_labels(samples: usize, labels: usize) -> Result<()> {
    if samples == labels {
        return Ok(());
    }
    let expected = format!("one for each of {samples} samples");
    Err(Error::shape("number of labels", labels, expected))
}

/// Fails unless samples are as wide as those that something was fitted to.
fn check_width(samples: Samples<'_>, expected: usize) -> Result<()> {
    if samples.features() == expected {
        return Ok(());
    }
    let expected = format!("{expected}, as in the samples that it was fitted to");
    Err(Error::shape(
        "numbers per row",
        samples.features(),
        expected,
    ))
}

/// NaN or an infinity among the samples.
fn not_finite() -> Error {
    Error::configuration(
        "the samples to fit to",
        "NaN, infinite, or too large to square",
        "finite numbers of moderate size; remove or replace such samples",
    )
}
