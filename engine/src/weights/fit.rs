//! From a file's tensors to a net: first whether each is there and of the right shape, then, one by one, their numbers.

use super::state::State;
use crate::nets::source::{Schema, Source};
use burn::tensor::{Device, Tensor, TensorData};

/// Tensors of a file, on a device.
pub struct FromFile<'a> {
    state: &'a State,
    device: Device,
    fault: Option<String>,
}

impl Source for FromFile<'_> {
    fn device(&self) -> Option<Device> {
        Some(self.device.clone())
    }

    fn take<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let numbers = self.state.read(name).and_then(|numbers| {
            let fits = numbers.len() == shape.iter().product::<usize>();
            if fits { Ok(numbers) } else { Err(format!("the tensor {name} is of another shape")) }
        });
        match numbers {
            Ok(numbers) => Tensor::from_data(TensorData::new(numbers, shape), &self.device),
            Err(fault) => {
                self.fault.get_or_insert(fault);
                Tensor::zeros(shape, &self.device)
            }
        }
    }
}

/// Makes a net with the tensors of a file; `plan` and `make` build the same net from different sources.
///
/// # Errors
/// In a few words: which tensors are missing, left over or of another shape, or why they cannot be read.
pub fn fit<N>(
    state: &State,
    device: &Device,
    plan: impl FnOnce(&mut Schema),
    make: impl FnOnce(&mut FromFile<'_>) -> N,
) -> Result<N, String> {
    let mut schema = Schema::default();
    plan(&mut schema);
    compare(state, &schema)?;
    let mut source = FromFile { state, device: device.clone(), fault: None };
    let net = make(&mut source);
    source.fault.map_or(Ok(net), Err)
}

/// What does not fit, all of it, a few names of each kind.
fn compare(state: &State, wanted: &Schema) -> Result<(), String> {
    let mut missing = Vec::new();
    let mut other = Vec::new();
    for (name, shape) in &wanted.0 {
        match state.shape(name) {
            None => missing.push(name.clone()),
            Some(found) if found != shape => other.push(format!("{name} ({found:?}, not {shape:?})")),
            Some(_) => {}
        }
    }
    let is_wanted = |name: &str| wanted.0.iter().any(|(wanted, _)| wanted == name);
    let extra: Vec<String> = state.tensors().map(|(name, _)| name.to_owned()).filter(|name| !is_wanted(name)).collect();
    let faults = [("missing", missing), ("of another shape", other), ("left over", extra)];
    let told: Vec<String> = faults.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| tell(what, names)).collect();
    if told.is_empty() { Ok(()) } else { Err(format!("they do not fit the net: {}", told.join("; "))) }
}

fn tell(what: &str, names: &[String]) -> String {
    const MOST: usize = 3;
    let more = if names.len() > MOST { ", …" } else { "" };
    let named = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{} tensor{} {what} ({named}{more})", names.len(), if names.len() == 1 { "" } else { "s" })
}
