//! The program exemplar.
fn main() {}
