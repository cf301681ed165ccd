//! Autoencoders on the CPU.
#![forbid(unsafe_code)]

pub mod data;
pub mod error;
pub mod file;
pub mod plot;
pub mod tape;

pub use error::{Error, Result};
