//! What a loss is to a kernel: a running sum of values and a derivative, on
//! registers.

use crate::simd::Simd;

/// A loss as operations on registers. A kernel `start`s a sum, `add`s vectors
/// to it, `flush`es it in time, and asks for its `total`.
///
/// Implementations are `#[inline(always)]` throughout.
pub(crate) trait ElementwiseLoss: Copy + Send + Sync + 'static {
    /// Running sum of the loss's values, one per lane.
    type Sum<S: Simd>: Copy;

    /// How many `add`s may pass between two `flush`es, or between `start` and
    /// the first one. At least 64. When a flush happens never changes a bit
    /// of the result.
    const ADDS_BEFORE_FLUSH: usize;

    /// Whether `add` is no more than a few operations.
    const IS_SHORT: bool = false;

    /// The empty sum.
    fn start<S: Simd>(self, s: S) -> Self::Sum<S>;

    /// Adds the values at (prediction, target) and returns their derivatives
    /// with respect to the prediction, neither of them scaled by
    /// `Loss::feature_scale`. Lanes outside of `valid` (`None`: all are valid)
    /// add nothing, whatever they hold; their derivatives are unspecified.
    fn add<S: Simd>(
        self,
        s: S,
        sum: &mut Self::Sum<S>,
        prediction: S::Vector,
        target: S::Vector,
        valid: Option<S::Mask>,
    ) -> S::Vector;

    /// [`Self::add`] of N vectors, one after another, to the last bit. A loss that
    /// is one long chain of operations makes each of them for all vectors before
    /// the next, see `tuning::ROWS_AT_ONCE`.
    #[inline(always)]
    fn add_each<S: Simd, const N: usize>(
        self,
        s: S,
        sum: &mut Self::Sum<S>,
        predictions: [S::Vector; N],
        targets: [S::Vector; N],
        valid: Option<S::Mask>,
    ) -> [S::Vector; N] {
        let mut derivatives = predictions;
        for (v, target) in derivatives.iter_mut().zip(targets) {
            *v = self.add(s, sum, *v, target, valid);
        }
        derivatives
    }

    /// Makes room for the next [`Self::ADDS_BEFORE_FLUSH`] `add`s.
    fn flush<S: Simd>(self, s: S, sum: &mut Self::Sum<S>);

    /// The sum in each lane.
    fn total<S: Simd>(self, s: S, sum: Self::Sum<S>) -> S::Vector;
}

/// What is done with a loss as a type; see `Loss::visit`.
pub(crate) trait LossVisitor {
    /// What the visit returns.
    type Output;

    /// Called once, with the loss.
    fn visit<L: ElementwiseLoss>(self, loss: L) -> Self::Output;
}

/// `v` where `valid`, 0 elsewhere.
#[inline(always)]
pub(super) fn only_valid<S: Simd>(s: S, v: S::Vector, valid: Option<S::Mask>) -> S::Vector {
    match valid {
        Some(mask) => s.select(mask, v, s.splat(0.0)),
        None => v,
    }
}
