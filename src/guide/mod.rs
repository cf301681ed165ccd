//! A guide: the questions that come after the first model has been trained,
//! answered with figures that were measured, not with rules of thumb.
//!
//! | chapter | the question |
//! |---|---|
//! | [`structure`] | How wide is the code, how deep the net, tied or not? |
//! | [`parameters`] | Which optimiser, learning rate, batch size, activation, loss? |
//! | [`training`] | When to end, how to go on, what to add against overfitting? |
//! | [`testing`] | How good is it, and on what? |
//! | [`pitfalls`] | What goes wrong, and how does one see it? |
//! | [`against_pca`] | Is it better than a method of 1901? |
//! | [`against_gans`] | What can it generate, and what not? |
//! | [`runs`] | What if it is killed, the disk is full, the data do not fit in memory? |
//! | [`command_line`] | Which data, presets and kinds of autoencoders are there? |
//! | [`uses`] | Which command answers which need? |
//!
//! The commands are there to be pasted. The figures are what they printed on two
//! cores of an AMD EPYC (Zen 5) with AVX-512; losses are the same for any number
//! of threads, and may differ in their last digits at other SIMD levels. Unless
//! something else is said, the data are the embedded MNIST digits, 9 000 to train
//! on and 1 000 held out, "loss" is the validation loss after 50 epochs, and what
//! is not named is as in `train --help`. The figures are of one seed: differences
//! of one in a hundred mean nothing ([`training`] has the spread).

#[doc = include_str!("structure.md")]
pub mod structure {}

#[doc = include_str!("parameters.md")]
pub mod parameters {}

#[doc = include_str!("training.md")]
pub mod training {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("pitfalls.md")]
pub mod pitfalls {}

#[cfg_attr(feature = "analysis", doc = include_str!("against_pca.md"))]
#[cfg_attr(
    not(feature = "analysis"),
    doc = "A model against PCA: this chapter needs the feature `analysis`."
)]
pub mod against_pca {}

#[doc = include_str!("against_gans.md")]
pub mod against_gans {}

#[doc = include_str!("runs.md")]
pub mod runs {}

#[doc = include_str!("command_line.md")]
pub mod command_line {}

#[doc = include_str!("uses.md")]
pub mod uses {}
