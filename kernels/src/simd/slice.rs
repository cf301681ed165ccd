//! Loops over slices. Loads, stores and tails live here, so that the maths
//! above needs no `unsafe`.

use super::Simd;

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
    let len = a.len().min(b.len());
    let full = len - len % S::LANES;
    let (a, b) = (a.as_ptr(), b.as_ptr());
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len, which both slices hold.
        let (a, b) = unsafe { (s.load(a.add(i)), s.load(b.add(i))) };
        f(a, b, None);
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched, and both slices
        // hold len elements.
        let (a, b) = unsafe {
            (
                s.load_masked(a.add(full), mask),
                s.load_masked(b.add(full), mask),
            )
        };
        f(a, b, Some(mask));
    }
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
    let full = len - len % S::LANES;
    let (a, b, to) = (a.as_ptr(), b.as_ptr(), to.as_mut_ptr());
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len, which all three slices hold.
        unsafe { s.store(to.add(i), f(s.load(a.add(i)), s.load(b.add(i)), None)) };
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched, and all three
        // slices hold len elements.
        unsafe {
            let (a, b) = (
                s.load_masked(a.add(full), mask),
                s.load_masked(b.add(full), mask),
            );
            s.store_masked(to.add(full), f(a, b, Some(mask)), mask);
        }
    }
}

/// `x[i] = f(x[i], with[i], [state[0][i], …])`; what `f` leaves in the array
/// goes back to `state`. Only the first `slots` slices of `state` take part,
/// the array's other vectors are unspecified. Runs over the shortest length.
///
/// `slots` is a constant at every call, so its loops unroll.
#[inline(always)]
pub(crate) fn update_with_state<S: Simd>(
    s: S,
    slots: usize,
    x: &mut [f32],
    with: &[f32],
    state: [&mut [f32]; 3],
    mut f: impl FnMut(S::Vector, S::Vector, &mut [S::Vector; 3]) -> S::Vector,
) {
    let mut len = x.len().min(with.len());
    for slot in state.iter().take(slots) {
        len = len.min(slot.len());
    }
    let full = len - len % S::LANES;
    let (x, with) = (x.as_mut_ptr(), with.as_ptr());
    let state = state.map(<[f32]>::as_mut_ptr);
    let mut lanes = [s.splat(0.0); 3];
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len, which `x`, `with` and the first
        // `slots` slices of `state` hold; no other slice is touched.
        unsafe {
            for k in 0..slots.min(3) {
                lanes[k] = s.load(state[k].add(i));
            }
            s.store(
                x.add(i),
                f(s.load(x.add(i)), s.load(with.add(i)), &mut lanes),
            );
            for k in 0..slots.min(3) {
                s.store(state[k].add(i), lanes[k]);
            }
        }
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched, and the slices
        // named above hold len elements.
        unsafe {
            for k in 0..slots.min(3) {
                lanes[k] = s.load_masked(state[k].add(full), mask);
            }
            let (old, with) = (
                s.load_masked(x.add(full), mask),
                s.load_masked(with.add(full), mask),
            );
            s.store_masked(x.add(full), f(old, with, &mut lanes), mask);
            for k in 0..slots.min(3) {
                s.store_masked(state[k].add(full), lanes[k], mask);
            }
        }
    }
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
    let full = len - len % S::LANES;
    let (with, x) = (with.as_ptr(), x.as_mut_ptr());
    let mut i = 0;
    while i < full {
        // SAFETY: i + LANES ≤ full ≤ len, which both slices hold.
        unsafe { s.store(x.add(i), f(s.load(with.add(i)), s.load(x.add(i)))) };
        i += S::LANES;
    }
    if full < len {
        let mask = s.first_lanes(len - full);
        // SAFETY: only the first len − full lanes are touched, and both slices
        // hold len elements.
        unsafe {
            let a = s.load_masked(with.add(full), mask);
            let b = s.load_masked(x.add(full), mask);
            s.store_masked(x.add(full), f(a, b), mask);
        }
    }
}
