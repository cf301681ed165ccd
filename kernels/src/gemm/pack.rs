//! Packing: panels of A and B laid out in the order in which the micro-kernel
//! reads them.
//!
//! A panel of A holds the rows of one tile, `[p][i]`; a panel of B holds the
//! columns of one tile, `[p][j]`, padded with zeros to whole vectors.

use crate::mat::Element;
use crate::simd::Registers;
use crate::transpose::transpose_lines;

/// Copies `k × lines` elements to `to[p · width + i]` and fills
/// `i = lines .. width` with zeros. `from` has the strides (from line to line,
/// from p to p + 1).
///
/// # Safety
/// 1. `from` is readable at every (i < lines, p < k); `to` holds k · width
///    elements and overlaps nothing that is read.
/// 2. `1 ≤ lines ≤ width`, and `width` is at most `lines` made up to whole
///    vectors.
#[inline(always)]
pub(crate) unsafe fn pack_panel<T: Element, S: Registers<T>>(
    s: S,
    from: *const T,
    (line, step): (isize, isize),
    lines: usize,
    k: usize,
    to: *mut T,
    width: usize,
) {
    if line == 1 {
        // The last vector of a step: read by mask, so that what is beyond is 0,
        // and written as far as the panel reaches.
        let full = (lines - 1) / S::LANES * S::LANES;
        let (read, written) = (s.first_lanes(lines - full), s.first_lanes(width - full));
        let whole = lines - full == S::LANES;
        for p in 0..k {
            // SAFETY: a step holds `lines` neighbours, of which `read` are left
            // after `full`; p · width + width ≤ k · width, and `written` lanes
            // of one vector are left, by premise 2.
            unsafe {
                let from = from.offset(p as isize * step);
                let to = to.add(p * width);
                for i in (0..full).step_by(S::LANES) {
                    s.store(to.add(i), s.load(from.add(i)));
                }
                if whole {
                    s.store(to.add(full), s.load(from.add(full)));
                } else {
                    let last = s.load_masked(from.add(full), read);
                    s.store_masked(to.add(full), last, written);
                }
            }
        }
        return;
    }
    if step == 1 {
        // SAFETY: (i, p) goes to p · width + i.
        unsafe { transpose_lines(s, from, line, (lines, k), to, (width as isize, 1)) };
    } else {
        for p in 0..k {
            for i in 0..lines {
                // SAFETY: i < lines and p < k.
                unsafe {
                    let x = from.offset(i as isize * line + p as isize * step).read();
                    to.add(p * width + i).write(x);
                }
            }
        }
    }
    for p in 0..k {
        for i in lines..width {
            // SAFETY: p < k and i < width.
            unsafe { to.add(p * width + i).write(T::default()) };
        }
    }
}
