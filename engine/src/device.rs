//! GPU or CPU: which there are, whether they compute rightly, and how much memory a guess takes.

use crate::error::EngineError;
use crate::nets::in_context::{InContextConfig, InContextNet};
use crate::protocol::DeviceChoice;
use burn::module::Module;
use burn::tensor::{Device, DeviceKind, Distribution, Tensor, TensorData};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wgpu::{AdapterInfo, Backends, DeviceType, Instance, InstanceDescriptor};

/// A device that passed its test.
#[derive(Debug)]
pub struct Compute {
    /// burn's handle.
    pub device: Device,
    /// Its name, for the user.
    pub adapter: String,
    /// Whether it is the CPU.
    pub is_cpu: bool,
    /// Why another was not taken, in a sentence, if there is something to tell.
    pub remark: Option<String>,
}

/// Opens and tests the device of the user's choice.
///
/// `Auto` takes a real GPU that passes the test, else the CPU: a GPU made of software is slower than the CPU itself.
///
/// # Errors
/// [`EngineError::Device`] if a GPU was asked for and there is none that passes.
pub fn open(choice: DeviceChoice) -> Result<Compute, EngineError> {
    match choice {
        DeviceChoice::Cpu => Ok(cpu(None)),
        DeviceChoice::Gpu => {
            let adapter = adapters().into_iter().next();
            let none = || EngineError::Device { name: "the GPU".to_owned(), why: "none was found".to_owned() };
            gpu(&adapter.ok_or_else(none)?)
        }
        DeviceChoice::Auto => match adapters().into_iter().find(|adapter| adapter.device_type != DeviceType::Cpu) {
            Some(adapter) => Ok(gpu(&adapter).unwrap_or_else(|error| cpu(Some(error.to_string())))),
            None => Ok(cpu(None)),
        },
    }
}

/// The CPU.
#[must_use]
pub fn cpu(remark: Option<String>) -> Compute {
    Compute { device: Device::flex(), adapter: "CPU".to_owned(), is_cpu: true, remark }
}

fn gpu(adapter: &AdapterInfo) -> Result<Compute, EngineError> {
    let device = Device::wgpu(kind(adapter.device_type));
    test(&device).map_err(|why| EngineError::Device { name: adapter.name.clone(), why })?;
    Ok(Compute { device, adapter: adapter.name.clone(), is_cpu: false, remark: None })
}

/// The adapters that can compute, the best first.
fn adapters() -> Vec<AdapterInfo> {
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(Backends::PRIMARY));
    let mut found: Vec<AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    found.sort_by_key(|adapter| rank(adapter.device_type));
    found
}

fn rank(kind: DeviceType) -> usize {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn kind(kind: DeviceType) -> DeviceKind {
    match kind {
        DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(0),
        DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(0),
        DeviceType::VirtualGpu => DeviceKind::VirtualGpu(0),
        DeviceType::Other => DeviceKind::DefaultDevice,
        DeviceType::Cpu => DeviceKind::Cpu,
    }
}

/// Largest difference to the CPU that the self-test allows.
pub const TOLERANCE: f32 = 1e-3;

/// Whether a device computes rightly.
fn test(device: &Device) -> Result<(), String> {
    let difference = catch_unwind(AssertUnwindSafe(|| self_test(device)));
    match difference {
        Ok(Ok(difference)) if difference <= TOLERANCE => Ok(()),
        Ok(Ok(difference)) => Err(format!("it computes wrongly (off by {difference})")),
        Ok(Err(why)) => Err(why),
        Err(panic) => Err(panic_message(panic.as_ref())),
    }
}

/// Runs a tiny net, with every operation that the real ones have, there and on the CPU, and gives the largest
/// difference of the logits.
///
/// # Errors
/// What the device said, in a few words.
pub fn self_test(device: &Device) -> Result<f32, String> {
    let config = InContextConfig {
        dims: 3,
        image_channels: 1,
        prompt_channels: 1,
        widths: vec![4, 8],
        heads: 2,
        attention_levels: 1,
        group: 4,
        full_resolution_cross: true,
    };
    let net = config.init(&Device::flex());
    let input = |batch: usize| Tensor::<5>::random([batch, 2, 4, 4, 4], Distribution::Default, &Device::flex()).into_data();
    let (target, contexts) = (input(1), input(2));
    let want = forward(&net, &target, &contexts, &Device::flex())?;
    let got = forward(&net.to_device(device), &target, &contexts, device)?;
    Ok(want
        .iter()
        .zip(&got)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most, off| if off.is_nan() { off } else { f32::max(most, off) }))
}

fn forward(net: &InContextNet, target: &TensorData, contexts: &TensorData, device: &Device) -> Result<Vec<f32>, String> {
    let target = Tensor::<5>::from_data(target.clone(), device);
    let contexts = Tensor::<5>::from_data(contexts.clone(), device).unsqueeze::<6>();
    let logits = net.forward(target, contexts).try_into_data().map_err(|error| error.to_string())?;
    logits.try_into_vec::<f32>().map_err(|error| format!("{error:?}"))
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown fault".to_owned());
    text.lines().next().unwrap_or_default().to_owned()
}

/// Most bytes that the features of one guess may take.
const MOST_BYTES: usize = 1 << 30;

/// About how many bytes the finest level's features take at their most.
#[must_use]
pub fn memory_estimate(config: &InContextConfig, cells: usize, contexts: usize) -> usize {
    let width = config.widths.first().copied().unwrap_or(1);
    // Each branch holds its input, its features, a convolution's input with a border, and its output.
    4 * cells * (contexts + 1) * (config.inputs() + 4 * width)
}

/// How many contexts one pass may take, so that the estimate stays within a gigabyte; at least one.
#[must_use]
pub fn most_contexts(config: &InContextConfig, cells: usize) -> usize {
    (MOST_BYTES / memory_estimate(config, cells, 0)).saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_passes_the_test_and_is_always_there() {
        assert_eq!(test(&Device::flex()), Ok(()));
        assert!(open(DeviceChoice::Cpu).unwrap().is_cpu);
    }

    #[test]
    fn a_panics_message_is_its_first_line() {
        let panic = catch_unwind(|| panic!("out of memory\nbacktrace")).unwrap_err();
        assert_eq!(panic_message(panic.as_ref()), "out of memory");
    }
}
