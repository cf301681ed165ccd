//! Register operations: the only thing that differs between SIMD levels.
//!
//! A level is a zero-sized token. Holding one proves that the CPU has the
//! instruction set, which is why the arithmetic methods are safe. A level file
//! holds register operations only; algorithms are written once, generic over
//! `S: Simd`, above this module.
//!
//! | file | level | lanes (f32) | through |
//! |---|---|---|---|
//! | `avx512.rs` | [`Avx512`] | 16 | `std::arch` |
//! | `avx2.rs` | [`Avx2`] | 8 | `std::arch` |
//! | `portable.rs` | [`Portable`] | 8 | `wide` |
//!
//! # Rules
//! * Every method is `#[inline(always)]`, and every caller up to
//!   [`Token::vectorize`] is too: an instruction of a level must be compiled
//!   inside a function that enables it, or it becomes a call.
//! * Pointers may be unaligned.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod slice;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;
pub(crate) use slice::{
    fold, load_at, map_in_place, map_into, map_with, store_at, update_with_state, zip, zip_into,
};

/// Proof that the CPU has an instruction set.
pub(crate) trait Token: Copy + Send + Sync + 'static {
    /// Calls `f` compiled with this level's instructions.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;
}

/// Most lanes of any level.
pub(crate) const MAX_LANES: usize = 16;

/// Side of the square that [`Registers::transpose_square`] transposes.
pub(crate) const SQUARE: usize = 8;

/// What the GEMM micro-kernel needs of a vector of `T`.
pub(crate) trait Registers<T: Copy>: Token {
    /// Elements of one vector.
    const LANES: usize;
    /// Rows of the largest register tile.
    const TILE_ROWS: usize;
    /// Vectors in a row of the largest register tile.
    const TILE_VECTORS: usize;

    /// A vector of [`Self::LANES`] elements.
    type Vector: Copy;
    /// One truth value a lane.
    type Mask: Copy;

    /// `x` in every lane.
    fn splat(self, x: T) -> Self::Vector;

    /// True in the first `count` lanes (all, if there are fewer).
    fn first_lanes(self, count: usize) -> Self::Mask;

    /// Reads `LANES` elements.
    ///
    /// # Safety
    /// `from .. from + LANES` is readable.
    unsafe fn load(self, from: *const T) -> Self::Vector;

    /// Reads the lanes where `mask` is true and never touches the others,
    /// which are 0.
    ///
    /// # Safety
    /// The lanes where `mask` is true are readable.
    unsafe fn load_masked(self, from: *const T, mask: Self::Mask) -> Self::Vector;

    /// Writes `LANES` elements.
    ///
    /// # Safety
    /// `to .. to + LANES` is writable.
    unsafe fn store(self, to: *mut T, v: Self::Vector);

    /// Writes the lanes where `mask` is true and never touches the others.
    ///
    /// # Safety
    /// The lanes where `mask` is true are writable.
    unsafe fn store_masked(self, to: *mut T, v: Self::Vector, mask: Self::Mask);

    /// Transposes a square of 8 × 8 elements: `to[i·to_stride + j]` becomes
    /// `from[j·from_stride + i]`.
    ///
    /// # Safety
    /// Eight rows of eight elements are readable at `from` and writable at
    /// `to`, with the strides between rows; they do not overlap.
    unsafe fn transpose_square(
        self,
        from: *const T,
        from_stride: isize,
        to: *mut T,
        to_stride: isize,
    );

    /// Columns of a matrix: lane i of vector p is `from[i·stride + p]`; lanes from
    /// `rows` on are unspecified.
    ///
    /// # Safety
    /// [`SQUARE`] elements of each of the `rows` rows, from 1 to `LANES`, are
    /// readable.
    unsafe fn load_columns(
        self,
        from: *const T,
        stride: isize,
        rows: usize,
    ) -> [Self::Vector; SQUARE];

    /// The lanes that have a bit that is not 0, a bit each.
    fn nonzero_lanes(self, a: Self::Vector) -> u32;

    /// Those of `LANES` words that have one of these bits, a bit each.
    ///
    /// # Safety
    /// They are readable.
    #[inline(always)]
    unsafe fn words_with(self, words: *const u32, bits: u32) -> u32 {
        (0..Self::LANES).fold(0, |found, lane| {
            // SAFETY: the caller's contract.
            let word = unsafe { words.add(lane).read() };
            found | u32::from(word & bits != 0) << lane
        })
    }

