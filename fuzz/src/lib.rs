//! Checks that hold for every input: each takes bytes, makes a call of them and
//! panics if a promise is broken. The fuzzer's targets and a test of the main
//! workspace (`tests/fuzz_checks.rs`) run the same functions.
//!
//! | file | checks |
//! |---|---|
//! | `data.rs` | files of samples |
//! | `model.rs` | model files |
//! | `checkpoint.rs` | checkpoints, and runs that go on from them |
//! | `arguments.rs` | command lines |
//! | `compressed.rs` | compressed samples |
//! | `gemm.rs` | views and products |
//! | `dense.rs` | fused layers |
//! | `bytes.rs`, `guarded.rs` | arguments made of bytes; matrices among canaries |
//! | `message.rs` | messages of errors |

mod arguments;
mod bytes;
mod checkpoint;
mod compressed;
mod data;
mod dense;
mod gemm;
mod guarded;
mod message;
mod model;

pub use arguments::check_arguments;
pub use checkpoint::check_checkpoint;
pub use compressed::check_compressed;
pub use data::{check_csv, check_idx, check_npy, check_npz, check_png, check_text, check_wav};
pub use dense::check_dense;
pub use gemm::check_gemm;
pub use model::check_model_file;
