//! [`Distortion`]: how far numbers are from the original ones.

/// Squared differences, added up pair after pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distortion {
    lowest: f32,
    highest: f32,
    squares: f64,
    count: usize,
}

impl Distortion {
    /// Of no numbers.
    pub(crate) fn new() -> Self {
        Distortion {
            lowest: 0.0,
            highest: 1.0,
            squares: 0.0,
            count: 0,
        }
    }

    /// Of these original numbers and those in their place.
    #[cfg(any(feature = "compress", feature = "cli"))]
    pub(crate) fn of(originals: &[f32], others: &[f32]) -> Self {
        let mut distortion = Self::new();
        distortion.add(originals.iter().copied(), others);
        distortion
    }

    /// Takes more numbers into account.
    pub(crate) fn add(&mut self, originals: impl Iterator<Item = f32>, others: &[f32]) {
        for (x, &y) in originals.zip(others) {
            self.lowest = self.lowest.min(x);
            self.highest = self.highest.max(x);
            self.squares += f64::from(y - x).powi(2);
            self.count += 1;
        }
    }

    /// The mean of the squared differences; NaN for no numbers.
    pub(crate) fn mean_squared_error(&self) -> f64 {
        self.squares / self.count as f64
    }

    /// The peak signal-to-noise ratio in dB: 10·log₁₀(peak²/mean squared error). The
    /// peak is the width of the smallest interval that has 0, 1 and all original
    /// numbers in it: 1 for pictures.
    pub(crate) fn psnr(&self) -> f64 {
        let peak = f64::from(self.highest) - f64::from(self.lowest);
        10.0 * (peak * peak / self.mean_squared_error()).log10()
    }
}
