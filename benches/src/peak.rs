//! What the machine could do at best: FLOP/s of a loop of nothing but fused
//! multiply-adds in registers.
//!
//! A core of today starts two such instructions a cycle and has each result some
//! four cycles later, so that at least eight must be under way at any time; the
//! loops here keep more, as many as fit in registers. Each one's result is the
//! next one's input, which the compiler can neither fold nor leave out.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use crate::race::{Contender, contender};

/// Independent sums with AVX-512, half of its 32 registers.
const CHAINS_AVX512: usize = 16;

/// Independent sums with AVX2, which leave some of its 16 registers to the rest.
const CHAINS_AVX2: usize = 12;

/// Passes over the chains in one measurement of [`flops_per_second`]: some
/// milliseconds.
const PASSES: u32 = 1_000_000;

/// Measurements, of which the best one counts.
const ROUNDS: u32 = 60;

/// Passes of one call of a contender: some 200 µs.
const PASSES_A_CALL: u32 = 100_000;

/// The loop as a contender, on the calling thread or on all of the current pool:
/// in a race it finds the peak at the clock that the others ran at. With it, the
/// operations of one call. `None` as for [`flops_per_second`].
pub fn counter<'a>(parallel: bool) -> Option<(Contender<'a>, f64)> {
    let chosen = fastest_loop()?;
    let call = move || black_box((chosen.run)(black_box(0.5), PASSES_A_CALL));
    let flops = chosen.flops_per_pass * f64::from(PASSES_A_CALL);
    Some(if parallel {
        let all = move || _ = rayon::broadcast(|_| call());
        (contender(all), flops * rayon::current_num_threads() as f64)
    } else {
        (contender(move || _ = call()), flops)
    })
}

/// A loop and the floating-point operations of a pass over its chains.
#[derive(Clone, Copy)]
struct Loop {
    /// So many passes, of a number that the compiler must not know.
    run: fn(f32, u32) -> f32,
    flops_per_pass: f64,
}

/// Most f32 FLOP/s of `threads` threads at once, a multiplication and an addition
/// counted as two; `None` where the CPU has no level that this can measure.
pub fn flops_per_second(threads: usize) -> Option<f64> {
    let chosen = fastest_loop()?;
    let barrier = Barrier::new(threads);
    let time = || {
        (0..ROUNDS)
            .map(|_| {
                barrier.wait();
                let start = Instant::now();
                black_box((chosen.run)(black_box(0.5), PASSES));
                // The slowest thread ends the round.
                barrier.wait();
                start.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min)
    };
    let seconds = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(time)).collect();
        let own = time();
        let others = others.into_iter().map(|thread| thread.join());
        others.fold(own, |slowest, seconds| {
            slowest.max(seconds.expect("the loop does not panic"))
        })
    });
    Some(chosen.flops_per_pass * f64::from(PASSES) * threads as f64 / seconds)
}

#[cfg(not(target_arch = "x86_64"))]
fn fastest_loop() -> Option<Loop> {
    None
}

#[cfg(target_arch = "x86_64")]
fn fastest_loop() -> Option<Loop> {
    if is_x86_feature_detected!("avx512f") {
        Some(Loop {
            // SAFETY: the CPU has AVX-512F, the one feature that the loop needs.
            run: |x, passes| unsafe { avx512(x, passes) },
            flops_per_pass: (2 * 16 * CHAINS_AVX512) as f64,
        })
    } else if is_x86_feature_detected!("avx") && is_x86_feature_detected!("fma") {
        Some(Loop {
            // SAFETY: the CPU has AVX and FMA, the two features that the loop
            // needs.
            run: |x, passes| unsafe { avx2(x, passes) },
            flops_per_pass: (2 * 8 * CHAINS_AVX2) as f64,
        })
    } else {
        None
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(x: f32, passes: u32) -> f32 {
    use std::arch::x86_64::*;

    // s = s·x + x runs to x / (1 − x): neither infinite nor subnormal.
    let x = _mm512_set1_ps(x);
    let mut sums = [x; CHAINS_AVX512];
    for _ in 0..passes {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, x, x);
        }
    }
    let total = sums.into_iter().reduce(|a, b| _mm512_add_ps(a, b));
    _mm512_reduce_add_ps(total.unwrap_or(x))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx,fma")]
fn avx2(x: f32, passes: u32) -> f32 {
    use std::arch::x86_64::*;

    // As above.
    let x = _mm256_set1_ps(x);
    let mut sums = [x; CHAINS_AVX2];
    for _ in 0..passes {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, x, x);
        }
    }
    let total = sums.into_iter().reduce(|a, b| _mm256_add_ps(a, b));
    _mm256_cvtss_f32(total.unwrap_or(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_is_that_of_a_cpu() {
        // Between an eighth of a GHz of one lane and 10 GHz of eight units.
        if let Some(peak) = flops_per_second(1) {
            assert!((2.5e8..2.6e12).contains(&peak), "{peak}");
        }
    }
}
