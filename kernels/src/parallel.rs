//! Work on the threads of the caller's rayon pool, cut by shape and never by
//! thread count.
//!
//! A parallel region is a number of independent tasks. Which thread runs a
//! task, and in what order, is open; what a task computes is not. So the
//! results have the same bits on 1 thread or 64, and without the `parallel`
//! feature. Regions nest, and a region entered from a thread of the pool
//! allocates nothing.

use std::ops::Range;

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

/// The share of a region's tasks that has `task`, when the tasks are halved until there
/// is a share for each thread of the pool: what a thread that runs `task` will probably
/// run too, and can prepare for. Which thread runs a task stays open. There are 2ᵏ
/// shares, so that a thread may have more than one where the number of threads is no
/// power of two.
///
/// # Panics
/// If there is no such task.
pub fn share_with(parallelism: Parallelism, tasks: usize, task: usize) -> Range<usize> {
    assert!(task < tasks, "task {task} of {tasks}");
    share_of(threads(parallelism), tasks, task)
}

/// The part with `task` when `threads` have halved all tasks among them, as the region
/// does.
fn share_of(mut threads: usize, tasks: usize, task: usize) -> Range<usize> {
    let mut part = 0..tasks;
    while threads > 1 && part.len() > 1 {
        let middle = middle(part.start, part.end);
        part = if task < middle {
            part.start..middle
        } else {
            middle..part.end
        };
        threads = threads.div_ceil(2);
    }
    part
}

/// Where tasks are halved.
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
    fn threads_share_all_tasks() {
        for threads in 1..9 {
            for tasks in [1, 2, 3, 8, 11, 100] {
                let mut shares = Vec::new();
                let mut next = 0;
                while next < tasks {
                    let share = share_of(threads, tasks, next);
                    assert!(
                        share
                            .clone()
                            .all(|task| share_of(threads, tasks, task) == share)
                    );
                    assert_eq!(share.start, next);
                    next = share.end;
                    shares.push(share.len());
                }
                assert_eq!(shares.len(), threads.next_power_of_two().min(tasks));
                let [least, most] = [shares.iter().min(), shares.iter().max()];
                assert!(most <= least.map(|least| least + 1).as_ref(), "{shares:?}");
            }
        }
        assert_eq!(share_with(Parallelism::Serial, 5, 4), 0..5);
    }

    /// Each task waits until the one at the same place of the other half has begun: so
    /// neither of two threads is ever free to take a task of the other's half.
    #[cfg(feature = "parallel")]
    #[test]
    fn shares_are_those_of_the_region() {
        const TASKS: usize = 8;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.expect("threads").install(|| {
            let ran: [AtomicUsize; TASKS] = std::array::from_fn(|_| AtomicUsize::new(0));
            let start = std::time::Instant::now();
            for_each(Parallelism::Pool, TASKS, |i| {
                let thread = rayon::current_thread_index().map_or(0, |index| index + 1);
                ran[i].store(thread, Ordering::Relaxed);
                let partner = &ran[(i + TASKS / 2) % TASKS];
                while partner.load(Ordering::Relaxed) == 0 && start.elapsed().as_secs() < 60 {
                    std::thread::yield_now();
                }
            });
            let ran = ran.map(AtomicUsize::into_inner);
            for i in 0..TASKS {
                for j in share_with(Parallelism::Pool, TASKS, i) {
                    assert_eq!(ran[i], ran[j], "{ran:?}");
                }
            }
            assert_ne!(ran[0], ran[TASKS - 1], "{ran:?}");
        });
    }

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
