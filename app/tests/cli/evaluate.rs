//! `exemplar evaluate` as a whole, with the real engine on small sets made here: form, determinism, going on, refusals.

use crate::make::file;
use crate::run::{done, refused, text};
use image::{GrayImage, Luma};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Pictures of a bright disc, each at another place and of another size, on a ground with a pattern.
pub fn discs(folder: &Path, count: u32) {
    for part in ["images", "labels"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for case in 0..count {
        let (x0, y0, radius) = (20.0 + f64::from(case * 7 % 24), 18.0 + f64::from(case * 5 % 28), 8.0 + f64::from(case % 4));
        let is_in = |x: u32, y: u32| (f64::from(x) - x0).hypot(f64::from(y) - y0) < radius;
        let shade = |x, y| if is_in(x, y) { 190 } else { 60 } + (x * 7 + y * 13 + case) as u8 % 30;
        let name = format!("case-{case}.png");
        GrayImage::from_fn(64, 64, |x, y| Luma([shade(x, y)])).save(folder.join("images").join(&name)).unwrap();
        GrayImage::from_fn(64, 64, |x, y| Luma([u8::from(is_in(x, y))])).save(folder.join("labels").join(&name)).unwrap();
    }
    file(folder, "labels.json", r#"{"disc": 1}"#);
}

/// Volumes of a bright ball, 2 mm between slices.
pub fn balls(folder: &Path, count: usize) {
    for case in 0..count {
        let shape = [20_usize, 18, 12];
        let centre = [8.0 + (case % 3) as f64, 9.0, 5.0 + (case % 2) as f64];
        let far = |at: usize| {
            let voxel = [at % shape[0], at / shape[0] % shape[1], at / (shape[0] * shape[1])];
            let mm = |axis: usize| (voxel[axis] as f64 - centre[axis]) * if axis == 2 { 2.0 } else { 1.0 };
            (mm(0).powi(2) + mm(1).powi(2) + mm(2).powi(2)).sqrt()
        };
        let voxels = |value: &dyn Fn(usize) -> i16| {
            let mut bytes = crate::make::header(&shape.map(|n| n as i16), 4, 16);
            bytes[80..84].copy_from_slice(&1_f32.to_le_bytes());
            bytes[88..92].copy_from_slice(&2_f32.to_le_bytes());
            // Row z of the sform.
            bytes[320..324].copy_from_slice(&2_f32.to_le_bytes());
            bytes.extend((0..shape.iter().product()).flat_map(|at| value(at).to_le_bytes()));
            bytes
        };
        file(
            folder,
            &format!("images/ball-{case}.nii"),
            voxels(&|at| 100 + (at % 17) as i16 + if far(at) < 6.0 { 300 } else { 0 }),
        );
        file(folder, &format!("labels/ball-{case}.nii"), voxels(&|at| i16::from(far(at) < 6.0)));
    }
}

struct Run {
    data: PathBuf,
    out: PathBuf,
}

impl Run {
    fn new(work: &Path, name: &str) -> Self {
        Self { data: work.join("discs"), out: work.join(name) }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let own = ["evaluate", text(&self.data), "--device", "cpu", "--json", text(&self.out), "--seed", "5"];
        own.into_iter().chain(more.iter().copied()).collect()
    }

    fn done(&self, more: &[&str]) -> Value {
        done(self.arguments(more));
        self.results()
    }

    fn results(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.out).unwrap()).unwrap()
    }
}

const SMALL: [&str; 8] = ["--contexts", "1,2", "--prompts", "mask,click", "--repeats", "2", "--targets", "2"];

/// What does not follow from the seed is how long it took.
fn without_seconds(mut results: Value) -> Value {
    results["machine"] = Value::Null;
    for list in ["/records", "/summary/structures", "/summary/means"] {
        for entry in results.pointer_mut(list).unwrap().as_array_mut().unwrap() {
            entry["seconds"] = Value::Null;
        }
    }
    results
}

