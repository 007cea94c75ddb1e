//! One net a file. Nothing here reads a file or knows a prompt.

mod cpu;
pub mod in_context;
