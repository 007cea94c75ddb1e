use super::*;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Distribution, Tolerance, module::conv3d};

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex())
}

fn same(got: Tensor<5>, want: Tensor<5>) {
    assert_eq!(got.dims(), want.dims());
    // Sums of some two hundred products in another order: the last bits of values near ten differ.
    got.into_data().assert_approx_eq::<f32>(&want.into_data(), Tolerance::rel_abs(1e-5, 1e-5));
}

#[test]
fn so_it_does_with_any_border_and_with_taps_apart() {
    for (size, kernel, padding, dilation) in [
        ([6, 7, 19], [3, 3, 3], [0, 1, 1], 1),
        ([5, 9, 18], [2, 2, 2], [0, 0, 0], 1),
        ([9, 10, 35], [3, 3, 3], [4, 4, 4], 4),
        ([9, 6, 7], [3, 3, 3], [0, 2, 2], 2),
    ] {
        let x = random([1, 5, size[0], size[1], size[2]]);
        let weight = random([6, 5, kernel[0], kernel[1], kernel[2]]);
        let bias = random([6]);
        let options = ConvOptions::new([1; 3], padding, [dilation; 3], 1);
        let want = conv3d(x.clone(), weight.clone(), Some(bias.clone()), options);
        same(conv(x, weight, Some(bias), padding, dilation), want);
    }
}

#[test]
fn the_fast_convolution_equals_burns() {
    for (channels, size, kernel) in [
        ([1, 4], [3, 5, 7], [3, 3, 3]),
        ([6, 8], [8, 9, 17], [3, 3, 3]),
        ([5, 7], [1, 16, 16], [1, 3, 3]),
        ([3, 2], [1, 1, 1], [3, 3, 3]),
        ([2, 9], [9, 4, 33], [1, 3, 3]),
    ] {
        let x = random([2, channels[0], size[0], size[1], size[2]]);
        let weight = random([channels[1], channels[0], kernel[0], kernel[1], kernel[2]]);
        let bias = random([channels[1]]);
        let options = ConvOptions::new([1; 3], kernel.map(|k| k / 2), [1; 3], 1);
        let want = conv3d(x.clone(), weight.clone(), Some(bias.clone()), options);
        same(conv_same(x, weight, Some(bias)), want);
    }
}

#[test]
fn more_inputs_than_are_summed_at_once_make_the_same_sums() {
    for (inputs, size) in [(40, [2, 14, 21]), (300, [3, 3, 9]), (33, [1, 40, 130])] {
        let [x, weight] = [random([1, inputs, size[0], size[1], size[2]]), random([6, inputs, 3, 3, 3])];
        let plan = Plan::new([inputs, size[0], size[1], size[2]], [3; 3], [1; 3], 1);
        assert!(plan.inputs_at_once(STRIP.div_ceil(size[2])) < inputs);
        let bias = random([6]);
        let options = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
        let want = conv3d(x.clone(), weight.clone(), Some(bias.clone()), options);
        // Thousands of products in another order.
        conv_same(x, weight, Some(bias)).into_data().assert_approx_eq::<f32>(&want.into_data(), Tolerance::rel_abs(1e-4, 1e-4));
    }
}

#[test]
fn the_gradient_of_the_weights_is_burns() {
    for (channels, size, kernel) in
        [([3, 6], [4, 5, 19], [3, 3, 3]), ([5, 8], [1, 16, 40], [1, 3, 3]), ([2, 3], [6, 6, 6], [3, 3, 3])]
    {
        let device = Device::flex().autodiff();
        let place = |values: Tensor<5>| Tensor::<5>::from_data(values.into_data(), &device);
        let x = place(random([2, channels[0], size[0], size[1], size[2]]));
        let weight = place(random([channels[1], channels[0], kernel[0], kernel[1], kernel[2]])).require_grad();
        let how = place(random([2, channels[1], size[0], size[1], size[2]]));
        let options = ConvOptions::new([1; 3], kernel.map(|k| k / 2), [1; 3], 1);
        let grads = (conv3d(x.clone(), weight.clone(), None, options) * how.clone()).sum().backward();
        let want = weight.grad(&grads).unwrap();
        let shape = weight.dims();
        let got = weight_gradient(floats(&values(x.clone())), x.dims(), floats(&values(how)), shape);
        let want = want.into_data();
        TensorData::new(got, shape).assert_approx_eq::<f32>(&want, Tolerance::rel_abs(1e-4, 1e-4));
    }
}

#[test]
fn cells_as_channels_makes_a_strided_convolution_a_product() {
    for (size, fd) in [([4, 6, 8], 2), ([5, 7, 9], 2), ([1, 6, 4], 1)] {
        let x = random([2, 3, size[0], size[1], size[2]]);
        let weight = random([4, 3, fd, 2, 2]);
        let want = conv3d(x.clone(), weight.clone(), None, ConvOptions::new([fd, 2, 2], [0; 3], [1; 3], 1));
        let weight = weight.reshape([4, 3 * fd * 4, 1, 1, 1]);
        let got = conv3d(cells_as_channels(x, fd), weight, None, ConvOptions::new([1; 3], [0; 3], [1; 3], 1));
        same(got, want);
    }
}

#[test]
fn gelu_is_burns() {
    let (a, b) = (random([1, 2, 3, 40, 50]) * 6.0, random([1, 2, 3, 40, 50]));
    let close = |got: Tensor<5>, want: Tensor<5>| {
        got.into_data().assert_approx_eq::<f32>(&want.into_data(), Tolerance::absolute(3e-6));
    };
    close(gelu_of_sum(a.clone(), None), burn::tensor::activation::gelu(a.clone()));
    close(gelu_of_sum(a.clone(), Some(b.clone())), burn::tensor::activation::gelu(a + b));
}

#[test]
fn upsampling_repeats_each_cell() {
    for fd in [1, 2] {
        let (coarse, fine) = (random([2, 3, 2, 3, 4]), random([2, 3, 2 * fd, 6, 8]));
        let up = coarse.clone().reshape([12, 1, 3, 1, 4, 1]).expand([12, fd, 3, 2, 4, 2]);
        let want = up.reshape([2, 3, 2 * fd, 6, 8]) + fine.clone();
        same(upsample_add(coarse, fine, fd), want);
    }
}
