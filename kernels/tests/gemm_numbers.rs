//! GEMM of numbers that are out of the ordinary, at every level, within the
//! bound of the f64 reference: sums of up to 10⁵ products, magnitudes from
//! subnormal to 10³⁰, infinities and NaN.

mod common;

use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::reference::gemm::element;
use autoencoder_kernels::{Context, Level};
use common::{Guarded, Layout, contexts, noise};

const LAYOUTS: [Layout; 3] = [
    Layout::RowMajor { gap: 0 },
    Layout::ColMajor { gap: 1 },
    Layout::Spread { gap: 1, step: 2 },
];

/// What numbers the operands hold.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    /// All of one sign: no cancellation, so that the error is relative to C.
    Positive,
    /// Both operands from 10⁻³⁰ to 10³⁰ along k, their products near 1.
    AlongK,
    /// Rows of A and columns of B from 10⁻³⁰ to 10³⁰: C underflows in one corner
    /// and overflows in another.
    AlongC,
    /// A is subnormal, B up to 10³⁰.
    Subnormal,
}

impl Numbers {
    const ALL: [Numbers; 4] = [
        Numbers::Positive,
        Numbers::AlongK,
        Numbers::AlongC,
        Numbers::Subnormal,
    ];

    fn a(self, i: usize, p: usize) -> f32 {
        let x = noise(1, i, p);
        match self {
            Numbers::Positive => x.abs(),
            Numbers::AlongK => x * 10f32.powi(exponent(p, 30)),
            Numbers::AlongC => x * 10f32.powi(exponent(i, 30)),
            Numbers::Subnormal => x * 1e-38,
        }
    }

    fn b(self, p: usize, j: usize) -> f32 {
        let x = noise(2, p, j);
        match self {
            Numbers::Positive => x.abs(),
            Numbers::AlongK => x * 10f32.powi(-exponent(p, 30)),
            Numbers::AlongC => x * 10f32.powi(exponent(j, 30)),
            Numbers::Subnormal => x * 10f32.powi(exponent(p, 15) + 15),
        }
    }
}

/// From −`most` to `most`, in no order.
fn exponent(i: usize, most: i32) -> i32 {
    (noise(3, i, 0) * (most as f32 + 0.99)) as i32
}

/// What [`element`] says of each element of α·A·B + β·`old`.
fn expected(factors: (f32, f32), [a, b, old]: [&Guarded; 3]) -> Vec<(f64, f64, f64)> {
    let [a, b, old] = [a, b, old].map(Guarded::view);
    let (m, n) = old.shape();
    (0..m * n)
        .map(|at| element(factors, a, b, old, (at / n, at % n)))
        .collect()
}

/// Compares each element, and returns how many were within the bound,
/// underflowed, and overflowed.
fn check(about: &dyn Fn() -> String, want: &[(f64, f64, f64)], got: &Guarded) -> [usize; 3] {
    got.check_canaries();
    let got = got.view().to_owned();
    let mut seen = [0; 3];
    for (at, (&got, &(want, error, largest))) in got.as_slice().iter().zip(want).enumerate() {
        let got = f64::from(got);
        let good = if want.is_nan() {
            got.is_nan()
        } else if want.is_infinite() {
            got == want
        } else if got.is_finite() {
            seen[usize::from(got.abs() < f64::from(f32::MIN_POSITIVE))] += 1;
            (got - want).abs() <= error
        } else {
            seen[2] += 1;
            largest > f64::from(f32::MAX)
        };
        assert!(
            good,
            "{}: element {at} is {got:e}, expected {want:e} ± {error:e}, sums up to {largest:e}",
            about()
        );
    }
    seen
}

