//! AVX2 + FMA: 8 lanes, masks as vectors.

use std::arch::asm;
use std::arch::x86_64::*;

use super::{Registers, SQUARE, Simd, Token, Words};

/// Proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

const ROUND: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

/// A window of eight entries that starts `8 − n` in has `n` true lanes.
static LANE_MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Sum of the eight lanes, halves onto each other.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
pub(super) unsafe fn reduce_add(a: __m256) -> f32 {
    // SAFETY: AVX2 by the caller's contract.
    unsafe {
        let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// See [`Registers::transpose_square`].
///
/// # Safety
/// The CPU has AVX2, and the memory is as the trait's method demands.
#[inline(always)]
pub(super) unsafe fn transpose_square(
    from: *const f32,
    from_stride: isize,
    to: *mut f32,
    to_stride: isize,
) {
    // SAFETY: AVX2 and the memory by the caller's contract.
    unsafe {
        let rows = |j: usize| _mm256_loadu_ps(from.offset(j as isize * from_stride));
        let columns = transpose(std::array::from_fn(rows));
        for (i, column) in columns.into_iter().enumerate() {
            _mm256_storeu_ps(to.offset(i as isize * to_stride), column);
        }
    }
}

/// Three rounds of eight shuffles: pairs of rows interleave single elements,
/// then pairs, then halves.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn transpose(r: [__m256; 8]) -> [__m256; 8] {
    // SAFETY: AVX2 by the caller's contract.
    unsafe {
        // s[2k], s[2k + 1]: rows 2k and 2k + 1 interleaved.
        let s: [__m256; 8] = std::array::from_fn(|k| {
            let (a, b) = (r[k & !1], r[k | 1]);
            if k & 1 == 0 {
                _mm256_unpacklo_ps(a, b)
            } else {
                _mm256_unpackhi_ps(a, b)
            }
        });
        // t[4h + c]: column c of rows 4h .. 4h + 4, and below it column c + 4.
        let t: [__m256; 8] = std::array::from_fn(|k| {
            let (half, column) = (k & 4, k & 3);
            let (a, b) = (s[half + (column >> 1)], s[half + 2 + (column >> 1)]);
            if column & 1 == 0 {
                _mm256_shuffle_ps::<0x44>(a, b)
            } else {
                _mm256_shuffle_ps::<0xee>(a, b)
            }
        });
        std::array::from_fn(|c| {
            let (a, b) = (t[c & 3], t[4 + (c & 3)]);
            if c < 4 {
                _mm256_permute2f128_ps::<0x20>(a, b)
            } else {
                _mm256_permute2f128_ps::<0x31>(a, b)
            }
        })
    }
}

impl Token for Avx2 {
    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,fma")]
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
impl Registers<f32> for Avx2 {
    const LANES: usize = 8;
    // 6 × 2 accumulators + 2 of B + 1 broadcast = 15 of 16 registers.
    const TILE_ROWS: usize = 6;
    const TILE_VECTORS: usize = 2;

    type Vector = __m256;
    type Mask = __m256;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    fn first_lanes(self, count: usize) -> __m256 {
        // SAFETY: the token; the window starts at 0 … 8 of 16 entries, so its
        // eight entries lie inside the table.
        unsafe { _mm256_loadu_ps(LANE_MASKS.as_ptr().add(8 - count.min(8)).cast()) }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: the token; readable by the caller's contract.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: __m256) -> __m256 {
        // SAFETY: the token; lanes with a clear mask are not accessed, the
        // others are readable by the caller's contract.
        unsafe { _mm256_maskload_ps(from, _mm256_castps_si256(mask)) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: __m256) {
        // SAFETY: the token; writable by the caller's contract.
        unsafe { _mm256_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, v: __m256, mask: __m256) {
        // SAFETY: the token; lanes with a clear mask are not accessed, the
        // others are writable by the caller's contract.
        unsafe { _mm256_maskstore_ps(to, _mm256_castps_si256(mask), v) }
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
        unsafe { transpose_square(from, from_stride, to, to_stride) }
    }

    #[inline(always)]
    unsafe fn load_columns(self, from: *const f32, stride: isize, rows: usize) -> [__m256; SQUARE] {
        // SAFETY: the token; row 0 stands in for those that are not there.
        let row = |i: usize| unsafe { _mm256_loadu_ps(from.offset(i as isize * stride)) };
        let rows = if rows == 8 {
            std::array::from_fn(row)
        } else {
            std::array::from_fn(|i| row(if i < rows { i } else { 0 }))
        };
        // SAFETY: the token.
        unsafe { transpose(rows) }
    }

    #[inline(always)]
    fn nonzero_lanes(self, a: __m256) -> u32 {
        // SAFETY: the token.
        unsafe {
            let zero = _mm256_cmpeq_epi32(_mm256_castps_si256(a), _mm256_setzero_si256());
            !_mm256_movemask_ps(_mm256_castsi256_ps(zero)) as u32 & 0xff
        }
    }

    #[inline(always)]
    unsafe fn words_with(self, words: *const u32, bits: u32) -> u32 {
        // SAFETY: the token; 8 words are readable by the caller's contract.
        unsafe {
            let words = _mm256_loadu_si256(words.cast());
            let found = _mm256_and_si256(words, _mm256_set1_epi32(bits as i32));
            self.nonzero_lanes(_mm256_castsi256_ps(found))
        }
    }

    #[inline(always)]
    fn settle(self, a: __m256) -> __m256 {
        // Such a register is an operand only where the level's instructions are.
        #[inline]
        #[target_feature(enable = "avx")]
        fn pass(mut a: __m256) -> __m256 {
            // SAFETY: the template is a comment: the register is left as it is, and
            // nothing else is touched.
            unsafe {
                asm!("/* {0} */", inout(ymm_reg) a, options(nomem, nostack, preserves_flags));
            }
            a
        }
        // SAFETY: the token.
        unsafe { pass(a) }
    }

    #[inline(always)]
    fn or(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_or_ps(a, b) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
}

impl Words for Avx2 {
    type Words = __m256i;

    #[inline(always)]
    fn splat_words(self, x: u32) -> __m256i {
        // SAFETY: the token.
        unsafe { _mm256_set1_epi32(x as i32) }
    }

    #[inline(always)]
    fn lane_numbers(self) -> __m256i {
        // SAFETY: the token.
        unsafe { _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7) }
    }

    #[inline(always)]
    fn add_words(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    fn xor_words(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn multiply_words(self, a: __m256i, b: u32) -> (__m256i, __m256i) {
        // Even and odd lanes; see `avx512.rs`.
        // SAFETY: the token.
        unsafe {
            let b = _mm256_set1_epi32(b as i32);
            let even = _mm256_mul_epu32(a, b);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), b);
            (
                _mm256_blend_epi32::<0xaa>(_mm256_srli_epi64::<32>(even), odd),
                _mm256_blend_epi32::<0xaa>(even, _mm256_slli_epi64::<32>(odd)),
            )
        }
    }

    #[inline(always)]
    fn leading_bits(self, a: __m256i, bits: u32) -> __m256 {
        // SAFETY: the token.
        unsafe {
            let shift = _mm_cvtsi32_si128(32 - bits as i32);
            _mm256_cvtepi32_ps(_mm256_srl_epi32(a, shift))
        }
    }
}

impl Simd for Avx2 {
    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_sqrt_ps(a) }
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_min_ps(a, b) }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_max_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
    }

    #[inline(always)]
    fn copy_sign(self, magnitude: __m256, sign: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(bit, magnitude), _mm256_and_ps(bit, sign))
        }
    }

    #[inline(always)]
    fn round(self, a: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_round_ps::<ROUND>(a) }
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, a: __m256, n: __m256) -> __m256 {
        // Two factors 2^h · 2^(n−h), since one exponent field spans −126 … 127
        // only. |n| ≤ 252 keeps both factors normal. Of the two products only
        // the second can round: the first has half of the way to go.
        // SAFETY: the token.
        unsafe {
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let rest = _mm256_sub_epi32(n, half);
            let bias = _mm256_set1_epi32(127);
            let power = |e| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(e, bias)));
            _mm256_mul_ps(_mm256_mul_ps(a, power(half)), power(rest))
        }
    }

    #[inline(always)]
    fn split_exponent(self, a: __m256) -> (__m256, __m256) {
        // A subnormal is first multiplied by 2^23, which makes it normal.
        // SAFETY: the token.
        unsafe {
            let subnormal = _mm256_cmp_ps::<_CMP_LT_OQ>(a, _mm256_set1_ps(f32::MIN_POSITIVE));
            let scaled = _mm256_mul_ps(a, _mm256_set1_ps(8_388_608.0));
            let bits = _mm256_castps_si256(_mm256_blendv_ps(a, scaled, subnormal));
            let bias = _mm256_blendv_ps(_mm256_set1_ps(127.0), _mm256_set1_ps(150.0), subnormal);
            let exponent = _mm256_sub_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32::<23>(bits)), bias);
            let mantissa = _mm256_or_si256(
                _mm256_and_si256(bits, _mm256_set1_epi32(0x007f_ffff)),
                _mm256_set1_epi32(0x3f80_0000),
            );
            (_mm256_castsi256_ps(mantissa), exponent)
        }
    }

    #[inline(always)]
    fn less(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }

    #[inline(always)]
    fn less_equal(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }

    #[inline(always)]
    fn any(self, mask: __m256) -> bool {
        // SAFETY: the token.
        unsafe { _mm256_movemask_ps(mask) != 0 }
    }

    #[inline(always)]
    fn reduce_add(self, a: __m256) -> f32 {
        // SAFETY: the token.
        unsafe { reduce_add(a) }
    }

    #[inline(always)]
    fn reduce_max(self, a: __m256) -> f32 {
        // SAFETY: the token.
        unsafe {
            let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn load_u8(self, from: *const u8) -> __m256 {
        // SAFETY: the token; 8 bytes are readable by the caller's contract.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }
}
