//! The three operations that decide how long a net takes on the CPU: same-size convolution, halving, doubling.
//!
//! burn's CPU device unrolls each convolution into a matrix, which for the few channels of the fine levels takes
//! ten times as long as the sums themselves (64^3, 8 to 8 channels, one core: 280 ms against 20 ms here), and
//! copies a strided view a number at a time. The results are those of burn's own operations but for rounding.

mod weight_gradient;

pub(super) use weight_gradient::weight_gradient;

use burn::tensor::{Device, Tensor, TensorData};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Output channels that a tile computes together.
const BLOCK: usize = 4;
/// Vectors of neighbouring voxels that a tile computes together; four times two accumulators fit 16 registers.
const VECTORS: usize = 2;
/// Voxels of neighbouring rows over which some inputs are summed before the next ones are: of a large volume with many
/// channels (128^3, 32 to 32) all inputs at once took twice as long, for what a tile left in the nearest cache was gone
/// before its neighbour came.
const STRIP: usize = 128;
/// Bytes of inputs that stay in the nearest cache meanwhile.
const NEAREST: usize = 20 << 10;

/// Whether these operations apply: the CPU device, and no gradient wanted.
pub(super) fn applies(device: &Device) -> bool {
    *device == Device::flex() && !device.is_autodiff()
}

fn values<const D: usize>(tensor: Tensor<D>) -> TensorData {
    tensor.into_data()
}

fn floats(data: &TensorData) -> &[f32] {
    // The nets compute in f32 throughout; another type would be a fault of the program.
    data.as_slice().expect("the CPU device holds f32")
}

/// The convolution of `x` `[B, in, D, H, W]` with `weight` `[out, in, kd, kh, kw]` (odd sizes) that keeps the grid.
pub(super) fn conv_same(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
    let [_, _, kd, kh, kw] = weight.dims();
    conv(x, weight, bias, [kd / 2, kh / 2, kw / 2], 1)
}

/// The convolution of `x` `[B, in, D, H, W]` with `weight` `[out, in, kd, kh, kw]`, stride 1, with `padding` zeros
/// before and behind each axis; the kernel's taps lie `dilation` voxels apart.
pub(super) fn conv(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, padding: [usize; 3], dilation: usize) -> Tensor<5> {
    let (device, shape, kernel) = (x.device(), x.dims(), weight.dims());
    let (x, weight, bias) = (values(x), values(weight), bias.map(values));
    let (out, shape) = convolve(floats(&x), shape, floats(&weight), kernel, bias.as_ref().map(floats), padding, dilation);
    Tensor::from_data(TensorData::new(out, shape), &device)
}

/// The same on plain numbers: the sums and their shape `[B, out, D, H, W]`.
pub(super) fn convolve(
    x: &[f32],
    [batch, inputs, d, h, w]: [usize; 5],
    weight: &[f32],
    [outputs, _, kd, kh, kw]: [usize; 5],
    bias: Option<&[f32]>,
    padding: [usize; 3],
    dilation: usize,
) -> (Vec<f32>, [usize; 5]) {
    let plan = Plan::new([inputs, d, h, w], [kd, kh, kw], padding, dilation);
    let packed = pack(weight, outputs, inputs * kd * kh * kw);
    let zeros = vec![0.0; outputs];
    let bias = bias.unwrap_or(&zeros);
    let [d_out, h_out, w_out] = plan.size;
    let len = d_out * h_out * w_out;
    let mut out = vec![0.0; batch * outputs * len];
    let images = x.chunks_exact(inputs * d * h * w).zip(out.chunks_exact_mut(outputs * len));
    let mut padded = vec![0.0; plan.padded_len()];
    for (image, out) in images {
        plan.pad(image, &mut padded);
        tasks(&plan, &padded, &packed, bias, out).into_par_iter().for_each(dispatch);
    }
    (out, [batch, outputs, d_out, h_out, w_out])
}

/// Weights `[out, taps]` as blocks of [`BLOCK`] outputs, `[out / 4, taps, 4]`; missing outputs are 0.
fn pack(weight: &[f32], outputs: usize, taps: usize) -> Vec<f32> {
    let mut packed = vec![0.0; outputs.div_ceil(BLOCK) * taps * BLOCK];
    for (output, row) in weight.chunks_exact(taps).enumerate() {
        let block = &mut packed[output / BLOCK * taps * BLOCK..][..taps * BLOCK];
        for (tap, &value) in row.iter().enumerate() {
            block[tap * BLOCK + output % BLOCK] = value;
        }
    }
    packed
}

