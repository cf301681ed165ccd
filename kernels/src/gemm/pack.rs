//! Packing: panels of A and B laid out in the order in which the micro-kernel
//! reads them.
//!
//! A panel of A holds the rows of one tile, `[p][i]`; a panel of B holds the
//! columns of one tile, `[p][j]`, padded with zeros to whole vectors.

use crate::mat::Element;

/// Copies `k × lines` elements to `to[p · width + i]` and fills
/// `i = lines .. width` with zeros. `from` has the strides (from line to line,
/// from p to p + 1).
///
/// # Safety
/// `from` is readable at every (i < lines, p < k); `to` holds k · width
/// elements and overlaps nothing that is read.
#[inline(always)]
pub(crate) unsafe fn pack_panel<T: Element>(
    from: *const T,
    (line, step): (isize, isize),
    lines: usize,
    k: usize,
    to: *mut T,
    width: usize,
) {
    if line == 1 {
        for p in 0..k {
            // SAFETY: a step holds `lines` neighbours; p · width + width ≤ k · width.
            unsafe {
                let to = to.add(p * width);
                std::ptr::copy_nonoverlapping(from.offset(p as isize * step), to, lines);
                for i in lines..width {
                    to.add(i).write(T::default());
                }
            }
        }
        return;
    }
    // Blocks of 8 steps: each line is read in runs of half a cache line, and
    // the eight rows written meanwhile stay in L1.
    const STEPS: usize = 8;
    let mut p = 0;
    while p < k {
        let steps = STEPS.min(k - p);
        for i in 0..lines {
            // SAFETY: i < lines and p + q < k.
            unsafe {
                let from = from.offset(i as isize * line + p as isize * step);
                let to = to.add(p * width + i);
                if steps == STEPS && step == 1 {
                    let run = from.cast::<[T; STEPS]>().read_unaligned();
                    for (q, x) in run.into_iter().enumerate() {
                        to.add(q * width).write(x);
                    }
                } else {
                    for q in 0..steps {
                        to.add(q * width).write(*from.offset(q as isize * step));
                    }
                }
            }
        }
        for q in 0..steps {
            for i in lines..width {
                // SAFETY: p + q < k and i < width.
                unsafe { to.add((p + q) * width + i).write(T::default()) };
            }
        }
        p += steps;
    }
}
