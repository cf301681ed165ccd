//! Activations over matrices. A row whose elements are not contiguous goes through a
//! buffer.

use super::Activation;
use crate::error::{Error, check_shape};
use crate::level::Level;
use crate::mat::{MatMut, MatRef};

/// y = act(z), for matrices of one shape and any strides.
///
/// # Errors
/// The shapes differ, or a parameter of the activation is out of range.
pub fn forward(
    level: Level,
    activation: Activation,
    z: MatRef<'_, f32>,
    y: MatMut<'_, f32>,
) -> Result<(), Error> {
    activation.check()?;
    check_shape("y", y.shape(), z.shape())?;
    let (z, mut y) = if activation.is_elementwise() && z.row_stride() == 1 && y.row_stride() == 1 {
        (z.transpose(), y.transpose())
    } else {
        (z, y)
    };
    let (mut buffer, mut copy) = (Vec::new(), Vec::new());
    activation.with_loops(level, &mut |loops| {
        for i in 0..z.rows() {
            let z = row_or_copy(z, i, &mut copy);
            update_row(&mut y, i, &mut buffer, |y| {
                // SAFETY: both hold as many elements; an exclusive borrow overlaps no other.
                unsafe { loops.forward(z.as_ptr(), y.as_mut_ptr(), z.len().min(y.len())) }
            });
        }
    });
    Ok(())
}

/// z = act(z)
///
/// # Errors
/// A parameter of the activation is out of range.
pub fn forward_in_place(
    level: Level,
    activation: Activation,
    z: MatMut<'_, f32>,
) -> Result<(), Error> {
    activation.check()?;
    if activation == Activation::Identity {
        return Ok(());
    }
    let mut z = if activation.is_elementwise() && z.row_stride() == 1 {
        z.transpose()
    } else {
        z
    };
    let mut buffer = Vec::new();
    activation.with_loops(level, &mut |loops| {
        for i in 0..z.rows() {
            update_row(&mut z, i, &mut buffer, |z| {
                let (start, len) = (z.as_mut_ptr(), z.len());
                // SAFETY: they are the same elements, borrowed exclusively.
                unsafe { loops.forward(start, start, len) }
            });
        }
    });
    Ok(())
}

/// δ = dy ⊙ act′, in place of dy, for matrices of one shape and any strides.
///
/// `saved` is y or z, as [`Activation::saves`] says. For softmax it is the
/// product with the Jacobian, δ = y ⊙ (dy − Σⱼ dyⱼ·yⱼ) in each row.
///
/// # Errors
/// The shapes differ, or a parameter of the activation is out of range.
pub fn backward(
    level: Level,
    activation: Activation,
    saved: MatRef<'_, f32>,
    dy_to_delta: MatMut<'_, f32>,
) -> Result<(), Error> {
    activation.check()?;
    check_shape("dy_to_delta", dy_to_delta.shape(), saved.shape())?;
    if activation == Activation::Identity {
        return Ok(());
    }
    let by_columns = saved.row_stride() == 1 && dy_to_delta.row_stride() == 1;
    let (saved, mut dy_to_delta) = if activation.is_elementwise() && by_columns {
        (saved.transpose(), dy_to_delta.transpose())
    } else {
        (saved, dy_to_delta)
    };
    let (mut buffer, mut copy) = (Vec::new(), Vec::new());
    activation.with_loops(level, &mut |loops| {
        for i in 0..saved.rows() {
            let saved = row_or_copy(saved, i, &mut copy);
            update_row(&mut dy_to_delta, i, &mut buffer, |dy| {
                loops.backward(saved, dy);
            });
        }
    });
    Ok(())
}

/// Row `i` of `mat`: itself, or copied into `buffer`.
fn row_or_copy<'a>(mat: MatRef<'a, f32>, i: usize, buffer: &'a mut Vec<f32>) -> &'a [f32] {
    match mat.row(i) {
        Some(row) => row,
        None => {
            buffer.clear();
            buffer.extend((0..mat.cols()).map(|j| mat.get(i, j)));
            buffer
        }
    }
}

/// `f` of row `i`, by way of `buffer` where it is not contiguous.
fn update_row(
    mat: &mut MatMut<'_, f32>,
    i: usize,
    buffer: &mut Vec<f32>,
    f: impl FnOnce(&mut [f32]),
) {
    if let Some(row) = mat.row_mut(i) {
        return f(row);
    }
    buffer.clear();
    buffer.extend((0..mat.cols()).map(|j| mat.as_ref().get(i, j)));
    f(buffer);
    for (j, &value) in buffer.iter().enumerate() {
        mat.set(i, j, value);
    }
}
