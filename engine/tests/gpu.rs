//! The same net on the GPU and on the CPU. Without an adapter (on a machine without even a software one) there is
//! nothing to compare, and the test says so.
//!
//! This is the engine's own start-up test, for a second net would cost a software GPU another minute of compiling.
//! Tolerance 1e-3: a GPU sums in another order and its `exp` is an approximation.

use engine::{DeviceChoice, device};

#[test]
fn gpu_and_cpu_give_the_same_answer() {
    match device::open(DeviceChoice::Gpu) {
        Ok(compute) => assert!(!compute.is_cpu && !compute.adapter.is_empty()),
        Err(error) if error.to_string().contains("none was found") => println!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    }
}
