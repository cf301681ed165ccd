//! The tape: a net is recorded once, planned once, and replayed for every
//! minibatch.
//!
//! ```text
//! Tape ── record ──> nodes ── fuse, lower, share buffers ──> Program ── step, step, step …
//!                                                       └──> Inference (one value of it)
//! ```
//!
//! ```
//! use autoencoder::tape::{Parameters, Program, ProgramOptions, Tape};
//! use autoencoder_kernels::{Activation, Loss, Optimizer};
//!
//! // Record: 784 → 32 → 784, trained to return what it got.
//! let mut tape = Tape::new();
//! let x = tape.input(784);
//! let (w1, b1) = (tape.weight(784, 32), tape.bias(32));
//! let (w2, b2) = (tape.weight(32, 784), tape.bias(784));
//! let code = tape.dense(x, w1, Some(b1), Activation::Relu)?;
//! let y = tape.dense(code, w2, Some(b2), Activation::Sigmoid)?;
//! tape.loss(Loss::BinaryCrossEntropy, y, x)?;
//!
//! // Plan, for minibatches of up to 256 rows.
//! let mut program = Program::new(&tape, ProgramOptions::new(256))?;
//! let mut parameters = Parameters::zeros(&tape)?;
//!
//! // Replay: step 1, with 100 rows.
//! let adam = Optimizer::adam_keras();
//! let loss = program.step(&mut parameters, adam, 1e-3, 1, 100, |_input, _rows, mut to| {
//!     to.fill(1.0); // Here: rows `_rows` of the minibatch.
//!     Ok(())
//! })?;
//! assert!((loss - 2f64.ln()).abs() < 1e-6); // All weights were zero: σ(0) = ½.
//! # Ok::<(), autoencoder::Error>(())
//! ```
//!
//! # Record
//! A [`Tape`] is a flat list of nodes, of the kinds that `node/mod.rs` lists.
//! A node can only use what exists, so the order of creation is a topological
//! order, and the way back is the reverse of it. Values and parameters may be
//! used any number of times: gradients add up. A tied decoder is
//! [`Tape::dense_transposed`] with the encoder's weight. A parameter that is
//! frozen ([`Tape::freeze`]) gets no gradient, and nothing is computed for one.
//!
//! # Shapes
//! A sample of a value has a [`Shape`]: `[F]`, `[T, F]` or `[H, W, C]`. Its numbers are
//! one row of a matrix, whatever the shape. An instruction names its operands by views:
//! a range of columns (one step of a sequence, [`Tape::columns`]), or the rows *folded*,
//! each sample's numbers as one row for each position. A product over `n` samples of
//! shape `[T, F]` so is one product of `n·T` rows, and the gradient of its weight is the
//! product of two such views. Neither copies anything. The same numbers in another shape
//! are [`Tape::reshape`].
//!
//! # Plan
//! 1. Nodes that no loss (or not the value asked for) depends on are left out.
//! 2. Fusion: product, bias, activation and loss become one node wherever
//!    nobody else reads what lies between. What cannot fuse, such as a softmax
//!    over a row, stays by itself and runs in the same way.
//! 3. Every node emits its instructions, forward in order, backward in
//!    reverse. One instruction is one call of a kernel. Where a dense layer
//!    follows another, backward hands the gradient down *finished*: multiplied
//!    by the lower activation's derivative, and its bias gradient added up,
//!    while it is in registers. (A node says that it can be finished so by
//!    `Operation::finish`; the planner never asks which kind it is.)
//! 4. Results that are never needed at the same time share a buffer.
//!
//! # Replay: why a step is two parallel regions
//! Forward and backward of these nets are row by row: a row of any activation
//! or delta depends on the same row of others, and on the weights. So the
//! **first region** cuts the minibatch into blocks of rows and takes each block
//! through the whole net and back. A block's buffers stay in the L2 cache, and
//! threads need not wait for each other between layers. The gradient of a
//! weight, Xᵀ·δ, is a sum over all rows instead: it has to wait for the end of
//! the first region. The **second region** cuts weights into tiles; each tile's
//! gradient updates its weights as soon as it is finished and never goes to
//! memory. Between the regions, the sums that each block left for the biases
//! and for the loss are added up in the order of the blocks.
//!
//! A minibatch that is longer than the caches are good for goes through both
//! regions in **chunks**; the gradients are added up in memory then, and the
//! optimiser comes last. So do the gradients of a weight with more uses than the kernel
//! takes at once, such as that of a recurrence over 200 steps.
//!
//! Blocks, tiles and chunks are cut by shape, never by the number of threads, so the
//! result of a step has the same bits on one thread or many. The same goes for
//! plans with and without fusion ([`ProgramOptions::fused`]): all parameters
//! get the same bits, and only the *value* of the loss may differ in its last
//! ones.
//!
//! # What is not here
//! Nodes that mix rows in forward, such as batch normalisation, would need a
//! third region. (A penalty on the mean activation mixes rows between forward
//! and backward alone: where there is one, the first region is cut in two.)
//! Gradients of gradients, and control flow, do not exist: a net that is
//! different in every step is a different tape.
//!
//! # Random nodes
//! Noise and dropout draw a number for each element that is a function of
//! [`ProgramOptions::seed`], the node, the step, the row of the minibatch and
//! the feature ([`autoencoder_kernels::random`]). So blocks, threads and an
//! interruption change nothing, and the way back draws the same mask again.
//! Outside of steps nothing is random.
//!
//! # Map
//! From the bottom up: a file imports only what stands above it.
//!
//! | file | what |
//! |---|---|
//! | `id.rs`, `shape.rs`, `view.rs` | [`Value`], [`Parameter`], …; [`Shape`]; a register as an instruction sees it |
//! | `entry.rs`, `copies.rs` | a parameter's numbers; weights packed once for all blocks of a step |
//! | `instruction.rs`, `reduction.rs`, `moves.rs` | what an instruction is and sees; sums over all rows; copies |
//! | `planner.rs` | what a plan is, what a node is to it, and what it emits |
//! | `node/` | the kinds of nodes, forward and backward of each in one file |
//! | `record.rs`, `arrange.rs`, `penalties.rs` | [`Tape`]: most nodes; other shapes; what a loss is joined by |
//! | `fuse.rs`, `buffers.rs`, `plan.rs` | the passes, and their order |
//! | `parameters.rs` | [`Parameters`]: values and optimiser state |
//! | `replay.rs`, `update.rs`, `clip.rs` | the first region; the second; gradients clipped between them |
//! | `inference.rs`, `program.rs` | [`Inference`]: one value of a tape; [`Program`]: training |

mod arrange;
mod buffers;
mod clip;
mod copies;
mod entry;
mod fuse;
mod id;
mod inference;
mod instruction;
mod moves;
mod node;
mod parameters;
mod penalties;
mod plan;
mod planner;
mod program;
mod record;
mod reduction;
mod replay;
mod shape;
#[cfg(test)]
mod tests;
mod update;
mod view;

pub use id::{LossPart, Parameter, Value};
pub use inference::Inference;
pub use parameters::Parameters;
pub use program::{Gradients, Program, ProgramOptions};
pub use record::Tape;
pub use shape::Shape;
