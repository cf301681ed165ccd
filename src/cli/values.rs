//! The values of options, parsed.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Labels: `0-8`, `1,3,5` or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Labels(Vec<u8>);

impl Labels {
    pub(crate) fn contains(&self, label: u8) -> bool {
        self.0.contains(&label)
    }
}

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut labels = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse::<u8>(), last.trim().parse()) {
                (Ok(first), Ok(last)) if first <= last => labels.extend(first..=last),
                _ => {
                    let part = part.trim();
                    return Err(format!(
                        "{part:?} is no label from 0 to 255, expected such as 0-8 or 1,3,5"
                    ));
                }
            }
        }
        Ok(Labels(labels))
    }
}

/// A positive finite number.
pub(crate) fn positive(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f32::is_finite(number) => Ok(number),
        _ => Err("expected a positive finite number".into()),
    }
}

/// A finite number.
pub(crate) fn finite(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => Err("expected a finite number".into()),
    }
}

/// A finite number that is not negative.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number >= 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("expected a finite number, 0 or more".into()),
    }
}

/// A part of a whole: at least 0, below 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to below 1".into()),
    }
}

/// The part of samples that are anomalies: above 0, at most ½.
pub(crate) fn contamination(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= 0.5 => Ok(number),
        _ => Err("expected a number above 0, at most 0.5".into()),
    }
}

/// A probability: at least 0, below 1.
pub(crate) fn below_one(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(number) if (0.0..1.0).contains(&number) => Ok(number),
        _ => Err("expected a number from 0 to below 1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_help_says() {
        assert_eq!("0-3, 7".parse(), Ok(Labels(vec![0, 1, 2, 3, 7])));
        for bad in ["", "3-1", "256", "0-300", "a", "1,", "-1"] {
            assert!(bad.parse::<Labels>().is_err(), "{bad}");
        }
        assert_eq!(positive("1e-3"), Ok(1e-3));
        for bad in ["0", "-1", "nan", "inf", "1e39", "x"] {
            assert!(positive(bad).is_err(), "{bad}");
        }
        assert_eq!(finite("-1e9"), Ok(-1e9));
        for bad in ["nan", "-inf", "1e999", "x"] {
            assert!(finite(bad).is_err(), "{bad}");
        }
        assert_eq!(not_negative("0"), Ok(0.0));
        for bad in ["-1e-9", "nan", "inf", "x"] {
            assert!(not_negative(bad).is_err(), "{bad}");
        }
        assert_eq!(fraction("0"), Ok(0.0));
        for bad in ["1", "-0.1", "nan", "x"] {
            assert!(fraction(bad).is_err() && below_one(bad).is_err(), "{bad}");
        }
    }
}
