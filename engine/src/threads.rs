//! The engine's threads yield to others: a lower priority, and one core left free beside a window.

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

/// What else the program has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// A window, which needs a core of its own to answer at once.
    Window,
    /// Nothing: it waits for the engine.
    Nothing,
}

impl Beside {
    /// Threads that compute on a machine of so many cores.
    fn threads(self, cores: usize) -> usize {
        match self {
            Self::Window => cores.saturating_sub(1).max(1),
            Self::Nothing => cores,
        }
    }
}

/// Threads for all that computes on the CPU: this thread and more, as many as are to be had beside the rest of the program.
///
/// burn's CPU device, `gemm` and the engine's own loops ask rayon for the pool of the thread they run on, so all of
/// them stay in this one as long as it is kept.
pub(crate) fn pool(beside: Beside) -> Option<ThreadPool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPoolBuilder::new()
        .num_threads(beside.threads(cores))
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
    fn a_core_is_left_to_a_window() {
        assert_eq!([1, 2, 8].map(|cores| Beside::Window.threads(cores)), [1, 1, 7]);
        assert_eq!([1, 2, 8].map(|cores| Beside::Nothing.threads(cores)), [1, 2, 8]);
    }

    #[test]
    fn work_stays_in_a_pool_of_its_own() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for beside in [Beside::Window, Beside::Nothing] {
            let work = std::thread::spawn(move || {
                lower_priority();
                let pool = pool(beside);
                (pool.is_some(), rayon::current_num_threads())
            });
            assert_eq!(work.join().unwrap(), (true, beside.threads(cores)));
        }
    }
}
