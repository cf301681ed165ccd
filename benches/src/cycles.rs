//! The clock of the CPU, so that times become cycles.

use std::hint::black_box;
use std::time::Instant;

/// Links of the chain in one measurement: about half a millisecond.
const LINKS: u32 = 1_000_000;

/// Measurements, of which the fastest counts.
const ROUNDS: u32 = 40;

/// Cycles per second of this core, as it is now: of a chain of additions and
/// exclusive ors, each of which takes one cycle and needs the one before it.
pub fn per_second() -> f64 {
    let fastest = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(chain(black_box(1), black_box(0x9e37_79b9_7f4a_7c15)));
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    2.0 * f64::from(LINKS) / fastest
}

/// Two cycles a link. The compiler knows no closed form, and the loop's own
/// instructions run beside the chain.
fn chain(mut x: u64, with: u64) -> u64 {
    for _ in 0..LINKS {
        x = x.wrapping_add(with) ^ with;
    }
    x
}

#[cfg(test)]
mod tests {
    #[test]
    fn clock_is_that_of_a_cpu() {
        let clock = super::per_second();
        // Debug builds take more instructions a link.
        assert!((1e7..1e10).contains(&clock), "{clock}");
    }
}
