//! The program `autoencoder`; see `cli/mod.rs` for the map.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    autoencoder::cli::main()
}
