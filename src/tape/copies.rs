//! Packed copies of weights, made once for all the blocks of a step that read them.

use autoencoder_kernels::Context;
use autoencoder_kernels::gemm::Panels;

use super::entry::Entry;
use crate::error::Result;

/// Elements of a weight, and rows of a block, from which it pays to pack a weight
/// that is read as it is once for all blocks: each would pack it, too. (4096-1024-4096
/// with a batch of 1024, in four blocks: 0.94 of the time. 784-1024-784 with eight
/// blocks of 32 rows, which pack nothing, takes 1.1 of it if they are made to.)
const LARGE: usize = 1 << 18;
const LONG: usize = 128;

/// How products read a weight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    pub(super) plain: bool,
    pub(super) transposed: bool,
}

/// Copies of a weight, where they help.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Packed W.
    pub(super) plain: Option<Panels>,
    /// Packed Wᵀ: the plain transposed view is not contiguous.
    pub(super) transposed: Option<Panels>,
}

/// No copies, for a number of parameters.
pub(super) fn none(parameters: usize) -> Vec<Copies> {
    std::iter::repeat_with(Copies::default)
        .take(parameters)
        .collect()
}

/// Room for the copies of each weight that pay, for this many rows in blocks of this many.
pub(super) fn room(
    reads: &[Reads],
    shapes: &[(usize, usize)],
    (rows, block_rows): (usize, usize),
) -> Result<Vec<Copies>> {
    let blocks_pack = block_rows >= LONG && rows > block_rows;
    let panels = |wanted: bool, rows, cols| -> Result<_> {
        Ok(wanted.then(|| Panels::try_new(rows, cols)).transpose()?)
    };
    let weights = reads.iter().zip(shapes);
    weights
        .map(|(reads, &(inputs, outputs))| {
            let is_large = inputs.saturating_mul(outputs) >= LARGE;
            Ok(Copies {
                plain: panels(reads.plain && is_large && blocks_pack, inputs, outputs)?,
                transposed: panels(reads.transposed, outputs, inputs)?,
            })
        })
        .collect()
}

/// Packs the weights as they are now.
pub(super) fn refresh(context: Context, entries: &[Entry], copies: &mut [Copies]) -> Result<()> {
    for (entry, copies) in entries.iter().zip(copies) {
        let weight = entry.value.as_ref();
        if let Some(panels) = &mut copies.plain {
            panels.pack(context, weight)?;
        }
        if let Some(panels) = &mut copies.transposed {
            panels.pack(context, weight.transpose())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use autoencoder_kernels::gemm::gemm;
    use autoencoder_kernels::{Activation, Mat};

    use super::*;
    use crate::tape::id::Weight;
    use crate::tape::instruction::Weights;
    use crate::tape::planner::{Goal, Plan};
    use crate::tape::{Parameters, Tape};

    /// x·W, as a block computes it.
    fn product(weights: Weights<'_>, weight: Weight) -> Vec<f32> {
        let weight = weights.get(weight);
        let x = Mat::from_fn(1, weight.rows(), |_, i| (i % 3) as f32);
        let mut y = Mat::zeros(1, weight.cols());
        gemm(Context::serial(), 1.0, x.as_ref(), weight, 0.0, y.as_mut()).unwrap();
        y.as_slice().to_vec()
    }

    #[test]
    fn weights_are_packed_as_they_are_read() {
        let mut tape = Tape::new();
        let x = tape.input(600);
        let all = [tape.weight(600, 500), tape.weight(600, 500)];
        let small = tape.weight(600, 3);
        let h = tape.dense(x, all[0], None, Activation::Relu).unwrap();
        let y = tape
            .dense_transposed(h, all[1], None, Activation::Relu)
            .unwrap();
        let y = tape.dense(y, small, None, Activation::Relu).unwrap();
        let plan = Plan::new(&tape, Goal::Value(y), true).unwrap();
        let shapes: Vec<_> = tape.shapes().collect();
        let mut parameters = Parameters::zeros(&tape).unwrap();
        for (rows, block_rows, packed) in [
            (1024, 256, true),
            (256, 128, true),
            (256, 32, false),
            (256, 256, false),
        ] {
            let mut copies = room(&plan.reads, &shapes, (rows, block_rows)).unwrap();
            let have = |copies: &Copies| (copies.plain.is_some(), copies.transposed.is_some());
            let made: Vec<_> = copies.iter().map(have).collect();
            assert_eq!(made, [(packed, false), (false, true), (false, false)]);
            // Up to date after each change.
            for value in [7.0, 8.0] {
                for weight in all {
                    parameters.get_mut(weight).set(4, 2, value);
                }
                refresh(Context::serial(), &parameters.entries, &mut copies).unwrap();
                let [with, without] = [&copies, &none(3)].map(|copies| {
                    let weights = Weights {
                        entries: &parameters.entries,
                        copies,
                    };
                    [(0, false), (1, true)].map(|(number, transposed)| {
                        let parameter = all[number];
                        product(
                            weights,
                            Weight {
                                parameter,
                                transposed,
                            },
                        )
                    })
                });
                assert_eq!(with, without);
                assert_eq!([with[0][2], with[1][4]], [value, 2.0 * value]);
            }
        }
    }
}
