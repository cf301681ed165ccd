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

#[test]
fn folded_rows_are_the_same_elements_in_their_order() {
    let data: Vec<f32> = (0..24).map(|i| i as f32).collect();
    for n in [1, 2, 3, 6] {
        let folded = MatRef::new(&data, 4, 6).unwrap().folded(n).unwrap();
        assert_eq!(folded.shape(), (4 * n, 6 / n));
        assert_eq!(folded.as_slice(), Some(&data[..]));
    }
    let mut copy = data.clone();
    let mut folded = MatMut::new(&mut copy, 4, 6).unwrap().folded(3).unwrap();
    assert_eq!(folded.shape(), (12, 2));
    folded.set(7, 1, -1.0); // row 2, column 3
    for (i, x) in copy.iter().enumerate() {
        assert_eq!(*x, if i == 15 { -1.0 } else { i as f32 });
    }
    // A block of rows has no gaps either; a transposed column is one row.
    let rows = MatRef::new(&data, 4, 6).unwrap().submatrix(1..3, 0..6);
    assert_eq!(rows.folded(2).unwrap().row(3).unwrap(), [15.0, 16.0, 17.0]);
    let column = MatRef::new(&data, 6, 1).unwrap().transpose();
    assert_eq!(column.folded(3).unwrap().row(2).unwrap(), [4.0, 5.0]);
}

#[test]
fn only_rows_without_gaps_are_folded() {
    let mut data = [0f32; 40];
    for (rows, cols, row, col, n, fits) in [
        (3, 4, 4, 1, 0, false),
        (3, 4, 4, 1, 3, false),
        (3, 4, 4, 1, 8, false),
        (3, 4, 5, 1, 1, false),
        (3, 4, 5, 1, 2, false),
        (3, 4, 1, 3, 2, false),
        (3, 4, 8, 2, 2, false),
        (1, 4, 9, 2, 2, false),
        (1, 4, 9, 1, 2, true),
        (1, 1, 9, 9, 1, true),
        (3, 1, 1, 7, 1, true),
        (3, 1, 2, 1, 1, false),
        (0, 4, 9, 2, 2, true),
        (0, 4, 9, 2, 3, false),
        (3, 0, 9, 2, 5, true),
        (0, usize::MAX, 9, 2, 3, true),
        (2, 0, 1, 1, usize::MAX, false),
        (1, 0, 1, 1, usize::MAX, true),
    ] {
        let view = MatRef::with_strides(&data, rows, cols, row, col).unwrap();
        let folded = view.folded(n).map(|view| view.shape());
        let expected = fits.then(|| (rows * n, cols / n));
        let case = format!("{rows} × {cols}, strides {row}, {col}, in {n}");
        assert_eq!(folded, expected, "{case}");
        let view = MatMut::with_strides(&mut data, rows, cols, row, col).unwrap();
        let folded = view.folded(n).map(|view| view.shape());
        assert_eq!(folded, expected, "{case}");
    }
    // Repeated rows would be read once only.
    let repeated = MatRef::with_strides(&data, 3, 4, 0, 1).unwrap();
    assert!(repeated.folded(2).is_none());
}
