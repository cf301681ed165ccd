//! Published vectors, the scalar reference, and statistics.

use super::*;
use crate::mat::Mat;
use crate::reference::math::{error_in_ulp, normal_cdf};
use crate::reference::random as reference;

const KEY: Key = Key {
    seed: 0x0123_4567_89ab_cdef,
    stream: 3,
    step: 0x4321_8765_0001,
};

/// The lines `philox4x32` of `tests/kat_vectors` in the authors' library
/// (github.com/DEShawResearch/random123, version 1.14.0): rounds, counter and
/// key, result. The digits of the third are those of π.
#[rustfmt::skip]
const KNOWN: [(u32, [u32; 6], [u32; 4]); 6] = [
    (7, [0; 6], [0x5f6f_b709, 0x0d89_3f64, 0x4f12_1f81, 0x4f73_0a48]),
    (7, [u32::MAX; 6], [0x5207_ddc2, 0x4516_5e59, 0x4d8e_e751, 0x8c52_f662]),
    (7, PI, [0x4dfc_caba, 0x190a_87f0, 0xc473_62ba, 0xb6b5_242a]),
    (10, [0; 6], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (10, [u32::MAX; 6], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (10, PI, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
];
const PI: [u32; 6] = [
    0x243f_6a88,
    0x85a3_08d3,
    0x1319_8a2e,
    0x0370_7344,
    0xa409_3822,
    0x299f_31d0,
];

/// Philox on registers, its words as two halves that f32 holds exactly.
struct Cipher {
    rounds: u32,
    input: [u32; 6],
}

impl Kernel for Cipher {
    type Output = [Vec<u32>; 4];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [Vec<u32>; 4] {
        let [a, b, c, d, k0, k1] = self.input;
        let counter = [a, b, c, d].map(|word| s.splat_words(word));
        let words = match self.rounds {
            7 => philox::philox::<S, 7>(s, counter, [k0, k1]),
            _ => philox::philox::<S, 10>(s, counter, [k0, k1]),
        };
        words.map(|word| {
            let mut halves = [vec![0.0; S::LANES], vec![0.0; S::LANES]];
            let (_, low) = s.multiply_words(word, 1 << 16);
            store_at(s, &mut halves[0], 0, s.leading_bits(word, 16));
            store_at(s, &mut halves[1], 0, s.leading_bits(low, 16));
            let [high, low] = halves;
            let join = |(high, low): (f32, f32)| (high as u32) << 16 | low as u32;
            high.into_iter().zip(low).map(join).collect()
        })
    }
}

#[test]
fn words_are_the_published_ones() {
    for (rounds, input, want) in KNOWN {
        let [a, b, c, d, k0, k1] = input;
        let got = reference::philox4x32(rounds, [a, b, c, d], [k0, k1]);
        assert_eq!(got, want, "the reference");
        for &level in Level::available() {
            let got = level.dispatch(Cipher { rounds, input });
            for (got, want) in got.iter().zip(want) {
                assert!(got.iter().all(|&word| word == want), "{level}: {got:x?}");
            }
        }
    }
}

#[test]
fn elements_have_the_numbers_of_their_places() {
    for &level in Level::available() {
        let mut worst = 0.0f64;
        for cols in [0usize, 1, 10, 15, 16, 17, 63, 64, 65, 130, 784] {
            let (rows, stride) = (3, cols + 2);
            let mut data = vec![f32::NAN; rows * stride];
            for first_row in [0, 7, u32::MAX as usize - 2] {
                let places = || (0..rows * cols).map(|at| (at / cols, at % cols));
                let mut view = MatMut::with_strides(&mut data, rows, cols, stride, 1).unwrap();
                fill_uniform(level, KEY, first_row, view.as_mut()).unwrap();
                for (i, j) in places() {
                    let want = reference::uniform(KEY, (first_row + i) as u32, j);
                    let got = view.as_ref().get(i, j);
                    assert_eq!(got.to_bits(), want.to_bits(), "{level} ({i}, {j})");
                }
                fill_normal(level, KEY, first_row, view.as_mut()).unwrap();
                for (i, j) in places() {
                    let want = reference::normal(KEY, (first_row + i) as u32, j);
                    worst = worst.max(error_in_ulp(view.as_ref().get(i, j), want, 0.0));
                }
                for i in 0..rows - 1 {
                    let gap = &data[i * stride + cols..(i + 1) * stride];
                    assert!(gap.iter().all(|x| x.is_nan()), "between rows");
                }
            }
        }
        assert!(worst <= f64::from(NORMAL_MAX_ULP), "{worst} ULP at {level}");
    }
}

/// Many rows, since errors of 3 ULP are rare.
#[test]
fn normal_numbers_keep_their_bound() {
    for &level in Level::available() {
        let mut mat = Mat::zeros(400, 512);
        fill_normal(level, KEY, 1_000, mat.as_mut()).unwrap();
        let mut worst = 0.0f64;
        for (i, row) in mat.as_slice().chunks(512).enumerate() {
            for (j, &got) in row.iter().enumerate() {
                worst = worst.max(error_in_ulp(
                    got,
                    reference::normal(KEY, 1_000 + i as u32, j),
                    0.0,
                ));
            }
        }
        println!("{level}: {worst:.2} ULP");
        assert!(worst <= f64::from(NORMAL_MAX_ULP), "{worst} ULP at {level}");
    }
}

/// The largest and the smallest u, and each quarter of the turn.
#[test]
fn extreme_words_give_finite_numbers() {
    struct Sample([u32; 4]);
    impl Kernel for Sample {
        type Output = [f32; 4];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> [f32; 4] {
            let words = self.0.map(|word| s.splat_words(word));
            Normal.sample(s, words).map(|v| s.reduce_max(v))
        }
    }
    for &level in Level::available() {
        for (quarter, want) in [
            (0u32, [0.0, 1.0]),
            (1, [1.0, 0.0]),
            (2, [0.0, -1.0]),
            (3, [-1.0, 0.0]),
        ] {
            let turn = quarter << 30;
            let got = level.dispatch(Sample([0, turn, u32::MAX, turn]));
            let radius = (64.0 * 2f64.ln()).sqrt() as f32;
            for (got, want) in [(got[0], want[1]), (got[1], want[0])] {
                assert!((got - radius * want).abs() < 1e-6, "{got} at {level}");
            }
            assert_eq!([got[2], got[3]].map(f32::abs), [0.0; 2], "u = 1");
        }
    }
}

/// √n · sup |F(x) − empirical F(x)|: above 1.95 with a probability of 0.001.
fn kolmogorov_smirnov(mut x: Vec<f32>, cdf: impl Fn(f64) -> f64) -> f64 {
    x.sort_by(f32::total_cmp);
    let n = x.len() as f64;
    let worst = x.iter().enumerate().fold(0.0f64, |worst, (i, &x)| {
        let f = cdf(f64::from(x));
        worst.max(f - i as f64 / n).max((i as f64 + 1.0) / n - f)
    });
    worst * n.sqrt()
}

#[test]
fn numbers_are_distributed_as_they_should_be() {
    let (rows, cols) = (200, 500);
    let n = (rows * cols) as f64;
    for &level in Level::available() {
        let mut uniform = Mat::zeros(rows, cols);
        let mut normal = Mat::zeros(rows, cols);
        fill_uniform(level, KEY, 0, uniform.as_mut()).unwrap();
        fill_normal(level, KEY, 0, normal.as_mut()).unwrap();
        let ks = [
            kolmogorov_smirnov(uniform.as_slice().to_vec(), |x| x),
            kolmogorov_smirnov(normal.as_slice().to_vec(), normal_cdf),
        ];
        assert!(ks.iter().all(|&ks| ks < 1.95), "{ks:?} at {level}");
        let moment = |k: i32| {
            let powers = normal.as_slice().iter().map(|&x| f64::from(x).powi(k));
            powers.sum::<f64>() / n
        };
        // Variances of xᵏ: 1, 2, 15, 96. Four standard errors.
        for (k, want, variance) in [
            (1, 0.0, 1.0),
            (2, 1.0, 2.0),
            (3, 0.0, 15.0),
            (4, 3.0, 96.0f64),
        ] {
            let (got, error) = (moment(k), 4.0 * (variance / n).sqrt());
            assert!((got - want).abs() < error, "moment {k} is {got} at {level}");
        }
    }
}

#[test]
fn neighbours_in_any_direction_are_uncorrelated() {
    let numbers = |key: Key, first_row, cols| {
        let mut mat = Mat::zeros(100, cols);
        fill_normal(Level::current(), key, first_row, mat.as_mut()).unwrap();
        mat
    };
    let all = numbers(KEY, 0, 600);
    let stream = Key { stream: 4, ..KEY };
    let step = Key {
        step: KEY.step + 1,
        ..KEY
    };
    let seed = Key {
        seed: KEY.seed + 1,
        ..KEY
    };
    let high = Key {
        step: KEY.step + (1 << 32),
        ..KEY
    };
    let others = [
        numbers(KEY, 1, 600),
        numbers(stream, 0, 600),
        numbers(step, 0, 600),
        numbers(seed, 0, 600),
        numbers(high, 0, 600),
    ];
    let correlation = |a: &[f32], b: &[f32]| {
        let products = a.iter().zip(b).map(|(x, y)| f64::from(x * y));
        products.sum::<f64>() / (a.len().min(b.len()) as f64).sqrt()
    };
    for (i, other) in others.iter().enumerate() {
        let z = correlation(all.as_slice(), other.as_slice());
        assert!(z.abs() < 4.0, "{i}: {z} standard errors");
    }
    for shift in [1, 2, 15, 16, 17, 32, 48, 64, 128] {
        let z = correlation(all.as_slice(), &all.as_slice()[shift..]);
        assert!(z.abs() < 4.0, "{shift} columns: {z} standard errors");
    }
}

#[test]
fn what_has_no_numbers_is_an_error() {
    let mut mat = Mat::zeros(2, 3);
    let level = Level::Portable;
    let late = Key {
        step: 1 << 48,
        ..KEY
    };
    for (error, says) in [
        (fill_uniform(level, late, 0, mat.as_mut()), "below 2⁴⁸"),
        (
            fill_uniform(level, KEY, 0, mat.as_mut().transpose()),
            "column stride",
        ),
        (
            fill_normal(level, KEY, u32::MAX as usize, mat.as_mut()),
            "at most 2³²",
        ),
    ] {
        assert!(error.unwrap_err().to_string().contains(says), "{says}");
    }
}
