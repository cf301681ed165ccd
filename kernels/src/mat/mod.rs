//! Matrices: [`Mat`] owns its elements, [`MatRef`] and [`MatMut`] are checked
//! strided views of somebody else's.
//!
//! Element (i, j) of a view lies at `data[i·row_stride + j·col_stride]`. A
//! transpose swaps shape and strides and copies nothing.
//!
//! | file | what |
//! |---|---|
//! | `owned.rs` | [`Mat`] |
//! | `blocks.rs` | a [`Mat`] that threads make block by block |
//! | `view.rs` | [`MatRef`], and what keeps views inside of their slices |
//! | `view_mut.rs` | [`MatMut`], and what keeps its elements apart |

mod blocks;
mod owned;
mod view;
mod view_mut;

#[cfg(test)]
mod tests;

use std::fmt;

pub use owned::Mat;
pub use view::MatRef;
pub(crate) use view::{PanelsRef, Tiling};
pub use view_mut::MatMut;

/// Alignment of a [`Mat`] in bytes: a cache line, and an AVX-512 register.
pub const ALIGNMENT: usize = 64;

/// A number that a matrix may hold: `f32`, `f64` or `u8`.
///
/// Sealed: all zero bits must be a valid value, and no destructor may run.
pub trait Element:
    Copy + Default + PartialEq + fmt::Debug + Send + Sync + sealed::Sealed + 'static
{
}
impl Element for f32 {}
impl Element for f64 {}
impl Element for u8 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
}
