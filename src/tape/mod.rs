//! The tape: a net is recorded once, planned once, and replayed for every
//! minibatch.
mod buffers;
mod fuse;
mod inference;
mod instruction;
mod node;
mod parameters;
mod plan;
mod program;
mod record;
mod replay;

pub use inference::Inference;
pub use parameters::Parameters;
pub use program::{Gradients, Program, ProgramOptions};
pub use record::{Parameter, Tape, Value};
