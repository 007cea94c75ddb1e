//! The pass that draws one slice into a pane: pipeline, textures on the GPU, uniforms. It runs inside egui's
//! own render pass, whose multisampling and depth buffer are presumed off (eframe's default).

use crate::camera::Placement;
use crate::scene::{Cut, Scene};
use crate::shader;
use crate::texture::{ImageSource, ImageTexture, Layers, MOST_LAYERS, Slots, changed, image_bytes, layer_bytes};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use egui::{Id, PaintCallbackInfo, Painter};
use imaging::Pixels;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Colour of a pane where there is no image: the same in light and dark themes, as in a reading room.
pub const BACKGROUND: egui::Color32 = egui::Color32::from_rgb(12, 13, 15);

/// Prepares the window's device for the panes. Call once at start; without it the panes stay empty.
pub fn install(state: &RenderState) {
    let pass = Pass::new(&state.device, state.target_format);
    state.renderer.write().callback_resources.insert(pass);
}

/// Draws a slice into its pane; `id` is the pane's own.
pub(crate) fn paint(painter: &Painter, id: Id, scene: &Scene<'_>, cut: &Cut, placement: &Placement) {
    let uniforms = gpu_data::Slice::new(scene, cut, placement, painter.pixels_per_point());
    let draw = Draw { id, uniforms, image: scene.image.clone(), layers: scene.layers.clone() };
    painter.add(Callback::new_paint_callback(placement.rect, draw));
}

/// One pane in one frame.
struct Draw {
    id: Id,
    uniforms: gpu_data::Slice,
    image: ImageTexture,
    layers: Layers,
}

impl CallbackTrait for Draw {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        match resources.get_mut::<Pass>() {
            Some(pass) => pass.prepare(device, queue, self),
            None => tracing::warn!("a pane cannot be drawn: viewer::install was not called"),
        }
        Vec::new()
    }

    fn paint(&self, _info: PaintCallbackInfo, render_pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(pass) = resources.get::<Pass>() else { return };
        let Some(pane) = pass.panes.get(&self.id) else { return };
        render_pass.set_pipeline(&pass.pipeline);
        render_pass.set_bind_group(0, &pane.bind_group, &[]);
        render_pass.draw(0..3, 0..1);
    }
}

/// All that the panes keep on the GPU. What no pane draws any more is dropped at the next frame.
struct Pass {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    linear_target: bool,
    /// Bound where there are no layers, so that an image without masks costs no second volume.
    no_layers: wgpu::Texture,
    images: Vec<ImageGpu>,
    layers: Vec<LayersGpu>,
    panes: HashMap<Id, PaneGpu>,
}

struct ImageGpu {
    source: Weak<ImageSource>,
    view: wgpu::TextureView,
}

struct LayersGpu {
    identity: Weak<()>,
    held: Slots,
    texture: wgpu::Texture,
}

struct PaneGpu {
    image: Weak<ImageSource>,
    covers: wgpu::Texture,
    uniforms: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

impl Pass {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let layout = bind_group_layout(device);
        Self {
            pipeline: pipeline(device, &layout, target),
            layout,
            linear_target: target.is_srgb(),
            no_layers: texture_3d(device, "no layers", wgpu::TextureFormat::R8Uint, [1; 3]),
            images: Vec::new(),
            layers: Vec::new(),
            panes: HashMap::new(),
        }
    }

    fn prepare(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, draw: &Draw) {
        self.drop_unused();
        self.upload_image(device, queue, &draw.image.0);
        if self.holds(&draw.image.0) {
            let covers = self.upload_layers(device, queue, &draw.layers);
            self.bind(device, draw, &covers);
        }
        let mut uniforms = draw.uniforms;
        uniforms.linear_target = u32::from(self.linear_target);
        if let Some(pane) = self.panes.get(&draw.id) {
            queue.write_buffer(&pane.uniforms, 0, bytemuck::bytes_of(&uniforms));
        }
    }

