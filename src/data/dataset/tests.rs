//! Views, minibatches, and what does not fit.

use autoencoder_kernels::Mat;

use super::*;

fn counting() -> Dataset {
    Dataset::from_f32(5, 3, (0..15).map(|i| i as f32).collect()).unwrap()
}

#[test]
fn views_share_the_numbers_and_show_their_rows() {
    let data = counting().with_labels(vec![10, 11, 12, 13, 14]).unwrap();
    let (train, test) = data.split_at(2).unwrap();
    assert_eq!((train.len(), test.len()), (2, 3));
    assert_eq!(test.labels().unwrap(), [12, 13, 14]);
    let last = test.slice(1..3).unwrap();
    assert_eq!(last.labels().unwrap(), [13, 14]);
    assert_eq!(last.as_f32().unwrap().row(0).unwrap(), [9.0, 10.0, 11.0]);
    let whole = data.as_f32().unwrap().row(3).unwrap().as_ptr();
    assert_eq!(last.as_f32().unwrap().row(0).unwrap().as_ptr(), whole);
    let relabelled = last.with_labels(vec![1, 2]).unwrap();
    assert_eq!(relabelled.slice(1..2).unwrap().labels().unwrap(), [2]);
}

#[test]
fn gather_takes_rows_in_the_order_given() {
    let part = counting().slice(1..5).unwrap();
    let mut out = Mat::from_fn(3, 3, |_, _| f32::NAN);
    part.gather(&[3, 0, 3], out.as_mut()).unwrap();
    assert_eq!(
        out.as_slice(),
        [12.0, 13.0, 14.0, 3.0, 4.0, 5.0, 12.0, 13.0, 14.0]
    );
    // Transposed: the elements of a row are no neighbours.
    part.gather(&[0, 1, 2], out.as_mut().transpose()).unwrap();
    assert_eq!(out.row(0), [3.0, 6.0, 9.0]);
    assert_eq!(part.rows(1..3).unwrap().as_slice()[..2], [6.0, 7.0]);
    assert_eq!(part.to_mat().unwrap().shape(), (4, 3));
}

#[test]
fn bytes_are_correctly_rounded_fractions_of_255() {
    let data = Dataset::from_u8(2, 128, (0..=255).collect()).unwrap();
    let mat = data.to_mat().unwrap();
    for (byte, &value) in mat.as_slice().iter().enumerate() {
        // The f64 quotient is so close that rounding it again is exact.
        let expected = (byte as f64 / 255.0) as f32;
        assert_eq!(value.to_bits(), expected.to_bits(), "byte {byte}");
    }
    assert_eq!(data.min_max().unwrap(), Some((0.0, 1.0)));
    assert!(data.is_unit_interval());
    let mut transposed = Mat::zeros(128, 2);
    data.rows_into(0..2, transposed.as_mut().transpose())
        .unwrap();
    assert_eq!(transposed.transposed(), mat);
    let mut row = [0.0; 128];
    data.row_into(1, &mut row).unwrap();
    assert_eq!(row, mat.row(1));
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert!(Dataset::from_f32(2, 3, vec![0.0; 5]).is_err());
    assert!(Dataset::from_u8(usize::MAX, 2, vec![]).is_err());
    let data = counting();
    assert!(data.clone().with_labels(vec![0; 4]).is_err());
    assert!(data.clone().with_sample_shape(&[2, 2]).is_err());
    assert!(data.clone().with_sample_shape(&[usize::MAX, 4]).is_err());
    assert!(data.clone().with_sample_shape(&[3, 1]).is_ok());
    assert!(data.slice(2..6).is_err());
    #[expect(clippy::reversed_empty_ranges, reason = "that is the bad input")]
    let reversed = data.slice(3..2);
    assert!(reversed.is_err());
    assert!(data.split_at(6).is_err());
    assert!(data.row_into(5, &mut [0.0; 3]).is_err());
    assert!(data.row_into(0, &mut [0.0; 2]).is_err());
    let mut out = Mat::zeros(2, 3);
    assert!(data.gather(&[0, 5], out.as_mut()).is_err());
    let error = data.gather(&[0], out.as_mut()).unwrap_err().to_string();
    assert_eq!(error, "matrix for samples: given 2 × 3, expected 1 × 3");
}

#[test]
fn the_range_of_the_numbers_is_checked() {
    let data = |x: f32| Dataset::from_f32(2, 2, vec![0.0, 0.5, 1.0, x]).unwrap();
    assert!(data(1.0).is_unit_interval());
    assert_eq!(data(-3.0).min_max().unwrap(), Some((-3.0, 1.0)));
    for x in [-0.001, 1.001, f32::NAN, f32::INFINITY] {
        let error = data(x).check_unit_interval().unwrap_err();
        assert!(
            matches!(
                error,
                Error::TargetOutOfRange {
                    row: 1,
                    column: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(data(x).min_max().is_ok(), x.is_finite());
        // Beyond the view, nobody looks.
        assert!(data(x).slice(0..1).unwrap().is_unit_interval());
    }
    let empty = Dataset::from_f32(0, 7, vec![]).unwrap();
    assert_eq!(empty.min_max().unwrap(), None);
    assert_eq!(empty.to_mat().unwrap().shape(), (0, 7));
    let no_features = Dataset::from_f32(3, 0, vec![]).unwrap();
    assert_eq!(no_features.to_mat().unwrap().shape(), (3, 0));
}

#[test]
fn samples_are_chosen_by_number_and_by_label() {
    for bytes in [true, false] {
        let data = match bytes {
            true => Dataset::from_u8(4, 2, vec![0, 1, 10, 11, 20, 21, 30, 31]),
            false => Dataset::from_f32(4, 2, (0..8u8).map(f32::from).collect()),
        };
        let data = data.unwrap().with_labels(vec![5, 6, 5, 7]).unwrap();
        let data = data
            .with_sample_shape(&[2, 1])
            .unwrap()
            .slice(1..4)
            .unwrap();
        let all = data.to_mat().unwrap();
        let some = data.select(&[2, 0, 2]).unwrap();
        assert_eq!(some.labels().unwrap(), [7, 6, 7]);
        assert_eq!((some.len(), some.sample_shape()), (3, Some(&[2, 1][..])));
        assert_eq!(some.as_u8().is_some(), bytes);
        for (i, from) in [2, 0, 2].into_iter().enumerate() {
            assert_eq!(some.to_mat().unwrap().row(i), all.row(from));
        }
        let others = data.filter_labels(|label| label != 5).unwrap();
        assert_eq!(others.labels().unwrap(), [6, 7]);
        assert_eq!(others.to_mat().unwrap().row(1), all.row(2));
        assert!(data.select(&[3]).is_err());
        assert!(data.filter_labels(|_| false).unwrap().is_empty());
    }
    let unlabelled = Dataset::from_u8(1, 1, vec![0]).unwrap();
    assert!(unlabelled.filter_labels(|_| true).is_err());
}
