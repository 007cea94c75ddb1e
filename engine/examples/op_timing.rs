//! scratch
use burn::nn::conv::Conv3dConfig;
use burn::nn::{GroupNormConfig, PaddingConfig3d};
use burn::tensor::{Device, Distribution, Tensor, activation::relu};
use std::time::Instant;

fn time(name: &str, mut f: impl FnMut()) {
    f();
    let start = Instant::now();
    for _ in 0..3 {
        f();
    }
    println!("{name}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0 / 3.0);
}

fn main() {
    let dev = Device::flex();
    for (cin, cout, n) in
        [(6, 8, 64), (8, 8, 64), (8, 16, 32), (16, 16, 32), (16, 48, 16), (48, 48, 16), (96, 96, 8), (128, 128, 4)]
    {
        let x = Tensor::<5>::random([1, cin, n, n, n], Distribution::Default, &dev);
        let y = Tensor::<5>::random([1, cout, n, n, n], Distribution::Default, &dev);
        let conv = Conv3dConfig::new([cin, cout], [3, 3, 3]).with_padding(PaddingConfig3d::Explicit(1, 1, 1)).init(&dev);
        let point = Conv3dConfig::new([cin, cout], [1, 1, 1]).init(&dev);
        let down = Conv3dConfig::new([cin, cout], [2, 2, 2]).with_stride([2, 2, 2]).init(&dev);
        let norm = GroupNormConfig::new((cout / 8).max(1), cout).init(&dev);
        println!("-- {cin} {cout} {n}, {:.2} GFLOP", (cin * cout * 54 * n * n * n) as f64 / 1e9);
        time("conv3", || {
            let _ = conv.forward(x.clone());
        });
        time("conv1", || {
            let _ = point.forward(x.clone());
        });
        time("down", || {
            let _ = down.forward(x.clone());
        });
        time("norm", || {
            let _ = norm.forward(y.clone());
        });
        time("relu", || {
            let _ = relu(y.clone());
        });
        time("add", || {
            let _ = y.clone() + y.clone();
        });
        time("up", || {
            let c = y.clone();
            let _ =
                c.reshape([cout * n, 1, n, 1, n, 1]).expand([cout * n, 2, n, 2, n, 2]).reshape([1, cout, 2 * n, 2 * n, 2 * n]);
        });
        let g = (cout / 8).max(1);
        time("affine", || {
            let scale = Tensor::<5>::ones([1, cout, 1, 1, 1], &dev);
            let _ = y.clone() * scale.clone() + scale;
        });
        time("mean", || {
            let _ = y.clone().reshape([1, g, cout / g * n * n * n]).mean_dim(2);
        });
        time("subm", || {
            let c = y.clone().reshape([1, g, cout / g * n * n * n]);
            let m = c.clone().slice([0..1, 0..g, 0..1]);
            let _ = c - m;
        });
        time("square", || {
            let c = y.clone().reshape([1, g, cout / g * n * n * n]);
            let _ = c.clone() * c;
        });
    }
}
