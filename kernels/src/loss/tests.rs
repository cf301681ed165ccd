//! Losses at every level against the f64 reference, whose derivatives are
//! checked by finite differences.

use super::*;
use crate::reference::loss as reference;
use crate::{Level, Mat, MatMut, MatRef};

/// Uniform numbers in [low, high) by a linear congruential generator.
fn random(seed: u64, low: f32, high: f32) -> impl FnMut(usize, usize) -> f32 {
    let mut state = seed;
    move |_, _| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * (state >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// Every loss, and Huber with another delta.
fn losses() -> impl Iterator<Item = Loss> {
    Loss::ALL.into_iter().chain([Loss::Huber { delta: 0.25 }])
}

/// A prediction and targets that suit the loss. Some probabilities lie beyond
/// the clip bounds, and a third of the targets are 0 or 1.
fn batch(loss: Loss, rows: usize, cols: usize) -> (Mat<f32>, Mat<f32>) {
    let seed = (rows * 1000 + cols) as u64;
    let (low, high) = match loss {
        Loss::BinaryCrossEntropy => (-12.0, 12.0),
        Loss::BinaryCrossEntropyClipped => (-0.1, 1.1),
        _ => (-2.0, 2.0),
    };
    let mut target = random(seed + 1, -0.2, 1.2);
    (
        Mat::from_fn(rows, cols, random(seed, low, high)),
        Mat::from_fn(rows, cols, |i, j| target(i, j).clamp(0.0, 1.0)),
    )
}

const SHAPES: [(usize, usize); 12] = [
    (0, 5),
    (5, 0),
    (1, 1),
    (3, 7),
    (2, 8),
    (2, 15),
    (3, 16),
    (2, 17),
    (4, 33),
    // BLOCK of batch.rs, one more, and enough to flush several times.
    (2, 512),
    (3, 513),
    (2, 3001),
];

fn assert_close(got: f64, want: f64, tolerance: f64, what: &str) {
    assert!(
        (got - want).abs() <= tolerance || got == want || got.is_nan() && want.is_nan(),
        "{what}: {got}, expected {want}"
    );
}

#[test]
fn values_and_gradients_match_the_reference() {
    for &level in Level::available() {
        for loss in losses() {
            for (rows, cols) in SHAPES {
                let what = format!("{loss} {rows} × {cols} at {level}");
                let (y, t) = batch(loss, rows, cols);
                let want = reference::per_sample(loss, y.as_ref(), t.as_ref());
                let mean_factor = reference::mean_factor(loss, cols);

                let mut gradient = Mat::from_fn(rows, cols, |_, _| f32::NAN);
                let sum = value_and_gradient(
                    level,
                    loss,
                    y.as_ref(),
                    t.as_ref(),
                    Some(gradient.as_mut()),
                    0.25,
                )
                .unwrap();
                let wanted = reference::gradient(loss, y.as_ref(), t.as_ref());
                for (&got, want) in gradient.as_slice().iter().zip(wanted) {
                    // A clipped probability's gradient reaches 1e7, with the
                    // rounding of 1 − y in its denominator.
                    let relative = match loss {
                        Loss::BinaryCrossEntropyClipped => 1e-4,
                        _ => 1e-6,
                    };
                    let tolerance = relative * want.abs() + 2e-7 * mean_factor;
                    assert_close(f64::from(got) * 4.0, want, tolerance, &what);
                }

                let mut samples = vec![f32::NAN; rows];
                per_sample(level, loss, y.as_ref(), t.as_ref(), &mut samples).unwrap();
                for (&got, &want) in samples.iter().zip(&want) {
                    assert_close(got.into(), want, 2e-6 * want + 1e-7, &what);
                }
                let total: f64 = samples.iter().map(|&x| f64::from(x)).sum();
                assert_close(sum, total, 1e-6 * total, &what);
            }
        }
    }
}

#[test]
fn derivatives_of_the_reference_are_its_finite_differences() {
    let h = 1e-5;
    for loss in losses() {
        let (y, t) = batch(loss, 7, 31);
        for (&y, &t) in y.as_slice().iter().zip(t.as_slice()) {
            let (y, t) = (f64::from(y), f64::from(t));
            let near = |kink: f64| (y - kink).abs() < 3.0 * h;
            if loss.kinks().iter().any(|&kink| near(t + f64::from(kink)))
                || loss == Loss::BinaryCrossEntropyClipped && !(0.02..=0.98).contains(&y)
            {
                continue;
            }
            let rise = reference::value(loss, y + h, t) - reference::value(loss, y - h, t);
            let want = rise / (2.0 * h);
            let got = reference::derivative(loss, y, t);
            assert_close(
                got,
                want,
                2e-5 * (1.0 + want.abs()),
                &format!("{loss} at {y}, {t}"),
            );
        }
    }
}

#[test]
fn known_values() {
    let y = [0.5, -1.0, 3.0, 0.25];
    let t = [1.0, 1.0, 0.0, 0.25];
    let value = |loss, level| {
        let (y, t) = (MatRef::new(&y, 1, 4).unwrap(), MatRef::new(&t, 1, 4));
        value_and_gradient(level, loss, y, t.unwrap(), None, 1.0).unwrap()
    };
    for &level in Level::available() {
        // Differences −½, −2, 3, 0.
        assert_eq!(value(Loss::MeanSquaredError, level), 13.25 / 4.0);
        assert_eq!(value(Loss::SumSquaredError, level), 13.25);
        assert_eq!(value(Loss::HalfSquaredNorm, level), 6.625);
        assert_eq!(value(Loss::MeanAbsoluteError, level), 5.5 / 4.0);
        assert_eq!(
            value(Loss::Huber { delta: 1.0 }, level),
            (0.125 + 1.5 + 2.5) / 4.0
        );
        // log(1 + e^−½), log(1 + e), log(1 + e³), and 0.5762 of softplus(¼) − ¼·¼.
        let want = [
            0.474_076_984_180_107,
            1.313_261_687_518_223,
            3.048_587_351_573_742,
            0.825_939_419_856_466 - 0.0625,
        ];
        assert_close(
            value(Loss::BinaryCrossEntropy, level),
            want.iter().sum::<f64>() / 4.0,
            2e-7,
            "bce",
        );
    }
}

#[test]
fn extreme_predictions_have_defined_results() {
    let infinity = f32::INFINITY;
    let cases = [-infinity, -1e30, -1e4, -104.5, -100.0, -88.0, -0.0]
        .into_iter()
        .chain([0.0, 17.0, 88.0, 104.5, 1e4, 1e30, infinity, f32::NAN]);
    for &level in Level::available() {
        for loss in losses() {
            for y in cases.clone() {
                for t in [0.0, 0.5, 1.0] {
                    let what = format!("{loss} of {y}, {t} at {level}");
                    // One odd one among many, so that lanes may not mix.
                    let mut ys = [0.5; 21];
                    ys[3] = y;
                    ys[19] = y;
                    let mut gradient = [f32::NAN; 21];
                    let view = MatRef::new(&ys, 1, 21).unwrap();
                    let target = [t; 21];
                    let target = MatRef::new(&target, 1, 21).unwrap();
                    let out = MatMut::new(&mut gradient, 1, 21).unwrap();
                    let sum = value_and_gradient(level, loss, view, target, Some(out), 1.0);
                    let want = reference::per_sample(loss, view, target)[0];
                    // 1e30² exceeds f32.
                    let want = if want > f32::MAX.into() {
                        f64::INFINITY
                    } else {
                        want
                    };
                    assert_close(sum.unwrap(), want, 1e-6 * want.abs() + 1e-7, &what);
                    let wanted = reference::gradient(loss, view, target);
                    for (got, want) in gradient.into_iter().zip(wanted) {
                        assert_close(got.into(), want, 2e-6 * want.abs() + 1e-7, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn saturated_logits_lose_no_accuracy_to_cancellation() {
    // Each loss is 0; a sum over max(z, 0) and z·t apart would keep nothing of
    // the one 0.6931 among them.
    let mut y = [1e6; 100];
    y[50] = 0.0;
    let view = MatRef::new(&y, 1, 100).unwrap();
    let target = [1.0; 100];
    let target = MatRef::new(&target, 1, 100).unwrap();
    for &level in Level::available() {
        let loss = Loss::BinaryCrossEntropy;
        let sum = value_and_gradient(level, loss, view, target, None, 1.0).unwrap();
        assert_close(sum, std::f64::consts::LN_2 / 100.0, 1e-9, "bce");
    }
}

#[test]
fn tiny_probabilities_keep_their_relative_accuracy() {
    let y: Vec<f32> = (0..40).map(|i| -0.25 * i as f32).collect();
    let view = MatRef::new(&y, 1, 40).unwrap();
    let target = Mat::zeros(1, 40);
    for &level in Level::available() {
        let mut gradient = Mat::zeros(1, 40);
        value_and_gradient(
            level,
            Loss::BinaryCrossEntropy,
            view,
            target.as_ref(),
            Some(gradient.as_mut()),
            40.0,
        )
        .unwrap();
        for (&z, &got) in y.iter().zip(gradient.as_slice()) {
            let want = 1.0 / (1.0 + f64::from(-z).exp());
            assert_close(got.into(), want, 8.0 * f64::from(f32::EPSILON) * want, "σ");
        }
    }
}

#[test]
fn both_cross_entropies_agree() {
    let (z, t) = batch(Loss::BinaryCrossEntropy, 5, 77);
    let p = Mat::from_fn(5, 77, |i, j| 1.0 / (1.0 + (-z[(i, j)]).exp()));
    for &level in Level::available() {
        let value = |loss, y: &Mat<f32>| {
            value_and_gradient(level, loss, y.as_ref(), t.as_ref(), None, 1.0).unwrap()
        };
        let from_logits = value(Loss::BinaryCrossEntropy, &z);
        let from_probabilities = value(Loss::BinaryCrossEntropyClipped, &p);
        // 1 − p has few digits left at z = 12.
        assert_close(from_probabilities, from_logits, 1e-3 * from_logits, "bce");
    }
}

#[test]
fn strides_change_no_bit() {
    for &level in Level::available() {
        for loss in losses() {
            let (rows, cols) = (3, 700);
            let (y, t) = batch(loss, rows, cols);
            let mut plain = Mat::zeros(rows, cols);
            let sum = value_and_gradient(
                level,
                loss,
                y.as_ref(),
                t.as_ref(),
                Some(plain.as_mut()),
                1.0,
            )
            .unwrap();
            let (y2, t2) = (y.transposed(), t.transposed());
            let mut canaries = vec![-7.0; rows * cols * 2];
            let sum2 = value_and_gradient(
                level,
                loss,
                y2.as_ref().transpose(),
                t2.as_ref().transpose(),
                Some(MatMut::with_strides(&mut canaries, rows, cols, 2, 2 * rows).unwrap()),
                1.0,
            )
            .unwrap();
            assert_eq!(sum.to_bits(), sum2.to_bits(), "{loss} at {level}");
            for (i, got) in canaries.into_iter().enumerate() {
                let want = match i % 2 {
                    0 => plain[(i / 2 % rows, i / 2 / rows)],
                    _ => -7.0,
                };
                assert_eq!(got.to_bits(), want.to_bits(), "{loss} at {level}");
            }
        }
    }
}

#[test]
fn flushing_early_changes_no_bit() {
    use crate::level::Kernel;
    use crate::simd::Simd;

    /// The total of the vectors of a slice, flushed after every `every` adds.
    struct Total<'a, L> {
        loss: L,
        y: &'a [f32],
        every: usize,
    }
    impl<L: ElementwiseLoss> Kernel for Total<'_, L> {
        type Output = f32;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> f32 {
            let mut sum = self.loss.start(s);
            for y in self.y.chunks(S::LANES * self.every) {
                crate::simd::zip(
                    s,
                    y,
                    y,
                    #[inline(always)]
                    |y, _, valid| {
                        self.loss.add(s, &mut sum, y, s.splat(0.5), valid);
                    },
                );
                self.loss.flush(s, &mut sum);
            }
            s.reduce_add(self.loss.total(s, sum))
        }
    }
    struct AtLevel<'a>(Level, &'a [f32], usize);
    impl LossVisitor for AtLevel<'_> {
        type Output = f32;

        fn visit<L: ElementwiseLoss>(self, loss: L) -> f32 {
            let AtLevel(level, y, every) = self;
            level.dispatch(Total { loss, y, every })
        }
    }

    // Near 0 each factor of the product is near 2: the worst case for it.
    let y = Mat::from_fn(1, 5003, random(1, 0.0, 0.01));
    for &level in Level::available() {
        for loss in losses() {
            let seldom = loss.visit(AtLevel(level, y.as_slice(), 120));
            assert!(seldom.is_finite(), "{loss} at {level}");
            for every in [1, 7, 64] {
                let often = loss.visit(AtLevel(level, y.as_slice(), every));
                assert_eq!(often.to_bits(), seldom.to_bits(), "{loss} at {level}");
            }
        }
    }
}

#[test]
fn lanes_outside_of_the_mask_add_nothing() {
    use crate::level::Kernel;
    use crate::simd::Simd;

    /// The total of 5 equal elements, the other lanes given, masked off.
    struct Five<L>(L, f32);
    impl<L: ElementwiseLoss> Kernel for Five<L> {
        type Output = f32;

        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> f32 {
            let Five(loss, other) = self;
            let mask = s.first_lanes(5);
            let y = s.select(mask, s.splat(0.75), s.splat(other));
            let t = s.select(mask, s.splat(0.25), s.splat(other));
            let mut sum = loss.start(s);
            loss.add(s, &mut sum, y, t, Some(mask));
            loss.flush(s, &mut sum);
            s.reduce_add(loss.total(s, sum))
        }
    }
    struct AtLevel(Level, f32);
    impl LossVisitor for AtLevel {
        type Output = f32;

        fn visit<L: ElementwiseLoss>(self, loss: L) -> f32 {
            self.0.dispatch(Five(loss, self.1))
        }
    }

    for &level in Level::available() {
        for loss in losses() {
            let want = 5.0 * reference::value(loss, 0.75, 0.25);
            // Half the norm has its half in the feature scale.
            let want = match loss {
                Loss::HalfSquaredNorm => 2.0 * want,
                _ => want,
            };
            for other in [f32::NAN, f32::INFINITY, -3e38, 0.0] {
                let got = loss.visit(AtLevel(level, other)).into();
                assert_close(got, want, 1e-6, &format!("{loss} at {level}, {other}"));
            }
        }
    }
}

#[test]
fn the_first_bad_target_is_named() {
    for &level in Level::available() {
        for bad in [-1e-9, 1.000_000_1, f32::NAN, f32::INFINITY] {
            let mut t = Mat::from_fn(4, 37, random(1, 0.0, 1.0));
            (t[(0, 0)], t[(0, 1)]) = (0.0, 1.0);
            let loss = Loss::BinaryCrossEntropy;
            assert_eq!(check_targets(level, loss, t.as_ref()), Ok(()));
            t[(2, 36)] = bad;
            t[(3, 0)] = -3.0;
            for loss in losses() {
                let expected = match loss.requires_unit_targets() {
                    false => Ok(()),
                    true => Err(Error::Target {
                        row: 2,
                        col: 36,
                        given: bad.to_string(),
                    }),
                };
                assert_eq!(check_targets(level, loss, t.as_ref()), expected);
                let strided = t.transposed();
                let strided = strided.as_ref().transpose();
                assert_eq!(check_targets(level, loss, strided), expected);
            }
        }
    }
}

#[test]
fn bad_arguments_are_errors() {
    let (a, b) = (Mat::<f32>::zeros(2, 3), Mat::<f32>::zeros(3, 2));
    let level = Level::Portable;
    let loss = Loss::MeanSquaredError;
    assert!(value_and_gradient(level, loss, a.as_ref(), b.as_ref(), None, 1.0).is_err());
    let mut c = b.as_ref().to_owned();
    let gradient = Some(c.as_mut());
    assert!(value_and_gradient(level, loss, a.as_ref(), a.as_ref(), gradient, 1.0).is_err());
    assert!(per_sample(level, loss, a.as_ref(), a.as_ref(), &mut [0.0]).is_err());
    for delta in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let loss = Loss::Huber { delta };
        assert!(value_and_gradient(level, loss, a.as_ref(), a.as_ref(), None, 1.0).is_err());
    }
}

#[test]
fn names_come_back() {
    for loss in losses() {
        assert_eq!(loss.to_string().parse(), Ok(loss));
    }
    assert_eq!(" Huber:0.5 ".parse(), Ok(Loss::Huber { delta: 0.5 }));
    for bad in [
        "",
        "mse:1",
        "huber:",
        "huber:x",
        "huber:-1",
        "huber:inf",
        "l2",
    ] {
        let message = bad.parse::<Loss>().unwrap_err().to_string();
        assert!(message.contains("expected"), "{message}");
    }
}
