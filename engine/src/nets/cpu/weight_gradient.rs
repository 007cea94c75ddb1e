//! The gradient of a convolution's weights, for nets that are tuned.

use super::{BLOCK, Plan, dispatch};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The gradient of a convolution's weights `[out, in, kd, kh, kw]` (odd sizes), of one that keeps the grid: `x` is what
/// it was given, `[B, in, D, H, W]`, `grad` the gradient of what came out, `[B, out, D, H, W]`.
pub(in crate::nets) fn weight_gradient(
    x: &[f32],
    [batch, inputs, d, h, w]: [usize; 5],
    grad: &[f32],
    [outputs, _, kd, kh, kw]: [usize; 5],
) -> Vec<f32> {
    let plan = Plan::new([inputs, d, h, w], [kd, kh, kw], [kd / 2, kh / 2, kw / 2], 1);
    let (len, taps) = (d * h * w, kd * kh * kw);
    let [_, ph, pw] = plan.padded;
    let mut padded = vec![0.0; plan.padded_len()];
    // The gradient's rows lie as far apart as the input's: a tap is then one long product.
    let spread_len = ((d - 1) * ph + h - 1) * pw + w;
    let mut spread = vec![0.0; outputs * spread_len];
    // Blocks of outputs, then inputs, then taps: a task's share lies in one piece.
    let mut sums = vec![0.0; outputs.div_ceil(BLOCK) * inputs * taps * BLOCK];
    for image in 0..batch {
        plan.pad(&x[image * inputs * len..][..inputs * len], &mut padded);
        let grad = &grad[image * outputs * len..][..outputs * len];
        spread.par_chunks_exact_mut(spread_len).zip(grad.par_chunks_exact(len)).for_each(|(to, from)| {
            for (row, values) in from.chunks_exact(w).enumerate() {
                to[(row / h * ph + row % h) * pw..][..w].copy_from_slice(values);
            }
        });
        sums.par_chunks_exact_mut(taps * BLOCK).enumerate().for_each(|(task, sums)| {
            let (block, input) = (task / inputs, task % inputs);
            let channel = &padded[input * plan.channel_len()..][..plan.channel_len()];
            // A block that is short of outputs sums its last one again.
            let grads = std::array::from_fn(|o| &spread[(block * BLOCK + o).min(outputs - 1) * spread_len..][..spread_len]);
            dispatch(Correlate { taps: &plan.taps, channel, grads, sums });
        });
    }
    let at =
        |output: usize, input: usize, tap: usize| sums[((output / BLOCK * inputs + input) * taps + tap) * BLOCK + output % BLOCK];
    let places = (0..outputs).flat_map(|o| (0..inputs).flat_map(move |i| (0..taps).map(move |tap| (o, i, tap))));
    places.map(|(output, input, tap)| at(output, input, tap)).collect()
}

/// Taps that are summed together: with [`BLOCK`] outputs they fill twelve registers.
const TAPS: usize = 3;
/// Numbers of a gradient that stay in the nearest cache while all taps pass over them.
const STRETCH: usize = 1 << 10;

/// For one input channel and a block of outputs: at each tap, the sum over all voxels of input times gradient.
struct Correlate<'a> {
    /// Where each tap begins in the channel.
    taps: &'a [usize],
    /// The padded input.
    channel: &'a [f32],
    /// The gradient of each output, spread out like the input.
    grads: [&'a [f32]; BLOCK],
    /// `[taps, BLOCK]`.
    sums: &'a mut [f32],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    // No closures below: they would not be compiled for the processor at hand.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let len = self.grads[0].len();
        let groups = self.taps.len().div_ceil(TAPS);
        let mut sums = vec![[[simd.splat_f32s(0.0); BLOCK]; TAPS]; groups];
        let mut start = 0;
        while start < len {
            let end = (start + STRETCH).min(len);
            let mut grads: [(&[S::f32s], &[f32]); BLOCK] = [(&[], &[]); BLOCK];
            for (grad, all) in grads.iter_mut().zip(&self.grads) {
                *grad = S::as_simd_f32s(&all[start..end]);
            }
            for (group, sums) in sums.iter_mut().enumerate() {
                let mut sum = *sums;
                let mut inputs: [(&[S::f32s], &[f32]); TAPS] = [(&[], &[]); TAPS];
                for (t, input) in inputs.iter_mut().enumerate() {
                    // A group that is short of taps sums the last one again.
                    let tap = self.taps[(group * TAPS + t).min(self.taps.len() - 1)];
                    *input = S::as_simd_f32s(&self.channel[tap + start..tap + end]);
                }
                for i in 0..grads[0].0.len() {
                    for t in 0..TAPS {
                        for o in 0..BLOCK {
                            sum[t][o] = simd.mul_add_e_f32s(grads[o].0[i], inputs[t].0[i], sum[t][o]);
                        }
                    }
                }
                if !grads[0].1.is_empty() {
                    for t in 0..TAPS {
                        let x = simd.partial_load_f32s(inputs[t].1);
                        for o in 0..BLOCK {
                            sum[t][o] = simd.mul_add_e_f32s(simd.partial_load_f32s(grads[o].1), x, sum[t][o]);
                        }
                    }
                }
                *sums = sum;
            }
            start = end;
        }
        for (tap, to) in self.sums.chunks_exact_mut(BLOCK).enumerate() {
            for (to, sum) in to.iter_mut().zip(sums[tap / TAPS][tap % TAPS]) {
                *to += simd.reduce_sum_f32s(sum);
            }
        }
    }
}
