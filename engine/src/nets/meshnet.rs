//! MeshNet (Fedorov et al.; the models of brainchop): convolutions with ever wider gaps over a whole head, one class a
//! voxel. It needs no example and no mark. Its shape is told by the description that stands beside its weights.

use super::layer::{Conv, gelu_exact};
use super::slabs::{Slabs, Stopped, Work};
use super::source::Source;
use burn::tensor::activation::{elu, relu};
use burn::tensor::{Tensor, TensorData};

/// What follows a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The larger of it and 0.
    Relu,
    /// Exponential below 0.
    Elu,
    /// In its exact form.
    Gelu,
    /// Nothing.
    None,
}

/// One convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshLayer {
    /// Its name in the description.
    pub name: String,
    /// Channels of its output.
    pub filters: usize,
    /// Voxels along a side of its kernel.
    pub kernel: usize,
    /// Voxels from one tap of the kernel to the next.
    pub dilation: usize,
    /// Whether it has a bias.
    pub has_bias: bool,
    /// Whether each channel is normed over all voxels before the activation.
    pub normed: bool,
    /// What follows it.
    pub activation: Activation,
}

/// Everything that fixes the net's shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshNetConfig {
    /// Its convolutions in order; the last gives the classes.
    pub layers: Vec<MeshLayer>,
}

/// Gaps and channels past these are no MeshNet.
const MOST: usize = 1024;

impl MeshNetConfig {
    /// Reads the description of a TF.js layers model (`modelTopology`).
    ///
    /// # Errors
    /// In a few words, what in it is no MeshNet.
    pub fn from_topology(topology: &serde_json::Value) -> Result<Self, String> {
        let config = topology.get("model_config").unwrap_or(topology);
        let layers = config["config"]["layers"].as_array().ok_or("the description names no layers")?;
        let mut found: Vec<MeshLayer> = Vec::new();
        for layer in layers {
            let (class, config) = (layer["class_name"].as_str().unwrap_or_default(), &layer["config"]);
            match class {
                "InputLayer" => {}
                "Conv3D" => found.push(conv(config)?),
                "Activation" => match found.last_mut() {
                    Some(last) => last.activation = activation(&config["activation"])?,
                    None => return Err("an activation stands before all layers".to_owned()),
                },
                other => return Err(format!("layers of the kind {other} are not known here")),
            }
        }
        if found.is_empty() { Err("the description names no layers".to_owned()) } else { Ok(Self { layers: found }) }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.filters)
    }

    /// The net, with tensors from a source.
    #[must_use]
    pub fn init(&self, source: &mut impl Source) -> MeshNet {
        let mut inputs = 1;
        let convs = self.layers.iter().map(|layer| {
            // Kernels are written with the channels last.
            let shape = [layer.kernel, layer.kernel, layer.kernel, inputs, layer.filters];
            let weight: Tensor<5> = source.take(&format!("{}/kernel", layer.name), shape);
            let bias = layer.has_bias.then(|| source.take(&format!("{}/bias", layer.name), [layer.filters]));
            inputs = layer.filters;
            Conv::new(weight.permute([4, 3, 0, 1, 2]), bias, false, layer.dilation, source.device().as_ref())
        });
        MeshNet { convs: convs.collect(), layers: self.layers.clone() }
    }

    /// Products of a pass over `cells` voxels.
    #[must_use]
    pub fn products(&self, cells: usize) -> f64 {
        let mut inputs = 1.0;
        let layers = self.layers.iter().map(|layer| {
            let products = (layer.kernel as f64).powi(3) * inputs * layer.filters as f64;
            inputs = layer.filters as f64;
            products
        });
        layers.sum::<f64>() * cells as f64
    }
}

fn conv(config: &serde_json::Value) -> Result<MeshLayer, String> {
    let triple = |key: &str| -> Result<usize, String> {
        let sides: Vec<u64> = config[key].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).collect();
        match sides[..] {
            [a, b, c] if a == b && b == c && (1..=MOST as u64).contains(&a) => Ok(a as usize),
            _ => Err(format!("a layer has a {key} that is not known here")),
        }
    };
    let name = config["name"].as_str().ok_or("a layer has no name")?.to_owned();
    let filters =
        config["filters"].as_u64().filter(|&count| (1..=MOST as u64).contains(&count)).ok_or("a layer has no filters")?;
    let is_plain = config["padding"] == "same" && triple("strides")? == 1 && config["groups"].as_u64().unwrap_or(1) == 1;
    if !is_plain {
        return Err("a layer changes the grid".to_owned());
    }
    Ok(MeshLayer {
        filters: filters as usize,
        kernel: triple("kernel_size")
            .and_then(|side| if side % 2 == 1 { Ok(side) } else { Err("a kernel is even".to_owned()) })?,
        dilation: triple("dilation_rate")?,
        has_bias: config["use_bias"].as_bool().unwrap_or(true),
        // So the authors mark the layers that are followed by an instance norm, which has no weights.
        normed: name.ends_with("_gn"),
        activation: activation(&config["activation"])?,
        name,
    })
}

