//! An activation's loops over contiguous elements: compiled once for each activation
//! and level, and called through a table by whoever has elements in L1 or in memory.

use super::{Activation, ActivationVisitor, Elementwise, softmax};
use crate::level::{Kernel, Level};
use crate::simd::{Simd, map_raw, map_with};
use crate::tuning::VECTORS_AT_ONCE;

/// Loops over `len` contiguous elements; for softmax, over one row.
pub(crate) trait ActivationLoops: Sync {
    /// `y[i] = act(z[i])`
    ///
    /// # Safety
    /// `z` is readable and `y` writable at `len` elements; they are the same elements
    /// or do not overlap.
    unsafe fn forward(&self, z: *const f32, y: *mut f32, len: usize);

    /// `δ[i] = dy[i] · act′`, from what [`Activation::saves`] says; for softmax, the
    /// product with the Jacobian.
    fn backward(&self, saved: &[f32], dy_to_delta: &mut [f32]);

    /// `bend[i] = act″`, from what [`Activation::saves`] says; 0 for softmax.
    fn second_derivative(&self, saved: &[f32], bend: &mut [f32]);
}

impl Activation {
    /// Calls `then` with the activation's loops at the level.
    pub(crate) fn with_loops(self, level: Level, then: &mut dyn FnMut(&dyn ActivationLoops)) {
        level.dispatch(Find {
            activation: self,
            then,
        });
    }
}

struct Find<'a> {
    activation: Activation,
    then: &'a mut dyn FnMut(&dyn ActivationLoops),
}

impl Kernel for Find<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Find { activation, then } = self;
        if activation == Activation::Softmax {
            then(&SoftmaxLoops { s });
        } else {
            activation.visit(Found { s, then });
        }
    }
}

struct Found<'a, S> {
    s: S,
    then: &'a mut dyn FnMut(&dyn ActivationLoops),
}

impl<S: Simd> ActivationVisitor for Found<'_, S> {
    type Output = ();

    #[inline(always)]
    fn visit<A: Elementwise>(self, activation: A) {
        let s = self.s;
        (self.then)(&Loops { s, activation });
    }
}

struct Loops<S, A> {
    s: S,
    activation: A,
}

impl<S: Simd, A: Elementwise> ActivationLoops for Loops<S, A> {
    unsafe fn forward(&self, z: *const f32, y: *mut f32, len: usize) {
        const N: usize = VECTORS_AT_ONCE;
        let (s, activation) = (self.s, self.activation);
        s.vectorize(
            #[inline(always)]
            || {
                let mut done = 0;
                if const { A::IS_CHAIN } {
                    while len - done >= N * S::LANES {
                        let mut v = [s.splat(0.0); N];
                        for (i, v) in v.iter_mut().enumerate() {
                            // SAFETY: N vectors are left.
                            *v = unsafe { s.load(z.add(done + i * S::LANES)) };
                        }
                        for (i, v) in activation.apply_each(s, v).into_iter().enumerate() {
                            // SAFETY: as above.
                            unsafe { s.store(y.add(done + i * S::LANES), v) };
                        }
                        done += N * S::LANES;
                    }
                }
                // SAFETY: the caller's contract, for the elements that are left.
                unsafe {
                    map_raw(
                        s,
                        z.add(done),
                        y.add(done),
                        len - done,
                        #[inline(always)]
                        |z| activation.apply(s, z),
                    );
                }
            },
        );
    }

    fn backward(&self, saved: &[f32], dy_to_delta: &mut [f32]) {
        let (s, activation) = (self.s, self.activation);
        if A::IS_IDENTITY {
            return;
        }
        s.vectorize(
            #[inline(always)]
            || {
                map_with(
                    s,
                    saved,
                    dy_to_delta,
                    #[inline(always)]
                    |saved, dy| s.mul(dy, activation.derivative(s, saved)),
                );
            },
        );
    }

    fn second_derivative(&self, saved: &[f32], bend: &mut [f32]) {
        let (s, activation) = (self.s, self.activation);
        s.vectorize(
            #[inline(always)]
            || {
                map_with(
                    s,
                    saved,
                    bend,
                    #[inline(always)]
                    |saved, _| activation.second_derivative(s, saved),
                );
            },
        );
    }
}

struct SoftmaxLoops<S> {
    s: S,
}

impl<S: Simd> ActivationLoops for SoftmaxLoops<S> {
    unsafe fn forward(&self, z: *const f32, y: *mut f32, len: usize) {
        let s = self.s;
        s.vectorize(
            #[inline(always)]
            || {
                // SAFETY: `copy` allows that they are the same elements; those of `y` are
                // the caller's, and nobody reads them through `z` from here on.
                let row = unsafe {
                    std::ptr::copy(z, y, len);
                    std::slice::from_raw_parts_mut(y, len)
                };
                softmax::forward_row(s, row);
            },
        );
    }

    fn backward(&self, saved: &[f32], dy_to_delta: &mut [f32]) {
        let s = self.s;
        s.vectorize(
            #[inline(always)]
            || softmax::backward_row(s, saved, dy_to_delta),
        );
    }

    fn second_derivative(&self, _saved: &[f32], bend: &mut [f32]) {
        bend.fill(0.0);
    }
}
