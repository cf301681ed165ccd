//! Fused layers against their parts, one after another.

use autoencoder_kernels::activation::{self, Saves};
use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, UpdateWeight,
};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::{Activation, Context, Loss, Mat, MatRef, Optimizer, loss};

use super::bytes::{Bytes, contexts};
use super::guarded::{Guarded, Layout, Values, bits_of};

/// A fused kernel for sizes, layouts, activation, loss, optimiser and numbers
/// made of the bytes, at every level, on one thread and on the pool:
///
/// - it has the bits of its parts run one after another (the *value* of a loss
///   alone may differ by rounding), and so the same on one thread and on many;
/// - nothing round its outputs is written, and what they held is not read;
/// - what a kernel refuses it leaves as it was.
pub fn check_dense(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let kernel = bytes.byte() % 4;
    let case = Case::new(&mut bytes);
    for context in contexts() {
        match kernel {
            0 => case.check_forward(context),
            1 => case.check_forward_loss(context),
            2 => case.check_backward_input(context),
            _ => case.check_update(context),
        }
    }
}

#[derive(Debug)]
struct Case {
    batch: usize,
    inputs: usize,
    outputs: usize,
    layouts: [Layout; 2],
    rows: [Layout; 2],
    /// Of an output, perhaps one that no kernel takes.
    any: Layout,
    activation: Activation,
    loss: Loss,
    optimizer: Optimizer,
    factor: f32,
    flags: [bool; 2],
    values: Values,
    seed: u64,
}

