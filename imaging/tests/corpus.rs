//! The fuzzers' corpus, replayed: small files made by hand, and what once made a parser fail (`found-*`). The targets
//! are those of `imaging/fuzz`, so what a fuzzer finds is kept by laying its input into the corpus.

#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn no_input_of_the_corpus_makes_a_parser_fail_or_take_long() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, run) in targets::TARGETS {
        let mut replayed = 0;
        for entry in std::fs::read_dir(corpus.join(name)).expect("every target has a corpus") {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("the corpus can be read");
            println!("{}", path.display());
            let started = Instant::now();
            run(&bytes);
            let took = started.elapsed();
            assert!(took < Duration::from_secs(20), "{} took {took:?}", path.display());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has inputs");
    }
}
