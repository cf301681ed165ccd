//! Command lines.

use std::ffi::OsString;

/// Bytes as the arguments of the program, one a line: they make sense or lead to a
/// message, never to a panic, and the same ones to the same message. Nothing is read
/// or run.
pub fn check_arguments(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let arguments = || {
        let given = text.split('\n').map(OsString::from);
        std::iter::once("autoencoder".into()).chain(given)
    };
    let checked = autoencoder::cli::check(arguments());
    if let Err(message) = &checked {
        assert!(!message.trim().is_empty());
    }
    assert_eq!(autoencoder::cli::check(arguments()), checked);
}
