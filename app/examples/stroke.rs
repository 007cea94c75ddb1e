//! How long a frame takes while a stroke is drawn: 500 points of the brush, by the pointer, in a window without a
//! screen, in a volume of 512 x 512 x 300 voxels and in one of 128 x 128 x 75.
//!
//! `cargo run -p app --example stroke` prints medians and 95th percentiles: of the program's own part of a frame
//! (events, painting, panels), and of the whole with what the graphics device is given and draws. The ratio of the
//! two volumes tells whether a stroke costs time by its own area.

use app::app::App;
use app::command::Command;
use app::tools::Tool;
use egui::{Modifiers, PointerButton, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use engine::Engine;
use imaging::{Convention, Plane, Slicing};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

const POINTS: usize = 500;
const SPACING: [f32; 3] = [0.8, 0.8, 1.5];
const LARGE: [usize; 3] = [512, 512, 300];
const SMALL: [usize; 3] = [128, 128, 75];

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for (brush, ball) in [("disc of 6 mm", false), ("ball of 6 mm", true)] {
        let [large, small] = [measure(folder.path(), LARGE, ball)?, measure(folder.path(), SMALL, ball)?];
        for (name, times) in [("512x512x300", &large), ("128x128x75", &small)] {
            println!("{brush}, {name}: {times}");
        }
        println!(
            "{brush}, ratio of the medians: program {:.2}, whole frame {:.2}",
            ratio(&large.program, &small.program),
            ratio(&large.whole, &small.whole)
        );
    }
    Ok(())
}

/// Of each frame of a stroke, in ms.
struct Times {
    program: Vec<f64>,
    whole: Vec<f64>,
    idle: Vec<f64>,
    release: f64,
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "program median {:.2} ms, p95 {:.2} ms; whole frame median {:.2} ms, p95 {:.2} ms (idle median {:.2} ms); release {:.2} ms",
            quantile(&self.program, 0.5),
            quantile(&self.program, 0.95),
            quantile(&self.whole, 0.5),
            quantile(&self.whole, 0.95),
            quantile(&self.idle, 0.5),
            self.release
        )
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn ratio(large: &[f64], small: &[f64]) -> f64 {
    quantile(large, 0.5) / quantile(small, 0.5)
}

fn measure(folder: &Path, shape: [usize; 3], ball: bool) -> anyhow::Result<Times> {
    let path = folder.join(format!("{}.nii", shape[0]));
    if !path.exists() {
        write_image(&path, shape)?;
    }
    let mut window = open(&path);
    let ctx = window.ctx.clone();
    window.state_mut().command(&ctx, Command::PickTool(Tool::Brush));
    window.state_mut().command(&ctx, Command::ScaleBrush(1.5));
    if ball {
        window.state_mut().command(&ctx, Command::ToggleBall);
    }
    let way = way(&window, shape);
    let mut times = Times { program: vec![], whole: vec![], idle: vec![], release: 0.0 };
    window.hover_at(way[0]);
    frame(&mut window);
    press(&mut window, way[0], true);
    // The first frame makes the texture of the masks, once for an image.
    frame(&mut window);
    for point in &way[1..] {
        window.hover_at(*point);
        let [program, whole] = frame(&mut window);
        times.program.push(program);
        times.whole.push(whole);
    }
    press(&mut window, way[POINTS - 1], false);
    times.release = frame(&mut window)[1];
    times.idle = (0..50).map(|_| frame(&mut window)[1]).collect();
    anyhow::ensure!(window.state().project().cases[0].prompts.len() == 1, "the stroke was not drawn");
    Ok(times)
}

fn open(path: &Path) -> Harness<'static, App> {
    let (engine, _script) = Engine::scripted();
    let mut window: Harness<'static, App> = Harness::builder()
        .with_size(Vec2::new(1400.0, 840.0))
        .wgpu()
        .build_eframe(move |cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine));
    let ctx = window.ctx.clone();
    window.state_mut().command(&ctx, Command::Open(vec![path.to_owned()]));
    while window.state().session().image().is_none() {
        std::thread::sleep(Duration::from_millis(20));
        window.step();
    }
    if window.state().session().structure.is_none() {
        window.state_mut().command(&ctx, Command::NewStructure);
    }
    frame(&mut window);
    window
}

/// A spiral around the middle, the same in voxels of either volume, as points of the axial pane.
fn way(window: &Harness<'static, App>, shape: [usize; 3]) -> Vec<Pos2> {
    let Some(image) = window.state().session().image() else { return Vec::new() };
    let slicing = Slicing::new(&image.grid, Plane::Axial, Convention::Radiological);
    let placement = viewer::Camera::default().place(window.get_by_label("Axial view").rect(), &slicing);
    (0..POINTS)
        .map(|at| {
            let (turn, radius) = (at as f32 * 0.11, 8.0 + at as f32 * 0.08);
            let voxel = [shape[0] as f32 / 2.0 + radius * turn.cos(), shape[1] as f32 / 2.0 + radius * turn.sin(), 0.0];
            placement.screen_from_plane(slicing.plane_from_voxel(voxel))
        })
        .collect()
}

fn press(window: &mut Harness<'static, App>, at: Pos2, pressed: bool) {
    window.event(egui::Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
}

/// The ms of the program's part of a frame, and of all of it.
fn frame(window: &mut Harness<'static, App>) -> [f64; 2] {
    let start = Instant::now();
    window.step();
    let program = start.elapsed();
    if let Err(error) = window.render() {
        eprintln!("the frame could not be drawn: {error}");
    }
    [program, start.elapsed()].map(|time| time.as_secs_f64() * 1e3)
}

/// A NIfTI-1 file of 16-bit voxels.
fn write_image(path: &Path, shape: [usize; 3]) -> anyhow::Result<()> {
    let mut header = vec![0_u8; 352];
    let mut put = |at: usize, value: &[u8]| header[at..at + value.len()].copy_from_slice(value);
    put(0, &348_i32.to_le_bytes());
    for (axis, n) in [3, shape[0], shape[1], shape[2], 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * axis, &(n as i16).to_le_bytes());
    }
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    for (axis, spacing) in SPACING.iter().enumerate() {
        put(80 + 4 * axis, &spacing.to_le_bytes());
        put(280 + 20 * axis, &spacing.to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    put(344, b"n+1\0");
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&header)?;
    for index in 0..shape.iter().product::<usize>() {
        file.write_all(&((index % 997) as i16).to_le_bytes())?;
    }
    Ok(file.flush()?)
}
