//! The promises of `files` and `export`, on files made here byte by byte.

mod bad;
mod exports;
mod folders;
mod foreign;
mod geometry;
mod hostile;
mod items;
mod make;
mod metrics;
mod outside;
mod pictures;
mod reduced;
mod stacks;
mod structures;
mod volumes;
