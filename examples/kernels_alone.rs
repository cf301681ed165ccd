//! The kernels without the rest: a matrix product, and a dense layer whose bias and
//! activation are part of its product.
//!
//! ```sh
//! cargo run --release --example kernels_alone
//! ```

use std::time::Instant;

use autoencoder_kernels::dense::Forward;
use autoencoder_kernels::gemm::gemm;
use autoencoder_kernels::{Activation, Context, Error, Level, Mat};

fn main() -> Result<(), Error> {
    println!("SIMD level: {:?}", Level::current());
    let context = Context::default();

    let n = 1024;
    let a = Mat::from_fn(n, n, |i, j| ((i * 31 + j * 17) % 13) as f32 - 6.0);
    let b = Mat::from_fn(n, n, |i, j| f32::from(u8::from(i == j)));
    let mut c = Mat::zeros(n, n);
    let start = Instant::now();
    gemm(context, 1.0, a.as_ref(), b.as_ref(), 0.0, c.as_mut())?;
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(a.as_slice(), c.as_slice(), "A times the identity is A");
    println!(
        "{n} × {n} × {n}: {:.1} billion floating-point operations per second",
        2.0 * (n * n * n) as f64 / seconds / 1e9
    );

    // relu(x·W + b) for a batch of two samples with three features.
    let x = Mat::from_slice(2, 3, &[1.0, 2.0, 3.0, -1.0, -2.0, -3.0])?;
    let weight = Mat::from_slice(3, 2, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
    let mut y = Mat::zeros(2, 2);
    Forward {
        x: x.as_ref(),
        weight: weight.as_ref(),
        bias: Some(&[0.5, -0.5]),
        activation: Activation::Relu,
        output: y.as_mut(),
        pre_activation: None,
    }
    .run(context)?;
    println!("relu(x·W + b) = {:?}", y.as_slice());
    assert_eq!(y.as_slice(), [4.5, 4.5, 0.0, 0.0]);
    Ok(())
}
