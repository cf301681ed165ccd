//! What a step does between its regions with sums over all rows.

use std::fmt;

use super::id::{LossPart, Shared, Sums};

/// A part of the loss that is no sum over the samples of something of each, or
/// that hands numbers on which all samples took part in.
pub(super) trait Reduction: fmt::Debug + Send + Sync {
    /// What the blocks summed up; the total, added up block after block, goes
    /// to [`Reduction::to`].
    fn sums(&self) -> Sums;

    /// Where the total goes.
    fn to(&self) -> Shared;

    /// The part of the loss that it is.
    fn part(&self) -> LossPart;

    /// Turns the total into what later instructions, or the second region,
    /// read there, and returns the mean over the samples of this part of the
    /// loss. Its derivatives with respect to what was summed up are to be
    /// multiplied by `scale`, its factor divided by the number of `rows`.
    fn finish(&self, rows: usize, scale: f32, shared: &mut [Vec<f32>]) -> f64;
}
