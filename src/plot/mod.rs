//! Pictures of a run: the loss per epoch as SVG, samples as PNG.

mod loss;
mod tiles;

pub use loss::{loss_svg, write_loss_svg};
pub use tiles::{TileLayout, write_grid, write_reconstructions, write_rows, write_weights};
