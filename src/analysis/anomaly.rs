//! Scores of anomalies: where to draw the line, and how well they sort.

use super::check_labels;
use crate::error::{Error, Result};

/// The score above which lies the part `contamination` of the scores: their
/// (1 − `contamination`)-quantile, interpolated as by numpy's `quantile`. What
/// lies above it is taken for an anomaly.
///
/// ```
/// use autoencoder::analysis::threshold;
///
/// let scores = [0.1, 0.9, 0.2, 0.3, 0.4];
/// let line = threshold(&scores, 0.2)?;
/// assert!((line - 0.5).abs() < 1e-6);
/// assert_eq!(scores.iter().filter(|&&score| f64::from(score) > line).count(), 1);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # Errors
/// [`Error::Configuration`] for no scores or one that is NaN, or unless the
/// contamination is above 0 and at most ½.
pub fn threshold(scores: &[f32], contamination: f64) -> Result<f64> {
    if !(contamination > 0.0 && contamination <= 0.5) {
        return Err(Error::configuration(
            "the contamination",
            contamination,
            "the part of the samples that are anomalies, above 0 and at most 0.5",
        ));
    }
    check_scores(scores)?;
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let place = (1.0 - contamination) * (scores.len() - 1) as f64;
    let below = place.floor() as usize;
    let at = |i: usize| f64::from(sorted[i.min(scores.len() - 1)]);
    Ok(at(below) + (place - place.floor()) * (at(below + 1) - at(below)))
}

/// The area under the ROC curve: the probability that the score of an anomaly is
/// higher than that of a normal sample, where equal scores count half. 1 is a
/// perfect score, ½ is a coin. (Mann and Whitney 1947)
///
/// ```
/// use autoencoder::analysis::roc_auc;
///
/// let anomalous = [false, false, true, true];
/// assert_eq!(roc_auc(&[0.1, 0.4, 0.35, 0.8], &anomalous)?, 0.75);
/// # Ok::<(), autoencoder::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] unless each score has its answer; [`Error::Configuration`]
/// unless there are both anomalies and normal samples, or for a score that is
/// NaN.
pub fn roc_auc(scores: &[f32], anomalous: &[bool]) -> Result<f64> {
    check_labels(scores.len(), anomalous.len())?;
    check_scores(scores)?;
    let positives = anomalous.iter().filter(|&&anomalous| anomalous).count();
    let negatives = anomalous.len() - positives;
    if positives == 0 || negatives == 0 {
        return Err(Error::configuration(
            "the samples to rank",
            format_args!("{positives} anomalies and {negatives} normal samples"),
            "at least one of each",
        ));
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&i, &j| scores[i].total_cmp(&scores[j]));
    // Pairs in the right order, doubled, so that a tie counts 1.
    let (mut pairs, mut negatives_below) = (0u128, 0usize);
    for equal in order.chunk_by(|&i, &j| scores[i] == scores[j]) {
        let here = equal.iter().filter(|&&i| anomalous[i]).count();
        let others = equal.len() - here;
        pairs += here as u128 * (2 * negatives_below + others) as u128;
        negatives_below += others;
    }
    Ok(pairs as f64 / (2.0 * positives as f64 * negatives as f64))
}

/// What a threshold does to samples of which it is known what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detection {
    /// Anomalies above the threshold.
    pub found: usize,
    /// Anomalies at or below it.
    pub missed: usize,
    /// Normal samples above it.
    pub false_alarms: usize,
    /// Normal samples at or below it.
    pub passed: usize,
}

impl Detection {
    /// Counts.
    ///
    /// # Errors
    /// [`Error::Shape`] unless each score has its answer.
    pub fn new(scores: &[f32], anomalous: &[bool], threshold: f64) -> Result<Self> {
        check_labels(scores.len(), anomalous.len())?;
        let count = |above: bool, anomaly: bool| {
            let pairs = scores.iter().zip(anomalous);
            let is = |(&score, &is): (&f32, &bool)| {
                (f64::from(score) > threshold) == above && is == anomaly
            };
            pairs.filter(|&pair| is(pair)).count()
        };
        Ok(Detection {
            found: count(true, true),
            missed: count(false, true),
            false_alarms: count(true, false),
            passed: count(false, false),
        })
    }

