//! The clock of the CPU, so that times become cycles.

use std::hint::black_box;

use crate::race::{Contender, Time, contender};

/// Links of the chain in one call: some microseconds.
const LINKS: u32 = 10_000;

/// A contender whose cycles are known: a chain of additions and exclusive ors,
/// each of which takes one cycle and needs the one before it. In a race it finds
/// the clock that the others ran at.
pub fn counter<'a>() -> Contender<'a> {
    contender(|| {
        black_box(chain(black_box(1), black_box(0x9e37_79b9_7f4a_7c15)));
    })
}

/// Cycles per second, from the time of the [`counter`].
pub fn per_second(counter: Time) -> f64 {
    2.0 * f64::from(LINKS) / counter.least
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
    use super::*;

    #[test]
    fn clock_is_that_of_a_cpu() {
        let length = std::time::Duration::from_millis(10);
        let clock = per_second(crate::race::race(&mut [counter()], length)[0]);
        // Debug builds take more instructions a link.
        assert!((1e7..1e10).contains(&clock), "{clock}");
    }
}
