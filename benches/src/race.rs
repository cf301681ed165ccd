//! Contenders that take turns, so that a slow moment of the machine hits all
//! alike.

use std::time::{Duration, Instant};

use autoencoder::random::{Generator, Purpose};

/// Shortest turn: much longer than it takes to read the clock.
const TURN: Duration = Duration::from_micros(500);

/// Fewest rounds.
const ROUNDS: usize = 7;

/// What is timed: called with how many calls to make in a row.
pub type Contender<'a> = Box<dyn FnMut(u32) + Send + 'a>;

/// Seconds of one call.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// In the fastest turn: what the code can do.
    pub least: f64,
    /// In the median turn: what it did on this machine in this moment.
    pub median: f64,
}

/// A contender from a single call.
pub fn contender<'a>(mut call: impl FnMut() + Send + 'a) -> Contender<'a> {
    Box::new(move |calls| (0..calls).for_each(|_| call()))
}

/// Lets the contenders take turns for `length`, after each has found out, while
/// it warms up, how many calls a turn takes.
pub fn race(contenders: &mut [Contender<'_>], length: Duration) -> Vec<Time> {
    let calls: Vec<u32> = contenders.iter_mut().map(calls_per_turn).collect();
    let mut turns = vec![Vec::new(); contenders.len()];
    // In any order, so that what a contender leaves in the caches is no advantage of the
    // same one in all rounds; but none follows itself.
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut generator = Generator::new(0, Purpose::Shuffle { epoch: 0 });
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS || start.elapsed() < length {
        let last = order.last().copied();
        generator.shuffle(&mut order);
        if order.first().copied() == last {
            order.reverse();
        }
        for &i in &order {
            let start = Instant::now();
            contenders[i](calls[i]);
            turns[i].push(start.elapsed().as_secs_f64() / f64::from(calls[i]));
        }
        rounds += 1;
    }
    turns.into_iter().map(Time::of).collect()
}

fn calls_per_turn(contender: &mut Contender<'_>) -> u32 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        contender(calls);
        let time = start.elapsed();
        if time >= TURN || calls > 1 << 20 {
            return calls;
        }
        calls *= 2;
    }
}

impl Time {
    /// Of the seconds of several turns, one at least.
    pub fn of(mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        Time {
            least: turns[0],
            median: (turns[(turns.len() - 1) / 2] + turns[turns.len() / 2]) / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        let time = Time::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((time.least, time.median), (1.0, 2.5));
    }

    #[test]
    fn every_contender_has_its_time() {
        let (mut few, mut many) = (0, 0);
        let mut contenders = [contender(|| few += 1), contender(|| many += 1)];
        let times = race(&mut contenders, Duration::ZERO);
        drop(contenders);
        assert_eq!(times.len(), 2);
        assert!(times.iter().all(|t| 0.0 < t.least && t.least <= t.median));
        assert!(few.min(many) >= ROUNDS);
    }
}
