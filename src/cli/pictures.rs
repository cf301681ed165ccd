//! The pictures of a run: each says by itself whether it fits the model.

use std::path::Path;

use super::denoising::noise_of;
use super::generate;
use crate::data::Dataset;
use crate::model::Samples;
use crate::plot::{TileLayout, write_reconstructions, write_rows, write_weights};
use crate::{Autoencoder, Mat, Noise, Result};

/// Samples in a picture.
const SAMPLES: usize = 10;
/// Samples in a picture of new ones.
const GENERATED: usize = 64;
/// Weights in a picture: those of so many units, at most.
const UNITS: usize = 100;

/// A picture in the folder of a run.
pub(crate) struct Picture {
    pub(crate) name: &'static str,
    /// Draws it to a file. False where it does not fit the model: nothing is
    /// written then.
    pub(crate) draw: fn(&Path, &Autoencoder, &Dataset) -> Result<bool>,
}

/// All of them.
pub(crate) const ALL: [Picture; 3] = [
    Picture {
        name: "reconstructions.png",
        draw: |path, model, data| match layout(model, data) {
            Some(layout) => {
                // Where it was trained with noise, also what it has to mend.
                let noise = noise_of(model).map(|noise| (noise, model.seed()));
                reconstructions(path, model, data, noise, layout).map(|()| true)
            }
            None => Ok(false),
        },
    },
    Picture {
        name: "weights.png",
        draw: weights,
    },
    Picture {
        name: "samples.png",
        draw: samples,
    },
];

/// How to draw samples, if they are images.
fn layout(model: &Autoencoder, data: &Dataset) -> Option<TileLayout> {
    let shape = data.sample_shape();
    let shape = shape.unwrap_or(model.architecture().sample_shape());
    TileLayout::of_images(data.features(), shape)
}

/// Draws the first samples over their reconstructions, images or not; see
/// [`reconstructions`].
pub(crate) fn draw_reconstructions(
    path: &Path,
    model: &Autoencoder,
    data: &Dataset,
    noise: Option<(Noise, u64)>,
) -> Result<()> {
    let layout = layout(model, data);
    let layout = layout.unwrap_or_else(|| TileLayout::new(data.features(), None));
    reconstructions(path, model, data, noise, layout)
}

/// With noise of some seed, what the model was given to mend stands between
/// them.
fn reconstructions(
    path: &Path,
    model: &Autoencoder,
    data: &Dataset,
    noise: Option<(Noise, u64)>,
    layout: TileLayout,
) -> Result<()> {
    let some = data.slice(0..data.len().min(SAMPLES))?;
    let (originals, layout) = (some.to_mat()?, layout.scaled(2));
    let Some((noise, seed)) = noise else {
        let reconstructions = model.reconstruct(&some)?;
        return write_reconstructions(path, originals.as_ref(), reconstructions.as_ref(), layout);
    };
    let noisy = Samples::from(&some).corrupted(noise, seed)?;
    let mended = model.reconstruct(&noisy)?;
    write_rows(path, [&originals, &noisy, &mended].map(Mat::as_ref), layout)
}

/// Draws new images from a variational model.
fn samples(path: &Path, model: &Autoencoder, data: &Dataset) -> Result<bool> {
    if !model.architecture().is_variational() || layout(model, data).is_none() {
        return Ok(false);
    }
    generate::draw(path, model, &model.sample(GENERATED, 0)?)?;
    Ok(true)
}

/// Draws what the first units look for in an image.
fn weights(path: &Path, model: &Autoencoder, data: &Dataset) -> Result<bool> {
    let mut parameters = model.parameters();
    let (Some(layout), Some((_, first))) = (layout(model, data), parameters.next()) else {
        return Ok(false);
    };
    // Of inputs × units.
    let units = first.cols().min(UNITS);
    let first = first.as_ref().submatrix(0..first.rows(), 0..units);
    let columns = units.isqrt() + usize::from(units.isqrt().pow(2) < units);
    write_weights(path, first.transpose(), columns, layout.scaled(2))?;
    Ok(true)
}
