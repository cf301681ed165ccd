//! PCA, probes, mixtures and new codes, against hand-computed cases, invariants
//! and known distributions.
#![cfg(feature = "analysis")]

use autoencoder::analysis::{
    GaussianMixture, MixtureOptions, Pca, Probe, ProbeOptions, around, clamp_to_range, interpolate,
    standard_deviations,
};
use autoencoder::data::{digits, digits_split, standard_normal};
use autoencoder::{Error, Mat};

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} and {b}");
}

/// The mean over the samples of the squared differences, summed over features.
fn squared_error(a: &Mat<f32>, b: &Mat<f32>) -> f64 {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    let sum: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    sum / a.rows() as f64
}

#[test]
fn an_ellipse_has_its_axes_as_components() {
    // Round (10, 20): ±5 along (3, 4)/5, ±1 along (4, −3)/5.
    let points = [13.0, 24.0, 7.0, 16.0, 10.8, 19.4, 9.2, 20.6];
    let points = Mat::from_slice(4, 2, &points).unwrap();
    let pca = Pca::fit(&points, 2).unwrap();
    assert_eq!(pca.mean(), [10.0, 20.0]);
    close(pca.explained_variance()[0], 12.5, 1e-5);
    close(pca.explained_variance()[1], 0.5, 1e-5);
    close(pca.total_variance(), 13.0, 1e-5);
    close(pca.explained_variance_ratio()[0], 12.5 / 13.0, 1e-6);
    for (i, j, expected) in [(0, 0, 0.6), (1, 0, 0.8), (0, 1, 0.8), (1, 1, -0.6)] {
        close(f64::from(pca.components().get(i, j)), expected, 1e-6);
    }
    let codes = pca.encode(&points).unwrap();
    let expected = [5.0, 0.0, -5.0, 0.0, 0.0, 1.0, 0.0, -1.0];
    for (&code, expected) in codes.as_slice().iter().zip(expected) {
        close(f64::from(code), expected, 1e-5);
    }
    assert!(squared_error(&pca.decode(&codes).unwrap(), &points) < 1e-9);
}

#[test]
fn components_of_digits_are_orthonormal_and_leave_the_other_eigenvalues() {
    let digits = digits().slice(0..2_000).unwrap();
    let samples = digits.to_mat().unwrap();
    let whole = Pca::fit(&digits, 784).unwrap();
    let all = whole.explained_variance();
    assert!(all.is_sorted_by(|a, b| a >= b) && all[783] >= 0.0);
    let deviations = standard_deviations(&digits).unwrap();
    let total: f64 = deviations.iter().map(|&d| f64::from(d).powi(2)).sum();
    close(whole.total_variance(), total, 1e-4 * total);

    let components = whole.components();
    for (a, b) in [(0, 0), (0, 1), (5, 5), (5, 31), (31, 783), (700, 700)] {
        let products = (0..784).map(|i| components.get(i, a) * components.get(i, b));
        close(
            f64::from(products.sum::<f32>()),
            f64::from(u8::from(a == b)),
            1e-5,
        );
    }
    for k in [1, 32, 200] {
        let pca = Pca::fit(&digits, k).unwrap();
        let codes = pca.encode(&digits).unwrap();
        let error = squared_error(&pca.decode(&codes).unwrap(), &samples);
        let left: f64 = all[k..].iter().sum();
        close(error, left, 1e-4 * total);
        // Numbers of a code have these variances, and the mean 0.
        let deviation = f64::from(standard_deviations(&codes).unwrap()[k - 1]);
        close(deviation.powi(2), all[k - 1], 1e-4 * all[0]);
    }
}

#[test]
fn samples_without_variance_and_bad_requests() {
    let same = Mat::from_fn(3, 2, |_, j| j as f32);
    let pca = Pca::fit(&same, 1).unwrap();
    assert_eq!(pca.total_variance(), 0.0);
    assert_eq!(pca.explained_variance_ratio(), [0.0]);
    let decoded = pca.decode(&pca.encode(&same).unwrap()).unwrap();
    assert!(squared_error(&decoded, &same) < 1e-12);
    assert!(pca.encode(&Mat::zeros(1, 3)).is_err() && pca.decode(&Mat::zeros(1, 2)).is_err());
    for components in [0, 3] {
        assert!(matches!(
            Pca::fit(&same, components),
            Err(Error::Configuration { .. })
        ));
    }
    assert!(Pca::fit(&Mat::zeros(0, 2), 1).is_err());
    for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
        let bad = Mat::from_slice(2, 1, &[bad, 0.0]).unwrap();
        assert!(Pca::fit(&bad, 1).is_err());
        assert!(GaussianMixture::fit(&bad, &MixtureOptions::default()).is_err());
    }
}

