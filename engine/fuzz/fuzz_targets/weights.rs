#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| weights_fuzz::target::weights(bytes));
