//! The fused dense kernels at every level: bit for bit what their parts compute
//! one after another, for any shapes and strides.

mod common;

use autoencoder_kernels::activation::{self, Saves};
use autoencoder_kernels::dense::{
    BackwardInput, BackwardWeight, Decay, Forward, ForwardLoss, UpdateWeight,
};
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::optimizer::{self, OptimizerState};
use autoencoder_kernels::{Activation, Context, Loss, Mat, Optimizer, loss};
use common::dense::{apply, contexts, sums_after, to_bits, vector};
use common::{Guarded, Layout, bits, contiguous_rows, layout, noise, size};
use proptest::prelude::*;

fn elementwise() -> impl Strategy<Value = Activation> {
    let all: Vec<Activation> = Activation::ALL
        .into_iter()
        .filter(|activation| activation.is_elementwise())
        .collect();
    prop::sample::select(all)
}

/// Z = X·W + b by the GEMM and scalar additions.
fn pre_activation(context: Context, x: &Guarded, w: &Guarded, bias: Option<&[f32]>) -> Mat<f32> {
    let mut z = Mat::zeros(x.view().rows(), w.view().cols());
    gemm(context, 1.0, x.view(), w.view(), 0.0, z.as_mut()).unwrap();
    for i in 0..z.rows() {
        for (z, b) in z.row_mut(i).iter_mut().zip(bias.unwrap_or_default()) {
            *z += b;
        }
    }
    z
}

type Shape = (usize, usize, usize);
type Checked = Result<(), TestCaseError>;