/// A published order of magnitude: a linear classifier reads about nine of ten
/// digits from pixels, and a few principal components tell less.
#[test]
fn a_probe_reads_held_out_digits() {
    let (train, test) = digits_split();
    let train = train.slice(0..1_500).unwrap();
    let (labels, answers) = (train.labels().unwrap(), test.labels().unwrap());
    let options = ProbeOptions {
        iterations: 60,
        ..ProbeOptions::default()
    };
    let accuracy = |train: &Mat<f32>, test: &Mat<f32>| {
        let probe = Probe::fit(train, labels, &options).unwrap();
        assert_eq!(probe.classes(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        probe.accuracy(test, answers).unwrap()
    };
    let coded = |k| {
        let pca = Pca::fit(&train, k).unwrap();
        accuracy(&pca.encode(&train).unwrap(), &pca.encode(&test).unwrap())
    };
    let pixels = accuracy(&train.to_mat().unwrap(), &test.to_mat().unwrap());
    let (two, many) = (coded(2), coded(32));
    assert!((0.84..0.93).contains(&pixels), "{pixels}");
    assert!((0.80..0.93).contains(&many), "{many}");
    assert!((0.35..0.55).contains(&two), "{two}");
}

/// Three clusters of known weights, means and covariances.
fn clusters() -> Mat<f32> {
    let mut codes = standard_normal(2_000, 2, 7).unwrap().to_mat().unwrap();
    for i in 0..2_000 {
        let row = codes.row_mut(i);
        let [x, y] = [row[0], row[1]];
        let [a, b] = match i % 4 {
            0 | 1 => [x, y],
            2 => [10.0 + 2.0 * x, 0.5 * y],
            // Correlation 0.8.
            _ => [x, 10.0 + 0.8 * x + 0.6 * y],
        };
        row.copy_from_slice(&[a, b]);
    }
    codes
}

#[test]
fn known_clusters_are_found() {
    let codes = clusters();
    let options = MixtureOptions {
        components: 3,
        ..MixtureOptions::default()
    };
    let mixture = GaussianMixture::fit(&codes, &options).unwrap();
    let mut found: Vec<(f64, &[f64])> = mixture
        .weights()
        .iter()
        .copied()
        .zip(mixture.means())
        .collect();
    found.sort_by(|a, b| (a.1[0] + 2.0 * a.1[1]).total_cmp(&(b.1[0] + 2.0 * b.1[1])));
    for ((weight, mean), (expected, at)) in
        found
            .iter()
            .zip([(0.5, [0.0, 0.0]), (0.25, [10.0, 0.0]), (0.25, [0.0, 10.0])])
    {
        close(*weight, expected, 0.01);
        // Five standard errors of 500 samples with a deviation of up to 2.
        close(mean[0], at[0], 0.45);
        close(mean[1], at[1], 0.45);
    }
    // The mean log-density under the distribution that made them: the negative
    // entropy of the components, and of the choice among them, for they do not
    // overlap. ln 2πe = 2.837877; |covariances| are 1, 1 and 0.36.
    let entropy = 2.837_877 + 0.25 * 0.5 * 0.36f64.ln() + 1.039_721;
    close(mixture.log_likelihood(&codes).unwrap(), -entropy, 0.05);

    // New codes have those clusters too, and do not depend on how many there are.
    let new = mixture.sample(4_000, 3).unwrap();
    let (few, other) = (mixture.sample(5, 3).unwrap(), mixture.sample(5, 4).unwrap());
    assert_eq!(few.as_slice(), &new.as_slice()[..10]);
    assert_ne!(few, other);
    let near = |x: f32, y: f32| {
        let rows = new.as_slice().chunks_exact(2);
        let near = rows.filter(|row| (row[0] - x).abs() < 5.0 && (row[1] - y).abs() < 5.0);
        near.count() as f64 / 4_000.0
    };
    close(near(0.0, 0.0), 0.5, 0.04);
    close(near(10.0, 0.0), 0.25, 0.04);
    let again = GaussianMixture::fit(&new, &options).unwrap();
    close(again.log_likelihood(&codes).unwrap(), -entropy, 0.06);
}

#[test]
fn each_round_makes_codes_likelier() {
    let codes = Pca::fit(&digits().slice(0..600).unwrap(), 6).unwrap();
    let codes = codes.encode(&digits().slice(0..600).unwrap()).unwrap();
    let fit = |components, iterations| {
        let options = MixtureOptions {
            components,
            iterations,
            tolerance: 0.0,
            seed: 1,
        };
        let mixture = GaussianMixture::fit(&codes, &options).unwrap();
        close(mixture.weights().iter().sum(), 1.0, 1e-9);
        mixture.log_likelihood(&codes).unwrap()
    };
    let likelihoods: Vec<f64> = (0..12).map(|rounds| fit(5, rounds)).collect();
    assert!(
        likelihoods.windows(2).all(|pair| pair[1] >= pair[0] - 1e-6),
        "{likelihoods:?}"
    );
    assert!(likelihoods[11] > likelihoods[0] + 0.1, "{likelihoods:?}");
    assert!(likelihoods[11] > fit(1, 0) + 0.5, "{likelihoods:?}");
}

/// One Gaussian is what textbooks say: the mean log-density at its own samples
/// is −½·(d·(1 + ln 2π) + ln |covariance|), whatever the samples.
#[test]
fn one_gaussian_has_the_samples_mean_and_covariance() {
    let codes = Mat::from_slice(4, 2, &[13.0, 24.0, 7.0, 16.0, 10.8, 19.4, 9.2, 20.6]).unwrap();
    let one = GaussianMixture::fit(&codes, &MixtureOptions::default()).unwrap();
    assert_eq!(one.means().next().unwrap(), [10.0, 20.0]);
    let expected = -0.5 * (2.0 * 2.837_877 + (12.5f64 * 0.5).ln());
    close(one.log_likelihood(&codes).unwrap(), expected, 1e-3);
    let new = one.sample(20_000, 1).unwrap();
    let pca = Pca::fit(&new, 2).unwrap();
    close(pca.explained_variance()[0], 12.5, 0.5);
    close(pca.explained_variance()[1], 0.5, 0.03);
    close(f64::from(pca.components().get(0, 0)), 0.6, 0.02);

    let same = Mat::from_fn(6, 3, |_, j| j as f32);
    let options = MixtureOptions {
        components: 4,
        ..MixtureOptions::default()
    };
    let mixture = GaussianMixture::fit(&same, &options).unwrap();
    let new = mixture.sample(9, 0).unwrap();
    assert!((0..9).all(|i| (new[(i, 2)] - 2.0).abs() < 1e-6));
    for components in [0, 7] {
        let options = MixtureOptions {
            components,
            ..MixtureOptions::default()
        };
        assert!(GaussianMixture::fit(&same, &options).is_err());
    }
    assert!(mixture.log_likelihood(&Mat::zeros(1, 2)).is_err());
}

#[test]
fn new_codes_lie_where_they_should() {
    let codes = Mat::zeros(4_000, 2);
    let noisy = around(&codes, &[1.0, 0.25], 5).unwrap();
    let deviations = standard_deviations(&noisy).unwrap();
    close(f64::from(deviations[0]), 1.0, 0.06);
    close(f64::from(deviations[1]), 0.25, 0.015);
    assert_eq!(
        around(&Mat::zeros(2, 2), &[1.0, 0.25], 5).unwrap().row(1),
        noisy.row(1)
    );
    assert!(around(&codes, &[1.0], 5).is_err());

    let (from, to) = (
        clusters(),
        noisy.as_ref().submatrix(0..2_000, 0..2).to_owned(),
    );
    let way = interpolate(&from, &to, 5).unwrap();
    assert_eq!(way.shape(), (10_000, 2));
    assert_eq!((way.row(5), way.row(9)), (from.row(1), to.row(1)));
    assert!(interpolate(&from, &codes, 5).is_err() && interpolate(&from, &to, 1).is_err());

    let mut new = Mat::from_slice(2, 2, &[-1.0, 0.5, 9.0, 7.0]).unwrap();
    let known = Mat::from_slice(2, 2, &[0.0, 0.0, 2.0, 1.0]).unwrap();
    clamp_to_range(&mut new, &known).unwrap();
    assert_eq!(new.as_slice(), [0.0, 0.5, 2.0, 1.0]);
    assert!(clamp_to_range(&mut new, &Mat::zeros(0, 2)).is_err());
}
