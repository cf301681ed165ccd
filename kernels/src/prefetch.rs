//! Asking for memory before it is needed.

/// Bytes that come from memory at once.
const LINE: usize = 64;

/// Hints to the CPU that `data` will be read soon, so that it comes into the
/// L2 cache meanwhile. For reads in an order that the CPU cannot guess, such as
/// the rows of a shuffled minibatch.
///
/// Reads nothing and returns at once. Does nothing on CPUs other than x86-64.
#[inline]
pub fn prefetch<T>(data: &[T]) {
    prefetch_row(data.as_ptr(), data.len());
}

/// The same for `len` elements from `start` on, which need not exist.
#[inline(always)]
pub(crate) fn prefetch_row<T>(start: *const T, len: usize) {
    let start: *const u8 = start.cast();
    // From the beginning of the first line: the row may begin within one.
    let before = start.addr() % LINE;
    for offset in (0..before + len * size_of::<T>()).step_by(LINE) {
        prefetch_line(start.wrapping_sub(before).wrapping_add(offset));
    }
}

#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn prefetch_line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: the instruction, part of every x86-64, cannot fault and changes
    // nothing but caches, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
}

#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn prefetch_line(_at: *const u8) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is asked for, nothing is read: neither of these would survive.
    #[test]
    fn any_memory_may_be_asked_for() {
        prefetch(&[0u8; 1000]);
        prefetch::<f32>(&[]);
        prefetch_row(std::ptr::null::<f32>(), 100);
        prefetch_row(std::ptr::without_provenance::<u8>(usize::MAX - 70), 70);
    }
}
