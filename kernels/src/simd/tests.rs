//! Each register operation against scalar `f32` arithmetic, at every level.

use super::*;
use crate::level::{Kernel, Level};

struct Check;

impl Kernel for Check {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let lanes = S::LANES;
        let x: Vec<f32> = (0..lanes).map(|i| i as f32 * 1.75 - 9.25).collect();
        let y: Vec<f32> = (0..lanes).map(|i| 3.5 - i as f32 * 0.5).collect();
        // SAFETY: both vectors hold LANES elements.
        let (a, b) = unsafe { (s.load(x.as_ptr()), s.load(y.as_ptr())) };
        let lanes_of = |v: S::Vector| {
            let mut out = vec![f32::NAN; lanes];
            // SAFETY: `out` holds LANES elements.
            unsafe { s.store(out.as_mut_ptr(), v) };
            out
        };
        let check = |name: &str, v: S::Vector, f: &dyn Fn(f32, f32) -> f32| {
            for (i, got) in lanes_of(v).into_iter().enumerate() {
                let want = f(x[i], y[i]);
                assert_eq!(got.to_bits(), want.to_bits(), "{name} of {} {}", x[i], y[i]);
            }
        };
        let table: Vec<f32> = (0..11 * lanes).map(|i| i as f32).collect();
        for rows in 1..=lanes {
            for (start, stride) in [(0, 11), (11 * (rows - 1), -11)] {
                // SAFETY: eight of the eleven elements of `rows` rows.
                let columns = unsafe { s.load_columns(table[start..].as_ptr(), stride, rows) };
                for (p, column) in columns.into_iter().enumerate() {
                    for (i, got) in lanes_of(column).into_iter().enumerate().take(rows) {
                        let want = start as isize + i as isize * stride + p as isize;
                        assert_eq!(got, want as f32, "row {i} of {rows}, column {p}");
                    }
                }
            }
        }
        check("add", s.add(a, b), &|x, y| x + y);
        check("sub", s.sub(a, b), &|x, y| x - y);
        check("mul", s.mul(a, b), &|x, y| x * y);
        check("div", s.div(a, s.splat(3.0)), &|x, _| x / 3.0);
        check("sqrt", s.sqrt(s.abs(a)), &|x, _| x.abs().sqrt());
        // Small multiples of 1/8: exact with and without FMA.
        check("mul_add", s.mul_add(a, b, a), &|x, y| x * y + x);
        check("neg_mul_add", s.neg_mul_add(a, b, a), &|x, y| x - x * y);
        check("min", s.min(a, b), &|x, y| if x < y { x } else { y });
        check("max", s.max(a, b), &|x, y| if x > y { x } else { y });
        let nan = s.splat(f32::NAN);
        check("min of NaN", s.min(nan, b), &|_, y| y);
        check("max of NaN", s.max(nan, b), &|_, y| y);
        check("copy_sign", s.copy_sign(a, b), &|x, y| x.copysign(y));
        check("round", s.round(a), &|x, _| x.round_ties_even());
        check("select", s.select(s.less(a, b), a, b), &|x, y| x.min(y));
        check("select ≤", s.select(s.less_equal(b, a), a, b), &|x, y| {
            x.max(y)
        });
        assert!(!s.any(s.less_equal(nan, nan)) && s.any(s.less_equal(a, a)));

        for n in [
            -252.0, -151.0, -149.0, -140.0, -126.0, -1.0, 0.0, 1.0, 127.0, 128.0, 252.0,
        ] {
            let want = |x: f32| (f64::from(x) * f64::powf(2.0, n)) as f32;
            let v = s.scale_by_power_of_two(a, s.splat(n as f32));
            check("scale", v, &|x, _| want(x));
        }
        for x in [
            f32::MIN_POSITIVE,
            1e-45,
            7e-40,
            1.0,
            1.999_999_9,
            2.0,
            3.0e38,
            0.1,
        ] {
            let (m, e) = s.split_exponent(s.splat(x));
            let (m, e) = (lanes_of(m)[0], lanes_of(e)[0]);
            assert!((1.0..2.0).contains(&m), "mantissa {m} of {x}");
            let back = f64::from(m) * f64::from(e).exp2();
            assert_eq!(back, f64::from(x), "{m} · 2^{e}");
        }

