//! The layers of the published nets: convolutions over whole volumes or pieces of them, products of channels, GELU.

use super::cpu;
use super::slabs::{Slabs, Stopped, Work};
use super::source::Source;
use burn::tensor::activation::gelu;
use burn::tensor::module::conv3d;
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{Device, Tensor};
use std::ops::Range;

/// A convolution that keeps the grid, or one of stride 2 that halves it. In 2-D the kernel has no depth.
#[derive(Clone, Debug)]
pub(super) struct Conv {
    /// `[out, in, kd, kh, kw]`; one that halves, on the CPU, as [`folded`] makes it.
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    kernel: [usize; 3],
    halves: bool,
    dilation: usize,
    is_cpu: bool,
}

/// `[out, in, 2a, 2b, 2c]` -> `[out, in * 8, a, b, c]` (in 2-D `in * 4` and `a` = 1): the kernel for cells of 2 voxels
/// a side that were made channels.
fn folded(weight: Tensor<5>) -> Tensor<5> {
    let [outputs, inputs, kd, kh, kw] = weight.dims();
    let fd = if kd == 1 { 1 } else { 2 };
    let parted = weight.reshape([outputs, inputs, kd / fd, fd, kh / 2, 2, kw / 2, 2]);
    parted.permute([0, 1, 3, 5, 7, 2, 4, 6]).reshape([outputs, inputs * fd * 4, kd / fd, kh / 2, kw / 2])
}

impl Conv {
    /// Kernel 3, or (1, 3, 3) where `dims` is 2, with a bias.
    pub fn same(source: &mut impl Source, name: &str, channels: [usize; 2], dims: usize) -> Self {
        let weight = kernel(source, &format!("{name}.weight"), channels, 3, dims);
        let bias = source.take(&format!("{name}.bias"), [channels[1]]);
        Self::new(weight, Some(bias), false, 1, source.device().as_ref())
    }

    /// Kernel 4, stride 2 and padding 1, with a bias.
    pub fn halving(source: &mut impl Source, name: &str, channels: [usize; 2], dims: usize) -> Self {
        let weight = kernel(source, &format!("{name}.weight"), channels, 4, dims);
        let bias = source.take(&format!("{name}.bias"), [channels[1]]);
        Self::new(weight, Some(bias), true, 1, source.device().as_ref())
    }

    /// From tensors; `weight` is `[out, in, kd, kh, kw]`. Without a device it will compute nothing.
    pub fn new(weight: Tensor<5>, bias: Option<Tensor<1>>, halves: bool, dilation: usize, device: Option<&Device>) -> Self {
        let [_, _, kd, kh, kw] = weight.dims();
        let is_cpu = device.is_some_and(cpu::applies);
        let weight = if halves && is_cpu { folded(weight) } else { weight };
        Self { weight, bias, kernel: [kd, kh, kw], halves, dilation, is_cpu }
    }

    fn outputs(&self) -> usize {
        self.weight.dims()[0]
    }

    /// Products a number of the output.
    fn products(&self) -> usize {
        self.weight.dims()[1..].iter().product()
    }

    /// Voxels of the border that each side needs along the depth.
    fn reach(&self) -> usize {
        if self.halves && self.kernel[0] > 1 { 1 } else { self.dilation * (self.kernel[0] / 2) }
    }

    fn depth_stride(&self) -> usize {
        if self.halves && self.kernel[0] > 1 { 2 } else { 1 }
    }

    /// The output's planes, of which `then` may make something else at once.
    pub fn forward(
        &self,
        x: &Slabs,
        work: &mut Work<'_>,
        then: impl Fn(Tensor<5>, Range<usize>) -> Tensor<5>,
    ) -> Result<Slabs, Stopped> {
        let [b, c, d, h, w] = x.dims();
        let (stride, reach) = (self.depth_stride(), self.reach());
        let across = if self.halves { 2 } else { 1 };
        let out_plane = b * self.outputs() * (h / across) * (w / across);
        let products = (out_plane * self.products()) as f64;
        let planes = work.planes((stride * b * c * h * w).max(out_plane), products, 2 * reach);
        Slabs::build(d / stride, planes, |range| {
            let from = (range.start * stride) as isize - reach as isize;
            let to = (range.end * stride + reach) as isize;
            let count = range.len() as f64;
            let input = x.padded(from, to);
            work.saw(&input);
            let out = then(self.valid(input), range);
            work.did(products * count, &out)?;
            Ok(out)
        })
    }