#[test]
fn a_run_tells_the_same_figures_each_time_and_goes_on_where_it_was_killed() {
    let work = tempfile::tempdir().unwrap();
    discs(&work.path().join("discs"), 6);
    let (first, second) = (Run::new(work.path(), "a.json"), Run::new(work.path(), "b.json"));
    let plot = work.path().join("a.svg");
    let results = first.done(&[&SMALL[..], &["--plot", text(&plot)]].concat());
    check_form(&results);
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("Dice") && svg.contains("Examples"));
    let page = std::fs::read_to_string(work.path().join("a.html")).unwrap();
    assert!(page.contains("Best: case-") && page.contains("data:image/png;base64,") && page.contains("<svg "));
    assert!(!page.contains("src=\"http") && !page.contains("<script"), "a page that needs nothing beside it");

    kill_after_some_guesses(&second);
    refused(second.arguments(&SMALL), "--resume goes on");
    refused(second.arguments(&[&SMALL[..], &["--resume", "--slices", "3"]].concat()), "other settings");
    let resumed = second.done(&[&SMALL[..], &["--resume"]].concat());
    assert_eq!(without_seconds(resumed), without_seconds(results.clone()));
    assert!(!work.path().join("b.json.partial").exists());

    // Another kind of mark is added to a run that ended; what was there stays, to the second.
    let more = ["--contexts", "1,2", "--prompts", "mask,click,box", "--repeats", "2", "--targets", "2", "--resume"];
    let added = first.done(&more);
    let records = |results: &Value| results["records"].as_array().unwrap().clone();
    assert!(records(&results).iter().all(|record| records(&added).contains(record)));
    assert_eq!(records(&added).len(), 24);
    with_a_baseline(work.path(), &first, &added);
}

fn check_form(results: &Value) {
    assert_eq!((&results["schema"], &results["settings"]["seed"], &results["remarks"]), (&json!(1), &json!(5), &json!([])));
    assert_eq!(results["nets"][0]["sha256"].as_str().unwrap().len(), 64);
    let [task] = &results["tasks"].as_array().unwrap()[..] else { panic!("one task") };
    assert_eq!((&task["name"], &task["dims"], &task["values"]), (&json!("discs/disc"), &json!(2), &json!([1])));
    for repeat in task["repeats"].as_array().unwrap() {
        assert_eq!((repeat["examples"].as_array().unwrap().len(), repeat["targets"].as_array().unwrap().len()), (2, 2));
        assert!(
            repeat["targets"].as_array().unwrap().iter().all(|case| task["cases"][case.as_str().unwrap()]["image"].is_string())
        );
    }
    let records = results["records"].as_array().unwrap();
    assert_eq!(records.len(), 16, "two kinds, two numbers of examples, two repeats, two targets");
    for record in records {
        assert!((0.0..=1.0).contains(&record["dice"].as_f64().unwrap()) && record["seconds"].as_f64().unwrap() >= 0.0);
        assert!(record.get("hausdorff95_mm").is_none(), "a picture has no mm");
        let examples = record["contexts"].as_f64().unwrap();
        // 80 seconds a mask; 3 clicks in the structure and 2 outside, of 5 seconds each.
        let wanted = if record["prompt"] == "mask" { 80.0 } else { 25.0 };
        assert_eq!(record["annotation_seconds"], wanted * examples);
    }
    let means = results["summary"]["means"].as_array().unwrap();
    assert_eq!(means.len(), 4);
    let masks = means.iter().find(|row| row["prompt"] == "mask" && row["contexts"] == 2).unwrap();
    assert!(masks["dice"].as_f64().unwrap() > 0.5, "a bright disc is found: {masks}");
    assert!(masks["dice_spread"].is_number());
}

fn kill_after_some_guesses(run: &Run) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_exemplar"))
        .args(run.arguments(&SMALL))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let partial = run.out.with_file_name("b.json.partial");
    let started = Instant::now();
    while std::fs::read_to_string(&partial).map_or(0, |text| text.lines().count()) < 4 {
        assert!(started.elapsed() < Duration::from_secs(300), "no guess within five minutes");
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!run.out.exists());
}

