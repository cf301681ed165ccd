//! A buffer per thread for packed operands, kept between calls.

use std::cell::RefCell;

use crate::mat::{Element, Mat};

thread_local! {
    // In f64s, so that a multiple of eight bytes serves any element.
    static BUFFER: RefCell<Mat<f64>> = RefCell::default();
}

/// Calls `f` with `len` elements that hold unspecified numbers, from this
/// thread's buffer, which grows where it is too small. A call inside `f` gets
/// memory of its own.
pub(crate) fn with_buffer<T: Element, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    if len == 0 {
        return f(&mut []);
    }
    let words = (len * size_of::<T>()).div_ceil(size_of::<f64>());
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => {
            if buffer.cols() < words {
                *buffer = Mat::zeros(1, words);
            }
            f(view(&mut buffer, len))
        }
        // A nested call: a GEMM task that was stolen by a waiting GEMM.
        Err(_) => f(view(&mut Mat::zeros(1, words), len)),
    })
}

fn view<T: Element>(buffer: &mut Mat<f64>, len: usize) -> &mut [T] {
    let words = buffer.as_mut_slice();
    assert!(len * size_of::<T>() <= size_of_val(words));
    // SAFETY: 1. the assertion: `len` elements fit; 2. a `Mat` is aligned to 64
    // bytes, more than any element needs; 3. the bytes are initialised and every
    // bit pattern is a valid `T`, as it is of f64; 4. the borrow is exclusive.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), len) }
}