        assert_eq!(s.reduce_add(a), x.iter().sum::<f32>());
        assert_eq!(s.reduce_max(a), x[lanes - 1]);
        let bytes: Vec<u8> = (0..lanes).map(|i| 255 - i as u8 * 15).collect();
        // SAFETY: `bytes` holds LANES elements.
        check("load_u8", unsafe { s.load_u8(bytes.as_ptr()) }, &|x, _| {
            f32::from(bytes[((x + 9.25) / 1.75) as usize])
        });

        let square: Vec<f32> = (0..8 * 11).map(|i| i as f32).collect();
        let mut turned = vec![-1.0; 8 * 9];
        // SAFETY: 8 rows of 8 elements, 11 and 9 apart.
        unsafe { s.transpose_square(square.as_ptr(), 11, turned.as_mut_ptr(), 9) };
        for (at, x) in turned.into_iter().enumerate() {
            let (i, j) = (at / 9, at % 9);
            assert_eq!(x, if j < 8 { square[j * 11 + i] } else { -1.0 });
        }

        // −0 has a bit, NaN and the smallest number too.
        let kinds = [0.0, -0.0, 0.0, f32::NAN, 1e-45, 0.0, 0.0, 2.0];
        let some: Vec<f32> = (0..lanes).map(|i| kinds[(i * 3 + i / 8) % 8]).collect();
        let words: Vec<u32> = (0..lanes as u32).map(|i| i << (i % 4 * 9)).collect();
        let pattern =
            |f: &dyn Fn(usize) -> bool| (0..lanes).fold(0, |bits, i| bits | u32::from(f(i)) << i);
        // SAFETY: `some` holds LANES elements.
        let nonzero = s.nonzero_lanes(unsafe { s.load(some.as_ptr()) });
        assert_eq!(nonzero, pattern(&|i| some[i].to_bits() != 0));
        for bits in [0, 1, 6, 0x7ff << 21, 0xff0, u32::MAX] {
            // SAFETY: `words` holds LANES words.
            let with = unsafe { s.words_with(words.as_ptr(), bits) };
            assert_eq!(with, pattern(&|i| words[i] & bits != 0), "{bits:#x}");
        }
        for chosen in [0, nonzero, pattern(&|_| true), pattern(&|i| i + 1 == lanes)] {
            let mut numbers = vec![7; lanes];
            // SAFETY: `numbers` holds LANES numbers.
            let count = unsafe { s.store_numbers(chosen, 1008, numbers.as_mut_ptr()) };
            let want = (0..lanes).filter(|i| chosen >> i & 1 == 1);
            let want: Vec<_> = want.map(|i| 1008 + i as u16).collect();
            assert_eq!(numbers[..count], want);
        }

        for count in 0..=lanes + 1 {
            let mask = s.first_lanes(count);
            let mut out = vec![-1.0; lanes];
            // SAFETY: both hold LANES elements.
            unsafe { s.store_masked(out.as_mut_ptr(), a, mask) };
            // SAFETY: as above.
            let read = lanes_of(unsafe { s.load_masked(x.as_ptr(), mask) });
            for i in 0..lanes {
                assert_eq!(out[i], if i < count { x[i] } else { -1.0 });
                assert_eq!(read[i], if i < count { x[i] } else { 0.0 });
            }
        }
        lanes
    }
}

#[test]
fn every_operation_matches_scalar_arithmetic() {
    for &level in Level::available() {
        let lanes = level.dispatch(Check);
        assert!(lanes >= 8, "{level}");
    }
}
