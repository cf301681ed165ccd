//! The program itself, each subcommand run in a temporary folder.
//!
//! | file | what |
//! |---|---|
//! | `program.rs` | how the others run it |
//! | `train.rs`, `family.rs` | `train` and `presets`; noise, dropout, freezing, pre-training |
//! | `resume.rs` | runs that were stopped, killed and disturbed |
//! | `models.rs`, `uses.rs` | commands on a model; `compare`, `score`, `generate` |
//! | `formats.rs` | files of every format |
#![cfg(feature = "cli")]

mod family;
mod formats;
mod models;
mod program;
mod resume;
mod train;
mod uses;
