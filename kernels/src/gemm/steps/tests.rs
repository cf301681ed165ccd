//! Lists of products against their definition.

use super::super::listed::{lists_of, rows_of_list};
use super::*;
use crate::level::{Kernel, Level};
use crate::simd::Simd;

/// The lists of tiles of `height` rows, where the highest have [`MAX_ROWS`], both ways
/// that A can lie.
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
        let lists = tiles * LISTS;
        let rows_of = |list: usize| rows_of(list, height, rows);
        [(a, (k, 1)), (&turned[..], (1, rows))].map(|(a, (row, step))| {
            let mut memory = vec![u16::MAX; lists * room(k)];
            let start = memory.as_mut_ptr();
            for first in (0..lists).step_by(GROUP * LISTS) {
                let group = first..lists.min(first + GROUP * LISTS);
                let strides = (row as isize, step as isize);
                let list_of = |list| start.wrapping_add(list * room(k));
                // SAFETY: A and the lists are as large as that.
                unsafe { find(s, a.as_ptr(), strides, group, rows_of, k, list_of) };
            }
            let numbers = |list: &[u16]| list[1..][..usize::from(list[0])].to_vec();
            let with_rows = |&(list, _): &(usize, &[u16])| !rows_of(list).is_empty();
            let all = memory.chunks(room(k)).enumerate().filter(with_rows);
            all.map(|(_, list)| numbers(list)).collect()
        })
    }
}

const LISTS: usize = lists_of(MAX_ROWS);

/// The rows of a list.
fn rows_of(list: usize, height: usize, rows: usize) -> Range<usize> {
    let tile = list / LISTS * height;
    let part = rows_of_list(MAX_ROWS, height.min(rows - tile), list % LISTS);
    tile + part.start..tile + part.end
}

/// Each p is listed exactly if one of the list's elements there has a bit.
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
        for (height, every) in [(12, 40), (11, 2), (7, 9), (1, 3)] {
            let hash = |at: usize| (at as u32).wrapping_mul(0x9e37_79b1) >> 16;
            // −0 and the smallest number have bits, too.
            let kinds = [1.0, -0.0, f32::NAN, 1e-45];
            let value = |at| match hash(at) % every {
                0 => kinds[hash(at + 1) as usize % 4],
                _ => 0.0,
            };
            let a: Vec<f32> = (0..rows * k).map(value).collect();
            let lit = |i: usize, p: usize| a[i * k + p].to_bits() != 0;
            let want: Vec<Vec<u16>> = (0..rows.div_ceil(height) * LISTS)
                .map(|list| rows_of(list, height, rows))
                .filter(|of_list| !of_list.is_empty())
                .map(|of_list| {
                    let any = |p: &usize| of_list.clone().any(|i| lit(i, *p));
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
