//! Pictures of a run: the loss per epoch and codes as SVG, samples as PNG.
//!
//! | file | what |
//! |---|---|
//! | `axes.rs` | what the SVG pictures share: ranges of axes, ink, font |
//! | `loss.rs` | curves of losses |
//! | `scatter.rs` | points in the plane, coloured by label |
//! | `tiles.rs` | samples as gray tiles in a PNG picture |

mod axes;
mod loss;
mod scatter;
mod tiles;

pub use loss::{loss_svg, write_loss_svg};
pub use scatter::{scatter_svg, write_scatter_svg};
pub use tiles::{TileLayout, write_grid, write_reconstructions, write_rows, write_weights};