    /// The whole of a few pictures.
    pub fn apply(&self, x: Tensor<5>, work: &mut Work<'_>) -> Result<Tensor<5>, Stopped> {
        let (reach, depth) = (self.reach() as isize, x.dims()[2] as isize);
        let out = self.valid(Slabs::whole(x).padded(-reach, depth + reach));
        let [b, _, d, h, w] = out.dims();
        work.did((b * self.outputs() * d * h * w * self.products()) as f64, &out)?;
        Ok(out)
    }

    /// Over an input that has its border along the depth already.
    fn valid(&self, x: Tensor<5>) -> Tensor<5> {
        let (bias, dilation) = (self.bias.clone(), self.dilation);
        let border = if self.halves { 1 } else { dilation * (self.kernel[1] / 2) };
        if !self.is_cpu {
            let stride = [self.depth_stride(), 1 + usize::from(self.halves), 1 + usize::from(self.halves)];
            let options = ConvOptions::new(stride, [0, border, border], [dilation; 3], 1);
            return conv3d(x, self.weight.clone(), bias, options);
        }
        if self.halves {
            let cells = cpu::cells_as_channels(x.pad((1, 1, 1, 1), PadMode::Constant(0.0)), self.depth_stride());
            return cpu::conv(cells, self.weight.clone(), bias, [0; 3], 1);
        }
        cpu::conv(x, self.weight.clone(), bias, [0, border, border], dilation)
    }
}

/// A kernel of one size along all axes.
fn kernel(source: &mut impl Source, name: &str, [inputs, outputs]: [usize; 2], size: usize, dims: usize) -> Tensor<5> {
    if dims == 3 {
        return source.take(name, [outputs, inputs, size, size, size]);
    }
    let flat: Tensor<4> = source.take(name, [outputs, inputs, size, size]);
    flat.reshape([outputs, inputs, 1, size, size])
}

/// A convolution of kernel 1 over the channels of one or two inputs that stand one after the other.
///
/// The sum of two products is the product of the concatenation, which is then never made.
#[derive(Clone, Debug)]
pub(super) struct Pointwise {
    /// `[1, out, in]` for each input.
    weights: Vec<Tensor<3>>,
    bias: Tensor<3>,
}

impl Pointwise {
    /// For inputs of these channels, in the order in which they are concatenated.
    pub fn new(source: &mut impl Source, name: &str, inputs: &[usize], outputs: usize, dims: usize) -> Self {
        let all = inputs.iter().sum();
        let weight = kernel(source, &format!("{name}.weight"), [all, outputs], 1, dims).reshape([1, outputs, all]);
        let bias: Tensor<1> = source.take(&format!("{name}.bias"), [outputs]);
        let mut from = 0;
        let weights = inputs.iter().map(|&count| {
            from += count;
            weight.clone().narrow(2, from - count, count)
        });
        Self { weights: weights.collect(), bias: bias.reshape([1, outputs, 1]) }
    }

    pub fn outputs(&self) -> usize {
        self.bias.dims()[1]
    }

    /// Products a voxel over the input of a place.
    pub fn products(&self, place: usize) -> usize {
        self.weights[place].dims().iter().product()
    }

    /// The share of the input of a place, without the bias.
    pub fn share(&self, place: usize, x: Tensor<5>) -> Tensor<5> {
        let [b, c, d, h, w] = x.dims();
        let product = self.weights[place].clone().matmul(x.reshape([b, c, d * h * w]));
        product.reshape([b, self.outputs(), d, h, w])
    }

    /// The share of the input of a place, with the bias.
    pub fn share_and_bias(&self, place: usize, x: Tensor<5>) -> Tensor<5> {
        self.share(place, x) + self.bias.clone().reshape([1, self.outputs(), 1, 1, 1])
    }
}

/// GELU of a sum, in its exact form.
pub(super) fn gelu_of_sum(a: Tensor<5>, b: Tensor<5>) -> Tensor<5> {
    if cpu::applies(&a.device()) && a.dims() == b.dims() { cpu::gelu_of_sum(a, Some(b)) } else { gelu(a + b) }
}

/// GELU in its exact form.
pub(super) fn gelu_exact(x: Tensor<5>) -> Tensor<5> {
    if cpu::applies(&x.device()) { cpu::gelu_of_sum(x, None) } else { gelu(x) }
}