    fn drop_unused(&mut self) {
        self.images.retain(|image| image.source.strong_count() > 0);
        self.layers.retain(|layers| layers.identity.strong_count() > 0);
        self.panes.retain(|_, pane| pane.image.strong_count() > 0);
    }

    fn holds(&self, source: &Arc<ImageSource>) -> bool {
        self.images.iter().any(|image| image.source.as_ptr() == Arc::as_ptr(source))
    }

    fn upload_image(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, source: &Arc<ImageSource>) {
        if self.holds(source) {
            return;
        }
        let format = match source.image.pixels {
            Pixels::I16(_) => wgpu::TextureFormat::Rg8Unorm,
            Pixels::F32(_) => wgpu::TextureFormat::R32Float,
            Pixels::Rgb(_) => wgpu::TextureFormat::Rgba8Unorm,
        };
        let texels = source.sampling.texels();
        let most = device.limits().max_texture_dimension_3d as usize;
        if texels.iter().any(|&n| n > most) {
            tracing::warn!("an image of {texels:?} texels cannot be drawn by this device: ask Limits::of for its limits");
            return;
        }
        let texture = texture_3d(device, "image", format, texels);
        if !source.image.grid.is_empty() {
            for slab in slabs(texels) {
                let bytes = image_bytes(source, slab);
                write(queue, &texture, [[0, 0, slab[0]], [texels[0], texels[1], slab[1]]], &bytes);
            }
        }
        self.images.push(ImageGpu { source: Arc::downgrade(source), view: texture.create_view(&Default::default()) });
    }

    /// Sends what changed, and gives the texture to bind.
    fn upload_layers(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, layers: &Layers) -> wgpu::Texture {
        let wanted = layers.slots();
        let found = self.layers.iter().position(|gpu| gpu.identity.as_ptr() == Arc::as_ptr(&layers.identity));
        if found.is_none() && wanted.iter().all(Option::is_none) {
            return self.no_layers.clone();
        }
        let at = found.unwrap_or_else(|| {
            let texture = texture_3d(device, "layers", wgpu::TextureFormat::R8Uint, layers.sampling.texels());
            let identity = Arc::downgrade(&layers.identity);
            self.layers.push(LayersGpu { identity, held: Slots::default(), texture });
            self.layers.len() - 1
        });
        let gpu = &mut self.layers[at];
        if let Some(texels) = changed(&gpu.held, &wanted, &layers.sampling) {
            write(queue, &gpu.texture, texels, &layer_bytes(&wanted, &layers.sampling, texels));
        }
        gpu.held = wanted;
        gpu.texture.clone()
    }

    /// Binds a pane to its textures, anew only where they are others than in the last frame.
    fn bind(&mut self, device: &wgpu::Device, draw: &Draw, covers: &wgpu::Texture) {
        let image = Arc::downgrade(&draw.image.0);
        let is_bound = |pane: &PaneGpu| pane.image.ptr_eq(&image) && pane.covers == *covers;
        if self.panes.get(&draw.id).is_some_and(is_bound) {
            return;
        }
        let Some(image_gpu) = self.images.iter().find(|gpu| gpu.source.ptr_eq(&image)) else { return };
        let uniforms = uniform_buffer(device);
        let covers_view = covers.create_view(&Default::default());
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("slice"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&image_gpu.view) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(&covers_view) },
            ],
        });
        self.panes.insert(draw.id, PaneGpu { image, covers: covers.clone(), uniforms, bind_group });
    }
}

fn uniform_buffer(device: &wgpu::Device) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("slice uniforms"),
        size: size_of::<gpu_data::Slice>() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Layers of a texture in steps of at most 64 MB, so that no staging buffer passes a device's limit.
fn slabs([nx, ny, nz]: [usize; 3]) -> impl Iterator<Item = [usize; 2]> {
    let step = ((64 << 20) / (nx * ny * 4).max(1)).max(1);
    (0..nz).step_by(step).map(move |from| [from, (from + step).min(nz)])
}

