//! Asking the CPU for memory before it is read.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Hints to the CPU that `data` will be read soon. For reads in an order that the CPU
/// cannot guess, such as the rows of a shuffled minibatch: while one row is converted,
/// the next ones come.
///
/// Reads nothing. Does nothing on CPUs other than x86-64.
///
/// ```
/// use autoencoder_kernels::prefetch::prefetch;
///
/// let data = vec![0u8; 100 * 784];
/// let rows: Vec<&[u8]> = data.chunks(784).collect();
/// let order = [70, 3, 51];
/// for (place, &row) in order.iter().enumerate() {
///     if let Some(&next) = order.get(place + 1) {
///         prefetch(rows[next]);
///     }
///     let _sum: u8 = rows[row].iter().sum();
/// }
/// ```
#[inline]
pub fn prefetch<T>(data: &[T]) {
    prefetch_elements(data.as_ptr(), data.len());
}

/// Hints that `len` elements from `start` on will be read soon; they need not exist.
#[inline(always)]
pub(crate) fn prefetch_elements<T>(start: *const T, len: usize) {
    let first = start.addr() / LINE;
    let end = start
        .addr()
        .saturating_add(len.saturating_mul(size_of::<T>()));
    for line in first..end.div_ceil(LINE) {
        prefetch_line(line * LINE);
    }
}

#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn prefetch_line(address: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: the instruction, part of every x86-64, cannot fault and changes
    // nothing but caches, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) }
}

#[inline(always)]
#[cfg(not(target_arch = "x86_64"))]
fn prefetch_line(_address: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is read: a read at either of these addresses would end the process.
    #[test]
    fn any_memory_may_be_asked_for() {
        prefetch_elements(std::ptr::null::<f32>(), 100);
        prefetch_elements(std::ptr::without_provenance::<u8>(usize::MAX - 70), 70);
        prefetch(&[0u8; 1000]);
        prefetch::<f32>(&[]);
        prefetch(&[(); usize::MAX]);
    }
}
