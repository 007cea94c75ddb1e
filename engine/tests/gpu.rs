//! The same net on the GPU and on the CPU. Without an adapter (on a machine without even a software one) there is
//! nothing to compare, and the test says so.
//!
//! Tolerance 1e-3: a GPU sums in another order and its `exp` is an approximation.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use engine::nets::in_context::InContextConfig;
use engine::{DeviceChoice, device};

#[test]
fn gpu_and_cpu_give_the_same_answer() {
    let compute = match device::open(DeviceChoice::Gpu) {
        Ok(compute) => compute,
        Err(error) if error.to_string().contains("none was found") => {
            println!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    for dims in [2, 3] {
        let config = InContextConfig {
            dims,
            image_channels: 1,
            prompt_channels: 5,
            widths: vec![4, 8, 16],
            heads: 4,
            attention_levels: 1,
            group: 8,
            full_resolution_cross: dims == 2,
        };
        let net = config.init(&Device::flex());
        let shape = [2, config.inputs(), if dims == 3 { 8 } else { 1 }, 8, 8];
        let contexts = Tensor::<5>::random(shape, Distribution::Default, &Device::flex()).into_data();
        let target = Tensor::<5>::random([1, shape[1], shape[2], 8, 8], Distribution::Default, &Device::flex()).into_data();
        let on = |device: &Device| {
            let contexts = Tensor::<5>::from_data(contexts.clone(), device).unsqueeze::<6>();
            let logits = net.clone().to_device(device).forward(Tensor::from_data(target.clone(), device), contexts);
            logits.into_data().try_into_vec::<f32>().unwrap()
        };
        let off = on(&Device::flex()).iter().zip(on(&compute.device)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off <= 1e-3, "{dims}-D on {}: off by {off}", compute.adapter);
    }
}
