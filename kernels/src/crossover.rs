//! From how much work on a second thread pays.
//!
//! Measured by `cargo bench -p autoencoder-benches --bench crossover`. On two
//! cores of an EPYC (Zen 5), two halves of a product on a pool that is awake win
//! from half a million operations on: at a million they take 0.7 to 0.9 of the
//! time, at two million 0.6. A sleeping worker takes 5–10 µs to wake, which is
//! one to two million operations; in a training its sleeps are shorter than that.

/// Floating-point operations under which a call, or a region of a step, stays on
/// its own thread.
pub(crate) const PARALLEL_FLOPS: usize = 1_000_000;