impl Case {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let [batch, inputs, outputs] = bytes.sizes();
        Case {
            batch,
            inputs,
            outputs,
            layouts: [bytes.layout(), bytes.layout()],
            rows: [bytes.rows(), bytes.rows()],
            any: bytes.layout(),
            activation: match bytes.pick(&Activation::ALL) {
                Activation::LeakyRelu { .. } => Activation::LeakyRelu {
                    slope: bytes.factor().abs(),
                },
                Activation::Elu { .. } => Activation::Elu {
                    alpha: bytes.factor().abs(),
                },
                other => other,
            },
            loss: bytes.pick(&Loss::ALL),
            optimizer: bytes.pick(&Optimizer::ALL),
            factor: bytes.factor(),
            flags: [bytes.flag(), bytes.flag()],
            values: bytes.values(),
            seed: bytes.seed(),
        }
    }

    fn matrix(&self, rows: usize, cols: usize, layout: Layout, stream: u64) -> Guarded {
        Guarded::random((rows, cols), layout, self.values, self.seed ^ stream)
    }

    fn vector(&self, len: usize, stream: u64) -> Vec<f32> {
        let at = |i| self.values.at(self.seed ^ stream, i, 0);
        (0..len).map(at).collect()
    }

    /// X, W and perhaps b.
    fn layer(&self) -> (Guarded, Guarded, Option<Vec<f32>>) {
        let x = self.matrix(self.batch, self.inputs, self.layouts[0], 1);
        let weight = self.matrix(self.inputs, self.outputs, self.layouts[1], 2);
        (
            x,
            weight,
            self.flags[0].then(|| self.vector(self.outputs, 3)),
        )
    }

    fn check_forward(&self, context: Context) {
        let (x, weight, bias) = self.layer();
        let shape = (self.batch, self.outputs);
        let mut y = Guarded::unread(shape, self.any);
        let before = y.clone();
        let mut z = Guarded::unread(shape, self.rows[0]);
        let contiguous = y.view().col_stride() == 1 || shape.1 <= 1;
        let result = Forward {
            x: x.view(),
            weight: weight.view(),
            bias: bias.as_deref(),
            activation: self.activation,
            output: y.view_mut(),
            pre_activation: self.flags[1].then(|| z.view_mut()),
        }
        .run(context);
        let possible = contiguous && self.activation.is_elementwise();
        assert_eq!(result.is_ok(), possible, "{result:?} {context:?} {self:?}");
        if possible {
            let want = pre_activation(context, x.view(), weight.view(), bias.as_deref());
            if self.flags[1] {
                self.same("Z", context, z.bits(), &want);
            }
            self.same("Y", context, y.bits(), &self.activate(context, &want));
        } else {
            assert_eq!(y.bits(), before.bits());
            assert!(z.bits().iter().all(|&z| f32::from_bits(z).is_nan()));
        }
    }

    fn check_forward_loss(&self, context: Context) {
        let (x, weight, bias) = self.layer();
        let shape = (self.batch, self.outputs);
        let target = Guarded::new(shape, self.rows[0], |i, j| {
            Values::Noise.at(self.seed ^ 4, i, j).abs()
        });
        let mut delta = Guarded::unread(shape, self.rows[1]);
        let start = self.vector(self.outputs, 5);
        let mut sums = start.clone();
        let result = ForwardLoss {
            x: x.view(),
            weight: weight.view(),
            bias: bias.as_deref(),
            activation: self.activation,
            loss: self.loss,
            target: target.view(),
            scale: self.factor,
            delta: delta.view_mut(),
            bias_gradient: self.flags[1].then_some(&mut sums),
        }
        .run(context);
        assert_eq!(result.is_ok(), self.activation.is_elementwise());
        let Ok(total) = result else { return };

        let level = context.level;
        let z = pre_activation(context, x.view(), weight.view(), bias.as_deref());
        let y = self.activate(context, &z);
        let mut want = Mat::zeros(shape.0, shape.1);
        let to = Some(want.as_mut());
        let want_total =
            loss::value_and_gradient(level, self.loss, y.as_ref(), target.view(), to, self.factor)
                .expect("the shapes fit");
        let saved = match self.activation.saves() {
            Saves::Input => z.as_ref(),
            Saves::Output => y.as_ref(),
        };
        if self.activation != Activation::Identity {
            activation::backward(level, self.activation, saved, want.as_mut())
                .expect("the shapes fit");
        }
        self.same("δ", context, delta.bits(), &want);
        if self.flags[1] {
            let want = sums_after(&start, &want);
            assert!(bits_of(&sums) == want, "∇b: {context:?} {self:?}");
        }
        // Sums that nearly overflow depend on their order.
        if self.values != Values::Wild {
            assert!(
                (total - want_total).abs() <= 1e-5 * want_total.abs() + 1e-9,
                "loss {total}, by parts {want_total}: {context:?} {self:?}"
            );
        }
    }

    fn check_backward_input(&self, context: Context) {
        let delta = self.matrix(self.batch, self.outputs, self.layouts[0], 1);
        let weight = self.matrix(self.outputs, self.inputs, self.layouts[1], 2);
        let saved = self.matrix(self.batch, self.inputs, self.rows[0], 3);
        let mut output = Guarded::unread((self.batch, self.inputs), self.rows[1]);
        let start = self.vector(self.inputs, 4);
        let mut sums = start.clone();
        let result = BackwardInput {
            delta: delta.view(),
            weight_transposed: weight.view(),
            activation: self.activation,
            saved: self.flags[0].then(|| saved.view()),
            output: output.view_mut(),
            bias_gradient: self.flags[1].then_some(&mut sums),
        }
        .run(context);
        let identity = self.activation == Activation::Identity;
        let possible = self.activation.is_elementwise() && (self.flags[0] || identity);
        assert_eq!(result.is_ok(), possible, "{result:?} {context:?} {self:?}");
        if !possible {
            assert!(output.bits().iter().all(|&x| f32::from_bits(x).is_nan()));
            return;
        }
        let mut want = pre_activation(context, delta.view(), weight.view(), None);
        if !identity {
            activation::backward(context.level, self.activation, saved.view(), want.as_mut())
                .expect("the shapes fit");
        }
        self.same("δ below", context, output.bits(), &want);
        if self.flags[1] {
            let want = sums_after(&start, &want);
            assert!(bits_of(&sums) == want, "∇b: {context:?} {self:?}");
        }
    }

    fn check_update(&self, context: Context) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let x = self.matrix(self.batch, inputs, self.layouts[0], 1);
        let delta = self.matrix(self.batch, outputs, self.layouts[1], 2);
        let pair = (x.view(), delta.view());
        let terms = &[pair, pair][..if self.flags[0] { 2 } else { 1 }];
        let mut weight = self.matrix(inputs, outputs, self.rows[0], 3);
        let mut want = weight.view().to_owned();
        let state = || OptimizerState::new(self.optimizer, inputs, outputs).expect("it fits");
        let (mut state, mut want_state) = (state(), state());
        let columns = self.vector(outputs, 4);
        let decay = if self.flags[1] {
            Decay {
                all: self.factor,
                columns: Some(&columns),
            }
        } else {
            Decay::default()
        };
        for step in [1, 2, 1 << 40] {
            let mut gradient = Guarded::unread((inputs, outputs), self.rows[1]);
            BackwardWeight {
                terms,
                gradient: gradient.view_mut(),
            }
            .run(context)
            .expect("the shapes fit");
            if !self.flags[0] {
                let product = pre_activation(context, x.view().transpose(), delta.view(), None);
                self.same("∇W", context, gradient.bits(), &product);
            }
            decay
                .add_to(context, want.as_ref(), gradient.view_mut())
                .expect("the shapes fit");
            optimizer::update(
                context.level,
                self.optimizer,
                self.factor,
                step,
                want.as_mut_slice(),
                gradient.view().to_owned().as_slice(),
                &mut want_state,
            )
            .expect("the shapes fit");
            UpdateWeight {
                terms,
                weight: weight.view_mut(),
                state: &mut state,
                optimizer: self.optimizer,
                learning_rate: self.factor,
                step,
                decay,
            }
            .run(context)
            .expect("the shapes fit");
            self.same("W", context, weight.bits(), &want);
            for (slot, want) in state.slots().iter().zip(want_state.slots()) {
                self.same("state", context, bits_of(slot.as_slice()), want);
            }
        }
    }

    fn activate(&self, context: Context, z: &Mat<f32>) -> Mat<f32> {
        let mut y = Mat::zeros(z.rows(), z.cols());
        activation::forward(context.level, self.activation, z.as_ref(), y.as_mut())
            .expect("the shapes fit");
        y
    }

    fn same(&self, what: &str, context: Context, got: Vec<u32>, want: &Mat<f32>) {
        let want = bits_of(want.as_slice());
        if let Some(at) = (0..want.len()).find(|&at| got[at] != want[at]) {
            let [got, want] = [got[at], want[at]].map(f32::from_bits);
            panic!("{what}: element {at} is {got:e}, by parts {want:e}: {context:?} {self:?}");
        }
    }
}

/// Z = X·W + b
fn pre_activation(
    context: Context,
    x: MatRef<'_, f32>,
    weight: MatRef<'_, f32>,
    bias: Option<&[f32]>,
) -> Mat<f32> {
    let mut z = Mat::zeros(x.rows(), weight.cols());
    gemm(context, 1.0, x, weight, 0.0, z.as_mut()).expect("the shapes fit");
    if let Some(bias) = bias {
        for i in 0..z.rows() {
            for (z, b) in z.row_mut(i).iter_mut().zip(bias) {
                *z += b;
            }
        }
    }
    z
}

/// The bits of `start` plus the rows of `delta`, one after another.
fn sums_after(start: &[f32], delta: &Mat<f32>) -> Vec<u32> {
    let mut sums = start.to_vec();
    for i in 0..delta.rows() {
        for (sum, x) in sums.iter_mut().zip(delta.row(i)) {
            *sum += x;
        }
    }
    bits_of(&sums)
}
