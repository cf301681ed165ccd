//! Buffers for packed operands, kept by each thread between calls.

use std::cell::RefCell;

use crate::mat::{Element, Mat};

thread_local! {
    // Those that are not in use. In f64s, so that a multiple of eight bytes
    // serves any element.
    static BUFFERS: RefCell<Vec<Mat<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` elements that hold unspecified numbers, from one of
/// this thread's buffers, which grows where it is too small. A call inside `f`
/// (a task that was stolen while waiting for others) gets another one.
pub(crate) fn with_buffer<T: Element, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    if len == 0 {
        return f(&mut []);
    }
    let words = (len * size_of::<T>()).div_ceil(size_of::<f64>());
    let mut buffer = BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.cols() < words {
        buffer = Mat::zeros(1, words);
    }
    let result = f(view(&mut buffer, len));
    BUFFERS.with_borrow_mut(|buffers| buffers.push(buffer));
    result
}

fn view<T: Element>(buffer: &mut Mat<f64>, len: usize) -> &mut [T] {
    let words = buffer.as_mut_slice();
    assert!(len * size_of::<T>() <= size_of_val(words));
    // SAFETY: 1. the assertion: `len` elements fit; 2. a `Mat` is aligned to 64
    // bytes, more than any element needs; 3. the bytes are initialised and every
    // bit pattern is a valid `T`, as it is of f64; 4. the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), len) }
}
