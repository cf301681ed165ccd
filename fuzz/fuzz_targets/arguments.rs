//! Runs `check_arguments`; see `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| autoencoder_fuzz::check_arguments(data));
