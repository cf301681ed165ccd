//! Asking for memory before it is needed: at once, or by and by while this thread
//! computes products.

use std::cell::Cell;

use crate::tuning::PREFETCH_LINES;

/// Bytes that come from memory at once.
const LINE: usize = 64;

/// Hints to the CPU that `data` will be read soon, so that it comes into the L2 cache
/// meanwhile: at each tile of the products which this thread computes from now on, a
/// few lines. For reads in an order that the CPU cannot guess, such as the rows of a
/// shuffled minibatch.
///
/// A CPU waits for some tens of lines at a time, and stands still if it is asked for
/// more of them at once. Each thread remembers 256 slices, in the order in which they were
/// given, and forgets what is beyond; [`prefetch_rest`] asks for those left.
///
/// Reads nothing. Does nothing on CPUs other than x86-64.
///
/// ```
/// use autoencoder_kernels::prefetch::{prefetch_during_products, prefetch_rest};
///
/// let rows = vec![0u8; 32 * 784];
/// rows.chunks(784).for_each(prefetch_during_products);
/// // … a layer's forward and backward …
/// prefetch_rest();
/// ```
#[inline]
pub fn prefetch_during_products<T>(data: &[T]) {
    let start: *const u8 = data.as_ptr().cast();
    let lines = Lines::new(start.addr(), size_of_val(data));
    QUEUE.with(|queue| queue.push(lines));
}

/// Hints at once what [`prefetch_during_products`] of this thread has left.
#[inline]
pub fn prefetch_rest() {
    QUEUE.with(|queue| queue.ask(usize::MAX));
}

/// What a tile asks for, if there is anything.
#[inline(always)]
pub(crate) fn prefetch_some() {
    QUEUE.with(|queue| queue.ask(PREFETCH_LINES));
}

/// Asks at once for `len` elements from `start` on, which need not exist.
#[inline(always)]
pub(crate) fn prefetch_row<T>(start: *const T, len: usize) {
    let mut lines = Lines::new(start.addr(), len * size_of::<T>());
    while lines.next < lines.end {
        lines.ask();
    }
}

thread_local! {
    static QUEUE: Queue = const { Queue::new() };
}

/// Addresses of which only the lines count: nothing is ever read there, so that they
/// may outlive the data.
#[derive(Clone, Copy)]
struct Lines {
    next: usize,
    end: usize,
}

impl Lines {
    /// From the beginning of the first line: data may begin within one.
    #[inline(always)]
    fn new(start: usize, bytes: usize) -> Self {
        let before = if bytes > 0 { start % LINE } else { 0 };
        Lines {
            next: start - before,
            end: start.saturating_add(bytes),
        }
    }

    /// Asks for the next one.
    #[inline(always)]
    fn ask(&mut self) {
        prefetch_line(self.next);
        self.next = self.next.saturating_add(LINE);
    }
}

/// Slices that a thread remembers: the rows of the longest block of a minibatch.
const MOST: usize = 256;

/// Slices whose lines have not been asked for, a ring.
struct Queue {
    slices: [Cell<Lines>; MOST],
    first: Cell<usize>,
    count: Cell<usize>,
}

impl Queue {
    const fn new() -> Self {
        Queue {
            slices: [const { Cell::new(Lines { next: 0, end: 0 }) }; MOST],
            first: Cell::new(0),
            count: Cell::new(0),
        }
    }

    fn push(&self, lines: Lines) {
        let count = self.count.get();
        if count < MOST && lines.next < lines.end {
            self.slices[(self.first.get() + count) % MOST].set(lines);
            self.count.set(count + 1);
        }
    }

    /// Asks for so many lines, or all that there are.
    #[inline(always)]
    fn ask(&self, lines: usize) {
        if self.count.get() > 0 {
            self.ask_some(lines);
        }
    }

    // Rarely anything, and then worth a call.
    #[inline(never)]
    fn ask_some(&self, mut lines: usize) {
        while lines > 0 && self.count.get() > 0 {
            let first = self.first.get();
            let mut slice = self.slices[first].get();
            while lines > 0 && slice.next < slice.end {
                slice.ask();
                lines -= 1;
            }
            self.slices[first].set(slice);
            if slice.next >= slice.end {
                self.first.set((first + 1) % MOST);
                self.count.set(self.count.get() - 1);
            }
        }
    }
}

#[inline(always)]
#[cfg(target_arch = "x86_64")]
fn prefetch_line(address: usize) {
    // To L1 as well, though it will not stay there: Zen 5 drops most of what is asked for
    // to L2 alone (T1) while a product runs.
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

    /// Whatever is asked for, nothing is read: neither of these would survive.
    #[test]
    fn any_memory_may_be_asked_for() {
        prefetch_row(std::ptr::null::<f32>(), 100);
        prefetch_row(std::ptr::without_provenance::<u8>(usize::MAX - 70), 70);
        prefetch_during_products(&vec![0u8; 1000]);
        prefetch_during_products::<f32>(&[]);
        prefetch_rest();
    }

    #[test]
    fn lines_are_asked_for_in_order_and_once() {
        let queue = Queue::new();
        let left = || {
            let (first, count) = (queue.first.get(), queue.count.get());
            let slices = (0..count).map(|i| queue.slices[(first + i) % MOST].get());
            slices
                .map(|slice| (slice.end - slice.next).div_ceil(LINE))
                .collect::<Vec<_>>()
        };
        for _ in 0..2 * MOST {
            // A part of a line, or of two, is asked for as a whole.
            for (start, bytes) in [(6400, 640), (70, 1), (120, 20), (50, 0)] {
                queue.push(Lines::new(start, bytes));
            }
            assert_eq!(left(), [10, 1, 2]);
            queue.ask(4);
            assert_eq!(left(), [6, 1, 2]);
            queue.ask(8);
            assert_eq!(left(), [1]);
            queue.ask(usize::MAX);
            assert_eq!(left(), []);
        }
    }

    #[test]
    fn a_full_queue_forgets_what_comes_last() {
        let queue = Queue::new();
        for bytes in 1..=MOST + 9 {
            queue.push(Lines::new(0, bytes * LINE));
        }
        assert_eq!(queue.count.get(), MOST);
        queue.ask(1);
        queue.push(Lines::new(0, LINE));
        let last = (queue.first.get() + MOST - 1) % MOST;
        assert_eq!(queue.slices[last].get().end, LINE);
        assert_eq!(queue.slices[queue.first.get()].get().end, 2 * LINE);
    }

    /// What was to be prefetched may be gone by the time of the product.
    #[test]
    fn tiles_ask_for_what_is_queued() -> Result<(), crate::Error> {
        use crate::gemm::gemm;
        use crate::{Context, Mat};
        let queued = || QUEUE.with(|queue| queue.count.get());
        prefetch_during_products(&vec![0u8; PREFETCH_LINES * LINE]);
        prefetch_during_products(&vec![0u8; 1000 * PREFETCH_LINES * LINE]);
        assert_eq!(queued(), 2);
        let (a, mut c) = (Mat::zeros(64, 64), Mat::zeros(64, 64));
        gemm(
            Context::serial(),
            1.0,
            a.as_ref(),
            a.as_ref(),
            0.0,
            c.as_mut(),
        )?;
        assert_eq!(queued(), 1, "several tiles, fewer than a thousand");
        prefetch_rest();
        assert_eq!(queued(), 0);
        Ok(())
    }
}