fn forward(
    (batch, inputs, outputs): Shape,
    layouts: (Layout, Layout, Layout),
    activation: Activation,
    (with_bias, with_z): (bool, bool),
    seed: u64,
) -> Checked {
    let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
    let w = Guarded::new(inputs, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
    let bias = vector(outputs, seed);
    let bias = with_bias.then_some(bias.as_slice());
    for context in contexts().chain([Context::default()]) {
        let want_z = pre_activation(context, &x, &w, bias);
        let want = apply(context, activation, &want_z);
        let mut y = Guarded::new(batch, outputs, layouts.2, |_, _| f32::NAN);
        let mut z = y.clone();
        Forward {
            x: x.view(),
            weight: w.view(),
            bias,
            activation,
            output: y.view_mut(),
            pre_activation: with_z.then(|| z.view_mut()),
        }
        .run(context)
        .unwrap();
        y.check_canaries();
        z.check_canaries();
        prop_assert_eq!(y.bits(), bits(want.as_ref()), "{:?}", context);
        if with_z {
            prop_assert_eq!(z.bits(), bits(want_z.as_ref()), "{:?}", context);
        }
    }
    Ok(())
}

fn forward_with_loss(
    (batch, inputs, outputs): Shape,
    layouts: (Layout, Layout, Layout, Layout),
    (activation, loss): (Activation, Loss),
    with_sums: bool,
    seed: u64,
) -> Checked {
    let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
    let w = Guarded::new(inputs, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
    let target = Guarded::new(batch, outputs, layouts.2, |i, j| {
        noise(seed ^ 2, i, j).abs()
    });
    let bias = vector(outputs, seed);
    let start = vector(outputs, seed ^ 3);
    let scale = 1.0 / batch.max(1) as f32;
    for context in contexts().chain([Context::default()]) {
        let z = pre_activation(context, &x, &w, Some(&bias));
        let y = apply(context, activation, &z);
        let mut want = Mat::zeros(batch, outputs);
        let want_loss = loss::value_and_gradient(
            context.level,
            loss,
            y.as_ref(),
            target.view(),
            Some(want.as_mut()),
            scale,
        )
        .unwrap();
        let saved = if activation.saves() == Saves::Input {
            &z
        } else {
            &y
        };
        activation::backward(context.level, activation, saved.as_ref(), want.as_mut()).unwrap();

        let mut delta = Guarded::new(batch, outputs, layouts.3, |_, _| f32::NAN);
        let mut sums = start.clone();
        let got = ForwardLoss {
            x: x.view(),
            weight: w.view(),
            bias: Some(&bias),
            activation,
            loss,
            target: target.view(),
            scale,
            delta: delta.view_mut(),
            bias_gradient: with_sums.then_some(&mut sums),
        }
        .run(context)
        .unwrap();
        delta.check_canaries();
        prop_assert_eq!(delta.bits(), bits(want.as_ref()), "{:?}", context);
        prop_assert!(
            (got - want_loss).abs() <= 1e-5 * want_loss.abs() + 1e-9,
            "{:?}: {} and {}",
            context,
            got,
            want_loss
        );
        if with_sums {
            prop_assert_eq!(to_bits(&sums), sums_after(&start, &want), "{:?}", context);
        }
    }
    Ok(())
}

fn backward_input(
    (batch, inputs, outputs): Shape,
    layouts: (Layout, Layout, Layout, Layout),
    activation: Activation,
    with_sums: bool,
    seed: u64,
) -> Checked {
    let delta = Guarded::new(batch, outputs, layouts.0, |i, j| noise(seed, i, j));
    let wt = Guarded::new(outputs, inputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
    let saved = Guarded::new(batch, inputs, layouts.2, |i, j| noise(seed ^ 2, i, j));
    let start = vector(inputs, seed ^ 3);
    for context in contexts().chain([Context::default()]) {
        let mut want = pre_activation(context, &delta, &wt, None);
        activation::backward(context.level, activation, saved.view(), want.as_mut()).unwrap();
        let mut output = Guarded::new(batch, inputs, layouts.3, |_, _| f32::NAN);
        let mut sums = start.clone();
        BackwardInput {
            delta: delta.view(),
            weight_transposed: wt.view(),
            activation,
            saved: Some(saved.view()),
            output: output.view_mut(),
            bias_gradient: with_sums.then_some(&mut sums),
        }
        .run(context)
        .unwrap();
        output.check_canaries();
        prop_assert_eq!(output.bits(), bits(want.as_ref()), "{:?}", context);
        if with_sums {
            prop_assert_eq!(to_bits(&sums), sums_after(&start, &want), "{:?}", context);
        }
    }
    Ok(())
}

fn weight_update(
    (batch, inputs, outputs): Shape,
    layouts: (Layout, Layout, Layout),
    optimizer: Optimizer,
    two_terms: bool,
    (all, with_columns): (f32, bool),
    seed: u64,
) -> Checked {
    let x = Guarded::new(batch, inputs, layouts.0, |i, j| noise(seed, i, j));
    let delta = Guarded::new(batch, outputs, layouts.1, |i, j| noise(seed ^ 1, i, j));
    let columns = vector(outputs, seed ^ 3);
    let decay = Decay {
        all,
        columns: with_columns.then_some(&columns),
    };
    let terms = [(x.view(), delta.view()), (x.view(), delta.view())];
    let terms = &terms[..if two_terms { 2 } else { 1 }];
    for context in contexts().chain([Context::default()]) {
        let start = Guarded::new(inputs, outputs, layouts.2, |i, j| noise(seed ^ 2, i, j));
        let mut weight = start.clone();
        let mut want_weight = start.view().to_owned();
        let mut state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
        let mut want_state = OptimizerState::new(optimizer, inputs, outputs).unwrap();
        for step in 1..=2 {
            let mut gradient = Guarded::new(inputs, outputs, layouts.2, |_, _| f32::NAN);
            BackwardWeight {
                terms,
                gradient: gradient.view_mut(),
            }
            .run(context)
            .unwrap();
            gradient.check_canaries();
            if !two_terms {
                let mut product = Mat::zeros(inputs, outputs);
                gemm(
                    context,
                    1.0,
                    x.view().transpose(),
                    delta.view(),
                    0.0,
                    product.as_mut(),
                )
                .unwrap();
                prop_assert_eq!(gradient.bits(), bits(product.as_ref()));
            }
            let mut exact = gradient.view().to_owned();
            decay
                .add_to(context, weight.view(), gradient.view_mut())
                .unwrap();
            gradient.check_canaries();
            for i in 0..inputs {
                for j in 0..outputs {
                    let factor = all + if with_columns { columns[j] } else { 0.0 };
                    exact[(i, j)] += factor * weight.view().get(i, j);
                    let (got, want) = (gradient.view().get(i, j), exact[(i, j)]);
                    prop_assert!(
                        (got - want).abs() <= 1e-5 * (1.0 + want.abs()),
                        "{} {}",
                        got,
                        want
                    );
                }
            }
            optimizer::update(
                context.level,
                optimizer,
                0.1,
                step,
                want_weight.as_mut_slice(),
                gradient.view().to_owned().as_slice(),
                &mut want_state,
            )
            .unwrap();
            UpdateWeight {
                terms,
                weight: weight.view_mut(),
                state: &mut state,
                optimizer,
                learning_rate: 0.1,
                step,
                decay,
            }
            .run(context)
            .unwrap();
            weight.check_canaries();
            prop_assert_eq!(
                weight.bits(),
                bits(want_weight.as_ref()),
                "{:?} {:?}",
                context,
                optimizer
            );
            for (slot, want) in state.slots().iter().zip(want_state.slots()) {
                prop_assert_eq!(bits(slot.as_ref()), bits(want.as_ref()));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forward_equals_its_parts(
        shape in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows()),
        activation in elementwise(),
        with_bias: bool,
        with_z: bool,
        seed: u64,
    ) {
        forward(shape, layouts, activation, (with_bias, with_z), seed)?;
    }

    #[test]
    fn forward_with_loss_equals_its_parts(
        shape in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows(), contiguous_rows()),
        activation in elementwise(),
        loss in prop::sample::select(Loss::ALL.to_vec()),
        with_sums: bool,
        seed: u64,
    ) {
        forward_with_loss(shape, layouts, (activation, loss), with_sums, seed)?;
    }

    #[test]
    fn backward_input_equals_its_parts(
        shape in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows(), contiguous_rows()),
        activation in elementwise(),
        with_sums: bool,
        seed: u64,
    ) {
        backward_input(shape, layouts, activation, with_sums, seed)?;
    }

    #[test]
    fn weight_update_equals_its_parts(
        shape in (size(), size(), size()),
        layouts in (layout(), layout(), contiguous_rows()),
        optimizer in prop::sample::select(Optimizer::ALL.to_vec()),
        two_terms: bool,
        decay in (prop::sample::select(vec![0.0, 0.3]), any::<bool>()),
        seed: u64,
    ) {
        weight_update(shape, layouts, optimizer, two_terms, decay, seed)?;
    }
}

/// Large operands whose rows share sets of the caches, so that epilogues get tiles side
/// by side: with an edge, with columns that belong to no tile, with sums that are cut.
#[test]
fn wide_epilogues_equal_their_parts() {
    let rows = |gap| Layout::RowMajor { gap };
    let shapes = [
        (150, 37, 470, 42),
        (140, 70, 513, 127),
        (70, 1100, 1001, 23),
    ];
    for (batch, k, width, gap) in shapes {
        let layouts = (rows(1), rows(0), rows(gap), rows(gap));
        let three = (layouts.0, layouts.1, layouts.2);
        for (activation, loss) in [
            (Activation::Sigmoid, Loss::BinaryCrossEntropy),
            (Activation::Silu, Loss::MeanSquaredError),
        ] {
            forward((batch, k, width), three, activation, (true, true), 1).unwrap();
            let pair = (activation, loss);
            forward_with_loss((batch, k, width), layouts, pair, true, 2).unwrap();
            backward_input((batch, width, k), layouts, activation, true, 3).unwrap();
        }
    }
}

#[test]
fn wide_updates_equal_their_parts() {
    let rows = |gap| Layout::RowMajor { gap };
    for (shape, gap) in [
        ((40, 301, 450), 0),
        ((37, 130, 1026), 5),
        ((1100, 1030, 131), 1),
    ] {
        for optimizer in [Optimizer::sgd(), Optimizer::adam_keras()] {
            let layouts = (rows(0), rows(3), rows(gap));
            weight_update(shape, layouts, optimizer, gap == 5, (0.0, gap == 1), 4).unwrap();
        }
    }
}
