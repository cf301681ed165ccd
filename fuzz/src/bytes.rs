//! Arguments made of bytes. Every byte string is some argument, and a byte more
//! or less changes little, so that a fuzzer can find its way.

use autoencoder_kernels::{Context, Level, Parallelism};

use super::guarded::{Layout, Values};

/// A byte string that is used up from its front; zeros follow its end.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of the given values, of at most 256.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    pub fn seed(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number in [−2, 2), often one that kernels treat apart.
    pub fn factor(&mut self) -> f32 {
        match self.byte() {
            byte @ 0..=5 => [1.0, 0.0, -1.0, 0.5, -0.0, 1e-40][usize::from(byte)],
            byte => (f32::from(byte) - 128.0) / 64.0,
        }
    }

    /// Sizes of a product m × k × n of at most 2²⁰ terms, so that a run takes some
    /// milliseconds. One of them may be beyond every block; the others are small then.
    pub fn sizes(&mut self) -> [usize; 3] {
        let large = usize::from(self.byte());
        let mut sizes = std::array::from_fn(|_| usize::from(self.byte()));
        if large >= 240 {
            sizes = sizes.map(|size| size % 41);
            sizes[large % 3] = 900 + 8 * usize::from(self.byte()) + large % 7;
        } else {
            // Most values near the tiles' sizes.
            sizes = sizes.map(|size| if size < 128 { size % 36 } else { size - 128 });
        }
        while sizes.iter().product::<usize>() > 1 << 20 {
            let halved = sizes.iter_mut().filter(|size| **size < 900).max();
            *halved.expect("one at most is large") /= 2;
        }
        sizes
    }

    pub fn layout(&mut self) -> Layout {
        let (gap, step) = (
            usize::from(self.byte() % 4),
            2 + usize::from(self.byte() % 2),
        );
        match self.byte() % 5 {
            0 | 1 => Layout::RowMajor { gap },
            2 | 3 => Layout::ColMajor { gap },
            _ => Layout::Spread { gap, step },
        }
    }

    /// A layout whose rows are contiguous.
    pub fn rows(&mut self) -> Layout {
        let gap = usize::from(self.byte() % 4);
        Layout::RowMajor { gap }
    }

    pub fn values(&mut self) -> Values {
        self.pick(&[Values::Noise, Values::SmallIntegers, Values::Wild])
    }
}

/// Every level of this CPU, on one thread and on the pool.
pub fn contexts() -> impl Iterator<Item = Context> {
    Level::available().iter().flat_map(|&level| {
        [Parallelism::Serial, Parallelism::Pool].map(|parallelism| {
            Context::serial()
                .with_level(level)
                .with_parallelism(parallelism)
        })
    })
}