#[test]
fn errors_stay_within_gamma_k_for_long_sums_and_any_magnitude() {
    // Parts of K are at most 1024 long; 10⁵ has 98 of them.
    for (k, layouts) in [
        (1, 3),
        (2, 3),
        (100, 3),
        (1023, 1),
        (1025, 3),
        (10_007, 1),
        (100_000, 1),
    ] {
        for numbers in Numbers::ALL {
            for &layout in &LAYOUTS[..layouts] {
                let (m, n) = (13, 17);
                let a = Guarded::new(m, k, layout, |i, p| numbers.a(i, p));
                let b = Guarded::new(k, n, layout, |p, j| numbers.b(p, j));
                let old = Guarded::new(m, n, layout, |_, _| f32::NAN);
                let want = expected((1.0, 0.0), [&a, &b, &old]);
                for context in contexts() {
                    let mut c = old.clone();
                    gemm(context, 1.0, a.view(), b.view(), 0.0, c.view_mut()).unwrap();
                    let about = || format!("{context:?} {numbers:?} k = {k} {layout:?}");
                    let [normal, small, overflown] = check(&about, &want, &c);
                    assert!(normal > 0, "{}", about());
                    // The corners are really there.
                    let corners = matches!(numbers, Numbers::AlongC);
                    assert!(!corners || (small > 0 && overflown > 0), "{}", about());
                    assert!(corners || overflown == 0, "{}", about());
                }
            }
        }
    }
}

/// A number, but now and then a special one.
fn special(seed: u64, i: usize, j: usize, one_in: u64) -> f32 {
    const SPECIAL: [f32; 6] = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        -0.0,
        f32::MIN_POSITIVE / 8.0,
    ];
    let random = (noise(seed ^ 9, i, j).abs() * 65_536.0) as u64;
    if random.is_multiple_of(one_in) {
        SPECIAL[(random / one_in % 6) as usize]
    } else {
        noise(seed, i, j)
    }
}

#[test]
fn nan_and_infinity_have_the_results_of_ieee_arithmetic() {
    for k in [0usize, 1, 30, 1500] {
        // So that some elements depend on none.
        let one_in = 16.max(2 * k as u64);
        for layout in LAYOUTS {
            let (m, n) = (20, 40);
            let a = Guarded::new(m, k, layout, |i, p| special(1, i, p, one_in));
            let b = Guarded::new(k, n, layout, |p, j| special(2, p, j, one_in));
            let old = Guarded::new(m, n, layout, |i, j| special(3, i, j, 16));
            let mut finite = 0;
            for alpha in [1.0, -0.5, 0.0, f32::NAN] {
                for beta in [0.0, 1.0, -2.0, f32::INFINITY, f32::NAN] {
                    let want = expected((alpha, beta), [&a, &b, &old]);
                    for context in contexts() {
                        let mut c = old.clone();
                        gemm(context, alpha, a.view(), b.view(), beta, c.view_mut()).unwrap();
                        let about =
                            || format!("{context:?} k = {k}, α {alpha}, β {beta}, {layout:?}");
                        let [normal, small, overflown] = check(&about, &want, &c);
                        finite += normal + small;
                        assert_eq!(overflown, 0, "{}", about());
                    }
                }
            }
            assert!(finite > 0);
        }
    }
}

/// α = 0 multiplies: NaN and ∞ in A or B are not forgotten, nor in
/// `matrixmultiply`, whose contract `sgemm` has. β = 0 forgets what C held.
#[test]
fn a_factor_of_zero_forgets_c_but_not_the_product() {
    for &level in Level::available() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let a = Guarded::new(
                3,
                2,
                LAYOUTS[0],
                |i, p| if (i, p) == (1, 1) { bad } else { 1.0 },
            );
            let b = Guarded::new(2, 5, LAYOUTS[0], |_, _| 1.0);
            let mut c = Guarded::new(3, 5, LAYOUTS[0], |_, _| bad);
            let context = Context::serial().with_level(level);
            gemm(context, 0.0, a.view(), b.view(), 0.0, c.view_mut()).unwrap();
            let mut theirs = [bad; 15];
            // SAFETY: the strides are those of row-major matrices of these shapes.
            unsafe {
                let (a, b) = (a.view().as_ptr(), b.view().as_ptr());
                matrixmultiply::sgemm(
                    3,
                    2,
                    5,
                    0.0,
                    a,
                    2,
                    1,
                    b,
                    5,
                    1,
                    0.0,
                    theirs.as_mut_ptr(),
                    5,
                    1,
                );
            }
            for i in 0..3 {
                for j in 0..5 {
                    for got in [c.view().get(i, j), theirs[i * 5 + j]] {
                        assert!(if i == 1 { got.is_nan() } else { got == 0.0 }, "{got}");
                    }
                }
            }
        }
    }
}
