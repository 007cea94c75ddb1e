//! temporary
use burn::tensor::{Device, Distribution, Tensor};
use engine::nets::in_context::InContextConfig;
use std::time::Instant;

fn main() {
    let dims: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let k: usize = std::env::args().nth(2).and_then(|a| a.parse().ok()).unwrap_or(2);
    let config = if dims == 2 {
        InContextConfig {
            dims: 2,
            image_channels: 3,
            prompt_channels: 5,
            widths: vec![16, 32, 64, 96, 128],
            heads: 4,
            attention_levels: 2,
            group: 8,
            full_resolution_cross: true,
        }
    } else {
        InContextConfig {
            dims: 3,
            image_channels: 1,
            prompt_channels: 5,
            widths: vec![8, 16, 48, 96, 128],
            heads: 4,
            attention_levels: 2,
            group: 8,
            full_resolution_cross: false,
        }
    };
    let size = if dims == 2 { [1, 128, 128] } else { [64; 3] };
    for device in [Device::flex(), Device::flex().autodiff()] {
        let net = config.init(&device);
        let c = config.inputs();
        let target = Tensor::<5>::random([1, c, size[0], size[1], size[2]], Distribution::Default, &device);
        let contexts = Tensor::<6>::random([1, k, c, size[0], size[1], size[2]], Distribution::Default, &device);
        for _ in 0..3 {
            let start = Instant::now();
            let out = net.forward(target.clone(), contexts.clone()).mean();
            let forward = start.elapsed();
            if device.is_autodiff() {
                let _grads = out.backward();
            }
            println!("forward {forward:?} all {:?}", start.elapsed());
        }
    }
}
