//! [`Probe`]: how well a linear classifier reads labels from codes.

use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::{Context, Mat};

use super::lbfgs::{Limits, minimise};
use super::moments::{blocks, mean};
use super::pca::affine;
use super::{check_labels, check_some, check_width, not_finite};
use crate::error::Result;
use crate::model::Samples;

/// How to fit a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeOptions {
    /// λ of the penalty λ/2·‖W‖² beside the mean cross-entropy: 10⁻³.
    pub l2: f64,
    /// Steps of the minimisation, at most: 300.
    pub iterations: usize,
    /// It ends where no derivative is farther from 0: 10⁻⁴.
    pub tolerance: f64,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        ProbeOptions {
            l2: 1e-3,
            iterations: 300,
            tolerance: 1e-4,
        }
    }
}

/// A softmax classifier on codes: multinomial logistic regression, p(label | x) =
/// softmax(x·W + b), fitted by L-BFGS. Its accuracy on held-out samples tells how
/// much of the labels is in the codes for a linear reader to see.
///
/// Samples are centred, and divided by one number, the root of the features' mean
/// variance: scale and origin of codes make no difference then, and a rotation
/// makes none either.
///
/// ```
/// use autoencoder::analysis::{Probe, ProbeOptions};
///
/// // Sorted by the first number.
/// let codes = autoencoder::Mat::from_slice(4, 2, &[-2.0, 1.0, -1.0, 0.0, 1.0, 0.5, 2.0, 0.0])?;
/// let probe = Probe::fit(&codes, &[3, 3, 7, 7], &ProbeOptions::default())?;
/// assert_eq!(probe.predict(&codes)?, [3, 3, 7, 7]);
/// assert_eq!(probe.accuracy(&codes, &[3, 3, 7, 3])?, 0.75);
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Probe {
    /// The labels that there are, in order.
    classes: Vec<u8>,
    /// features × classes, for samples as they are given.
    weight: Mat<f32>,
    bias: Vec<f32>,
    loss: f64,
}

impl Probe {
    /// Fits a classifier to samples and their labels.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for no samples, or unless there is one label for each;
    /// [`Error::Configuration`](crate::Error::Configuration) for samples that are not finite.
    pub fn fit<'a>(
        samples: impl Into<Samples<'a>>,
        labels: &[u8],
        options: &ProbeOptions,
    ) -> Result<Self> {
        let samples = samples.into();
        check_some(samples)?;
        check_labels(samples.len(), labels.len())?;
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let place = |label| classes.partition_point(|&class| class < label);
        let targets = labels.iter().map(|&label| place(label)).collect();
        let (x, mean, scale) = standardised(samples)?;
        let mut problem = Problem::new(x, targets, classes.len(), options.l2)?;
        let mut theta = vec![0.0; problem.parameters()];
        let limits = Limits {
            iterations: options.iterations,
            tolerance: options.tolerance,
        };
        let loss = minimise(&mut theta, limits, |theta, gradient| {
            problem.evaluate(theta, gradient)
        })?;
        // x is (sample − mean)·scale: that is put into weights and biases.
        let (weights, biases) = theta.split_at(mean.len() * classes.len());
        let weight = Mat::from_fn(mean.len(), classes.len(), |i, j| {
            (weights[i * classes.len() + j] * scale) as f32
        });
        let shift = |j: usize| -> f64 {
            let column = weights.iter().skip(j).step_by(classes.len());
            column.zip(&mean).map(|(w, m)| w * scale * m).sum()
        };
        let bias = biases
            .iter()
            .enumerate()
            .map(|(j, b)| (b - shift(j)) as f32);
        Ok(Probe {
            bias: bias.collect(),
            weight,
            classes,
            loss,
        })
    }

    /// The labels that it tells apart, in order.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// What the fit came to: the mean cross-entropy in nats and the penalty.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The most probable label of each sample; the lowest of equals.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) unless the samples are as wide as those fitted to.
    pub fn predict<'a>(&self, samples: impl Into<Samples<'a>>) -> Result<Vec<u8>> {
        let samples = samples.into();
        check_width(samples, self.weight.rows())?;
        let logits = affine(samples, self.weight.as_ref(), &self.bias)?;
        let rows = logits.as_slice().chunks_exact(self.classes.len());
        let best = |row: &[f32]| {
            let places = 0..row.len();
            let best = places.reduce(|best, j| if row[j] > row[best] { j } else { best });
            self.classes[best.unwrap_or(0)]
        };
        Ok(rows.map(best).collect())
    }

    /// The part of the samples whose label is predicted: 0 to 1, NaN for none.
    ///
    /// # Errors
    /// As [`predict`](Self::predict), and [`Error::Shape`](crate::Error::Shape) unless there is one label
    /// for each sample.
    pub fn accuracy<'a>(&self, samples: impl Into<Samples<'a>>, labels: &[u8]) -> Result<f64> {
        let predictions = self.predict(samples)?;
        check_labels(predictions.len(), labels.len())?;
        let right = predictions
            .iter()
            .zip(labels)
            .filter(|(a, b)| a == b)
            .count();
        Ok(right as f64 / labels.len() as f64)
    }
}

