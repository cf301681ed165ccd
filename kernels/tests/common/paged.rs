//! Memory that ends, or begins, at a page that nobody may touch: one byte too far
//! is a fault that ends the process.

use std::ffi::c_void;
use std::ptr::null_mut;

use autoencoder_kernels::{MatMut, MatRef};

use super::{Layout, noise};

/// Which side of a buffer touches a forbidden page.
#[derive(Clone, Copy, Debug)]
pub enum Edge {
    End,
    Start,
}

/// A slice of elements between two pages that fault.
#[derive(Debug)]
pub struct Paged<T: Copy> {
    map: *mut c_void,
    bytes: usize,
    data: *mut T,
    len: usize,
}

impl<T: Copy> Paged<T> {
    pub fn new(edge: Edge, values: &[T]) -> Self {
        let size = size_of_val(values);
        // SAFETY: asks a number of the system.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let body = size.next_multiple_of(page).max(page);
        let bytes = body + 2 * page;
        // SAFETY: a new mapping, wherever the system likes.
        let map = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(null_mut(), bytes, libc::PROT_NONE, flags, -1, 0)
        };
        assert_ne!(map, libc::MAP_FAILED);
        let body_start = map.wrapping_byte_add(page);
        // SAFETY: pages of the mapping above.
        let changed =
            unsafe { libc::mprotect(body_start, body, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(changed, 0);
        let data: *mut T = match edge {
            Edge::Start => body_start,
            Edge::End => body_start.wrapping_byte_add(body - size),
        }
        .cast();
        assert!(data.is_aligned());
        // SAFETY: `size` bytes of the body, aligned.
        unsafe { data.copy_from_nonoverlapping(values.as_ptr(), values.len()) };
        Paged {
            map,
            bytes,
            data,
            len: values.len(),
        }
    }

    pub fn slice(&self) -> &[T] {
        // SAFETY: `len` elements, written by `new`, which live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    pub fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.data, self.len) }
    }
}

impl<T: Copy> Drop for Paged<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; no slice outlives `self`.
        assert_eq!(unsafe { libc::munmap(self.map, self.bytes) }, 0);
    }
}

/// A matrix in such memory: its last element is the last of the slice, even
/// where rows have gaps between them.
#[derive(Debug)]
pub struct PagedMatrix {
    memory: Paged<f32>,
    shape: (usize, usize),
    strides: (usize, usize),
}

impl PagedMatrix {
    pub fn new(edge: Edge, (rows, cols): (usize, usize), layout: Layout, seed: u64) -> Self {
        let strides = match layout {
            Layout::RowMajor { gap } => (cols + gap, 1),
            Layout::ColMajor { gap } => (1, rows + gap),
            Layout::Spread { gap, step } => (cols * step + gap, step),
        };
        let len = if rows == 0 || cols == 0 {
            0
        } else {
            (rows - 1) * strides.0 + (cols - 1) * strides.1 + 1
        };
        // Between 0 and 1, which every loss takes as targets.
        let values: Vec<f32> = (0..len).map(|i| noise(seed, i, 0).abs()).collect();
        PagedMatrix {
            memory: Paged::new(edge, &values),
            shape: (rows, cols),
            strides,
        }
    }

    pub fn view(&self) -> MatRef<'_, f32> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatRef::with_strides(self.memory.slice(), rows, cols, row, col).expect("the memory fits")
    }

    pub fn view_mut(&mut self) -> MatMut<'_, f32> {
        let ((rows, cols), (row, col)) = (self.shape, self.strides);
        MatMut::with_strides(self.memory.slice_mut(), rows, cols, row, col)
            .expect("the memory fits")
    }
}
