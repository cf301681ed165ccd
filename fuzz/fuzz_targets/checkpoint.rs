//! Runs `check_checkpoint`; see `src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| autoencoder_fuzz::check_checkpoint(data));