/// Shapes of a convolution and of its input with a border of zeros.
struct Plan {
    inputs: usize,
    /// The input's axes.
    from: [usize; 3],
    /// The output's axes.
    size: [usize; 3],
    border: [usize; 3],
    padded: [usize; 3],
    /// Where each tap of the kernel lies in a padded channel, from the first one.
    taps: Vec<usize>,
}

impl Plan {
    fn new([inputs, d, h, w]: [usize; 4], kernel: [usize; 3], border: [usize; 3], dilation: usize) -> Self {
        let reach = kernel.map(|k| dilation * (k - 1));
        let from = [d, h, w];
        let size = std::array::from_fn(|axis| from[axis] + 2 * border[axis] - reach[axis]);
        // Whole vectors are read at the end of a row too.
        let whole = size[2].div_ceil(lanes()) * lanes();
        let padded = [size[0] + reach[0], size[1] + reach[1], whole + reach[2]];
        let tap = |at: usize| {
            let [z, y, x] = [at / (kernel[1] * kernel[2]), at / kernel[2] % kernel[1], at % kernel[2]];
            ((z * padded[1] + y) * padded[2] + x) * dilation
        };
        let taps = (0..kernel.iter().product()).map(tap).collect();
        Self { inputs, from, size, border, padded, taps }
    }

    fn channel_len(&self) -> usize {
        self.padded.iter().product()
    }

    /// How many inputs are summed at once over so many rows.
    fn inputs_at_once(&self, rows: usize) -> usize {
        let [d, h]: [usize; 2] = std::array::from_fn(|axis| self.padded[axis] - self.size[axis] + 1);
        let bytes = d * (h + rows - 1) * self.padded[2] * size_of::<f32>();
        (NEAREST / bytes).max(1)
    }

    fn padded_len(&self) -> usize {
        self.inputs * self.channel_len()
    }

    /// Copies an image `[in, D, H, W]` into its padded form; the border stays as it is.
    fn pad(&self, image: &[f32], padded: &mut [f32]) {
        let ([d, h, w], border) = (self.from, self.border);
        let [_, ph, pw] = self.padded;
        padded.par_chunks_exact_mut(self.channel_len()).zip(image.par_chunks_exact(d * h * w)).for_each(|(to, from)| {
            for (row, values) in from.chunks_exact(w).enumerate() {
                let at = ((row / h + border[0]) * ph + row % h + border[1]) * pw + border[2];
                to[at..at + w].copy_from_slice(values);
            }
        });
    }

    /// Rows of a plane that one task computes: planes are tasks enough in 3-D, a picture is cut.
    fn rows_per_task(&self) -> usize {
        let [d, h, _] = self.size;
        if d >= 8 { h } else { h.div_ceil(8) }
    }
}

/// Some rows of one plane, for one block of outputs.
struct Task<'a> {
    plan: &'a Plan,
    padded: &'a [f32],
    weights: &'a [f32],
    bias: [f32; BLOCK],
    plane: usize,
    first_row: usize,
    /// The rows in each output channel.
    out: Vec<&'a mut [f32]>,
}

fn tasks<'a>(plan: &'a Plan, padded: &'a [f32], packed: &'a [f32], bias: &[f32], out: &'a mut [f32]) -> Vec<Task<'a>> {
    let [d, h, w] = plan.size;
    let (rows, block_len) = (plan.rows_per_task(), plan.inputs * plan.taps.len() * BLOCK);
    let parts = h.div_ceil(rows);
    let mut tasks: Vec<Task<'a>> = Vec::new();
    for (weights, bias) in packed.chunks_exact(block_len).zip(bias.chunks(BLOCK)) {
        let bias = std::array::from_fn(|i| bias.get(i).copied().unwrap_or(0.0));
        tasks.extend((0..d * parts).map(|part| {
            let (plane, first_row) = (part / parts, part % parts * rows);
            Task { plan, padded, weights, bias, plane, first_row, out: Vec::with_capacity(BLOCK) }
        }));
    }
    for (output, channel) in out.chunks_exact_mut(d * h * w).enumerate() {
        let block = &mut tasks[output / BLOCK * d * parts..][..d * parts];
        let pieces = channel.chunks_exact_mut(h * w).flat_map(|plane| plane.chunks_mut(rows * w));
        block.iter_mut().zip(pieces).for_each(|(task, piece)| task.out.push(piece));
    }
    tasks
}

/// Runs with the widest vectors that this processor has.
fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(simd) = pulp::x86::V4::try_new() {
            return Simd::vectorize(simd, op);
        }
        if let Some(simd) = pulp::x86::V3::try_new() {
            return Simd::vectorize(simd, op);
        }
    }
    pulp::Arch::new().dispatch(op)
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        S::F32_LANES
    }
}