fn texture_3d(device: &wgpu::Device, label: &str, format: wgpu::TextureFormat, texels: [usize; 3]) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: extent(texels),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn extent([width, height, depth]: [usize; 3]) -> wgpu::Extent3d {
    wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: depth as u32 }
}

fn write(queue: &wgpu::Queue, texture: &wgpu::Texture, [from, to]: [[usize; 3]; 2], bytes: &[u8]) {
    let size: [usize; 3] = std::array::from_fn(|axis| to[axis] - from[axis]);
    let row = bytes.len() / (size[1] * size[2]).max(1);
    let [x, y, z] = from.map(|texel| texel as u32);
    queue.write_texture(
        wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x, y, z }, ..texture.as_image_copy() },
        bytes,
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row as u32), rows_per_image: Some(size[1] as u32) },
        extent(size),
    );
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let texture = |binding, sample_type| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture { sample_type, view_dimension: wgpu::TextureViewDimension::D3, multisampled: false },
        count: None,
    };
    let uniforms = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: std::num::NonZeroU64::new(size_of::<gpu_data::Slice>() as u64),
        },
        count: None,
    };
    // Not filterable: the shader loads texels and interpolates by itself, for f32 cannot be filtered everywhere,
    // and so that a voxel without a value never bleeds into its neighbours.
    let image = texture(1, wgpu::TextureSampleType::Float { filterable: false });
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("slice"),
        entries: &[uniforms, image, texture(2, wgpu::TextureSampleType::Uint)],
    })
}

fn pipeline(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, target: wgpu::TextureFormat) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("slice"),
        source: wgpu::ShaderSource::Wgsl(shader::SLICE.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("slice"),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("slice"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("cover"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("slice"),
            compilation_options: Default::default(),
            targets: &[Some(target.into())],
        }),
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        multiview_mask: None,
        cache: None,
    })
}

/// Mirror of the uniforms in `shaders/slice.wgsl`; keep in sync.
mod gpu_data {
    use super::*;

    const SHOWN: u32 = 1;
    const HATCHED: u32 = 2;
    const NEAREST: u32 = 0;
    const BILINEAR: u32 = 1;
    const MEAN: u32 = 2;

    /// `struct Layer`.
    #[repr(C)]
    #[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
    pub struct Layer {
        pub colour: [f32; 4],
        pub flags: [u32; 4],
    }

    /// `struct Slice`.
    #[repr(C)]
    #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
    pub struct Slice {
        pub origin: [f32; 4],
        pub right: [f32; 4],
        pub down: [f32; 4],
        pub shape: [f32; 4],
        pub texels: [f32; 4],
        pub across: [i32; 4],
        pub along: [i32; 4],
        pub background: [f32; 4],
        pub black: f32,
        pub per_width: f32,
        pub thickness: f32,
        pub scale: f32,
        pub kind: u32,
        pub smoothing: u32,
        pub taps: u32,
        pub fill: u32,
        pub outline: u32,
        pub linear_target: u32,
        pub layer_count: u32,
        pub unused: u32,
        pub layers: [Layer; MOST_LAYERS],
    }

