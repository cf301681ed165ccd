//! What plans look like: which instructions, in which buffers.

use super::*;

#[test]
fn two_dense_layers_are_four_instructions() {
    let loss = Loss::BinaryCrossEntropy;
    let (tape, _) = net(784, &[32], Activation::Relu, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(
        names(&plan),
        ["Fill", "DenseForward", "LossAndDelta", "DenseBackwardInput"]
    );
    assert_eq!(plan.backward, 3);
    // x, h and the two deltas all wait for the second region.
    assert_eq!(plan.buffers, [784, 32, 784, 32]);
    // Only the gradient of the code reads a weight the other way.
    let transposed: Vec<_> = plan.reads.iter().map(|reads| reads.transposed).collect();
    assert_eq!(transposed, [false, false, true, false]);
}

#[test]
fn without_fusion_each_node_runs_by_itself() {
    let loss = Loss::BinaryCrossEntropy;
    let (tape, _) = net(784, &[32], Activation::Relu, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, false).unwrap();
    let want = [
        "Fill",
        "Product",
        "AddRow",
        "ActivationInPlace",
        "Product",
        "AddRow",
        "ValueAndGradient",
        "ColumnSums",
        "Product",
        "ActivationBackward",
        "ColumnSums",
    ];
    assert_eq!(names(&plan), want);
}

#[test]
fn softmax_stays_by_itself() {
    let loss = Loss::MeanSquaredError;
    let (tape, _) = net(10, &[5], Activation::Softmax, Some(loss));
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    let want = [
        "Fill",
        "DenseForward",
        "ActivationInPlace",
        "LossAndDelta",
        "Product",
        "ActivationBackward",
        "ColumnSums",
    ];
    assert_eq!(names(&plan), want);
}

#[test]
fn what_backward_reads_is_copied_before_it_is_changed_and_nothing_else() {
    // The derivative of silu needs its input, that of the sigmoid its output.
    for (activation, copies) in [(Activation::Silu, 0), (Activation::Sigmoid, 1)] {
        let mut tape = Tape::new();
        let x = tape.input(4);
        let (w, b) = (tape.weight(4, 4), tape.bias(4));
        let h = tape.dense(x, w, None, activation).unwrap();
        let y = tape.add_bias(h, b).unwrap();
        tape.loss(Loss::MeanSquaredError, y, x).unwrap();
        for fused in [true, false] {
            let plan = Plan::new(&tape, Goal::Training, fused).unwrap();
            let names = names(&plan);
            let count = names.iter().filter(|name| *name == "Copy").count();
            // A fused layer is as careful with any activation.
            assert_eq!(count, if fused { 1 } else { copies }, "{names:?}");
        }
    }
}

#[test]
fn gradients_of_inputs_are_not_added_up() {
    let mut tape = Tape::new();
    let (x, log_variance) = (tape.input(4), tape.input(3));
    let w = tape.weight(4, 3);
    let mean = tape.matmul(x, w).unwrap();
    for _ in 0..2 {
        tape.normal_divergence(mean, log_variance, 1.0).unwrap();
    }
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    let want = [
        "Fill",
        "Fill",
        "DenseForward",
        "DivergenceSum",
        "DivergenceSum",
        "DivergenceGradient",
        "DivergenceGradient",
        "Accumulate",
    ];
    assert_eq!(names(&plan), want);
}

#[test]
fn inference_shares_buffers_and_leaves_out_what_it_does_not_need() {
    let widths = [16, 8, 16, 8, 16, 8];
    let loss = Loss::MeanSquaredError;
    let (mut tape, y) = net(32, &widths, Activation::Gelu, Some(loss));
    let w = tape.weight(32, 99);
    tape.matmul(y, w).unwrap();
    let plan = Plan::new(&tape, Goal::Value(y), true).unwrap();
    let mut buffers = plan.buffers.clone();
    buffers.sort_unstable();
    // The input, which may be the caller's, shares its buffer with nobody.
    assert_eq!(buffers, [8, 16, 32, 32]);
    assert_eq!(names(&plan).len(), 1 + 7);
}

#[test]
fn nothing_is_computed_for_frozen_parameters() {
    let (tape, _) = half_frozen(true);
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(names(&plan), ["Fill", "DenseForward", "LossAndDelta"]);
    assert_eq!(
        Vec::from_iter(plan.terms.iter().map(Vec::len)),
        [0, 0, 1, 0]
    );
    assert!(plan.sums[1].is_none() && plan.sums[3].is_some());

    let (tape, _) = half_frozen(false);
    let plan = Plan::new(&tape, Goal::Training, true).unwrap();
    assert_eq!(
        Vec::from_iter(plan.terms.iter().map(Vec::len)),
        [1, 0, 0, 0]
    );
    assert!(plan.sums[1].is_some() && plan.sums[3].is_none());
}
