//! AVX-512F: 16 lanes, masks in their own registers.

use std::arch::asm;
use std::arch::x86_64::*;

use super::{Registers, SQUARE, Simd, Token, Words};

/// Proof that the CPU has AVX-512F (with AVX2 and FMA below it).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt"))
        .then_some(Avx512(()))
    }
}

const ROUND: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Token for Avx512 {
    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma,popcnt")]
        fn with_features<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: the token.
        unsafe { with_features(f) }
    }
}

// SAFETY (of every intrinsic below, cited as "the token"): the instruction
// exists, because `self` can only be made by `detect`, which has found every
// feature that the intrinsics of this file need.
impl Registers<f32> for Avx512 {
    const LANES: usize = 16;
    // 12 × 2 accumulators + 2 of B + 1 broadcast = 27 of 32 registers.
    const TILE_ROWS: usize = 12;
    const TILE_VECTORS: usize = 2;

    type Vector = __m512;
    type Mask = __mmask16;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    fn first_lanes(self, count: usize) -> __mmask16 {
        if count >= 16 {
            0xffff
        } else {
            (1u16 << count) - 1
        }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: the token; readable by the caller's contract.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: __mmask16) -> __m512 {
        // SAFETY: the token; lanes with a clear mask bit are not accessed, the
        // others are readable by the caller's contract.
        unsafe { _mm512_maskz_loadu_ps(mask, from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: __m512) {
        // SAFETY: the token; writable by the caller's contract.
        unsafe { _mm512_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, v: __m512, mask: __mmask16) {
        // SAFETY: the token; lanes with a clear mask bit are not accessed, the
        // others are writable by the caller's contract.
        unsafe { _mm512_mask_storeu_ps(to, mask, v) }
    }

    #[inline(always)]
    unsafe fn transpose_square(
        self,
        from: *const f32,
        from_stride: isize,
        to: *mut f32,
        to_stride: isize,
    ) {
        // SAFETY: AVX2 by the token; the memory by the caller's contract.
        unsafe { super::avx2::transpose_square(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    unsafe fn load_columns(self, from: *const f32, stride: isize, rows: usize) -> [__m512; SQUARE] {
        // Half a vector of two rows each; row 0 stands in for those that are not
        // there.
        let pair = |low: usize, high: usize| {
            let row = |i: usize| from.wrapping_offset(i as isize * stride);
            // SAFETY: the token; eight elements of a row are readable.
            unsafe {
                let low = _mm512_castps256_ps512(_mm256_loadu_ps(row(low)));
                _mm512_insertf32x8::<1>(low, _mm256_loadu_ps(row(high)))
            }
        };
        // r[4h + k]: rows 8h + k and 8h + 4 + k.
        let place = |k: usize| 2 * (k & 4) + (k & 3);
        let r: [__m512; 8] = if rows == 16 {
            std::array::from_fn(|k| pair(place(k), place(k) + 4))
        } else {
            let there = |i: usize| if i < rows { i } else { 0 };
            std::array::from_fn(|k| pair(there(place(k)), there(place(k) + 4)))
        };
        // SAFETY: the token.
        unsafe {
            // s[2k], s[2k + 1]: vectors 2k and 2k + 1 interleaved.
            let s: [__m512; 8] = std::array::from_fn(|k| {
                let (a, b) = (r[k & !1], r[k | 1]);
                if k & 1 == 0 {
                    _mm512_unpacklo_ps(a, b)
                } else {
                    _mm512_unpackhi_ps(a, b)
                }
            });
            // t[4h + c], in quarters: column c of rows 8h .. 8h + 4, column c + 4 of
            // them, and the same of rows 8h + 4 .. 8h + 8.
            let t: [__m512; 8] = std::array::from_fn(|k| {
                let (half, column) = (k & 4, k & 3);
                let (a, b) = (s[half + (column >> 1)], s[half + 2 + (column >> 1)]);
                if column & 1 == 0 {
                    _mm512_shuffle_ps::<0x44>(a, b)
                } else {
                    _mm512_shuffle_ps::<0xee>(a, b)
                }
            });
            std::array::from_fn(|c| {
                let (a, b) = (t[c & 3], t[4 + (c & 3)]);
                if c < 4 {
                    _mm512_shuffle_f32x4::<0x88>(a, b)
                } else {
                    _mm512_shuffle_f32x4::<0xdd>(a, b)
                }
            })
        }
    }

    #[inline(always)]
    fn nonzero_lanes(self, a: __m512) -> u32 {
        // SAFETY: the token.
        unsafe {
            let bits = _mm512_castps_si512(a);
            u32::from(_mm512_test_epi32_mask(bits, bits))
        }
    }

    #[inline(always)]
    unsafe fn words_with(self, words: *const u32, bits: u32) -> u32 {
        // SAFETY: the token; 16 words are readable by the caller's contract.
        unsafe {
            let words = _mm512_loadu_si512(words.cast());
            u32::from(_mm512_test_epi32_mask(
                words,
                _mm512_set1_epi32(bits as i32),
            ))
        }
    }

    #[inline(always)]
    unsafe fn store_numbers(self, lanes: u32, first: u16, to: *mut u16) -> usize {
        // SAFETY: the token; 16 numbers are writable by the caller's contract.
        unsafe {
            let first = _mm512_set1_epi32(i32::from(first));
            let numbers = _mm512_add_epi32(first, self.lane_numbers());
            let numbers = _mm512_maskz_compress_epi32(lanes as __mmask16, numbers);
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(numbers));
        }
        lanes.count_ones() as usize
    }

    #[inline(always)]
    fn settle(self, a: __m512) -> __m512 {
        // Such a register is an operand only where the level's instructions are.
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn pass(mut a: __m512) -> __m512 {
            // SAFETY: the template is a comment: the register is left as it is, and
            // nothing else is touched.
            unsafe {
                asm!("/* {0} */", inout(zmm_reg) a, options(nomem, nostack, preserves_flags));
            }
            a
        }
        // SAFETY: the token.
        unsafe { pass(a) }
    }

    #[inline(always)]
    fn or(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_or_ps(a, b) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
}

impl Words for Avx512 {
    type Words = __m512i;

    #[inline(always)]
    fn splat_words(self, x: u32) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_set1_epi32(x as i32) }
    }

    #[inline(always)]
    fn lane_numbers(self) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) }
    }

    #[inline(always)]
    fn add_words(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    fn xor_words(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn multiply_words(self, a: __m512i, b: u32) -> (__m512i, __m512i) {
        // Products are 64 bits wide: one of the even lanes, one of the odd
        // ones, then put together again.
        // SAFETY: the token.
        unsafe {
            let b = _mm512_set1_epi32(b as i32);
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), b);
            (
                _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64::<32>(even), odd),
                _mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64::<32>(odd)),
            )
        }
    }

    #[inline(always)]
    fn leading_bits(self, a: __m512i, bits: u32) -> __m512 {
        // SAFETY: the token.
        unsafe {
            let shift = _mm_cvtsi32_si128(32 - bits as i32);
            _mm512_cvtepi32_ps(_mm512_srl_epi32(a, shift))
        }
    }
}

