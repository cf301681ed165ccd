//! What fusion saves: dense layers in one kernel, beside the bare product and
//! beside the product with separate passes, on one thread.
//!
//! Cycles are those of one vector of results, of as many elements as the level
//! has lanes. Give part of a shape, such as `784x`, to see those only.

use std::time::Duration;

use autoencoder_benches::layer::{Layer, Operation};
use autoencoder_benches::race::{contender, race};
use autoencoder_benches::{cycles, is_wanted};
use autoencoder_kernels::Level;

fn main() {
    let level = Level::current();
    let lanes = if level == Level::Avx512 { 16 } else { 8 };
    println!(
        "µs on one thread, level {level}; σ, bce: sigmoid, binary cross-entropy; cycles: of \
         {lanes} results
"
    );
    println!(
        "| layer | m×k×n | product | fused | passes | fused / product | passes / fused \
         | cycles, product | cycles, fused | of them epilogue |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for operation in Operation::ALL {
        for (m, k, n) in operation.shapes() {
            if !is_wanted(&format!("{m}x{k}x{n}")) {
                continue;
            }
            let layer = Layer::new(operation, (m, k, n));
            layer.check();
            let ways = [Layer::product, Layer::fused, Layer::in_passes];
            let [product, fused, passes] = ways.map(|way| {
                let (layer, mut output) = (&layer, layer.output());
                contender(move || way(layer, &mut output))
            });
            let mut contenders = [product, fused, passes, cycles::counter()];
            let times = race(&mut contenders, Duration::from_millis(500));
            let [product, fused, passes] = [0, 1, 2].map(|i| times[i].least);
            let clock = cycles::per_second(times[3]);
            let vectors = (m * n.div_ceil(lanes)) as f64;
            let [bare, whole] = [product, fused].map(|seconds| seconds * clock / vectors);
            println!(
                "| {} | {m}×{k}×{n} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} | {bare:.1} \
                 | {whole:.1} | {:.1} |",
                operation.name(),
                product * 1e6,
                fused * 1e6,
                passes * 1e6,
                fused / product,
                passes / fused,
                whole - bare,
            );
        }
    }
}
