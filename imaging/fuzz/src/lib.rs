//! What the fuzzers run, and the memory that they run it in.
//!
//! `targets` is shared with `imaging/tests/corpus.rs`, which replays the small files of `corpus/` as an ordinary test.

mod limit;
pub mod targets;

#[global_allocator]
static MEMORY: limit::Limited = limit::Limited;
