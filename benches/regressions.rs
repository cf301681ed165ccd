//! Criterion benchmarks, to see whether a change made something slower:
//!
//! ```text
//! cargo bench -p autoencoder-benches --bench regressions -- gemm     or dense, maths, step
//! ```

use std::time::Duration;

use autoencoder_benches::function::Function;
use autoencoder_benches::layer::{Layer, Operation};
use autoencoder_benches::product::{Peer, SUITE};
use autoencoder_benches::step::{Net, Training};
use autoencoder_kernels::{Context, Level};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn gemm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    for shape in SUITE {
        let problem = shape.problem();
        problem.check(Peer::Matrixmultiply, false);
        let mut c = problem.output();
        group.throughput(Throughput::Elements(shape.flops() as u64));
        group.bench_function(BenchmarkId::from_parameter(shape), |bencher| {
            bencher.iter(|| problem.multiply(Peer::Ours, false, &mut c));
        });
    }
}

fn dense(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dense");
    for (m, k, n) in [(256, 784, 32), (256, 32, 784)] {
        for operation in Operation::ALL {
            let layer = Layer::new(operation, (m, k, n));
            layer.check();
            let mut output = layer.output();
            let id = BenchmarkId::new(format!("{operation:?}"), format!("{m}×{k}×{n}"));
            group.bench_function(id, |bencher| bencher.iter(|| layer.fused(&mut output)));
        }
    }
}

fn maths(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("maths");
    let mut to = vec![0.0; 4096];
    group.throughput(Throughput::Elements(to.len() as u64));
    for function in Function::ALL {
        function.check();
        let from = function.arguments(to.len());
        group.bench_function(function.name, |bencher| {
            bencher.iter(|| (function.ours)(Level::current(), &from, &mut to));
        });
    }
}

fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    let nets = [
        Net::new(&[784, 32, 784], 256),
        Net::new(&[784, 128, 64, 128, 784], 256),
        Net::tiny(),
    ];
    for net in nets {
        Training::check(&net, &[]);
        let mut training = Training::new(&net, Context::serial(), true);
        group.bench_function(BenchmarkId::from_parameter(&net), |bencher| {
            bencher.iter(|| training.step());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = gemm, dense, maths, step
}
criterion_main!(benches);
