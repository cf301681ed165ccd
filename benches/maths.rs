//! Elements per cycle of elementary functions at each SIMD level, beside
//! rten-vecmath (at the best level that it finds) and the scalar libm.
//!
//! Give part of a function's name to see that one only.

use std::mem::MaybeUninit;
use std::time::Duration;

use autoencoder_benches::function::Function;
use autoencoder_benches::race::{contender, race};
use autoencoder_benches::{cycles, is_wanted};
use autoencoder_kernels::Level;

/// Arguments and results fill two thirds of an L1 cache of 48 KiB.
const LENGTH: usize = 4096;

fn main() {
    let levels = Level::available();
    println!("Elements per cycle, {LENGTH} elements in L1; in brackets ns an element\n");
    let names: Vec<String> = levels.iter().map(Level::to_string).collect();
    println!(
        "| function | {} | rten-vecmath 0.27 | scalar libm | ours / rten | ours / scalar | GHz |",
        names.join(" | ")
    );
    println!("|---|{}---|---|---|---|---|", "---|".repeat(levels.len()));
    for function in Function::ALL {
        if !is_wanted(function.name) {
            continue;
        }
        function.check();
        let from = function.arguments(LENGTH);
        let from = from.as_slice();
        let mut contenders: Vec<_> = levels
            .iter()
            .map(|&level| {
                let mut to = vec![0.0; LENGTH];
                contender(move || (function.ours)(level, from, &mut to))
            })
            .collect();
        let mut to = vec![0.0; LENGTH];
        contenders.push(contender(move || function.scalar(from, &mut to)));
        contenders.push(cycles::counter());
        if let Some(rten) = function.rten {
            let mut to = vec![MaybeUninit::uninit(); LENGTH];
            contenders.push(contender(move || {
                rten(from, &mut to);
            }));
        }
        let times = race(&mut contenders, Duration::from_millis(400));
        let seconds: Vec<f64> = times
            .iter()
            .map(|time| time.least / LENGTH as f64)
            .collect();
        let clock = cycles::per_second(times[levels.len() + 1]);
        let show = |seconds: f64| format!("{:.2} ({:.3})", 1.0 / (seconds * clock), seconds * 1e9);
        let (ours, scalar) = (seconds[levels.len() - 1], seconds[levels.len()]);
        let cells: Vec<String> = seconds[..levels.len()].iter().map(|&s| show(s)).collect();
        let rten = seconds.get(levels.len() + 2);
        println!(
            "| {} | {} | {} | {} | {} | {:.0} | {:.2} |",
            function.name,
            cells.join(" | "),
            rten.map_or("–".into(), |&seconds| show(seconds)),
            show(scalar),
            rten.map_or("–".into(), |seconds| format!("{:.2}", seconds / ours)),
            scalar / ours,
            clock / 1e9,
        );
    }
}
