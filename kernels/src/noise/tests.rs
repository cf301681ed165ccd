//! Every noise at every level against the reference, and how often it strikes.

use super::*;
use crate::mat::Mat;
use crate::reference::noise as reference;

const KEY: Key = Key {
    seed: 5,
    stream: 1,
    step: 9,
};

/// A matrix in [−1, 2), its corrupted copy and what the reference makes of it.
fn check(
    rows: usize,
    cols: usize,
    kernel: impl Fn(MatRef<'_, f32>, MatMut<'_, f32>),
    reference: impl Fn(u32, usize, f64) -> f64,
    what: &str,
) {
    let from = Mat::from_fn(rows, cols, |i, j| {
        ((i * 31 + j * 7) % 96) as f32 / 32.0 - 1.0
    });
    let mut to = vec![f32::NAN; rows * (cols + 3)];
    kernel(
        from.as_ref(),
        MatMut::with_strides(&mut to, rows, cols, cols + 3, 1).unwrap(),
    );
    for (i, row) in to.chunks(cols + 3).enumerate() {
        for (j, &got) in row[..cols].iter().enumerate() {
            let want = reference(7 + i as u32, j, f64::from(from.as_ref().get(i, j)));
            let error = (f64::from(got) - want).abs();
            assert!(
                error <= 1e-6 * want.abs().max(1.0),
                "{what}: {got}, not {want}"
            );
        }
        assert!(
            row[cols..].iter().all(|x| x.is_nan()),
            "{what}: between rows"
        );
    }
}

#[test]
fn every_noise_is_the_reference() {
    for &level in Level::available() {
        for cols in [1, 9, 16, 33, 64, 131] {
            for noise in Noise::ALL {
                check(
                    5,
                    cols,
                    |from, to| corrupt(level, noise, KEY, 7, from, to).unwrap(),
                    |row, col, x| reference::corrupt(noise, KEY, row, col, x),
                    &format!("{noise} at {level}, {cols} columns"),
                );
            }
            for probability in [0.0, 0.25, 0.9] {
                check(
                    5,
                    cols,
                    |from, to| drop_out(level, probability, KEY, 7, from, to).unwrap(),
                    |row, col, x| reference::drop_out(probability, KEY, row, col, x),
                    &format!("dropout {probability} at {level}, {cols} columns"),
                );
            }
        }
    }
}

#[test]
fn noise_strikes_as_often_as_it_says() {
    let (rows, cols) = (200, 784);
    let n = (rows * cols) as f64;
    let from = Mat::from_fn(rows, cols, |_, _| 0.5);
    let mut to = Mat::zeros(rows, cols);
    let share = |to: &Mat<f32>, value: f32| {
        to.as_slice().iter().filter(|&&x| x == value).count() as f64 / n
    };
    // Four standard errors.
    let close = |got: f64, p: f64| (got - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt();
    let level = Level::current();
    let mut run =
        |noise| corrupt(level, noise, KEY, 0, from.as_ref(), to.as_mut()).map(|()| to.clone());
    // 0 and 1 are one standard deviation from 0.5: Φ(−1) is cut at either.
    let beyond = 0.158_655;
    let clipped = run(Noise::ClippedGaussian { stddev: 0.5 }).unwrap();
    assert!(close(share(&clipped, 0.0), beyond) && close(share(&clipped, 1.0), beyond));
    let masked = run(Noise::Masking { probability: 0.3 }).unwrap();
    assert!(close(share(&masked, 0.0), 0.3) && close(share(&masked, 0.5), 0.7));
    let peppered = run(Noise::SaltAndPepper { probability: 0.2 }).unwrap();
    assert!(close(share(&peppered, 0.0), 0.1) && close(share(&peppered, 1.0), 0.1));
    let all = run(Noise::Masking { probability: 1.0 }).unwrap();
    assert_eq!(share(&all, 0.0), 1.0);
    let none = run(Noise::SaltAndPepper { probability: 0.0 }).unwrap();
    assert_eq!(none, from);
    drop_out(level, 0.2, KEY, 0, from.as_ref(), to.as_mut()).unwrap();
    assert!(close(share(&to, 0.0), 0.2) && close(share(&to, 0.625), 0.8));
}

#[test]
fn names_are_read_back() {
    for noise in Noise::ALL {
        assert_eq!(noise.to_string().parse(), Ok(noise));
    }
    assert_eq!("Gaussian: 1".parse(), Ok(Noise::Gaussian { stddev: 1.0 }));
    for (text, says) in [
        (
            "gaussian",
            "unknown noise \"gaussian\": expected gaussian:STDDEV",
        ),
        ("poisson:1", "unknown noise"),
        ("masking:x", "unknown noise"),
        (
            "masking:1.5",
            "masking is 1.5, expected a probability from 0 to 1",
        ),
        ("salt-and-pepper:NaN", "salt-and-pepper is NaN"),
        (
            "gaussian:-1",
            "gaussian is -1, expected a finite standard deviation",
        ),
        ("gaussian:inf", "gaussian is inf"),
    ] {
        let error = text.parse::<Noise>().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let from = Mat::zeros(2, 3);
    let (mut to, mut other) = (Mat::zeros(2, 3), Mat::zeros(3, 2));
    let level = Level::Portable;
    let noise = Noise::Gaussian { stddev: f32::NAN };
    assert!(corrupt(level, noise, KEY, 0, from.as_ref(), to.as_mut()).is_err());
    for probability in [1.0, -0.1, f32::NAN] {
        assert!(drop_out(level, probability, KEY, 0, from.as_ref(), to.as_mut()).is_err());
    }
    assert!(drop_out(level, 0.1, KEY, 0, from.as_ref(), other.as_mut()).is_err());
    let turned = other.as_ref().transpose();
    assert!(drop_out(level, 0.1, KEY, 0, turned, to.as_mut()).is_err());
}
