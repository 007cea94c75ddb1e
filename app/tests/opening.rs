//! Files that hold several images, and label files, in the window: chosen, laid on, resampled only when asked for.

mod support;

use app::app::App;
use app::command::Command;
use egui::Vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use engine::Engine;
use imaging::{Part, Reduction, Review, StructureId};
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

    fn shows(&mut self, at: usize) {
        self.until("the case", |harness| harness.state().project().cases.len() > at);
        let case = self.0.state().project().cases[at].id;
        self.command(Command::ShowCase(case));
    }

    fn press(&mut self, label: &str) {
        // A dialog finds its size in its first frames.
        self.0.run_steps(3);
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

#[test]
fn the_pages_of_a_stack_are_opened_as_one_volume_or_one_by_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("stack.tif");
    write_stack(&path, [7, 5, 4], |index| (index % 251) as u8);
    let mut window = Window::new();
    window.command(Command::Open(vec![path]));
    window.until("the choice", |harness| harness.query_by_label("page 3").is_some());
    window.press("Open 1 image");
    window.until("the image", |harness| harness.state().session().image().is_some());
    let case = window.0.state().project().cases[0].clone();
    let shape = window.0.state().session().image().map(|image| image.grid.shape);
    assert_eq!((case.part, shape), (Part::Stack, Some([7, 5, 4])), "the whole is what was chosen");
}

/// A little-endian TIFF of 8-bit grey pages, each one strip.
fn write_stack(path: &Path, [width, height, pages]: [usize; 3], voxel: impl Fn(usize) -> u8) {
    let plane = width * height;
    let mut bytes = b"II\x2a\0\0\0\0\0".to_vec();
    let mut link = 4;
    for page in 0..pages {
        let strip = bytes.len();
        bytes.extend((0..plane).map(|at| voxel(page * plane + at)));
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        let directory = bytes.len() as u32;
        bytes[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        let entries =
            [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, strip), (277, 1), (278, height), (279, plane)];
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, value) in entries {
            bytes.extend((tag as u16).to_le_bytes());
            bytes.extend(4_u16.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend((value as u32).to_le_bytes());
        }
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    fs::write(path, bytes).expect("the test's folder can be written");
}

/// Runs a test of this file again as a program of its own, in which an environment variable is set: that cannot be
/// done in a program of many threads.
fn again_with(name: &str, variable: &str, value: &str) -> bool {
    if std::env::var_os(variable).is_some() {
        return false;
    }
    let this = std::env::current_exe().expect("the test is a program");
    let output = std::process::Command::new(this).args(["--exact", name, "--nocapture"]).env(variable, value).output();
    let output = output.expect("it can be started");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn what_is_too_large_is_asked_about_before_it_is_read() {
    if again_with("what_is_too_large_is_asked_about_before_it_is_read", "EXEMPLAR_MEMORY_LIMIT", "2") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = write_volume(&folder.path().join("large.nii"), [200, 160, 50], 1, 0.0, |index| (index % 200) as u8);
    let small = write_volume(&folder.path().join("small.nii"), [20, 16, 5], 1, 0.0, |index| (index % 200) as u8);
    let mut window = Window::new();
    window.command(Command::Open(vec![large.clone(), small]));
    window.until("the question", |harness| harness.query_by_label("How much is to be opened").is_some());
    window.until("the small image", |harness| harness.state().session().image().is_some());
    assert_eq!(window.0.state().project().cases.len(), 1, "only what fits was opened");
    window.press("Open 1 image");
    let case = |window: &Window| window.0.state().project().cases.get(1).cloned();
    window.until("the large image", |harness| harness.state().project().cases.len() == 2);
    // Half of the free memory is used: 3.2 MB as 16-bit numbers in blocks of 2 are 0.4 MB.
    assert_eq!(case(&window).map(|case| case.reduction), Some(Reduction::every(2)));
    window.shows(1);
    let shape = |harness: &Harness<'static, App>| harness.state().session().image().map(|image| image.grid.shape);
    window.until("its voxels", |harness| shape(harness) == Some([100, 80, 25]));

    window.command(Command::Open(vec![large]));
    window.until("the question again", |harness| harness.query_by_label("Leave it out").is_some());
    window.press("Leave it out");
    window.press("Cancel");
    assert!(window.0.query_by_label("Leave it out").is_none(), "the question was answered");
    assert_eq!(window.0.state().project().cases.len(), 2);
}

#[test]
fn what_the_view_cannot_hold_is_announced_and_opened_as_the_user_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let long = write_volume(&folder.path().join("long.nii"), [20_000, 3, 2], 1, 0.0, |index| (index % 200) as u8);
    let mut window = Window::new();
    let shape = |harness: &Harness<'static, App>| harness.state().session().image().map(|image| image.grid.shape);
    for (at, choice) in ["Open all of it", "Only a box"].into_iter().enumerate() {
        window.command(Command::Open(vec![long.clone()]));
        window.until("the question", |harness| harness.query_by_label_contains("too large for the graphics card").is_some());
        window.0.get_by_label_contains(choice).click();
        window.0.step();
        window.press("Open 1 image");
        window.shows(at);
        window.until("the image", |harness| shape(harness).is_some_and(|[x, ..]| (x == 20_000) == (at == 0)));
    }
    assert_eq!(window.0.state().project().cases.len(), 2, "the whole and the box");
}

#[test]
fn series_of_a_study_in_folders_of_their_own_are_chosen() {
    let Some(source) = support::shared::shared("dicom/mr_Siemens_mosaic_nih") else { return };
    let series = imaging::files::items(&source).expect("it is a folder of DICOM");
    assert!(series.len() > 1 && series.iter().all(|one| one.study == series[0].study), "several series of one study");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut folders = std::collections::BTreeSet::new();
    for file in fs::read_dir(&source).expect("it can be listed").map(|entry| entry.expect("it can be listed").path()) {
        let Ok(images) = imaging::files::items(&file) else { continue };
        let Part::Series { uid, .. } = &images[0].item.part else { continue };
        let own = folder.path().join(uid);
        fs::create_dir_all(&own).expect("the test's folder can be written");
        fs::copy(&file, own.join(file.file_name().unwrap_or_default())).expect("the test's folder can be written");
        folders.insert(own);
    }
    let mut window = Window::new();
    window.command(Command::Open(vec![folder.path().to_owned()]));
    window.until("the choice", |harness| harness.query_by_label_contains("images.").is_some());
    assert!(folders.len() > 1 && window.0.state().project().cases.is_empty(), "nothing is opened before it is chosen");
    window.press("All");
    let count: usize = folders.iter().map(|own| imaging::files::items(own).map_or(0, |images| images.len())).sum();
    window.press(&format!("Open {count} images"));
    window.until("the images", |harness| harness.state().project().cases.len() == count);
}