    impl Slice {
        pub fn new(scene: &Scene<'_>, cut: &Cut, placement: &Placement, pixels_per_point: f32) -> Self {
            let cell = |x: f32, y: f32| cell_at_pixel(cut, placement, [x / pixels_per_point, y / pixels_per_point]);
            let origin = cell(0.0, 0.0);
            let right = std::array::from_fn(|i| cell(1.0, 0.0)[i] - origin[i]);
            let ImageSource { image, sampling } = &*scene.image.0;
            let unit = |axis: usize| std::array::from_fn(|i| i32::from(i == axis));
            let smoothing =
                smoothing(scene.smooth, right[cut.slicing.right.axis] / sampling.stride[cut.slicing.right.axis] as f64);
            let [r, g, b, _] = BACKGROUND.to_normalized_gamma_f32();
            Self {
                origin: four(origin),
                right: four(right),
                down: four(std::array::from_fn(|i| cell(0.0, 1.0)[i] - origin[i])),
                shape: four(sampling.shape.map(|n| n as f64)),
                texels: four(sampling.stride.map(|n| 1.0 / n as f64)),
                across: unit(cut.slicing.right.axis),
                along: unit(cut.slicing.down.axis),
                background: [r, g, b, 1.0],
                black: scene.window.black(),
                per_width: 1.0 / scene.window.width.max(f32::MIN_POSITIVE),
                thickness: (1.5 * pixels_per_point).round().max(1.0),
                scale: pixels_per_point,
                kind: match image.pixels {
                    Pixels::F32(_) => 0,
                    Pixels::I16(_) => 1,
                    Pixels::Rgb(_) => 2,
                },
                smoothing,
                taps: if smoothing == NEAREST { 1 } else { 4 },
                fill: u32::from(scene.fill),
                outline: u32::from(scene.outline),
                linear_target: 0,
                layer_count: layer_count(scene),
                unused: 0,
                layers: std::array::from_fn(|slot| scene.layers.list.get(slot).map(Layer::new).unwrap_or_default()),
            }
        }
    }

    /// Slots up to the last layer that is drawn.
    fn layer_count(scene: &Scene<'_>) -> u32 {
        let drawn = scene.layers.list.iter().take(MOST_LAYERS).rposition(|layer| layer.visible);
        drawn.map_or(0, |last| last as u32 + 1)
    }

    /// How texels become pixels of which each covers `texels` of them along a row.
    fn smoothing(smooth: bool, texels: f64) -> u32 {
        match smooth {
            false => NEAREST,
            true if texels.abs() > 1.5 => MEAN,
            true => BILINEAR,
        }
    }

    impl Layer {
        fn new(layer: &crate::scene::Layer) -> Self {
            let [r, g, b] = layer.colour.map(|channel| f32::from(channel) / 255.0);
            let look = if layer.cover.is_guess() { HATCHED } else { 0 };
            let flags = [look | if layer.visible { SHOWN } else { 0 }, 0, 0, 0];
            Self { colour: [r, g, b, layer.opacity.clamp(0.0, 1.0)], flags }
        }
    }

    /// The cell (voxel position plus a half) under a point of the screen, in f64: at high zoom the steps from
    /// pixel to pixel are small against the distance to the screen's corner.
    fn cell_at_pixel(cut: &Cut, placement: &Placement, [x, y]: [f32; 2]) -> [f64; 3] {
        let per_pixel = placement.points_per_pixel();
        let u = f64::from(x - placement.corner.x) / f64::from(per_pixel.x);
        let v = f64::from(y - placement.corner.y) / f64::from(per_pixel.y);
        let slicing = &cut.slicing;
        let mut cell = [0.0; 3];
        for (direction, at, size) in [(slicing.right, u, slicing.size()[0]), (slicing.down, v, slicing.size()[1])] {
            cell[direction.axis] = if direction.sign > 0 { at } else { size as f64 - at };
        }
        cell[slicing.normal] = cut.slice as f64 + 0.5;
        cell
    }

    fn four(v: [f64; 3]) -> [f32; 4] {
        [v[0] as f32, v[1] as f32, v[2] as f32, 0.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uniforms_have_the_shaders_size() {
        let module = naga::front::wgsl::parse_str(shader::SLICE).expect("the shader is valid WGSL");
        let size_of_struct = |name: &str| {
            let (_, found) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name))?;
            let naga::TypeInner::Struct { span, .. } = found.inner else { return None };
            Some(span as usize)
        };
        assert_eq!(size_of_struct("Slice"), Some(size_of::<gpu_data::Slice>()));
        assert_eq!(size_of_struct("Layer"), Some(size_of::<gpu_data::Layer>()));
    }
}
