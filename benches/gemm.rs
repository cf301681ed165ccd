//! GEMM on the suite's shapes, ours and matrixmultiply's, one thread.

use autoencoder_benches::{Peer, SUITE};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    for shape in SUITE {
        group.throughput(Throughput::ElementsAndBytes {
            elements: shape.flops() as u64,
            bytes: 4 * (shape.m * shape.k + shape.k * shape.n + shape.m * shape.n) as u64,
        });
        let problem = shape.problem();
        let mut c = problem.output();
        for peer in [Peer::Ours, Peer::Matrixmultiply] {
            problem.check(peer, false);
            let id = BenchmarkId::new(format!("{peer:?}"), shape);
            group.bench_function(id, |bencher| {
                bencher.iter(|| problem.multiply(peer, false, &mut c));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = products
}
criterion_main!(benches);