/// Masks of another method, here the reference itself, stand in the same table.
fn with_a_baseline(work: &Path, run: &Run, results: &Value) {
    let targets = results["tasks"][0]["repeats"][0]["targets"].as_array().unwrap();
    let guess = |case: &Value| {
        let mask = format!("discs/labels/{}.png", case.as_str().unwrap());
        json!({"task": "discs/disc", "repeat": 0, "case": case, "contexts": 2, "seconds": 1.5, "mask": mask})
    };
    let guesses: Vec<Value> = targets.iter().map(guess).collect();
    let baseline = json!({"schema": 1, "method": "oracle", "guesses": guesses});
    let path = file(work, "oracle.json", baseline.to_string());
    let more = [
        "--contexts",
        "1,2",
        "--prompts",
        "mask,click,box",
        "--repeats",
        "2",
        "--targets",
        "2",
        "--resume",
        "--baseline",
        text(&path),
    ];
    let both = run.done(&more);
    let rows = both["summary"]["means"].as_array().unwrap().clone();
    let oracle = rows.iter().find(|row| row["method"] == "oracle").unwrap();
    assert_eq!((&oracle["dice"], &oracle["seconds"], &oracle["guesses"]), (&json!(1.0), &json!(1.5), &json!(2)));
    let compared = both["summary"]["comparisons"].as_array().unwrap();
    let masks = compared.iter().find(|pair| pair["prompt"] == "mask" && pair.get("task").is_none()).unwrap();
    assert_eq!((&masks["guesses"], &masks["theirs"]["dice"]), (&json!(2), &json!(1.0)));
    assert!(masks["ours"]["dice"].as_f64().unwrap() > 0.0);
    assert!(std::fs::read_to_string(work.join("a.html")).unwrap().contains("oracle, masks"));
}

#[test]
fn volumes_have_distances_in_mm_and_cases_are_corrected_by_clicks() {
    let work = tempfile::tempdir().unwrap();
    balls(&work.path().join("balls"), 3);
    let run = Run { data: work.path().join("balls"), out: work.path().join("out.json") };
    let results = run.done(&["--contexts", "1", "--prompts", "box", "--repeats", "1", "--slices", "3", "--targets", "1"]);
    let record = &results["records"][0];
    assert!(record["surface_dice_2mm"].is_number());
    assert_eq!((&record["marks"], &record["annotation_seconds"]), (&json!(3), &json!(30.0)), "a box on each of three slices");
    assert_eq!(record["hausdorff95_mm"].is_number(), record["dice"].as_f64().unwrap() > 0.0);

    let run = Run { out: work.path().join("clicks.json"), ..run };
    let results = run.done(&["--mode", "interactive", "--prompts", "click", "--clicks", "2", "--repeats", "1", "--targets", "1"]);
    let clicks: Vec<&Value> = results["records"].as_array().unwrap().iter().map(|record| &record["clicks"]).collect();
    assert_eq!(clicks, [&json!(1), &json!(2)]);
    assert_eq!(results["records"][1]["annotation_seconds"], 10.0);
    assert!(results["summary"]["efforts"][0]["clicks_to_85"].as_f64().unwrap() <= 2.0);
    assert!(std::fs::read_to_string(work.path().join("clicks.html")).unwrap().contains("Clicks to a Dice of 0.85"));
}

#[test]
fn what_cannot_be_measured_is_refused_before_any_work() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("discs");
    discs(&folder, 3);
    let run = Run::new(work.path(), "out.json");
    let says = |more: &[&str], why: &str| {
        refused(run.arguments(more), why);
        assert!(!run.out.exists() && !work.path().join("out.json.partial").exists());
    };
    says(&[], "no structure is shown by 10 cases");
    says(&["--contexts", "1", "--tasks", "discs/liver"], "there are discs/disc");
    says(&["--contexts", "1", "--join", "both=1+2"], "no set has all the labels that both would join");
    says(&["--contexts", "0"], "from 1 on");
    says(&["--mode", "interactive", "--prompts", "mask"], "nothing to guess");
    let split = file(work.path(), "split.json", r#"{"other": ["case-0"]}"#);
    says(&["--contexts", "1", "--split", text(&split)], "no structure is shown");
    file(work.path(), "split.json", "[]");
    says(&["--contexts", "1", "--split", text(&split)], "the split cannot be read");
    let nowhere = Run { data: work.path().join("nothing"), out: run.out.clone() };
    refused(nowhere.arguments(&[]), "no such folder");
    let empty = Run { data: folder.join("images"), out: run.out.clone() };
    refused(empty.arguments(&[]), "both images and labels");
}

#[test]
fn a_broken_case_is_named_and_the_others_are_measured() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("discs");
    discs(&folder, 4);
    file(&folder, "labels/case-1.png", "no labels");
    let run = Run::new(work.path(), "out.json");
    refused(
        run.arguments(&["--contexts", "1", "--prompts", "mask", "--repeats", "1", "--targets", "2", "--least-cases", "3"]),
        "the report names them",
    );
    let results = run.results();
    assert!(results["remarks"][0].as_str().unwrap().starts_with("discs/case-1 is left out"));
    assert_eq!(results["records"].as_array().unwrap().len(), 2);
}
