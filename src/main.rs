//! The program `autoencoder`; see `cli/mod.rs` for the map.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
