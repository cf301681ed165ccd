//! Every other CPU: 8 lanes through the `wide` crate, which compiles to SSE2,
//! NEON, wasm SIMD or scalar code by the compiler's target.

use wide::{f32x8, i32x8};

use super::{Registers, SQUARE, Simd, Token, Words};

/// The level that needs nothing of the CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

impl Token for Portable {
    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        // Its own function, as on the other levels: what is measured and
        // profiled then has the same shape.
        #[inline(never)]
        fn with_features<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        with_features(f)
    }
}

impl Registers<f32> for Portable {
    const LANES: usize = 8;
    // A vector is two SSE registers: 4 × 2 accumulators + 2 of B + 1 broadcast
    // + 1 for the product = 12 of 16.
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 1;

    type Vector = f32x8;
    type Mask = f32x8;

    #[inline(always)]
    fn splat(self, x: f32) -> f32x8 {
        f32x8::splat(x)
    }

    #[inline(always)]
    fn first_lanes(self, count: usize) -> f32x8 {
        let mut mask = [0u32; 8];
        for lane in mask.iter_mut().take(count) {
            *lane = u32::MAX;
        }
        f32x8::new(mask.map(f32::from_bits))
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> f32x8 {
        // SAFETY: readable by the caller's contract; `read_unaligned` asks for
        // no alignment, and any bytes are an array of f32.
        f32x8::new(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    // Tails are rare, and lane by lane: a function of their own keeps every
    // loop that has one small.
    #[inline(never)]
    unsafe fn load_masked(self, from: *const f32, mask: f32x8) -> f32x8 {
        let mut lanes = [0.0; 8];
        for (i, (lane, keep)) in lanes.iter_mut().zip(mask.to_array()).enumerate() {
            if keep.to_bits() != 0 {
                // SAFETY: the mask is true here, so the lane is readable by
                // the caller's contract.
                *lane = unsafe { from.add(i).read_unaligned() };
            }
        }
        f32x8::new(lanes)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: f32x8) {
        // SAFETY: writable by the caller's contract; no alignment is asked.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(v.to_array()) }
    }

    #[inline(never)]
    unsafe fn store_masked(self, to: *mut f32, v: f32x8, mask: f32x8) {
        for (i, (lane, keep)) in v.to_array().into_iter().zip(mask.to_array()).enumerate() {
            if keep.to_bits() != 0 {
                // SAFETY: the mask is true here, so the lane is writable by
                // the caller's contract.
                unsafe { to.add(i).write_unaligned(lane) }
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose_square(
        self,
        from: *const f32,
        from_stride: isize,
        to: *mut f32,
        to_stride: isize,
    ) {
        for i in 0..SQUARE as isize {
            for j in 0..SQUARE as isize {
                // SAFETY: element (j, i) of `from` and (i, j) of `to`, by the
                // caller's contract.
                unsafe {
                    let x = from.offset(j * from_stride + i).read();
                    to.offset(i * to_stride + j).write(x);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn load_columns(self, from: *const f32, stride: isize, rows: usize) -> [f32x8; SQUARE] {
        std::array::from_fn(|p| {
            let lane = |i: usize| {
                if i < rows {
                    // SAFETY: element p of row i, by the caller's contract.
                    unsafe { from.offset(i as isize * stride).add(p).read() }
                } else {
                    0.0
                }
            };
            f32x8::new(std::array::from_fn(lane))
        })
    }

    #[inline(always)]
    fn nonzero_lanes(self, a: f32x8) -> u32 {
        let bit = |(lane, x): (usize, f32)| u32::from(x.to_bits() != 0) << lane;
        a.to_array().into_iter().enumerate().map(bit).sum()
    }

    #[inline(always)]
    fn or(self, a: f32x8, b: f32x8) -> f32x8 {
        a | b
    }

    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        a + b
    }

    #[inline(always)]
    fn sub(self, a: f32x8, b: f32x8) -> f32x8 {
        a - b
    }

    #[inline(always)]
    fn mul(self, a: f32x8, b: f32x8) -> f32x8 {
        a * b
    }

    #[inline(always)]
    fn mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_add(b, c)
    }
}

impl Words for Portable {
    // Arrays, which the compiler turns into what the target has.
    type Words = [u32; 8];

    #[inline(always)]
    fn splat_words(self, x: u32) -> [u32; 8] {
        [x; 8]
    }

    #[inline(always)]
    fn lane_numbers(self) -> [u32; 8] {
        [0, 1, 2, 3, 4, 5, 6, 7]
    }

    #[inline(always)]
    fn add_words(self, a: [u32; 8], b: [u32; 8]) -> [u32; 8] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i].wrapping_add(b[i]),
        )
    }

    #[inline(always)]
    fn xor_words(self, a: [u32; 8], b: [u32; 8]) -> [u32; 8] {
        std::array::from_fn(
            #[inline(always)]
            |i| a[i] ^ b[i],
        )
    }

    #[inline(always)]
    fn multiply_words(self, a: [u32; 8], b: u32) -> ([u32; 8], [u32; 8]) {
        let product = a.map(
            #[inline(always)]
            |a| u64::from(a) * u64::from(b),
        );
        (product.map(|p| (p >> 32) as u32), product.map(|p| p as u32))
    }

    #[inline(always)]
    fn leading_bits(self, a: [u32; 8], bits: u32) -> f32x8 {
        // Through i32, which SSE2 converts in one instruction.
        f32x8::new(a.map(
            #[inline(always)]
            |a| (a >> (32 - bits)) as i32 as f32,
        ))
    }
}

impl Simd for Portable {
    #[inline(always)]
    fn neg_mul_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        a.mul_neg_add(b, c)
    }

    #[inline(always)]
    fn div(self, a: f32x8, b: f32x8) -> f32x8 {
        a / b
    }

    #[inline(always)]
    fn sqrt(self, a: f32x8) -> f32x8 {
        a.sqrt()
    }

    #[inline(always)]
    fn min(self, a: f32x8, b: f32x8) -> f32x8 {
        self.select(self.less(a, b), a, b)
    }

    #[inline(always)]
    fn max(self, a: f32x8, b: f32x8) -> f32x8 {
        self.select(self.less(b, a), a, b)
    }

    #[inline(always)]
    fn abs(self, a: f32x8) -> f32x8 {
        a.abs()
    }

    #[inline(always)]
    fn copy_sign(self, magnitude: f32x8, sign: f32x8) -> f32x8 {
        magnitude.abs() | (sign & f32x8::splat(-0.0))
    }

    #[inline(always)]
    fn round(self, a: f32x8) -> f32x8 {
        // Adding 1.5·2²³ leaves no bits for a fraction: the addition itself
        // rounds to nearest even. The sign comes back for −0.
        let magic = f32x8::splat(12_582_912.0);
        self.copy_sign((a + magic) - magic, a)
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, a: f32x8, n: f32x8) -> f32x8 {
        // Two factors 2^h · 2^(n−h); see `avx2.rs`.
        let n: i32x8 = n.fast_trunc_int();
        let half = n >> 1;
        let rest = n - half;
        let power = |e: i32x8| -> f32x8 {
            let bits: i32x8 = (e + i32x8::splat(127)) << 23;
            f32x8::new(bits.to_array().map(|b| f32::from_bits(b as u32)))
        };
        (a * power(half)) * power(rest)
    }

    #[inline(always)]
    fn split_exponent(self, a: f32x8) -> (f32x8, f32x8) {
        // A subnormal is first multiplied by 2^23, which makes it normal.
        let subnormal = self.less(a, f32x8::splat(f32::MIN_POSITIVE));
        let normal = self.select(subnormal, a * f32x8::splat(8_388_608.0), a);
        let bias = self.select(subnormal, f32x8::splat(150.0), f32x8::splat(127.0));
        let bits = normal.to_array().map(f32::to_bits);
        let exponent = f32x8::new(bits.map(|b| (b >> 23) as f32)) - bias;
        let mantissa = bits.map(|b| f32::from_bits((b & 0x007f_ffff) | 0x3f80_0000));
        (f32x8::new(mantissa), exponent)
    }

    #[inline(always)]
    fn less(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_lt(b)
    }

    #[inline(always)]
    fn less_equal(self, a: f32x8, b: f32x8) -> f32x8 {
        a.simd_le(b)
    }

    #[inline(always)]
    fn select(self, mask: f32x8, a: f32x8, b: f32x8) -> f32x8 {
        mask.bitselect(a, b)
    }

    #[inline(always)]
    fn any(self, mask: f32x8) -> bool {
        mask.any()
    }

    #[inline(always)]
    fn reduce_add(self, a: f32x8) -> f32 {
        let a = a.to_array();
        let four = [a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]];
        (four[0] + four[2]) + (four[1] + four[3])
    }

    #[inline(always)]
    fn reduce_max(self, a: f32x8) -> f32 {
        a.to_array().into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    #[inline(always)]
    unsafe fn load_u8(self, from: *const u8) -> f32x8 {
        // SAFETY: 8 bytes are readable by the caller's contract.
        let bytes = unsafe { from.cast::<[u8; 8]>().read_unaligned() };
        f32x8::new(bytes.map(f32::from))
    }
}
