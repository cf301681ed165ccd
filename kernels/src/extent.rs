//! Debug assertions on raw operands: which memory a pointer may reach.
//!
//! Kernels that go on with raw pointers take an [`Extent`] along, made of the view
//! or buffer that the pointers come from, and check each tile or panel against
//! it before touching it. In release builds an extent has no size and its checks
//! are empty.

/// The addresses from an operand's lowest element to its highest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    #[cfg(debug_assertions)]
    addresses: (i128, i128),
}

impl Extent {
    /// Of nothing.
    pub(crate) const NONE: Extent = Extent {
        #[cfg(debug_assertions)]
        addresses: (0, 0),
    };

    /// Of the elements (i, j) at `data + i·strides.0 + j·strides.1`, for i and j
    /// below the sizes in `shape`.
    #[inline(always)]
    pub(crate) fn new<T>(data: *const T, shape: (usize, usize), strides: (isize, isize)) -> Self {
        let _ = (data, shape, strides);
        Extent {
            #[cfg(debug_assertions)]
            addresses: reach(data, shape, strides).unwrap_or_default(),
        }
    }

    /// Of `len` neighbours.
    #[inline(always)]
    pub(crate) fn of_slice<T>(data: *const T, len: usize) -> Self {
        Extent::new(data, (1, len), (0, 1))
    }

    /// Panics in debug builds if any of the elements, described as in
    /// [`Extent::new`], lies outside.
    #[inline(always)]
    pub(crate) fn check<T>(self, data: *const T, shape: (usize, usize), strides: (isize, isize)) {
        let _ = (data, shape, strides);
        #[cfg(debug_assertions)]
        if let Some((low, high)) = reach(data, shape, strides) {
            let (start, end) = self.addresses;
            assert!(
                start <= low && high <= end,
                "{shape:?} elements with strides {strides:?} reach {low:#x} to {high:#x}, \
                 outside of {start:#x} to {end:#x}"
            );
        }
    }

    /// The same for `len` neighbours.
    #[inline(always)]
    pub(crate) fn check_slice<T>(self, data: *const T, len: usize) {
        self.check(data, (1, len), (0, 1));
    }
}

/// The first address of the elements and the one past the last; `None` if there
/// are no elements.
#[cfg(debug_assertions)]
fn reach<T>(
    data: *const T,
    (rows, cols): (usize, usize),
    (row, col): (isize, isize),
) -> Option<(i128, i128)> {
    if rows == 0 || cols == 0 {
        return None;
    }
    let size = size_of::<T>() as i128;
    let span = |count: usize, stride: isize| (count as i128 - 1) * stride as i128 * size;
    let (rows, cols, start) = (span(rows, row), span(cols, col), data.addr() as i128);
    let low = start + rows.min(0) + cols.min(0);
    Some((low, start + rows.max(0) + cols.max(0) + size))
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    fn panics(f: impl FnOnce() + std::panic::UnwindSafe) -> bool {
        std::panic::catch_unwind(f).is_err()
    }

    #[test]
    fn only_what_lies_inside_passes() {
        let data = [0f32; 20];
        let at = |i: usize| data.as_ptr().wrapping_add(i);
        // Rows 5 apart, of 3: from element 2 to 14.
        let extent = Extent::new(at(2), (3, 3), (5, 1));
        extent.check(at(2), (3, 3), (5, 1));
        extent.check(at(14), (3, 3), (-5, -1));
        extent.check_slice(at(12), 3);
        extent.check_slice(at(19), 0);
        assert!(panics(|| extent.check_slice(at(12), 4)));
        assert!(panics(|| extent.check_slice(at(1), 1)));
        assert!(panics(|| extent.check(at(7), (3, 3), (5, 1))));
        assert!(panics(|| extent.check(at(2), (2, 2), (isize::MAX, 1))));
        assert!(panics(|| Extent::NONE.check_slice(at(0), 1)));
        // A stride that is never used may be anything.
        extent.check(at(2), (1, 3), (isize::MIN, 1));
    }
}
