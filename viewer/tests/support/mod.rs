//! A stage for the panes: an image, its layers and marks, and a window that is drawn without a screen.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test that finds nothing shall fail")]

use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use imaging::{Affine, Convention, Grid, Image, Mask, Shape, Sign, Volume};
use std::sync::Arc;
use viewer::triplanar;
use viewer::{
    Behaviour, Brush, Cover, ImageTexture, Layer, Layers, Limits, Mark, Scene, TriplanarOutput, TriplanarState, Window,
};

/// What a test shows.
pub struct Stage {
    pub image: ImageTexture,
    pub layers: Layers,
    pub window: Window,
    pub smooth: bool,
    pub marks: Vec<(Shape, Sign)>,
    pub brush: Option<Brush>,
    pub crosshair: bool,
    pub annotations: bool,
    pub fourth: bool,
    pub behaviour: Behaviour,
    pub state: TriplanarState,
    pub output: TriplanarOutput,
}

impl Stage {
    pub fn new(image: Image) -> Self {
        let state = TriplanarState::new(&image);
        let window = Window::auto(&image);
        let image = ImageTexture::new(Arc::new(image), Limits::default());
        Self {
            layers: Layers::new(&image),
            image,
            window,
            smooth: true,
            marks: Vec::new(),
            brush: None,
            crosshair: true,
            annotations: true,
            fourth: true,
            behaviour: Behaviour { convention: Convention::Radiological, moves_crosshair: true, maximises: true },
            state,
            output: TriplanarOutput::default(),
        }
    }

    pub fn grid(&self) -> Grid {
        self.image.image().grid
    }

    fn show(&mut self, ui: &mut egui::Ui) {
        let colour = [86, 180, 233];
        let marks: Vec<Mark<'_>> =
            self.marks.iter().map(|(shape, sign)| Mark { shape, sign: *sign, colour, highlighted: false }).collect();
        let scene = Scene {
            smooth: self.smooth,
            marks: &marks,
            brush: self.brush,
            crosshair: self.crosshair.then_some(self.state.crosshair),
            annotations: self.annotations,
            ..Scene::new(&self.image, &self.layers, self.window)
        };
        let mut fourth = |ui: &mut egui::Ui| {
            ui.label("Fourth");
        };
        let fourth = if self.fourth { Some(&mut fourth as &mut dyn FnMut(&mut egui::Ui)) } else { None };
        self.output = triplanar::show(ui, &mut self.state, &scene, self.behaviour, fourth);
    }
}

/// A window of `size` points without a screen; drawn by whatever device there is, a software one first.
pub fn window(stage: Stage, size: [f32; 2]) -> Harness<'static, Stage> {
    let state = create_render_state(default_wgpu_setup(), eframe::egui_wgpu::RendererOptions::PREDICTABLE);
    viewer::install(&state);
    Harness::builder()
        .with_size(size)
        .renderer(WgpuTestRenderer::from_render_state(state))
        .with_render_cursor(false)
        .build_ui_state(|ui, stage: &mut Stage| stage.show(ui), stage)
}

/// A head that looks different from every side: a nose in front, a bright ball on the patient's right, a dark
/// hole on the left, both above the middle. Given in RAS order, 1 x 1 x 2 mm.
pub fn phantom() -> Image {
    let grid = Grid::new([48, 56, 24], Affine([[1.0, 0.0, 0.0, -24.0], [0.0, 1.0, 0.0, -28.0], [0.0, 0.0, 2.0, -24.0]]));
    let mut volume = Volume::filled(grid, 0.0);
    for (index, value) in volume.voxels.iter_mut().enumerate() {
        let voxel = grid.voxel(index).map(|v| v as f64);
        let [x, y, z] = grid.world_from_voxel.apply(voxel);
        let ball = |cx: f64, cy: f64, cz: f64, r: f64| (x - cx).powi(2) + (y - cy).powi(2) + (z - cz).powi(2) < r * r;
        let head = (x / 20.0).powi(2) + (y / 23.0).powi(2) + (z / 21.0).powi(2) < 1.0;
        *value = match () {
            () if ball(10.0, 6.0, 6.0, 5.0) => 1000.0,
            () if ball(-8.0, 6.0, 6.0, 4.0) => 60.0,
            () if head => 420.0 + 4.0 * y as f32,
            () if ball(0.0, 23.0, -4.0, 4.0) => 700.0,
            () => 0.0,
        };
    }
    Image::grey(volume)
}

/// The same image with its voxels stored in another order: `axes[world]` is the voxel axis along each world
/// axis, `signs` has a bit where it runs backwards.
pub fn stored_as(image: &Image, axes: [usize; 3], signs: usize) -> Image {
    let spacing = image.grid.spacing_mm();
    let mut shape = [0; 3];
    let mut rows = [[0.0; 4]; 3];
    for world in 0..3 {
        let backwards = signs >> world & 1 == 1;
        let last = (image.grid.shape[world] - 1) as f64 * spacing[world];
        shape[axes[world]] = image.grid.shape[world];
        rows[world][axes[world]] = if backwards { -spacing[world] } else { spacing[world] };
        rows[world][3] = image.grid.world_from_voxel.0[world][3] + if backwards { last } else { 0.0 };
    }
    let grid = Grid::new(shape, Affine(rows));
    let voxel_from_world = image.grid.world_from_voxel.inverse().unwrap();
    let value = |index| {
        let world = grid.world_from_voxel.apply(grid.voxel(index).map(|v| v as f64));
        let voxel = voxel_from_world.apply(world).map(|v| v as f32);
        image.value(image.grid.index(image.grid.nearest(voxel).unwrap()))
    };
    Image::grey(Volume { grid, voxels: (0..grid.len()).map(value).collect() })
}

/// The voxels of an image above a value, as a mask.
pub fn mask_above(image: &Image, value: f32) -> Arc<Mask> {
    Arc::new(Mask::from_fn(image.grid.shape, |index| image.value(index) > value))
}

/// A layer in a colour.
pub fn layer(cover: Cover, colour: [u8; 3]) -> Layer {
    Layer { cover, colour, opacity: 0.4, visible: true }
}
