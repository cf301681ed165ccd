//! Loops over slices. Loads, stores and tails live here, so that the maths
//! above needs no `unsafe`.

use super::Simd;

/// `to[i] = f(from[i])` for the shorter of the two lengths.
#[inline(always)]
pub(crate) fn map_into<S: Simd>(
    s: S,
    from: &[f32],
    to: &mut [f32],
    mut f: impl FnMut(S::Vector) -> S::Vector,
) {
    let len = from.len().min(to.len());
    let full = len - len % S::LANES;
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len, which both slices hold.
        unsafe { s.store(to.add(i), f(s.load(from.add(i)))) };
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched, and both slices
        // hold len elements.
        unsafe {
            let v = s.load_masked(from.add(full), mask);
            s.store_masked(to.add(full), f(v), mask);
        }
    }
}

/// `x[i] = f(x[i])`
#[inline(always)]
pub(crate) fn map_in_place<S: Simd>(
    s: S,
    x: &mut [f32],
    mut f: impl FnMut(S::Vector) -> S::Vector,
) {
    let len = x.len();
    let full = len - len % S::LANES;
    let x = x.as_mut_ptr();
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len.
        unsafe { s.store(x.add(i), f(s.load(x.add(i)))) };
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched.
        unsafe {
            let v = s.load_masked(x.add(full), mask);
            s.store_masked(x.add(full), f(v), mask);
        }
    }
}

/// Folds `f` over the vectors of `x`, starting from `start`. The lanes that
/// the last vector lacks hold `fill`.
#[inline(always)]
pub(crate) fn fold<S: Simd>(
    s: S,
    x: &[f32],
    start: S::Vector,
    fill: f32,
    mut f: impl FnMut(S::Vector, S::Vector) -> S::Vector,
) -> S::Vector {
    let len = x.len();
    let full = len - len % S::LANES;
    let x = x.as_ptr();
    let mut total = start;
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len.
        total = f(total, unsafe { s.load(x.add(i)) });
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched.
        let v = unsafe { s.load_masked(x.add(full), mask) };
        total = f(total, s.select(mask, v, s.splat(fill)));
    }
    total
}
