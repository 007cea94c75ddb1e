//! The operations of a net on the CPU where its gradient is wanted, for tuning: burn's own convolution takes ten times as
//! long for few channels, and twenty times as long backwards.

use super::cpu;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::flex::{Flex, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch};
use burn::tensor::{Device, Tensor, TensorData};

/// Whether these operations apply: the CPU device, and a gradient wanted.
pub(super) fn applies(device: &Device) -> bool {
    device.is_autodiff() && *device == Device::flex().autodiff()
}

/// The convolution of `x` `[B, in, D, H, W]` with `weight` `[out, in, kd, kh, kw]` (odd sizes) that keeps the grid.
pub(super) fn conv_same(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let bias = bias.reshape([1, -1, 1, 1, 1]);
    Tensor::from_dispatch(Dispatch::keeping_convolution(x.into_dispatch(), weight.into_dispatch())) + bias
}

/// A convolution whose kernel is one voxel, as a product of matrices.
pub(super) fn pointwise(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let ([b, inputs, d, h, w], outputs) = (x.dims(), weight.dims()[0]);
    let weight = weight.reshape([1, outputs, inputs]);
    let out = weight.matmul(x.reshape([b, inputs, d * h * w])) + bias.reshape([1, -1, 1]);
    out.reshape([b, outputs, d, h, w])
}

/// A convolution whose stride is its kernel `(fd, 2, 2)`, as a product of matrices.
pub(super) fn halve(x: Tensor<5>, weight: Tensor<5>, bias: Tensor<1>) -> Tensor<5> {
    let ([b, inputs, d, h, w], [outputs, _, fd, ..]) = (x.dims(), weight.dims());
    let [nd, nh, nw] = [d / fd, h / 2, w / 2];
    let cells = x.reshape([b, inputs, nd, fd, nh, 2, nw, 2]).permute([0, 1, 3, 5, 7, 2, 4, 6]);
    let cells = cells.reshape([b, inputs * fd * 4, nd, nh, nw]);
    pointwise(cells, weight.reshape([outputs, inputs * fd * 4, 1, 1, 1]), bias)
}

/// Convolutions that the program computes by itself on burn's CPU device.
#[burn::backend::backend_extension(Flex, Autodiff)]
pub(crate) trait Convolve: Backend {
    /// Keeps the grid; odd kernels.
    fn keeping_convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The same, backwards.
pub(crate) trait ConvolveBack: Convolve {
    /// The gradient of what went in.
    fn input_gradient(weight: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of the weights, whose kernel is given.
    fn weight_gradient(x: FloatTensor<Self>, grad: FloatTensor<Self>, kernel: [usize; 3]) -> FloatTensor<Self>;
}

impl Convolve for Flex {
    fn keeping_convolution(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let (x, weight) = (Plain::new(&x), Plain::new(&weight));
        let [_, _, kd, kh, kw] = weight.shape;
        let (x_values, padding) = (x.floats(), [kd / 2, kh / 2, kw / 2]);
        let (out, shape) = cpu::convolve(x_values, x.shape, weight.floats(), weight.shape, None, padding, 1);
        flex(out, shape)
    }
}

impl ConvolveBack for Flex {
    fn input_gradient(weight: FlexTensor, grad: FlexTensor) -> FlexTensor {
        let (weight, grad) = (Plain::new(&weight), Plain::new(&grad));
        let [outputs, inputs, kd, kh, kw] = weight.shape;
        let (values, taps) = (weight.floats(), kd * kh * kw);
        // Each voxel gave to those around it: the kernel turned about, from outputs to inputs.
        let mut turned = Vec::with_capacity(values.len());
        for input in 0..inputs {
            for output in 0..outputs {
                turned.extend(values[(output * inputs + input) * taps..][..taps].iter().rev());
            }
        }
        let kernel = [inputs, outputs, kd, kh, kw];
        let (out, shape) = cpu::convolve(grad.floats(), grad.shape, &turned, kernel, None, [kd / 2, kh / 2, kw / 2], 1);
        flex(out, shape)
    }

    fn weight_gradient(x: FlexTensor, grad: FlexTensor, [kd, kh, kw]: [usize; 3]) -> FlexTensor {
        let (x, grad) = (Plain::new(&x), Plain::new(&grad));
        let kernel = [grad.shape[1], x.shape[1], kd, kh, kw];
        flex(cpu::weight_gradient(x.floats(), x.shape, grad.floats(), kernel), kernel)
    }
}

/// A tensor whose numbers lie in order.
struct Plain {
    tensor: FlexTensor,
    shape: [usize; 5],
}

impl Plain {
    fn new(tensor: &FlexTensor) -> Self {
        let tensor = tensor.to_contiguous();
        let shape = std::array::from_fn(|axis| tensor.layout().shape()[axis]);
        Self { tensor, shape }
    }

    fn floats(&self) -> &[f32] {
        // The nets compute in f32 throughout; another type would be a fault of the program.
        self.tensor.as_slice().expect("the CPU device holds f32")
    }
}

fn flex(values: Vec<f32>, shape: [usize; 5]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

#[derive(Debug)]
struct Keeping;

impl<B: ConvolveBack> Backward<B, 2> for Keeping {
    type State = (NodeId, NodeId, [usize; 3]);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [of_x, of_weight] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight, kernel) = ops.state;
        if let Some(node) = of_x {
            let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight);
            grads.register::<B>(node.id, B::input_gradient(weight, grad.clone()));
        }
        if let Some(node) = of_weight {
            let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
            grads.register::<B>(node.id, B::weight_gradient(x, grad, kernel));
        }
    }
}

impl<B: ConvolveBack, C: CheckpointStrategy> Convolve for Autodiff<B, C> {
    fn keeping_convolution(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = burn::backend::TensorMetadata::shape(&weight);
        let kernel = [shape[2], shape[3], shape[4]];
        match Keeping.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight), kernel);
                prep.finish(state, B::keeping_convolution(x.primitive().clone(), weight.primitive().clone()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::keeping_convolution(x.primitive().clone(), weight.primitive().clone())),
        }
    }
}