/// Numbers in a vector.
fn lanes() -> usize {
    dispatch(Lanes)
}

impl WithSimd for Task<'_> {
    type Output = ();

    // No closures below: they would not be compiled for the processor at hand.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [_, _, w] = self.plan.size;
        let across = w.div_ceil(S::F32_LANES);
        let rows = self.out.first().map_or(0, |out| out.len() / w);
        let strip = STRIP.div_ceil(w);
        let group = self.plan.inputs_at_once(strip);
        let mut first_row = 0;
        while first_row < rows {
            let end = (first_row + strip).min(rows);
            let mut first_input = 0;
            while first_input < self.plan.inputs {
                let inputs = first_input..(first_input + group).min(self.plan.inputs);
                first_input = inputs.end;
                self.strip(simd, first_row * across..end * across, inputs);
            }
            first_row = end;
        }
    }
}

impl Task<'_> {
    /// Adds some inputs to the sums of some vectors of voxels, counted over the rows.
    #[inline(always)]
    fn strip<S: Simd>(&mut self, simd: S, positions: Range<usize>, inputs: Range<usize>) {
        let across = self.plan.size[2].div_ceil(S::F32_LANES);
        let mut position = positions.start;
        while position < positions.end {
            let count = VECTORS.min(positions.end - position);
            let mut places = [[0; 2]; VECTORS];
            for (i, place) in places.iter_mut().enumerate() {
                // A tile that is short of vectors computes its first again.
                let at = if i < count { position + i } else { position };
                *place = [at / across, at % across * S::F32_LANES];
            }
            let sums = self.tile(simd, places, inputs.clone());
            for i in 0..count {
                self.store(simd, places[i], sums[i]);
            }
            position += count;
        }
    }

    /// Sums of all taps of some inputs at some places `[row, column]`, a vector of voxels each, for the block of outputs;
    /// what was summed of the inputs before is taken up.
    #[inline(always)]
    fn tile<S: Simd>(&self, simd: S, places: [[usize; 2]; VECTORS], inputs: Range<usize>) -> [[S::f32s; BLOCK]; VECTORS] {
        let plan = self.plan;
        let [_, ph, pw] = plan.padded;
        let w = plan.size[2];
        let mut starts = [0; VECTORS];
        for i in 0..VECTORS {
            starts[i] = (self.plane * ph + self.first_row + places[i][0]) * pw + places[i][1];
        }
        let mut sums = [[simd.splat_f32s(0.0); BLOCK]; VECTORS];
        for (sums, [row, column]) in sums.iter_mut().zip(places) {
            for (o, sum) in sums.iter_mut().enumerate() {
                *sum = if inputs.start == 0 {
                    simd.splat_f32s(self.bias[o])
                } else if let Some(out) = self.out.get(o) {
                    simd.partial_load_f32s(&out[row * w + column..row * w + (column + S::F32_LANES).min(w)])
                } else {
                    simd.splat_f32s(0.0)
                };
            }
        }
        let (len, taps) = (plan.channel_len(), plan.taps.len() * BLOCK);
        let channels = self.padded[inputs.start * len..inputs.end * len].chunks_exact(len);
        for (channel, weights) in channels.zip(self.weights[inputs.start * taps..inputs.end * taps].chunks_exact(taps)) {
            for (&tap, weight) in plan.taps.iter().zip(weights.chunks_exact(BLOCK)) {
                let mut x = [simd.splat_f32s(0.0); VECTORS];
                for i in 0..VECTORS {
                    x[i] = load::<S>(channel, starts[i] + tap);
                }
                for o in 0..BLOCK {
                    let weight = simd.splat_f32s(weight[o]);
                    for i in 0..VECTORS {
                        sums[i][o] = simd.mul_add_e_f32s(weight, x[i], sums[i][o]);
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store<S: Simd>(&mut self, simd: S, [row, column]: [usize; 2], sums: [S::f32s; BLOCK]) {
        let w = self.plan.size[2];
        let end = (column + S::F32_LANES).min(w);
        for (out, sum) in self.out.iter_mut().zip(sums) {
            simd.partial_store_f32s(&mut out[row * w + column..row * w + end], sum);
        }
    }
}

#[inline(always)]
fn load<S: Simd>(from: &[f32], at: usize) -> S::f32s {
    S::as_simd_f32s(&from[at..at + S::F32_LANES]).0[0]
}

/// `[B, C, D, H, W]` -> `[B, C * fd * 2 * 2, D / fd, H / 2, W / 2]`: each cell's voxels as channels, in the order
/// of a kernel's weights, so that a convolution with stride = kernel is one product. Odd ends are left out.
pub(super) fn cells_as_channels(x: Tensor<5>, fd: usize) -> Tensor<5> {
    let device = x.device();
    let [b, c, d, h, w] = x.dims();
    let [nd, nh, nw] = [d / fd, h / 2, w / 2];
    let x = values(x);
    let x = floats(&x);
    let mut out = vec![0.0; b * c * fd * 4 * nd * nh * nw];
    out.par_chunks_exact_mut(nd * nh * nw).enumerate().for_each(|(channel, out)| {
        let (image, part) = (channel / (fd * 4), channel % (fd * 4));
        let [pz, py, px] = [part / 4, part / 2 % 2, part % 2];
        for (row, out) in out.chunks_exact_mut(nw).enumerate() {
            let [z, y] = [row / nh * fd + pz, row % nh * 2 + py];
            let from = &x[((image * d + z) * h + y) * w..][..w];
            out.iter_mut().zip(from.iter().skip(px).step_by(2)).for_each(|(to, &value)| *to = value);
        }
    });
    Tensor::from_data(TensorData::new(out, [b, c * fd * 4, nd, nh, nw]), &device)
}

/// `coarse` `[B, C, D, H, W]` at twice the size (nearest; `D` by `fd`) plus `fine` of that size.
pub(super) fn upsample_add(coarse: Tensor<5>, fine: Tensor<5>, fd: usize) -> Tensor<5> {
    let device = fine.device();
    let shape = fine.dims();
    let [_, _, d, h, w] = coarse.dims();
    let (coarse, mut fine) = (values(coarse), values(fine));
    let coarse = floats(&coarse);
    let out: &mut [f32] = fine.as_mut_slice().expect("the CPU device holds f32");
    out.par_chunks_exact_mut(fd * d * 4 * h * w).zip(coarse.par_chunks_exact(d * h * w)).for_each(|(out, coarse)| {
        for (row, out) in out.chunks_exact_mut(2 * w).enumerate() {
            let [z, y] = [row / (2 * h) / fd, row % (2 * h) / 2];
            let from = &coarse[(z * h + y) * w..][..w];
            out.chunks_exact_mut(2).zip(from).for_each(|(pair, &value)| {
                pair[0] += value;
                pair[1] += value;
            });
        }
    });
    Tensor::<5>::from_data(fine, &device).reshape(shape)
}

/// GELU, in its exact form, of `a + b`.
pub(super) fn gelu_of_sum(a: Tensor<5>, b: Option<Tensor<5>>) -> Tensor<5> {
    let (device, shape) = (a.device(), a.dims());
    let mut a = values(a);
    let b = b.map(values);
    let out: &mut [f32] = a.as_mut_slice().expect("the CPU device holds f32");
    match &b {
        Some(b) => out.par_chunks_mut(LINE).zip(floats(b).par_chunks(LINE)).for_each(|(a, b)| dispatch(Gelu { a, b })),
        None => out.par_chunks_mut(LINE).for_each(|a| dispatch(Gelu { a, b: &[] })),
    }
    Tensor::<5>::from_data(a, &device).reshape(shape)
}

/// Numbers that one task takes.
const LINE: usize = 1 << 14;

struct Gelu<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    // A loop that the compiler makes vectors of, once for each kind of processor.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        if self.b.is_empty() {
            for a in self.a {
                *a = gelu(*a);
            }
        } else {
            for (a, b) in self.a.iter_mut().zip(self.b) {
                *a = gelu(*a + b);
            }
        }
    }
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Within 4e-7 of the error function: a quotient of polynomials of x², fitted by least squares to 0..3.92, where erf has
/// reached 1 to the last bit.
#[inline(always)]
fn erf(x: f32) -> f32 {
    const END: f32 = 3.92;
    const ABOVE: [f32; 7] =
        [1.128_378_8, 2.060_937e-1, 5.139_447_7e-2, 3.971_905_6e-3, 1.489_545_1e-4, -1.994_007_9e-6, 1.991_908_8e-8];
    const BELOW: [f32; 5] = [1.0, 5.159_746e-1, 1.175_559_8e-1, 1.488_735_8e-2, 1.023_855e-3];
    let x = x.clamp(-END, END);
    let square = x * x;
    let above = ABOVE.iter().rev().fold(0.0, |sum, value| sum * square + value);
    let below = BELOW.iter().rev().fold(0.0, |sum, value| sum * square + value);
    x * above / below
}

#[cfg(test)]
mod tests;
