//! Runs `check_model_file`; see `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| autoencoder_fuzz::check_model_file(data));