/// The samples minus their mean, times a number; with mean and number.
fn standardised(samples: Samples<'_>) -> Result<(Mat<f32>, Vec<f64>, f64)> {
    let mean = mean(samples, None)?;
    let mut x = Mat::try_zeros(samples.len(), samples.features())?;
    let mut squares = 0.0;
    blocks(samples, |first, block| {
        for i in 0..block.rows() {
            let row = x.row_mut(first + i).iter_mut();
            for ((x, &from), mean) in row.zip(block.row(i)).zip(&mean) {
                let centred = f64::from(from) - mean;
                squares += centred * centred;
                *x = centred as f32;
            }
        }
        Ok(())
    })?;
    let variance = squares / x.as_slice().len() as f64;
    if !variance.is_finite() {
        return Err(not_finite());
    }
    // Samples that are all the same stay zeros.
    let scale = if variance > 0.0 {
        1.0 / variance.sqrt()
    } else {
        1.0
    };
    for x in x.as_mut_slice() {
        *x = (f64::from(*x) * scale) as f32;
    }
    Ok((x, mean, scale))
}

/// What is minimised: the mean cross-entropy and the penalty as a function of
/// the weights, features × classes in row-major order, and the biases.
struct Problem {
    x: Mat<f32>,
    /// The class of each sample, from 0.
    targets: Vec<usize>,
    l2: f64,
    weight: Mat<f32>,
    gradient: Mat<f32>,
    /// Logits, then what the loss changes with them: samples × classes.
    logits: Mat<f32>,
}

impl Problem {
    fn new(x: Mat<f32>, targets: Vec<usize>, classes: usize, l2: f64) -> Result<Self> {
        Ok(Problem {
            weight: Mat::try_zeros(x.cols(), classes)?,
            gradient: Mat::try_zeros(x.cols(), classes)?,
            logits: Mat::try_zeros(x.rows(), classes)?,
            x,
            targets,
            l2,
        })
    }

    fn parameters(&self) -> usize {
        (self.weight.rows() + 1) * self.weight.cols()
    }

