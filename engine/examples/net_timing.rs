//! How long one forward of a net takes on the CPU: `net_timing 3 64 1` (dims, side, contexts).

use burn::tensor::{Device, Distribution, Tensor};
use engine::nets::in_context::InContextConfig;
use std::time::Instant;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [dims, side, contexts] = numbers[..] else { panic!("net_timing DIMS SIDE CONTEXTS") };
    let config = InContextConfig {
        dims,
        image_channels: if dims == 3 { 1 } else { 3 },
        prompt_channels: 5,
        widths: if dims == 3 { vec![8, 16, 48, 96, 128] } else { vec![16, 32, 64, 96, 128] },
        heads: 4,
        attention_levels: 2,
        group: 8,
        full_resolution_cross: dims == 2,
    };
    let device = Device::flex();
    let net = config.init(&device);
    let shape = [1, config.inputs(), if dims == 3 { side } else { 1 }, side, side];
    for _ in 0..3 {
        let target = Tensor::<5>::random(shape, Distribution::Default, &device);
        let context = Tensor::<5>::random([contexts, shape[1], shape[2], shape[3], shape[4]], Distribution::Default, &device);
        let start = Instant::now();
        let logits = net.forward(target, context.unsqueeze::<6>());
        let mean = logits.mean().into_scalar::<f32>();
        println!("{:?} (mean {mean:.4})", start.elapsed());
    }
}
