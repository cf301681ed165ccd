//! Activations over matrices. Where a row's elements are no neighbours in
//! memory, it goes through a buffer.

use super::{Activation, ActivationVisitor, Elementwise, softmax};
use crate::error::{Error, check_shape};
use crate::level::{Kernel, Level};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, map_in_place, map_into, map_with};

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
    let (z, y) = if activation.is_elementwise() && z.row_stride() == 1 && y.row_stride() == 1 {
        (z.transpose(), y.transpose())
    } else {
        (z, y)
    };
    level.dispatch(Forward { activation, z, y });
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
    let z = if activation.is_elementwise() && z.row_stride() == 1 {
        z.transpose()
    } else {
        z
    };
    level.dispatch(ForwardInPlace { activation, z });
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
    let by_columns = saved.row_stride() == 1 && dy_to_delta.row_stride() == 1;
    let (saved, dy_to_delta) = if activation.is_elementwise() && by_columns {
        (saved.transpose(), dy_to_delta.transpose())
    } else {
        (saved, dy_to_delta)
    };
    level.dispatch(Backward {
        activation,
        saved,
        dy_to_delta,
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
#[inline(always)]
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

struct Forward<'a> {
    activation: Activation,
    z: MatRef<'a, f32>,
    y: MatMut<'a, f32>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward { activation, z, y } = self;
        if activation == Activation::Softmax {
            let mut y = y;
            y.copy_from(z);
            softmax_rows(s, y);
        } else {
            activation.visit(ForwardRows { s, z, y });
        }
    }
}

#[inline(always)]
fn softmax_rows<S: Simd>(s: S, mut y: MatMut<'_, f32>) {
    let mut buffer = Vec::new();
    for i in 0..y.rows() {
        update_row(
            &mut y,
            i,
            &mut buffer,
            #[inline(always)]
            |row| softmax::forward_row(s, row),
        );
    }
}

struct ForwardRows<'a, S> {
    s: S,
    z: MatRef<'a, f32>,
    y: MatMut<'a, f32>,
}

impl<S: Simd> ActivationVisitor for ForwardRows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Elementwise>(self, activation: A) {
        let ForwardRows { s, z, mut y } = self;
        let (mut buffer, mut copy) = (Vec::new(), Vec::new());
        for i in 0..z.rows() {
            let z = row_or_copy(z, i, &mut copy);
            update_row(
                &mut y,
                i,
                &mut buffer,
                #[inline(always)]
                |y| {
                    map_into(
                        s,
                        z,
                        y,
                        #[inline(always)]
                        |z| activation.apply(s, z),
                    )
                },
            );
        }
    }
}

struct ForwardInPlace<'a> {
    activation: Activation,
    z: MatMut<'a, f32>,
}

impl Kernel for ForwardInPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let ForwardInPlace { activation, z } = self;
        if activation == Activation::Softmax {
            softmax_rows(s, z);
        } else {
            activation.visit(ForwardRowsInPlace { s, z });
        }
    }
}

struct ForwardRowsInPlace<'a, S> {
    s: S,
    z: MatMut<'a, f32>,
}

impl<S: Simd> ActivationVisitor for ForwardRowsInPlace<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Elementwise>(self, activation: A) {
        let ForwardRowsInPlace { s, mut z } = self;
        if A::IS_IDENTITY {
            return;
        }
        let mut buffer = Vec::new();
        for i in 0..z.rows() {
            update_row(
                &mut z,
                i,
                &mut buffer,
                #[inline(always)]
                |z| {
                    map_in_place(
                        s,
                        z,
                        #[inline(always)]
                        |z| activation.apply(s, z),
                    )
                },
            );
        }
    }
}

struct Backward<'a> {
    activation: Activation,
    saved: MatRef<'a, f32>,
    dy_to_delta: MatMut<'a, f32>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward {
            activation,
            saved,
            mut dy_to_delta,
        } = self;
        if activation != Activation::Softmax {
            return activation.visit(BackwardRows {
                s,
                saved,
                dy_to_delta,
            });
        }
        let (mut buffer, mut copy) = (Vec::new(), Vec::new());
        for i in 0..saved.rows() {
            let y = row_or_copy(saved, i, &mut copy);
            update_row(
                &mut dy_to_delta,
                i,
                &mut buffer,
                #[inline(always)]
                |dy| softmax::backward_row(s, y, dy),
            );
        }
    }
}

struct BackwardRows<'a, S> {
    s: S,
    saved: MatRef<'a, f32>,
    dy_to_delta: MatMut<'a, f32>,
}

impl<S: Simd> ActivationVisitor for BackwardRows<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Elementwise>(self, activation: A) {
        let BackwardRows {
            s,
            saved,
            mut dy_to_delta,
        } = self;
        if A::IS_IDENTITY {
            return;
        }
        let (mut buffer, mut copy) = (Vec::new(), Vec::new());
        for i in 0..saved.rows() {
            let saved = row_or_copy(saved, i, &mut copy);
            update_row(
                &mut dy_to_delta,
                i,
                &mut buffer,
                #[inline(always)]
                |dy| {
                    map_with(
                        s,
                        saved,
                        dy,
                        #[inline(always)]
                        |saved, dy| s.mul(dy, activation.derivative(s, saved)),
                    )
                },
            );
        }
    }
}
