//! Pictures of a run: the loss per epoch and codes as SVG, samples as PNG.

mod loss;
mod scatter;
mod tiles;

pub use loss::{loss_svg, write_loss_svg};
pub use scatter::{scatter_svg, write_scatter_svg};
pub use tiles::{TileLayout, write_grid, write_reconstructions, write_rows, write_weights};
