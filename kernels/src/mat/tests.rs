//! Views reach the elements that they name, and no others.

use super::*;
use crate::error::Error;

#[test]
fn views_reach_the_elements_they_name() {
    let data: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let view = MatRef::with_strides(&data, 3, 4, 7, 2).unwrap();
    assert_eq!(view.get(2, 3), 20.0);
    assert_eq!(view.transpose().get(3, 2), 20.0);
    assert_eq!(view.submatrix(1..3, 2..4).get(1, 1), 20.0);
    assert_eq!(view.row(0), None);
    assert_eq!(view.to_owned().as_slice()[11], 20.0);
    assert_eq!(MatRef::new(&data, 4, 6).unwrap().row(1).unwrap()[0], 6.0);
}

#[test]
fn a_view_that_reaches_outside_is_an_error() {
    let mut data = vec![0f32; 10];
    assert!(MatRef::with_strides(&data, 2, 3, 8, 1).is_err());
    assert!(MatRef::with_strides(&data, usize::MAX, 2, usize::MAX, 1).is_err());
    assert!(MatRef::with_strides(&data, 2, 3, 7, 1).is_ok());
    assert!(MatRef::with_strides(&data, 0, usize::MAX, 1, 1).is_ok());
    assert!(MatMut::new(&mut data, 2, 6).is_err());
}

#[test]
fn a_mutable_view_that_overlaps_itself_is_an_error() {
    let mut data = vec![0f32; 100];
    for (rows, cols, row, col, ok) in [
        (3, 4, 4, 1, true),
        (3, 4, 1, 3, true),
        (3, 4, 3, 1, false),
        (3, 4, 0, 1, false),
        (3, 1, 0, 1, false),
        (1, 4, 0, 1, true),
        (3, 1, 1, 0, true),
        (2, 2, 1, 1, false),
    ] {
        let view = MatMut::with_strides(&mut data, rows, cols, row, col);
        assert_eq!(view.is_ok(), ok, "{rows} × {cols}, strides {row}, {col}");
    }
}

#[test]
fn halves_of_a_split_are_disjoint_and_complete() {
    let mut mat = Mat::<f32>::zeros(5, 3);
    let (mut top, mut bottom) = mat.as_mut().split_at_row(2);
    top.fill(1.0);
    bottom.fill(2.0);
    assert_eq!(
        mat.as_slice(),
        [[1.0; 3].as_slice().repeat(2), [2.0; 9].to_vec()].concat()
    );
    assert_eq!(mat.as_slice().as_ptr() as usize % ALIGNMENT, 0);
}

#[test]
fn a_size_beyond_memory_is_an_error() {
    assert!(Mat::<f32>::try_zeros(usize::MAX, 2).is_err());
    assert!(Mat::<f32>::try_zeros(usize::MAX / 8, 1).is_err());
    // A size that a layout may have, and no allocator has room for.
    let rows = isize::MAX as usize / 4 - ALIGNMENT;
    let error = Mat::<f32>::try_zeros(rows, 1).unwrap_err();
    assert_eq!(error, Error::TooLarge { shape: (rows, 1) });
    assert_eq!(Mat::<f32>::zeros(0, 7).as_slice(), &[] as &[f32]);
}
