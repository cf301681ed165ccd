//! Data that were never measured: standard normal numbers.

use autoencoder_kernels::random::fill_normal;
use autoencoder_kernels::{Level, Mat};

use super::dataset::Dataset;
use crate::error::Result;
use crate::random::Stream;

/// `rows × features` independent standard normal numbers: what numpy's
/// `random.normal(size=(rows, features))` stands for in tutorials. A code of `k`
/// numbers can at best halve the variance of `2·k` such features.
///
/// A seed gives the same bits on every machine.
///
/// # Errors
/// [`Error::Kernels`](crate::Error::Kernels) if they do not fit in memory.
pub fn standard_normal(rows: usize, features: usize, seed: u64) -> Result<Dataset> {
    let key = Stream::Data.key(seed, 0);
    let mut mat = Mat::try_zeros(rows, features)?;
    // Levels differ in the last bits, and data should not.
    fill_normal(Level::Portable, key, 0, mat.as_mut())?;
    Ok(Dataset::from_mat(mat.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_normal_distribution() {
        let data = standard_normal(1_000, 10, 3).unwrap();
        let mat = data.to_mat().unwrap();
        let moment = |power: i32| {
            let powers = mat.as_slice().iter().map(|&x| f64::from(x).powi(power));
            powers.sum::<f64>() / 10_000.0
        };
        // Each within five standard errors.
        for (power, expected, error) in [(1, 0.0, 0.01), (2, 1.0, 0.0142), (4, 3.0, 0.098)] {
            let given = moment(power);
            assert!((given - expected).abs() < 5.0 * error, "{power}: {given}");
        }
        let again = standard_normal(1_000, 10, 3).unwrap();
        assert_eq!(again.fingerprint(), data.fingerprint());
        let other = standard_normal(1_000, 10, 4).unwrap();
        assert_ne!(other.fingerprint(), data.fingerprint());
    }
}
