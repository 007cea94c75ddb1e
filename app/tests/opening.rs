//! Files that hold several images, and label files, in the window: chosen, laid on, resampled only when asked for.

use app::app::App;
use app::command::Command;
use egui::Vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use engine::Engine;
use imaging::{Part, Review, StructureId};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A NIfTI-1 file of 8-bit voxels of 1 mm, in `volumes` points of time, shifted along `i`.
fn write_volume(path: &Path, shape: [usize; 3], volumes: usize, shift_mm: f32, voxel: impl Fn(usize) -> u8) -> PathBuf {
    let mut bytes = vec![0_u8; 352];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348_i32.to_le_bytes());
    for (axis, n) in [4, shape[0], shape[1], shape[2], volumes, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * axis, &(n as i16).to_le_bytes());
    }
    put(70, &2_i16.to_le_bytes());
    put(72, &8_i16.to_le_bytes());
    (0..4).for_each(|axis| put(76 + 4 * axis, &1_f32.to_le_bytes()));
    put(108, &352_f32.to_le_bytes());
    put(254, &1_i16.to_le_bytes());
    (0..3).for_each(|axis| put(280 + 20 * axis, &1_f32.to_le_bytes()));
    put(292, &shift_mm.to_le_bytes());
    put(344, b"n+1\0");
    bytes.extend((0..shape.iter().product::<usize>() * volumes).map(voxel));
    fs::write(path, bytes).expect("the test's folder can be written");
    path.to_owned()
}

struct Window(Harness<'static, App>);

impl Window {
    fn new() -> Self {
        let (engine, _script) = Engine::scripted();
        Self(
            Harness::builder()
                .with_size(Vec2::new(1280.0, 800.0))
                .wgpu()
                .build_eframe(move |cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine)),
        )
    }

    fn command(&mut self, command: Command) {
        let ctx = self.0.ctx.clone();
        self.0.state_mut().command(&ctx, command);
        self.0.step();
    }

    fn until(&mut self, what: &str, mut holds: impl FnMut(&Harness<'static, App>) -> bool) {
        let start = Instant::now();
        while !holds(&self.0) {
            assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for: {what}; {:?}", self.0.state().headlines());
            std::thread::sleep(Duration::from_millis(5));
            self.0.step();
        }
    }

    fn press(&mut self, label: &str) {
        self.0.get_by_label(label).click();
        self.0.step();
        self.0.step();
    }

    fn opens(&mut self, path: PathBuf) {
        self.command(Command::Open(vec![path]));
        self.until("the image", |harness| harness.state().session().image().is_some());
    }
}

#[test]
fn the_images_of_a_series_are_chosen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = write_volume(&folder.path().join("cine.nii"), [6, 5, 4], 3, 0.0, |index| (index / 120) as u8 * 9);
    let mut window = Window::new();
    window.command(Command::Open(vec![path]));
    window.until("the choice", |harness| harness.query_by_label("time point 2").is_some());
    assert!(window.0.state().project().cases.is_empty(), "nothing is opened before it is chosen");
    window.press("All");
    window.press("Open 3 images");
    window.until("the image", |harness| harness.state().session().image().is_some());
    let cases = &window.0.state().project().cases;
    let parts: Vec<_> = cases.iter().map(|case| (case.name.as_str(), case.part.clone())).collect();
    assert_eq!(parts, [("cine_time0", Part::Volume(0)), ("cine_time1", Part::Volume(1)), ("cine_time2", Part::Volume(2))]);
}

#[test]
fn labels_are_laid_on_and_resampled_only_when_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let shape = [6, 5, 4];
    let image = write_volume(&at("scan.nii"), shape, 1, 0.0, |index| index as u8);
    let labels = write_volume(&at("seg.nii"), shape, 1, 0.0, |index| u8::from(index % 4 == 0));
    let moved = write_volume(&at("moved.nii"), shape, 1, 2.0, |_| 1);
    fs::write(at("labels.json"), r#"{"liver": 1}"#).expect("the test's folder can be written");
    let mut window = Window::new();
    window.opens(image);
    window.command(Command::OpenLabels(labels));
    window.until("the structure", |harness| harness.state().project().structures.iter().any(|one| one.name == "liver"));
    let liver = StructureId(1);
    let count = |window: &Window| {
        let work = window.0.state().project().cases[0].work(liver).cloned().expect("labels were laid on");
        (work.mask.map_or(0, |mask| mask.count()), work.review)
    };
    assert_eq!(count(&window), (30, Review::Open));
    // What lies elsewhere is told, and changes nothing before the user agrees.
    window.command(Command::OpenLabels(moved));
    window.until("the question", |harness| harness.query_by_label_contains("up to 2.0 mm away").is_some());
    assert_eq!(count(&window), (30, Review::Open));
    window.press("Resample (nearest)");
    assert_eq!(count(&window), (4 * 5 * 4, Review::Open), "two of six planes lie beyond the labels");
    window.command(Command::Undo);
    assert_eq!(count(&window), (30, Review::Open));
}
