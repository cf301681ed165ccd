//! Lists of products against their definition.

use super::*;
use crate::level::{Kernel, Level};
use crate::simd::Simd;

/// The lists of tiles of `height` rows, both ways that A can lie.
struct Lists<'a> {
    /// By rows, `k` elements each.
    a: &'a [f32],
    k: usize,
    height: usize,
}

impl Kernel for Lists<'_> {
    type Output = [Vec<Vec<u16>>; 2];

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Self::Output {
        let Lists { a, k, height } = self;
        let rows = a.len() / k;
        let turned: Vec<f32> = (0..k * rows)
            .map(|at| a[at % rows * k + at / rows])
            .collect();
        let tiles = rows.div_ceil(height);
        let rows_of = |tile: usize| tile * height..rows.min((tile + 1) * height);
        [(a, (k, 1)), (&turned[..], (1, rows))].map(|(a, (row, step))| {
            let mut lists = vec![u16::MAX; tiles * room(k)];
            let start = lists.as_mut_ptr();
            for first in (0..tiles).step_by(GROUP) {
                let group = first..tiles.min(first + GROUP);
                let strides = (row as isize, step as isize);
                let list_of = |tile| start.wrapping_add(tile * room(k));
                // SAFETY: A and the lists are as large as that.
                unsafe { find(s, a.as_ptr(), strides, group, rows_of, k, list_of) };
            }
            let numbers = |list: &[u16]| list[1..][..usize::from(list[0])].to_vec();
            lists.chunks(room(k)).map(numbers).collect()
        })
    }
}

/// Each p is listed exactly if one of the tile's elements there has a bit.
#[test]
fn lists_are_those_of_the_definition() {
    for (rows, k) in [
        (1, 1),
        (13, 17),
        (31, 128),
        (64, 125),
        (250, 300),
        (600, 40),
    ] {
        for (height, every) in [(12, 40), (11, 2), (4, 9), (1, 3)] {
            let hash = |at: usize| (at as u32).wrapping_mul(0x9e37_79b1) >> 16;
            // −0 and the smallest number have bits, too.
            let kinds = [1.0, -0.0, f32::NAN, 1e-45];
            let value = |at| match hash(at) % every {
                0 => kinds[hash(at + 1) as usize % 4],
                _ => 0.0,
            };
            let a: Vec<f32> = (0..rows * k).map(value).collect();
            let lit = |i: usize, p: usize| a[i * k + p].to_bits() != 0;
            let want: Vec<Vec<u16>> = (0..rows)
                .step_by(height)
                .map(|i| {
                    let any = |p: &usize| (i..rows.min(i + height)).any(|i| lit(i, *p));
                    (0..k).filter(any).map(|p| p as u16).collect()
                })
                .collect();
            for &level in Level::available() {
                let a = &a;
                for got in level.dispatch(Lists { a, k, height }) {
                    assert_eq!(got, want, "{level}: {rows} × {k}, tiles of {height}");
                }
            }
        }
    }
}
