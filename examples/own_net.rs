//! A net of one's own on the tape: 784-64-16-64-784, whose decoder has the transposed
//! weights of its encoder, trained step by step.
//!
//! ```sh
//! cargo run --release --example own_net
//! ```

use autoencoder::tape::{Parameters, Program, ProgramOptions, Tape};
use autoencoder::{Activation, Loss, Mat, Optimizer};

const BATCH: usize = 100;

fn main() -> autoencoder::Result<()> {
    // Record: each weight is used twice, and both gradients add up.
    let mut tape = Tape::new();
    let x = tape.input(784);
    let (w1, b1) = (tape.weight(784, 64), tape.bias(64));
    let (w2, b2) = (tape.weight(64, 16), tape.bias(16));
    let (b3, b4) = (tape.bias(64), tape.bias(784));
    let hidden = tape.dense(x, w1, Some(b1), Activation::Tanh)?;
    let code = tape.dense(hidden, w2, Some(b2), Activation::Tanh)?;
    let back = tape.dense_transposed(code, w2, Some(b3), Activation::Tanh)?;
    let y = tape.dense_transposed(back, w1, Some(b4), Activation::Sigmoid)?;
    tape.loss(Loss::BinaryCrossEntropy, y, x)?;

    // Plan: fused, its buffers shared, for minibatches of up to 100 rows.
    let mut program = Program::new(&tape, ProgramOptions::new(BATCH))?;
    let mut parameters = Parameters::zeros(&tape)?;
    // First values: uniform, as Glorot and Bengio have them.
    let mut state = 1u32;
    for (weight, inputs, outputs) in [(w1, 784, 64), (w2, 64, 16)] {
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let first = Mat::from_fn(inputs, outputs, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state as f32 / u32::MAX as f32 * 2.0 - 1.0) * limit
        });
        parameters.get_mut(weight).copy_from(first.as_ref());
    }

    // Replay, a minibatch a step.
    let digits = autoencoder::data::digits();
    let adam = Optimizer::adam_keras();
    let (mut step, mut sum) = (0, 0.0);
    for epoch in 1..=5 {
        for first in (0..digits.len()).step_by(BATCH) {
            step += 1;
            let batch = digits.slice(first..first + BATCH)?.to_mat()?;
            sum += program.step(
                &mut parameters,
                adam,
                1e-3,
                step,
                BATCH,
                |_, rows, mut to| {
                    to.copy_from(batch.as_ref().submatrix(rows, 0..784));
                    Ok(())
                },
            )?;
        }
        let steps = digits.len() / BATCH;
        println!("epoch {epoch}  loss {:.4}", sum / steps as f64);
        sum = 0.0;
    }
    Ok(())
}
