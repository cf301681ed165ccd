//! sin 2πu and cos 2πu, of a share of a full turn.
//!
//! With q = round(4u) and f = u − q/4 (so |f| ≤ ⅛, and f is exact where u is a
//! multiple of 2⁻²⁴), both are ±sin 2πf or ±cos 2πf, as the quarter q says:
//!
//! ```text
//! q        0, 4     1     2     3
//! sin 2πu   sin   cos  −sin  −cos      of 2πf
//! cos 2πu   cos  −sin  −cos   sin
//! ```

use super::polynomial::polynomial;
use crate::simd::Simd;

/// sin(2πf) / f as a polynomial in f² on |f| ≤ ⅛, relative; 0.47 · 2⁻²⁴, of
/// which the rounding of 2π is all but 0.05.
const SIN: [f32; 4] = [6.283_185_5, -41.341_86, 81.624_67, -76.726_06];

/// (cos(2πf) − 1) / f² as a polynomial in f² on |f| ≤ ⅛, weight f²/cos(2πf);
/// 0.01 · 2⁻²⁴.
const COS: [f32; 4] = [-19.739_208, 64.939_15, -85.424_515, 58.620_213];

/// `(sin 2πu, cos 2πu)` for 0 ≤ u ≤ 1, a multiple of 2⁻²⁴.
#[inline(always)]
pub(crate) fn sin_cos_of_turn<S: Simd>(s: S, u: S::Vector) -> (S::Vector, S::Vector) {
    let q = s.round(s.mul(u, s.splat(4.0)));
    let f = s.neg_mul_add(q, s.splat(0.25), u);
    let square = s.mul(f, f);
    let sin = s.mul(f, polynomial(s, square, SIN));
    let cos = s.mul_add(square, polynomial(s, square, COS), s.splat(1.0));
    // 1 and 3 are those at distance 1 from 2; 1 and 2 those near 1.5.
    let is_odd = is_near(s, s.abs(s.sub(q, s.splat(2.0))), 1.0);
    (
        negate_if(s, is_near(s, q, 2.5), s.select(is_odd, cos, sin)),
        negate_if(s, is_near(s, q, 1.5), s.select(is_odd, sin, cos)),
    )
}

/// Whether x is less than 1 from a number.
#[inline(always)]
fn is_near<S: Simd>(s: S, x: S::Vector, number: f32) -> S::Mask {
    s.less(s.abs(s.sub(x, s.splat(number))), s.splat(1.0))
}

#[inline(always)]
fn negate_if<S: Simd>(s: S, mask: S::Mask, x: S::Vector) -> S::Vector {
    s.select(mask, s.sub(s.splat(0.0), x), x)
}
