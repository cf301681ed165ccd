//! The program itself, each subcommand run in a temporary folder.
//!
//! | file | what |
//! |---|---|
//! | `program.rs` | how the others run it |
//! | `train.rs`, `family.rs` | `train` and `presets`; noise, dropout, freezing, pre-training |
//! | `resume.rs` | runs that were stopped, disturbed and resumed |
//! | `compatibility.rs` | a run that version 0.1.0 wrote |
//! | `layers.rs` | nets of other layers than dense ones |
//! | `kill.rs` | runs that were killed at random moments |
//! | `faults.rs` | full disks, missing permissions, closed pipes |
//! | `models.rs`, `uses.rs` | commands on a model; `compare`, `score`, `generate` |
//! | `formats.rs`, `mapped.rs` | files of every format; samples that stay in theirs |
#![cfg(feature = "cli")]

mod compatibility;
mod family;
#[cfg(unix)]
mod faults;
mod formats;
#[cfg(unix)]
mod kill;
mod layers;
mod mapped;
mod models;
mod program;
mod resume;
mod train;
mod uses;
