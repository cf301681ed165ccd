//! Work on the threads of the caller's rayon pool, cut by shape and never by
//! thread count.
//!
//! A parallel region is a number of independent tasks. Which thread runs a
//! task, and in what order, is open; what a task computes is not. So the
//! results have the same bits on 1 thread or 64, and without the `parallel`
//! feature. Regions nest, and a region entered from a thread of the pool
//! allocates nothing.

use crate::crossover::PARALLEL_FLOPS;
use crate::level::Level;

/// Whether a kernel may spread over threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parallelism {
    /// The calling thread alone.
    Serial,
    /// The current rayon pool, where the work is worth waking a thread. The
    /// same as `Serial` without the feature `parallel`.
    Pool,
}

/// How a kernel runs: with which instructions, on how many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Context {
    /// The SIMD level. One that the CPU lacks runs as [`Level::Portable`].
    pub level: Level,
    /// Whether threads may be used.
    pub parallelism: Parallelism,
}

impl Default for Context {
    /// [`Level::current`] on the current pool.
    fn default() -> Self {
        Context {
            level: Level::current(),
            parallelism: Parallelism::Pool,
        }
    }
}

impl Context {
    /// [`Level::current`] on the calling thread alone.
    pub fn serial() -> Self {
        Context::default().with_parallelism(Parallelism::Serial)
    }

    /// The same with another level.
    pub fn with_level(self, level: Level) -> Self {
        Context { level, ..self }
    }

    /// The same with another parallelism.
    pub fn with_parallelism(self, parallelism: Parallelism) -> Self {
        Context {
            parallelism,
            ..self
        }
    }

    /// This context, but serial where `flops` floating-point operations, a
    /// million of them, are too few to be worth waking a thread.
    pub fn for_work(self, flops: usize) -> Self {
        if flops < PARALLEL_FLOPS {
            self.with_parallelism(Parallelism::Serial)
        } else {
            self
        }
    }
}

/// How many threads may share the tasks of a region: for cuts on which no bit of a
/// result depends.
pub(crate) fn threads(parallelism: Parallelism) -> usize {
    match parallelism {
        #[cfg(feature = "parallel")]
        Parallelism::Pool => rayon::current_num_threads(),
        _ => 1,
    }
}

/// Calls `task(0)`, …, `task(tasks − 1)`, each once.
pub fn for_each(parallelism: Parallelism, tasks: usize, task: impl Fn(usize) + Sync) {
    match parallelism {
        Parallelism::Serial => (0..tasks).for_each(task),
        Parallelism::Pool => halve(0, tasks, &task),
    }
}

/// Calls `task(i, &mut items[i])` for each item.
pub fn for_each_mut<T: Send>(
    parallelism: Parallelism,
    items: &mut [T],
    task: impl Fn(usize, &mut T) + Sync,
) {
    match parallelism {
        Parallelism::Serial => items
            .iter_mut()
            .enumerate()
            .for_each(|(i, item)| task(i, item)),
        Parallelism::Pool => halve_mut(0, items, &task),
    }
}

/// Runs `work` on a thread of the current pool, so that the parallel regions
/// inside start without crossing into it: for a loop over many regions, such
/// as an epoch. On the calling thread where there is no pool.
pub fn in_pool<R: Send>(parallelism: Parallelism, work: impl FnOnce() -> R + Send) -> R {
    match parallelism {
        #[cfg(feature = "parallel")]
        Parallelism::Pool => rayon::scope(|_| work()),
        _ => work(),
    }
}

/// Where tasks are halved.
#[cfg(feature = "parallel")]
fn middle(from: usize, to: usize) -> usize {
    from + (to - from) / 2
}

#[cfg(feature = "parallel")]
fn halve(from: usize, to: usize, task: &(impl Fn(usize) + Sync)) {
    match to - from {
        0 => {}
        1 => task(from),
        _ => {
            let middle = middle(from, to);
            rayon::join(|| halve(from, middle, task), || halve(middle, to, task));
        }
    }
}

#[cfg(not(feature = "parallel"))]
fn halve(from: usize, to: usize, task: &(impl Fn(usize) + Sync)) {
    (from..to).for_each(task);
}

#[cfg(feature = "parallel")]
fn halve_mut<T: Send>(first: usize, items: &mut [T], task: &(impl Fn(usize, &mut T) + Sync)) {
    match items {
        [] => {}
        [item] => task(first, item),
        _ => {
            let middle = items.len() / 2;
            let (left, right) = items.split_at_mut(middle);
            rayon::join(
                || halve_mut(first, left, task),
                || halve_mut(first + middle, right, task),
            );
        }
    }
}

#[cfg(not(feature = "parallel"))]
fn halve_mut<T: Send>(first: usize, items: &mut [T], task: &(impl Fn(usize, &mut T) + Sync)) {
    for (i, item) in items.iter_mut().enumerate() {
        task(first + i, item);
    }
}

/// A raw pointer that several tasks may hold. Whoever dereferences it proves
/// that no two tasks touch one element.
pub(crate) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: a pointer is a number; the proof obligation lies with its dereference.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Shared(pointer)
    }

    // A method, so that closures capture the whole `Shared`, not its field.
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_task_runs_once() {
        for parallelism in [Parallelism::Serial, Parallelism::Pool] {
            for tasks in [0, 1, 2, 3, 7, 100] {
                let ran: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                for_each(parallelism, tasks, |i| {
                    ran[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(ran.iter().all(|count| count.load(Ordering::Relaxed) == 1));

                let mut items = vec![0; tasks];
                for_each_mut(parallelism, &mut items, |i, item| *item += i + 1);
                assert!(items.iter().enumerate().all(|(i, item)| *item == i + 1));
            }
        }
    }
}