impl Simd for Avx512 {
    #[inline(always)]
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_abs_ps(a) }
    }

    #[inline(always)]
    fn copy_sign(self, magnitude: __m512, sign: __m512) -> __m512 {
        // SAFETY: the token. 0xd8 is the truth table of "third ? second : first".
        unsafe {
            _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0xd8>(
                _mm512_castps_si512(magnitude),
                _mm512_castps_si512(sign),
                _mm512_set1_epi32(i32::MIN),
            ))
        }
    }

    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_roundscale_ps::<ROUND>(a) }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, a: __m512, n: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_scalef_ps(a, n) }
    }

    #[inline(always)]
    fn split_exponent(self, a: __m512) -> (__m512, __m512) {
        // SAFETY: the token.
        unsafe {
            (
                _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(a),
                _mm512_getexp_ps(a),
            )
        }
    }

    #[inline(always)]
    fn less(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    fn less_equal(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }

    #[inline(always)]
    fn any(self, mask: __mmask16) -> bool {
        mask != 0
    }

    #[inline(always)]
    fn reduce_add(self, a: __m512) -> f32 {
        // SAFETY: the token.
        unsafe {
            let low = _mm512_castps512_ps256(a);
            let high = _mm512_extractf32x8_ps::<1>(a);
            super::avx2::reduce_add(_mm256_add_ps(low, high))
        }
    }

    #[inline(always)]
    fn reduce_max(self, a: __m512) -> f32 {
        // SAFETY: the token.
        unsafe { _mm512_reduce_max_ps(a) }
    }

    #[inline(always)]
    unsafe fn load_u8(self, from: *const u8) -> __m512 {
        // SAFETY: the token; 16 bytes are readable by the caller's contract.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }
}
