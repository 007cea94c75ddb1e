//! Where a net's weights come from, by the names that its authors gave them: a file, chance, or nowhere (a net that
//! is only asked what it would take).

use burn::tensor::{Device, Distribution, Tensor};

/// Gives tensors by name; a net is made by asking for each of its own, once.
pub trait Source {
    /// The device on which the net shall live; none for a net that will compute nothing.
    fn device(&self) -> Option<Device>;

    /// The tensor of a name, of just this shape.
    fn take<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D>;
}

/// Notes what a net asks for. Its tensors are views of a single number, so that even the largest net takes no memory.
#[derive(Default)]
pub struct Schema(pub Vec<(String, Vec<usize>)>);

impl Schema {
    /// Numbers in all tensors.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.0.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

impl Source for Schema {
    fn device(&self) -> Option<Device> {
        None
    }

    fn take<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D> {
        self.0.push((name.to_owned(), shape.to_vec()));
        Tensor::<D>::zeros([1; D], &Device::flex()).expand(shape)
    }
}

/// Random weights, as large as PyTorch's own: uniform within one over the root of the inputs a number sums.
pub struct Random(pub Device);

impl Source for Random {
    fn device(&self) -> Option<Device> {
        Some(self.0.clone())
    }

    fn take<const D: usize>(&mut self, _name: &str, shape: [usize; D]) -> Tensor<D> {
        let inputs = shape[1..].iter().product::<usize>().max(1);
        let bound = if D == 1 { 0.1 } else { 1.0 / (inputs as f64).sqrt() };
        Tensor::random(shape, Distribution::Uniform(-bound, bound), &self.0)
    }
}
