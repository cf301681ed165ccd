//! Messages of errors.

use autoencoder::Error;

/// Panics unless the error is an [`Error::Format`] with a message for people.
pub fn check_format(error: &Error) {
    assert!(matches!(error, Error::Format { .. }), "{error:?}");
    check_message(error);
}

/// Panics unless the message of the error is one line that moves no cursor, and of a
/// length that can be read.
pub fn check_message(error: &Error) {
    let text = error.to_string();
    let one_line = !text.contains(char::is_control);
    assert!(
        one_line && !text.is_empty() && text.len() < 10_000,
        "{text:?}"
    );
}
