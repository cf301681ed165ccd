//! What a build without a feature says of it. With all features there is nothing to
//! see: `cargo test --no-default-features --test features`.
#![cfg(not(any(
    feature = "csv",
    feature = "gzip",
    feature = "npz",
    feature = "png",
    feature = "text",
    feature = "wav"
)))]

use autoencoder::data::{self, Format, LoadOptions};
use autoencoder::{Error, Mat};

/// The feature that an error asks for.
fn asked<T>(result: Result<T, Error>) -> Option<&'static str> {
    match result {
        Err(Error::Feature { feature, .. }) => Some(feature),
        _ => None,
    }
}

#[test]
fn what_is_left_out_is_an_error_that_names_the_feature() {
    for (start, feature) in [
        (&b"\x1f\x8b\x08"[..], "gzip"),
        (b"PK\x03\x04", "npz"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"RIFF\0\0\0\0WAVE", "wav"),
    ] {
        assert_eq!(asked(data::from_bytes(start)), Some(feature));
    }
    for (format, feature) in [(Format::Csv, "csv"), (Format::Text, "text")] {
        let options = LoadOptions {
            format: Some(format),
            ..LoadOptions::default()
        };
        assert_eq!(
            asked(data::from_bytes_with(b"1,2\n", &options)),
            Some(feature)
        );
    }
    let folder = std::env::temp_dir();
    assert_eq!(asked(data::load(&folder)), Some("png"));
    let written = data::save(folder.join("none.csv"), Mat::zeros(1, 1).as_ref());
    assert_eq!(asked(written), Some("csv"));
    let digits = autoencoder::model::Preset::named("keras-simple-adam").unwrap();
    let error = digits.data().unwrap_err();
    let says = "needs the feature `digits`";
    assert!(error.to_string().contains(says), "{error}");
    assert_eq!(asked(Err::<(), _>(error)), Some("digits"));
}