fn activation(name: &serde_json::Value) -> Result<Activation, String> {
    match name.as_str().unwrap_or("linear") {
        "relu" => Ok(Activation::Relu),
        "elu" => Ok(Activation::Elu),
        "gelu" => Ok(Activation::Gelu),
        "linear" => Ok(Activation::None),
        other => Err(format!("the activation {other} is not known here")),
    }
}

fn activated(x: Tensor<5>, activation: Activation) -> Tensor<5> {
    match activation {
        Activation::Relu => relu(x),
        Activation::Elu => elu(x, 1.0),
        Activation::Gelu => gelu_exact(x),
        Activation::None => x,
    }
}

/// The net.
#[derive(Clone, Debug)]
pub struct MeshNet {
    convs: Vec<Conv>,
    layers: Vec<MeshLayer>,
}

impl MeshNet {
    /// The logits `[1, classes, D, H, W]` of an image `[1, 1, D, H, W]` of 0 to 1, in pieces.
    ///
    /// # Errors
    /// [`Stopped`] where `work` was told to stop.
    pub fn forward(&self, image: Tensor<5>, work: &mut Work<'_>) -> Result<Slabs, Stopped> {
        let mut x = Slabs::whole(image);
        for (conv, layer) in self.convs.iter().zip(&self.layers) {
            let then = if layer.normed { Activation::None } else { layer.activation };
            x = conv.forward(&x, work, |y, _| activated(y, then))?;
            if layer.normed {
                let [mean, scale] = moments(&x);
                x = x.map(|piece| activated((piece - mean.clone()) * scale.clone(), layer.activation));
            }
        }
        Ok(x)
    }
}

/// Mean, and one over the standard deviation, of each channel over all voxels.
fn moments(x: &Slabs) -> [Tensor<5>; 2] {
    const EPS: f64 = 1e-5;
    let [_, channels, depth, h, w] = x.dims();
    let device = x.planes(0..1).device();
    let mut sums = vec![[0.0_f64; 2]; channels];
    for plane in 0..depth {
        // Summed plane by plane in f64: the square of 16 million numbers in f32 loses the last three digits.
        let rows: Tensor<2> = x.planes(plane..plane + 1).reshape([channels, h * w]);
        let parts = [rows.clone().sum_dim(1), rows.powi_scalar(2).sum_dim(1)].map(|sum| sum.into_data());
        for (place, part) in parts.iter().enumerate() {
            let values = part.iter::<f64>();
            sums.iter_mut().zip(values).for_each(|(sum, value)| sum[place] += value);
        }
    }
    let count = (depth * h * w) as f64;
    let moments = sums.iter().map(|[sum, squares]| {
        let mean = sum / count;
        [mean as f32, (1.0 / ((squares / count - mean * mean).max(0.0) + EPS).sqrt()) as f32]
    });
    let moments: Vec<[f32; 2]> = moments.collect();
    [0, 1].map(|place| {
        let values: Vec<f32> = moments.iter().map(|moment| moment[place]).collect();
        Tensor::from_data(TensorData::new(values, [1, channels, 1, 1, 1]), &device)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_meshnet_is_refused_in_words() {
        let topology = |layer: serde_json::Value| serde_json::json!({ "model_config": { "config": { "layers": [layer] } } });
        for (layer, why) in [
            (serde_json::json!({ "class_name": "Dense", "config": {} }), "the kind Dense"),
            (serde_json::json!({ "class_name": "Conv3D", "config": { "name": "a" } }), "no filters"),
            (serde_json::json!({ "class_name": "Activation", "config": { "activation": "relu" } }), "before all layers"),
            (
                serde_json::json!({ "class_name": "Conv3D", "config": { "name": "a", "filters": 2, "padding": "valid",
                    "strides": [1, 1, 1], "kernel_size": [3, 3, 3], "dilation_rate": [1, 1, 1] } }),
                "changes the grid",
            ),
        ] {
            let message = MeshNetConfig::from_topology(&topology(layer)).unwrap_err();
            assert!(message.contains(why), "{message} does not say {why}");
        }
    }
}
