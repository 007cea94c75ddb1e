#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| imaging_fuzz::targets::reduced(bytes));