    /// Writes the numbers of the lanes whose bit is set, counted from `first`, in
    /// their order, and returns how many these are.
    ///
    /// # Safety
    /// `to .. to + LANES` is writable: behind the numbers, anything may be written.
    #[inline(always)]
    unsafe fn store_numbers(self, lanes: u32, first: u16, to: *mut u16) -> usize {
        let mut count = 0;
        for lane in 0..Self::LANES {
            // SAFETY: count ≤ lane < LANES.
            unsafe { to.add(count).write(first.wrapping_add(lane as u16)) };
            count += (lanes >> lane & 1) as usize;
        }
        count
    }

    /// The same vector. At levels with registers of their own the compiler makes it
    /// before any that is settled after it. Costs no instruction.
    #[inline(always)]
    fn settle(self, a: Self::Vector) -> Self::Vector {
        a
    }

    /// The bits of `a` and of `b`.
    fn or(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a + b`
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a − b`
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b`
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once where the level has FMA, else twice.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
}

/// What random numbers need: vectors of 32-bit words, as many as there are
/// lanes of `f32`.
pub(crate) trait Words: Registers<f32> {
    /// A vector of 32-bit words.
    type Words: Copy;

    /// `x` in every lane.
    fn splat_words(self, x: u32) -> Self::Words;
    /// 0, 1, 2, …
    fn lane_numbers(self) -> Self::Words;
    /// `a + b`, modulo 2³².
    fn add_words(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// `a xor b`
    fn xor_words(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// The product of each lane with `b`: its high 32 bits, and its low ones.
    fn multiply_words(self, a: Self::Words, b: u32) -> (Self::Words, Self::Words);
    /// The number in the first `bits` bits of each lane, for 1 to 31 of them,
    /// rounded to nearest even.
    fn leading_bits(self, a: Self::Words, bits: u32) -> Self::Vector;
}

/// A SIMD level: [`Registers`] of `f32` plus what the vector maths needs.
pub(crate) trait Simd: Words {
    /// `c − a · b`, rounded once where the level has FMA, else twice.
    fn neg_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `a / b`, correctly rounded.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `√a`, correctly rounded.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// `a < b ? a : b` in each lane: **`b` where either is NaN**.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a > b ? a : b` in each lane: **`b` where either is NaN**.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `|a|`; clears the sign bit, of NaN too.
    fn abs(self, a: Self::Vector) -> Self::Vector;
    /// Magnitude of `magnitude` with the sign bit of `sign`.
    fn copy_sign(self, magnitude: Self::Vector, sign: Self::Vector) -> Self::Vector;
    /// Nearest integer, ties to even. For `|a| < 2²²`; elsewhere unspecified.
    fn round(self, a: Self::Vector) -> Self::Vector;
    /// `a · 2ⁿ` for integral `n`. Exact for a normal result and correctly
    /// rounded for a subnormal one; 0 or ±∞ out of range, as far as
    /// `|n| ≤ 252`. `n` beyond that, or NaN, is unspecified unless `a` is NaN.
    fn scale_by_power_of_two(self, a: Self::Vector, n: Self::Vector) -> Self::Vector;
    /// `(m, e)` with `a = m · 2ᵉ` and `1 ≤ m < 2`, for positive finite `a`,
    /// subnormals included. Elsewhere unspecified.
    fn split_exponent(self, a: Self::Vector) -> (Self::Vector, Self::Vector);

    /// `a < b`; false where either is NaN.
    fn less(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// `a ≤ b`; false where either is NaN.
    fn less_equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// `mask ? a : b`
    fn select(self, mask: Self::Mask, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Whether any lane is true.
    fn any(self, mask: Self::Mask) -> bool;

    /// Sum of all lanes: halves added onto each other until one is left, so
    /// lane 0 meets lane `LANES/2` first.
    fn reduce_add(self, a: Self::Vector) -> f32;
    /// Largest lane; unspecified if one is NaN.
    fn reduce_max(self, a: Self::Vector) -> f32;

    /// Reads `LANES` bytes as the numbers 0 … 255.
    ///
    /// # Safety
    /// `from .. from + LANES` is readable.
    unsafe fn load_u8(self, from: *const u8) -> Self::Vector;
}

#[cfg(test)]
mod tests;
