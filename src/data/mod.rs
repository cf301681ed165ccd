//! Data: samples in memory, and the files that they come from.

pub mod dataset;

pub use dataset::Dataset;
