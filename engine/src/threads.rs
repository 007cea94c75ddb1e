//! The engine's threads yield to the window: a lower priority, and one core left free.

use rayon::{ThreadPool, ThreadPoolBuilder};
use thread_priority::{ThreadPriority, ThreadPriorityValue, set_current_thread_priority};

/// Out of 100, where 50 is usual; a nice value of 10 on Linux.
const PRIORITY: u8 = 23;

/// Lowers the priority of this thread.
pub(crate) fn lower_priority() {
    let Ok(priority) = ThreadPriorityValue::try_from(PRIORITY) else { return };
    if let Err(error) = set_current_thread_priority(ThreadPriority::Crossplatform(priority)) {
        tracing::debug!("the engine's priority could not be lowered: {error:?}");
    }
}

/// Threads for all that computes on the CPU: this thread and as many more as leave one core free.
///
/// burn's CPU device, `gemm` and the engine's own loops ask rayon for the pool of the thread they run on, so all of
/// them stay in this one as long as it is kept.
pub(crate) fn pool() -> Option<ThreadPool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new()
        .num_threads(cores.saturating_sub(1).max(1))
        .thread_name(|index| format!("exemplar-engine-{index}"))
        .start_handler(|_| lower_priority())
        .use_current_thread()
        .build();
    pool.inspect_err(|error| tracing::warn!("the engine's threads could not be set up: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stays_on_this_thread_and_leaves_a_core_free() {
        let work = std::thread::spawn(|| {
            lower_priority();
            let pool = pool();
            (pool.is_some(), rayon::current_num_threads())
        });
        let (made, threads) = work.join().unwrap();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert!(made);
        assert_eq!(threads, (cores - 1).max(1));
    }
}
