//! Half precision: binary16 of IEEE 754, of which the standard library has no stable
//! type.

/// The bits of the nearest half, of two equally near ones the even one; what is beyond
/// 65504 by half a unit or more is infinite. `x` is a number.
pub(super) fn to_bits(x: f32) -> u16 {
    // The bits of 2⁻¹⁴, the smallest normal half, and those between the biases.
    const NORMAL: u32 = (127 - 14) << 23;
    const BIAS: u32 = (127 - 15) << 23;
    // The bits of 65536, all numbers from which on are infinite.
    const INFINITE: u32 = (127 + 16) << 23;
    let sign = (x.to_bits() >> 16) as u16 & 0x8000;
    let magnitude = x.abs().to_bits();
    let half = if magnitude >= INFINITE {
        0x7c00
    } else if magnitude < NORMAL {
        // From 0.5 on, floats have the distance 2⁻²⁴ of subnormal halves.
        (x.abs() + 0.5).to_bits() - 0.5f32.to_bits()
    } else {
        let bits = magnitude - BIAS;
        let odd = (bits >> 13) & 1;
        (bits + 0xfff + odd) >> 13
    };
    sign | half as u16
}

/// The number of these bits.
pub(super) fn from_bits(half: u16) -> f32 {
    let (exponent, fraction) = ((half >> 10) & 0x1f, half & 0x3ff);
    let magnitude = match exponent {
        0 => f32::from(fraction) / 16_777_216.0,
        31 if fraction == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => f32::from_bits((u32::from(half & 0x7fff) << 13) + ((127 - 15) << 23)),
    };
    match half & 0x8000 {
        0 => magnitude,
        _ => -magnitude,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition.
    fn value(half: u16) -> f64 {
        let fraction = f64::from(half & 0x3ff) / 1024.0;
        match (half >> 10) & 0x1f {
            0 => fraction * 2f64.powi(-14),
            exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
        }
    }

    #[test]
    fn all_halves_and_what_lies_between_them() {
        for half in 0..0x7c00 {
            let x = value(half) as f32;
            assert_eq!(from_bits(half).to_bits(), x.to_bits());
            assert_eq!(from_bits(half | 0x8000).to_bits(), (-x).to_bits());
            assert_eq!((to_bits(x), to_bits(-x)), (half, half | 0x8000));
            // Beyond the largest, the next would be 65536.
            let middle = ((value(half) + value(half + 1)) / 2.0) as f32;
            let even = half + (half & 1);
            assert_eq!(to_bits(middle), even, "{middle}");
            assert_eq!(to_bits(middle.next_down()), half, "{middle}");
            assert_eq!(to_bits(middle.next_up()), half + 1, "{middle}");
        }
        assert_eq!(from_bits(0x7c00), f32::INFINITY);
        assert_eq!(from_bits(0xfc00), f32::NEG_INFINITY);
        assert!(from_bits(0x7c01).is_nan());
        assert_eq!(
            (to_bits(f32::MAX), to_bits(f32::INFINITY)),
            (0x7c00, 0x7c00)
        );
    }
}
