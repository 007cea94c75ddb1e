//! The page of nets, with a scripted engine: a file of weights is recognised, its licence shown, consent asked for; the
//! cost of a guess is told once the device was measured.

use app::app::App;
use app::command::Command;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use engine::{Engine, Event, NetChoice, Request, Script};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn weights(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/parity").join(name)
}

fn window() -> (Harness<'static, App>, Script) {
    let (engine, script) = Engine::scripted();
    let size = egui::Vec2::new(1280.0, 800.0);
    let harness = Harness::builder()
        .with_size(size)
        .wgpu()
        .build_eframe(|cc| App::new(&cc.egui_ctx, cc.wgpu_render_state.as_ref(), engine));
    (harness, script)
}

fn order(harness: &mut Harness<'static, App>, command: Command) {
    let ctx = harness.ctx.clone();
    harness.state_mut().command(&ctx, command);
    harness.step();
}

/// Steps until something is so.
fn until(harness: &mut Harness<'static, App>, is_so: impl Fn(&Harness<'static, App>) -> bool) {
    let start = Instant::now();
    while !is_so(harness) {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain; notices: {:?}", harness.state().headlines());
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
}

#[test]
fn weights_are_recognised_and_added_with_consent_only() {
    let (mut harness, _script) = window();
    order(&mut harness, Command::ToggleModels);
    harness.step();
    assert!(harness.query_by_label("Exemplar's own nets").is_some());
    assert!(harness.query_by_label("Add weights…").is_some());
    order(&mut harness, Command::LookAtWeights(weights("published/scribbleprompt.safetensors")));
    until(&mut harness, |harness| harness.query_by_label("Add ScribblePrompt-UNet?").is_some());
    assert!(harness.query_by_label_contains("the code is Apache-2.0").is_some());
    let consent = "I have read what its authors say of its use, and will keep to it";
    let is_off = |harness: &Harness<'static, App>| harness.get_by_label("Add").accesskit_node().is_disabled();
    assert!(is_off(&harness), "nothing is added without consent");
    // A window is laid out once before it is in its place.
    harness.step();
    harness.get_by_label(consent).click();
    until(&mut harness, |harness| !harness.get_by_label("Add").accesskit_node().is_disabled());
    order(&mut harness, Command::Escape);
    harness.step();
    assert!(harness.query_by_label("Add ScribblePrompt-UNet?").is_none());
}

#[test]
fn a_file_that_is_no_known_net_is_told() {
    let (mut harness, _script) = window();
    order(&mut harness, Command::LookAtWeights(weights("torch/zip.pt")));
    until(&mut harness, |harness| !harness.state().headlines().is_empty());
    assert!(harness.state().headlines()[0].contains("weights cannot be added"), "{:?}", harness.state().headlines());
}

#[test]
fn another_net_is_asked_for_and_named_once_it_is_in_use() {
    let (mut harness, script) = window();
    let choice = NetChoice::Own;
    order(&mut harness, Command::UseNet(choice.clone()));
    let asked = script.requests.try_iter().any(|request| matches!(request, Request::UseNet(net) if net == choice));
    assert!(asked);
    script.tell(Event::UsesNet(choice.clone()));
    script.tell(Event::Measured { products_a_second: 5e10 });
    harness.step();
    assert_eq!(harness.state().session().net, choice);
    assert_eq!(harness.state().session().speed, Some(5e10));
}
