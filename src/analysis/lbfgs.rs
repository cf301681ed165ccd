//! L-BFGS: minimises a smooth function of many numbers (Nocedal and Wright,
//! "Numerical Optimization", 2006, algorithms 3.1, 7.4 and 7.5).

use std::collections::VecDeque;

use crate::error::Result;

/// Steps that the curvature is remembered of.
const MEMORY: usize = 10;
/// Of the decrease that the slope promises, a step must keep this part.
const SUFFICIENT: f64 = 1e-4;
/// Halvings of a step before none is found.
const HALVINGS: usize = 30;

/// When to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Steps.
    pub(super) iterations: usize,
    /// All partial derivatives are no farther from 0.
    pub(super) tolerance: f64,
}

/// Moves `x` to where `function` is least. The function returns its value and
/// writes its gradient.
pub(super) fn minimise(
    x: &mut [f64],
    limits: Limits,
    mut function: impl FnMut(&[f64], &mut [f64]) -> Result<f64>,
) -> Result<f64> {
    let mut gradient = vec![0.0; x.len()];
    let mut value = function(x, &mut gradient)?;
    let mut history: VecDeque<Pair> = VecDeque::new();
    let (mut next, mut next_gradient) = (x.to_vec(), gradient.clone());
    for _ in 0..limits.iterations {
        let largest = gradient.iter().fold(0.0, |max: f64, g| max.max(g.abs()));
        if largest <= limits.tolerance {
            break;
        }
        let direction = direction(&history, &gradient);
        let slope = dot(&direction, &gradient);
        // The first step has no curvature to tell its length.
        let mut length = match history.is_empty() {
            true => 1.0 / dot(&gradient, &gradient).sqrt().max(1.0),
            false => 1.0,
        };
        let mut found = None;
        for _ in 0..HALVINGS {
            for ((next, x), d) in next.iter_mut().zip(&*x).zip(&direction) {
                *next = x + length * d;
            }
            let trial = function(&next, &mut next_gradient)?;
            if trial <= value + SUFFICIENT * length * slope {
                found = Some(trial);
                break;
            }
            length *= 0.5;
        }
        // As near to the minimum as the numbers' precision allows.
        let Some(lower) = found else { break };
        let pair = Pair::new(difference(&next, x), difference(&next_gradient, &gradient));
        if pair.product > 0.0 {
            history.truncate(MEMORY - 1);
            history.push_front(pair);
        }
        x.copy_from_slice(&next);
        gradient.copy_from_slice(&next_gradient);
        value = lower;
    }
    Ok(value)
}

/// A step, and how the gradient changed over it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

impl Pair {
    fn new(step: Vec<f64>, change: Vec<f64>) -> Self {
        Pair {
            product: dot(&step, &change),
            step,
            change,
        }
    }
}

/// −H·gradient, where H stands for the inverse of the second derivatives; the
/// last step comes first in `history`.
fn direction(history: &VecDeque<Pair>, gradient: &[f64]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(history.len());
    for pair in history {
        let alpha = dot(&pair.step, &q) / pair.product;
        add(&mut q, -alpha, &pair.change);
        alphas.push(alpha);
    }
    if let Some(last) = history.front() {
        let scale = last.product / dot(&last.change, &last.change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (pair, alpha) in history.iter().zip(alphas).rev() {
        let beta = dot(&pair.change, &q) / pair.product;
        add(&mut q, alpha - beta, &pair.step);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut()
        .zip(what)
        .for_each(|(to, x)| *to += factor * x);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley, whose only minimum is 0 at (1, 1).
    #[test]
    fn the_end_of_a_bent_valley_is_found() {
        let mut x = [-1.2, 1.0];
        let limits = Limits {
            iterations: 200,
            tolerance: 1e-9,
        };
        let value = minimise(&mut x, limits, |x, gradient| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            gradient[0] = -2.0 * a - 400.0 * x[0] * b;
            gradient[1] = 200.0 * b;
            Ok(a * a + 100.0 * b * b)
        });
        assert!(value.unwrap() < 1e-15);
        assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-7), "{x:?}");
    }
}