    /// The part of what is above the threshold that is anomalous; NaN for nothing.
    pub fn precision(&self) -> f64 {
        self.found as f64 / (self.found + self.false_alarms) as f64
    }

    /// The part of the anomalies that is above the threshold; NaN for none.
    pub fn recall(&self) -> f64 {
        self.found as f64 / (self.found + self.missed) as f64
    }
}

fn check_scores(scores: &[f32]) -> Result<()> {
    let given = match scores.iter().position(|score| score.is_nan()) {
        Some(row) => format!("NaN at row {row}"),
        None if scores.is_empty() => "none".to_owned(),
        None => return Ok(()),
    };
    Err(Error::configuration(
        "the scores",
        given,
        "at least one, and numbers",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::standard_normal;

    /// Every pair of an anomaly and a normal sample.
    fn pairs(scores: &[f32], anomalous: &[bool]) -> f64 {
        let all = || scores.iter().zip(anomalous);
        let (mut right, mut count) = (0.0, 0.0);
        for (high, _) in all().filter(|(_, anomalous)| **anomalous) {
            for (low, _) in all().filter(|(_, anomalous)| !**anomalous) {
                right += if high > low {
                    1.0
                } else if high == low {
                    0.5
                } else {
                    0.0
                };
                count += 1.0;
            }
        }
        right / count
    }

    #[test]
    fn the_area_is_the_part_of_the_pairs_in_order() {
        for seed in 0..20 {
            let scores = standard_normal(1, 120, seed).unwrap().to_mat().unwrap();
            // Few values, so that there are ties; and a third is anomalous.
            let scores: Vec<f32> = scores
                .as_slice()
                .iter()
                .map(|x| (x * 4.0).round())
                .collect();
            let anomalous: Vec<bool> = (0..120).map(|i| i % 3 == 0).collect();
            let (area, expected) = (roc_auc(&scores, &anomalous), pairs(&scores, &anomalous));
            assert!(
                (area.unwrap() - expected).abs() < 1e-12,
                "{seed}: {expected}"
            );
        }
        assert_eq!(roc_auc(&[0.0, -0.0], &[true, false]).unwrap(), 0.5);
        assert_eq!(roc_auc(&[2.0, 1.0], &[true, false]).unwrap(), 1.0);
        for (scores, anomalous) in [
            (&[1.0][..], &[true][..]),
            (&[1.0, 2.0], &[true]),
            (&[1.0, f32::NAN], &[true, false]),
            (&[], &[]),
        ] {
            assert!(roc_auc(scores, anomalous).is_err());
        }
    }

    /// Expected values from `numpy.quantile(scores, 1 - contamination)`.
    #[test]
    fn thresholds_are_numpys_quantiles() {
        let scores = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
        for (contamination, expected) in [(0.05, 7.95), (0.1, 6.9), (0.25, 5.25), (0.5, 3.5)] {
            let given = threshold(&scores, contamination).unwrap();
            assert!((given - expected).abs() < 1e-9, "{contamination}: {given}");
        }
        assert_eq!(threshold(&[7.0], 0.1).unwrap(), 7.0);
        for contamination in [0.0, 0.6, f64::NAN, -0.1] {
            assert!(threshold(&scores, contamination).is_err());
        }
        assert!(threshold(&[], 0.1).is_err() && threshold(&[f32::NAN], 0.1).is_err());
    }

    #[test]
    fn a_threshold_splits_what_is_known() {
        let (scores, anomalous) = ([1.0, 2.0, 3.0, 4.0], [false, true, false, true]);
        let detection = Detection::new(&scores, &anomalous, 2.0).unwrap();
        let Detection {
            found,
            missed,
            false_alarms,
            passed,
        } = detection;
        assert_eq!((found, missed, false_alarms, passed), (1, 1, 1, 1));
        assert_eq!((detection.precision(), detection.recall()), (0.5, 0.5));
        assert!(Detection::new(&scores, &[true], 0.0).is_err());
    }
}
