//! Time and peak memory of one forward pass of Neuroverse3D at its published size, with random weights, on the CPU:
//! `published_forward [SIDE [CONTEXTS]]`. `tests/parity/neuroverse_timing.py` measures the same in PyTorch.

use burn::tensor::{Device, Tensor};
use engine::nets::neuroverse::NeuroverseConfig;
use engine::nets::slabs::Work;
use engine::nets::source::Random;
use std::time::Instant;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (side, contexts) = (numbers.next().unwrap_or(128), numbers.next().unwrap_or(1));
    let config = NeuroverseConfig::published();
    let device = Device::flex();
    let net = config.init(&mut Random(device.clone()));
    let input = |channels| Tensor::<5>::ones([1, channels, side, side, side], &device);
    let [fixed, each] = config.products(side * side * side);
    let total = fixed + each * contexts as f64;
    let start = Instant::now();
    let mut last = (start, 0.0);
    let mut longest = 0.0_f64;
    let mut go_on = |share| {
        longest = longest.max(last.0.elapsed().as_secs_f64());
        last = (Instant::now(), share);
        true
    };
    let mut work = Work::new(total, &mut go_on);
    let out = net.forward(input(1), (0..contexts).map(|_| input(2)), &mut work);
    let mean = out.map(|out| out.mean().into_scalar::<f32>());
    let secs = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("{secs:.1} s for {:.0} thousand million products, {:.1} a second", total / 1e9, total / 1e9 / secs);
    println!("the longest time between two looks at the flags: {longest:.2} s; {peak}; mean {mean:?}");
}
