//! Random numbers, one at a time.

use crate::random::Key;

/// Philox4x32 of some rounds (Salmon et al., 2011, section 3.2).
pub fn philox4x32(rounds: u32, counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut l0, mut r0, mut l1, mut r1] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..rounds {
        let first = u64::from(l0) * 0xd251_1f53;
        let second = u64::from(l1) * 0xcd9e_8d57;
        (l0, r0, l1, r1) = (
            (second >> 32) as u32 ^ r0 ^ k0,
            second as u32,
            (first >> 32) as u32 ^ r1 ^ k1,
            first as u32,
        );
        k0 = k0.wrapping_add(0x9e37_79b9);
        k1 = k1.wrapping_add(0xbb67_ae85);
    }
    [l0, r0, l1, r1]
}

/// The random word of an element; see [`crate::random`].
pub fn word(key: Key, row: u32, col: usize) -> u32 {
    let counter = [
        (16 * (col / 64) + col % 16) as u32,
        row,
        key.step as u32,
        (key.step >> 32) as u32 + 65_536 * u32::from(key.stream),
    ];
    let seed = [key.seed as u32, (key.seed >> 32) as u32];
    philox4x32(7, counter, seed)[col / 16 % 4]
}

/// The number of an element, uniform in [0, 1).
pub fn uniform(key: Key, row: u32, col: usize) -> f32 {
    (word(key, row, col) >> 8) as f32 / 16_777_216.0
}

/// The number of an element, standard normal; its u is rounded to f32, as the
/// kernel's.
pub fn normal(key: Key, row: u32, col: usize) -> f64 {
    let is_sin = col / 16 % 2 == 1;
    let col = if is_sin { col - 16 } else { col };
    let u = ((word(key, row, col) >> 1) as f32 + 0.5) / 2_147_483_648.0;
    let radius = (-2.0 * f64::from(u).ln()).sqrt();
    let turn = f64::from(uniform(key, row, col + 16));
    // Exact around each quarter, where sin or cos is 0.
    let quarter = (4.0 * turn).round();
    let (sin, cos) = ((turn - quarter / 4.0) * std::f64::consts::TAU).sin_cos();
    let (sin, cos) = match quarter as u8 % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    };
    radius * if is_sin { sin } else { cos }
}
