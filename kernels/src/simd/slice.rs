//! Loops over slices. Loads, stores and tails live here, so that the maths
//! above needs no `unsafe`.
//!
//! All of them are [`for_each_vector`], which compiles its closure twice: for whole
//! vectors, and for the partial one at the end, by mask. (One copy, with a branch at each
//! load and store, takes 1.3 to 1.7 of the time for tanh and cross-entropy on Zen 3.)

use super::Simd;

/// Calls `f(at, mask)` for each vector of `len` elements: `at` is the number of its
/// first element, `mask` says which lanes it has, `None` for all.
#[inline(always)]
pub(crate) fn for_each_vector<S: Simd>(
    s: S,
    len: usize,
    mut f: impl FnMut(usize, Option<S::Mask>),
) {
    let whole = len - len % S::LANES;
    let mut at = 0;
    while at < whole {
        f(at, None);
        at += S::LANES;
    }
    if whole < len {
        f(whole, Some(s.first_lanes(len - whole)));
    }
}

/// Reads the lanes in `mask`, or all; the others are 0.
///
/// # Safety
/// These lanes are readable.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(s: S, from: *const f32, mask: Option<S::Mask>) -> S::Vector {
    // SAFETY: the caller's contract.
    unsafe {
        match mask {
            None => s.load(from),
            Some(mask) => s.load_masked(from, mask),
        }
    }
}

/// Writes the lanes in `mask`, or all.
///
/// # Safety
/// These lanes are writable.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(s: S, to: *mut f32, v: S::Vector, mask: Option<S::Mask>) {
    // SAFETY: the caller's contract.
    unsafe {
        match mask {
            None => s.store(to, v),
            Some(mask) => s.store_masked(to, v, mask),
        }
    }
}

/// The elements of `from` from number `at` on; 0 in lanes beyond its end.
#[inline(always)]
pub(crate) fn load_at<S: Simd>(s: S, from: &[f32], at: usize) -> S::Vector {
    let left = from.len().saturating_sub(at);
    if left >= S::LANES {
        // SAFETY: at + LANES ≤ the slice's length.
        unsafe { s.load(from.as_ptr().add(at)) }
    } else if left > 0 {
        // SAFETY: at < the slice's length, and only the first `left` lanes are
        // touched.
        unsafe { s.load_masked(from.as_ptr().add(at), s.first_lanes(left)) }
    } else {
        s.splat(0.0)
    }
}

/// Writes `v` to the elements of `to` from number `at` on. Lanes beyond its
/// end are dropped.
#[inline(always)]
pub(crate) fn store_at<S: Simd>(s: S, to: &mut [f32], at: usize, v: S::Vector) {
    let left = to.len().saturating_sub(at);
    if left >= S::LANES {
        // SAFETY: at + LANES ≤ the slice's length.
        unsafe { s.store(to.as_mut_ptr().add(at), v) }
    } else if left > 0 {
        // SAFETY: at < the slice's length, and only the first `left` lanes are
        // touched.
        unsafe { s.store_masked(to.as_mut_ptr().add(at), v, s.first_lanes(left)) }
    }
}

/// `to[i] = f(from[i])` for `len` elements.
///
/// # Safety
/// `from` is readable and `to` writable at `len` elements; they are the same
/// elements or do not overlap.
#[inline(always)]
pub(crate) unsafe fn map_raw<S: Simd>(
    s: S,
    from: *const f32,
    to: *mut f32,
    len: usize,
    mut f: impl FnMut(S::Vector) -> S::Vector,
) {
    for_each_vector(
        s,
        len,
        #[inline(always)]
        |at, mask| {
            // SAFETY: the caller's contract: the lanes in `mask` are below `len`.
            unsafe {
                let v = f(load(s, from.add(at), mask));
                store(s, to.add(at), v, mask);
            }
        },
    );
}

/// `to[i] = f(from[i])` for the shorter of the two lengths.
#[inline(always)]
pub(crate) fn map_into<S: Simd>(
    s: S,
    from: &[f32],
    to: &mut [f32],
    f: impl FnMut(S::Vector) -> S::Vector,
) {
    let len = from.len().min(to.len());
    // SAFETY: both slices hold `len` elements, and an exclusive borrow overlaps
    // no other.
    unsafe { map_raw(s, from.as_ptr(), to.as_mut_ptr(), len, f) };
}

/// `x[i] = f(x[i])`
#[inline(always)]
pub(crate) fn map_in_place<S: Simd>(s: S, x: &mut [f32], f: impl FnMut(S::Vector) -> S::Vector) {
    let (len, x) = (x.len(), x.as_mut_ptr());
    // SAFETY: the slice holds `len` elements.
    unsafe { map_raw(s, x, x, len, f) };
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
    let mut total = start;
    for_each_vector(
        s,
        x.len(),
        #[inline(always)]
        |at, mask| {
            // SAFETY: the lanes in `mask` are elements of the slice.
            let mut v = unsafe { load(s, x.as_ptr().add(at), mask) };
            if let Some(mask) = mask {
                v = s.select(mask, v, s.splat(fill));
            }
            total = f(total, v);
        },
    );
    total
}

/// Calls `f(a[i], b[i], valid)` for the shorter of the two lengths. `valid` is
/// `None` where all lanes hold elements; in the last vector, lanes outside of
/// it are 0.
#[inline(always)]
pub(crate) fn zip<S: Simd>(
    s: S,
    a: &[f32],
    b: &[f32],
    mut f: impl FnMut(S::Vector, S::Vector, Option<S::Mask>),
) {
    for_each_vector(
        s,
        a.len().min(b.len()),
        #[inline(always)]
        |at, mask| {
            // SAFETY: the lanes in `mask` are elements of both slices.
            let (a, b) = unsafe {
                (
                    load(s, a.as_ptr().add(at), mask),
                    load(s, b.as_ptr().add(at), mask),
                )
            };
            f(a, b, mask);
        },
    );
}

/// `to[i] = f(a[i], b[i], valid)` for the shortest of the three lengths;
/// `valid` as in [`zip`].
#[inline(always)]
pub(crate) fn zip_into<S: Simd>(
    s: S,
    a: &[f32],
    b: &[f32],
    to: &mut [f32],
    mut f: impl FnMut(S::Vector, S::Vector, Option<S::Mask>) -> S::Vector,
) {
    let len = a.len().min(b.len()).min(to.len());
    let to = to.as_mut_ptr();
    for_each_vector(
        s,
        len,
        #[inline(always)]
        |at, mask| {
            // SAFETY: the lanes in `mask` are elements of all three slices.
            unsafe {
                let (a, b) = (
                    load(s, a.as_ptr().add(at), mask),
                    load(s, b.as_ptr().add(at), mask),
                );
                store(s, to.add(at), f(a, b, mask), mask);
            }
        },
    );
}

/// `x[i] = f(with[i], x[i])` for the shorter of the two lengths.
#[inline(always)]
pub(crate) fn map_with<S: Simd>(
    s: S,
    with: &[f32],
    x: &mut [f32],
    mut f: impl FnMut(S::Vector, S::Vector) -> S::Vector,
) {
    let len = with.len().min(x.len());
    let x = x.as_mut_ptr();
    for_each_vector(
        s,
        len,
        #[inline(always)]
        |at, mask| {
            // SAFETY: the lanes in `mask` are elements of both slices.
            unsafe {
                let (a, b) = (
                    load(s, with.as_ptr().add(at), mask),
                    load(s, x.add(at), mask),
                );
                store(s, x.add(at), f(a, b), mask);
            }
        },
    );
}