    fn evaluate(&mut self, theta: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let classes = self.weight.cols();
        let (weights, biases) = theta.split_at(self.weight.as_slice().len());
        for (to, &from) in self.weight.as_mut_slice().iter_mut().zip(weights) {
            *to = from as f32;
        }
        let (context, x, weight) = (Context::default(), self.x.as_ref(), self.weight.as_ref());
        gemm(context, 1.0, x, weight, 0.0, self.logits.as_mut())?;
        let (mut loss, mut bias_sums) = (0.0, vec![0.0; classes]);
        let mean = 1.0 / self.targets.len() as f64;
        let mut row = vec![0.0; classes];
        let logits = self.logits.as_mut_slice().chunks_exact_mut(classes);
        for (logits, &target) in logits.zip(&self.targets) {
            let mut largest = f64::NEG_INFINITY;
            for ((z, &logit), bias) in row.iter_mut().zip(&*logits).zip(biases) {
                *z = f64::from(logit) + bias;
                largest = largest.max(*z);
            }
            loss += largest - row[target];
            let mut sum = 0.0;
            for z in &mut row {
                *z = (*z - largest).exp();
                sum += *z;
            }
            loss += sum.ln();
            for (j, (z, delta)) in row.iter().zip(logits).enumerate() {
                let difference = z / sum - f64::from(u8::from(j == target));
                bias_sums[j] += difference;
                *delta = difference as f32;
            }
        }
        let (deltas, to) = (self.logits.as_ref(), self.gradient.as_mut());
        gemm(context, 1.0, x.transpose(), deltas, 0.0, to)?;
        let (weight_gradient, bias_gradient) = gradient.split_at_mut(weights.len());
        let sums = self.gradient.as_slice().iter();
        for ((to, &sum), weight) in weight_gradient.iter_mut().zip(sums).zip(weights) {
            *to = mean * f64::from(sum) + self.l2 * weight;
        }
        for (to, sum) in bias_gradient.iter_mut().zip(bias_sums) {
            *to = mean * sum;
        }
        let penalty: f64 = weights.iter().map(|w| w * w).sum();
        Ok(mean * loss + 0.5 * self.l2 * penalty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::standard_normal;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let x = standard_normal(30, 4, 1).unwrap().to_mat().unwrap();
        let targets = (0..30).map(|i| i * 7 % 3).collect();
        let mut problem = Problem::new(x, targets, 3, 0.1).unwrap();
        let theta = standard_normal(1, problem.parameters(), 2).unwrap();
        let theta = theta.to_mat().unwrap();
        let mut theta: Vec<f64> = theta.as_slice().iter().map(|&x| f64::from(x)).collect();
        let mut gradient = vec![0.0; theta.len()];
        problem.evaluate(&theta, &mut gradient).unwrap();
        let mut unused = gradient.clone();
        for i in 0..theta.len() {
            let (at, h) = (theta[i], 1e-2);
            let mut value = |x| {
                theta[i] = x;
                problem.evaluate(&theta, &mut unused).unwrap()
            };
            let slope = (value(at + h) - value(at - h)) / (2.0 * h);
            theta[i] = at;
            assert!(
                (slope - gradient[i]).abs() < 1e-4,
                "{i}: {slope} {}",
                gradient[i]
            );
        }
    }

    /// Two classes, whose best weights are known: with one feature ±1 that tells
    /// the class with probability 3/4, the logit is ±ln 3.
    #[test]
    fn a_closed_form_is_found() {
        let codes = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0].map(|x: f32| 5.0 * x + 2.0);
        let codes = Mat::from_slice(8, 1, &codes).unwrap();
        let labels = [9, 9, 9, 4, 4, 4, 4, 9];
        let options = ProbeOptions {
            l2: 0.0,
            tolerance: 1e-6,
            ..ProbeOptions::default()
        };
        let probe = Probe::fit(&codes, &labels, &options).unwrap();
        assert_eq!(probe.classes(), [4, 9]);
        let logits = affine((&codes).into(), probe.weight.as_ref(), &probe.bias).unwrap();
        for (i, sign) in [(0, 1.0), (7, -1.0)] {
            let difference = logits.row(i)[1] - logits.row(i)[0];
            assert!((difference - sign * 3f32.ln()).abs() < 1e-4, "{difference}");
        }
        // −¾·ln ¾ − ¼·ln ¼.
        assert!(
            (probe.loss() - 0.562_335_1).abs() < 1e-6,
            "{}",
            probe.loss()
        );
        assert_eq!(probe.accuracy(&codes, &labels).unwrap(), 0.75);
    }

    #[test]
    fn what_cannot_be_fitted_is_an_error() {
        let options = ProbeOptions::default();
        let codes = Mat::from_slice(2, 1, &[1.0, f32::NAN]).unwrap();
        assert!(Probe::fit(&codes, &[0, 1], &options).is_err());
        let codes = Mat::from_slice(2, 1, &[1.0, 1.0]).unwrap();
        assert!(Probe::fit(&codes, &[0], &options).is_err());
        assert!(Probe::fit(&Mat::zeros(0, 1), &[], &options).is_err());
        // All the same: a guess, but an answer.
        let probe = Probe::fit(&codes, &[1, 0], &options).unwrap();
        assert_eq!(probe.accuracy(&codes, &[1, 0]).unwrap(), 0.5);
        assert!(probe.predict(&Mat::zeros(1, 2)).is_err());
    }
}
