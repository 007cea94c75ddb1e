//! The middle of the window: fills the viewer's scene from project and session, and tells what the pointer did.

use crate::compare::{self, Change};
use crate::editing::drafts::Drafts;
use crate::panels::{Desk, grid, heat};
use crate::session::{Place, Session};
use crate::theme;
use crate::tools::{Gesture, Tool, dragged, shape};
use eframe::egui_wgpu::RenderState;
use egui::{Ui, Vec2};
use imaging::files::ItemInfo;
use imaging::{Case, CaseId, Corner, Grid, Image, Project, Prompt, PromptId, Shape, Sign, StructureId, Tip};
use std::collections::HashMap;
use std::sync::Arc;
use viewer::triplanar::{self, Behaviour};
use viewer::{
    Brush, Cover, Cut, ImageTexture, Layer, Layers, Limits, Mark, PointerEvent, Scene, TriplanarOutput, TriplanarState, Window,
};

/// The panes and what they show.
pub struct Stage {
    limits: Limits,
    panes: HashMap<CaseId, TriplanarState>,
    shown: Option<Shown>,
    /// Counts what is not the project's own: new guesses.
    generation: u64,
    /// The masks that review would accept.
    pub(crate) drafts: Drafts,
}

/// The case on the panes.
struct Shown {
    case: CaseId,
    texture: ImageTexture,
    layers: Layers,
    /// The masks as they stand; what is being drawn or proposed lies over them.
    standing: Vec<(StructureId, Layer)>,
    made: Option<(u64, u64, Place)>,
    /// Voxels that the comparison on the screen adds and removes.
    change: Option<[usize; 2]>,
}

/// A pointer event with what the tools need to know of its pane.
#[derive(Clone, Copy, Debug)]
pub struct Pointed {
    /// What the pointer did.
    pub event: PointerEvent,
    /// Voxel axis across the slice.
    pub normal: usize,
    /// The mark under it.
    pub mark: Option<PromptId>,
    /// The corner of that mark under it.
    pub corner: Option<Corner>,
}

/// What happened on the panes in a frame.
#[derive(Debug, Default)]
pub struct StageOutput {
    /// The voxel position under the pointer.
    pub hovered: Option<[f32; 3]>,
    /// What the pointer did, in order.
    pub pointed: Vec<Pointed>,
    /// The contrast, where it was changed.
    pub window: Option<Window>,
    /// By how much the brush grew.
    pub brush_factor: f32,
    /// The slice under the pointer.
    pub cut: Option<Cut>,
}

impl Stage {
    /// The panes of a window with this device.
    #[must_use]
    pub fn new(render: Option<&RenderState>) -> Self {
        let limits = render.map_or_else(Limits::default, |state| {
            viewer::install(state);
            Limits::of(state)
        });
        Self { limits, panes: HashMap::new(), shown: None, generation: 0, drafts: Drafts::default() }
    }

    /// What this device's view would show of an image that is too large for it; pictures, which are opened whole in any
    /// case, aside.
    #[must_use]
    pub fn shown_of(&self, image: &ItemInfo) -> Option<[usize; 3]> {
        let width = usize::from(image.voxel_bytes);
        (width > 0).then(|| self.limits.shown_of(image.kept_shape(), width)).flatten()
    }

    /// Counts what changes on the screen and is not the project's own.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Voxels that the comparison on the screen adds and removes, where there is one.
    #[must_use]
    pub fn change(&self) -> Option<[usize; 2]> {
        self.shown.as_ref()?.change
    }

    /// Makes the layers anew in the next frame.
    pub fn forget_layers(&mut self) {
        self.generation += 1;
    }

    /// Shows whole slices again.
    pub fn fit(&mut self) {
        if let Some(panes) = self.shown.as_ref().and_then(|shown| self.panes.get_mut(&shown.case)) {
            panes.fit();
        }
    }

    /// Moves a case's crosshair.
    pub fn go_to(&mut self, case: CaseId, voxel: [f32; 3], grid: &Grid) {
        if let Some(panes) = self.panes.get_mut(&case) {
            panes.go_to(voxel, grid);
        }
    }

    /// Moves a case's crosshair to another slice.
    pub fn go_to_slice(&mut self, case: CaseId, normal: usize, slice: usize, grid: &Grid) {
        if let Some(panes) = self.panes.get_mut(&case) {
            let mut to = panes.crosshair;
            to[normal] = slice as f32;
            panes.go_to(to, grid);
        }
    }

    /// Draws the panes and the grid, or what there is to say while nothing can be shown.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk<'_>, pictures: &grid::Pictures, revision: u64) -> StageOutput {
        let Some((case, image, window)) = shown_case(desk.project, desk.session) else {
            empty_ui(ui, desk);
            return StageOutput { brush_factor: 1.0, ..StageOutput::default() };
        };
        self.take(case.id, &image);
        let generation = self.generation;
        let Some(shown) = &mut self.shown else { return StageOutput::default() };
        // Which structure is in hand decides which is on top, and what is compared.
        let wanted = desk.session.place().map(|place| (revision, generation, place));
        if shown.made != wanted || wanted.is_none() {
            let change = compare::change(desk.project, desk.session, image.grid.shape);
            shown.standing = layers(desk.project, desk.session, &mut self.drafts, case, image.grid, change.as_ref());
            shown.change = change.map(|change| change.counts());
            shown.made = wanted;
        }
        shown.layers.list = with_change(&shown.standing, desk.project, desk.session, case);
        let panes = self.panes.entry(case.id).or_insert_with(|| TriplanarState::new(&image));
        show_case(ui, desk, case, shown, panes, window, pictures)
    }

    fn take(&mut self, case: CaseId, image: &Arc<Image>) {
        let same = self.shown.as_ref().is_some_and(|shown| shown.case == case && Arc::ptr_eq(shown.texture.image(), image));
        if !same {
            let texture = ImageTexture::new(image.clone(), self.limits);
            let layers = Layers::new(&texture);
            self.shown = Some(Shown { case, texture, layers, standing: Vec::new(), made: None, change: None });
        }
    }
}

fn shown_case<'a>(project: &'a Project, session: &Session) -> Option<(&'a Case, Arc<Image>, Window)> {
    let case = project.case(session.case?)?;
    let view = session.views.get(&case.id)?;
    Some((case, view.image.clone()?, view.window?))
}

fn show_case(
    ui: &mut Ui,
    desk: &mut Desk<'_>,
    case: &Case,
    shown: &Shown,
    panes: &mut TriplanarState,
    window: Window,
    pictures: &grid::Pictures,
) -> StageOutput {
    let session = desk.session;
    let hidden = Layers::new(&shown.texture);
    // Whoever paints or is asked sees it, also where masks are hidden.
    let edits = session.editing.live.is_some() || session.editing.proposal.is_some();
    let layers = if session.draws_overlay() || edits { &shown.layers } else { &hidden };
    let mut scene = Scene::new(&shown.texture, layers, window);
    let prompts = visible_prompts(desk.project, session, case);
    let moved = moved(session);
    let marks: Vec<Mark<'_>> = prompts.iter().map(|prompt| mark(desk.project, session, prompt, moved.as_ref())).collect();
    let drawn = drawn(session, &panes.crosshair);
    scene.marks = &marks;
    scene.draft =
        drawn.as_ref().map(|(shape, sign)| Mark { shape, sign: *sign, colour: colour(desk.project, session), highlighted: true });
    scene.crosshair = session.draws_overlay().then_some(panes.crosshair);
    scene.brush = brush(desk.project, session);
    let holds_mark = matches!(session.gesture, Gesture::Moving { .. });
    let cursor = session.tool == Tool::Cursor;
    let behaviour = Behaviour { convention: session.convention, moves_crosshair: cursor && !holds_mark, maximises: cursor };
    let mut fourth = |ui: &mut Ui| grid::grid_ui(ui, desk, pictures);
    let output = triplanar::show(ui, panes, &scene, behaviour, Some(&mut fourth));
    let guess = session.place().and_then(|place| session.guesses.get(&place)).filter(|_| session.draws_overlay());
    let grid = &shown.texture.image().grid;
    if let Some((axis, slice)) = guess.and_then(|guess| heat::strips_ui(ui, &guess.profile, grid, &output.panes)) {
        let mut to = panes.crosshair;
        to[axis] = slice as f32;
        panes.go_to(to, grid);
    }
    answer(&output, &prompts, window, session)
}

fn answer(output: &TriplanarOutput, prompts: &[&Prompt], window: Window, session: &Session) -> StageOutput {
    let pointed = output.panes.iter().flat_map(|(cut, pane)| {
        let mark = pane.hovered_mark.and_then(|at| prompts.get(at)).map(|prompt| prompt.id);
        pane.pointer.iter().map(move |event| Pointed {
            event: *event,
            normal: cut.slicing.normal,
            mark,
            corner: pane.hovered_corner,
        })
    });
    let windowing = output.windowing();
    let contrasts = session.tool.right_button().is_none() && windowing != Vec2::ZERO;
    StageOutput {
        hovered: output.hovered().and_then(|(_, pane)| pane.hovered),
        cut: output.hovered().map(|(cut, _)| *cut),
        pointed: pointed.collect(),
        window: contrasts.then(|| window.dragged(windowing.into())),
        brush_factor: 1.1_f32.powf(output.brush_steps()),
    }
}

/// The marks of the structures that are shown; those of the structure in hand last, on top.
fn visible_prompts<'a>(project: &Project, session: &Session, case: &'a Case) -> Vec<&'a Prompt> {
    let visible = |prompt: &&Prompt| {
        session.draws_overlay() && project.structure(prompt.structure).is_some_and(|structure| structure.visible)
    };
    let mut prompts: Vec<&Prompt> = case.prompts.iter().filter(visible).collect();
    prompts.sort_by_key(|prompt| Some(prompt.structure) == session.structure);
    prompts
}

fn mark<'a>(project: &Project, session: &Session, prompt: &'a Prompt, moved: Option<&'a (PromptId, Shape)>) -> Mark<'a> {
    let shape = moved.filter(|(id, _)| *id == prompt.id).map_or(&prompt.shape, |(_, shape)| shape);
    let colour = project.structure(prompt.structure).map_or([255; 3], |structure| structure.colour);
    Mark { shape, sign: prompt.sign, colour, highlighted: session.selected == Some(prompt.id) }
}

/// Where the mark that follows the pointer would be.
fn moved(session: &Session) -> Option<(PromptId, Shape)> {
    let Gesture::Moving { prompt, from, to, corner } = &session.gesture else { return None };
    Some((prompt.id, dragged(&prompt.shape, *corner, *from, *to)))
}

/// The mark that is being drawn.
fn drawn(session: &Session, crosshair: &[f32; 3]) -> Option<(Shape, Sign)> {
    if let Gesture::Corners { points, normal, inverse } = &session.gesture {
        return Some(around(session, points, *normal, *inverse));
    }
    let Gesture::Drawing { points, inverse } = &session.gesture else { return None };
    // The slice is the axis along which the way of the pointer does not move.
    let normal = (0..3).find(|&axis| points.iter().all(|p| p[axis] == points[0][axis] && p[axis] == crosshair[axis].round()))?;
    let sign = if *inverse { Sign::Negative } else { session.sign };
    match session.tool {
        Tool::Lasso => return Some(around(session, points, normal, *inverse)),
        // The brush is seen in the mask itself.
        Tool::Brush => return None,
        _ => {}
    }
    Some((shape(session.hand(normal), points.clone())?, sign))
}

/// The lasso's line, closed.
fn around(session: &Session, points: &[[f32; 3]], normal: usize, inverse: bool) -> (Shape, Sign) {
    let points = points.iter().chain(points.first()).copied().collect();
    let sign = if inverse { Sign::Negative } else { session.sign };
    (Shape::Doodle { points, normal }, sign)
}

fn brush(project: &Project, session: &Session) -> Option<Brush> {
    let tip = if session.ball { Tip::Ball } else { Tip::Disc { normal: 2 } };
    let erases = session.sign == Sign::Negative || matches!(session.gesture, Gesture::Drawing { inverse: true, .. });
    let brush = Brush { radius_mm: session.radius_mm, tip, colour: colour(project, session), erases };
    (session.tool == Tool::Brush).then_some(brush)
}

fn colour(project: &Project, session: &Session) -> [u8; 3] {
    session.structure.and_then(|id| project.structure(id)).map_or([255; 3], |structure| structure.colour)
}

/// Masks that stand, and guesses in their own look; the structure in hand on top.
fn layers(
    project: &Project,
    session: &Session,
    drafts: &mut Drafts,
    case: &Case,
    grid: Grid,
    change: Option<&Change>,
) -> Vec<(StructureId, Layer)> {
    let mut structures: Vec<_> = project.structures.iter().filter(|structure| structure.visible).collect();
    structures.sort_by_key(|structure| Some(structure.id) == session.structure);
    // More than the GPU's layers: those in front are kept.
    let compared = if change.is_some() { 2 } else { 0 };
    let surplus = (structures.len() + compared).saturating_sub(viewer::MOST_LAYERS);
    let mut layers: Vec<(StructureId, Layer)> = structures
        .into_iter()
        .skip(surplus)
        .filter_map(|structure| {
            let in_hand = change.filter(|_| session.structure == Some(structure.id));
            // What stands is shown under what would be added and removed.
            let cover = match in_hand {
                Some(change) => Cover::Mask(change.before.clone()),
                None => cover(project, session, drafts, (case.id, structure.id), grid)?,
            };
            let opacity = if in_hand.is_some() { structure.opacity * 0.4 } else { structure.opacity };
            Some((structure.id, Layer { cover, colour: structure.colour, opacity, visible: true }))
        })
        .collect();
    if let Some(change) = change {
        for (mask, colour) in [(&change.added, theme::ADDED), (&change.removed, theme::REMOVED)] {
            let layer = Layer { cover: Cover::Mask(mask.clone()), colour, opacity: 0.6, visible: true };
            layers.extend(session.structure.map(|structure| (structure, layer)));
        }
    }
    layers
}

fn cover(project: &Project, session: &Session, drafts: &mut Drafts, place: Place, grid: Grid) -> Option<Cover> {
    let case = project.case(place.0)?;
    if case.review(place.1).is_locked() {
        return case.mask(place.1).filter(|mask| mask.shape() == grid.shape).map(|mask| Cover::Mask(mask.clone()));
    }
    drafts.of(project, session, place, grid.shape).map(Cover::Draft)
}

/// The stroke being drawn in place of the mask that it changes; or what a proposal adds and takes away, in two colours.
fn with_change(standing: &[(StructureId, Layer)], project: &Project, session: &Session, case: &Case) -> Vec<Layer> {
    let editing = &session.editing;
    let painted = editing.live.as_ref().map(|live| live.place.1);
    let mut layers: Vec<Layer> = standing.iter().filter(|(id, _)| Some(*id) != painted).map(|(_, layer)| layer.clone()).collect();
    if let Some(live) = editing.live.as_ref().filter(|live| live.place.0 == case.id) {
        // Also where the structure is hidden: nobody paints without seeing it.
        let look = project.structure(live.place.1).map(|structure| (structure.colour, structure.opacity.max(0.2)));
        let (colour, opacity) = look.unwrap_or(([255; 3], 0.4));
        layers.push(Layer { cover: Cover::Draft(live.mask.clone()), colour, opacity, visible: true });
    }
    if let Some(change) = editing.proposal.as_ref().filter(|proposal| proposal.place.0 == case.id).and_then(|p| p.change.as_ref())
    {
        for (mask, colour) in [(&change.added, theme::ADDED), (&change.removed, theme::REMOVED)] {
            layers.push(Layer { cover: Cover::Draft(mask.clone()), colour, opacity: 0.6, visible: true });
        }
    }
    let surplus = layers.len().saturating_sub(viewer::MOST_LAYERS);
    layers.drain(..surplus);
    layers
}

fn empty_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    let shown = desk.session.case;
    let view = shown.and_then(|case| desk.session.views.get(&case));
    let fault = view.and_then(|view| view.fault.as_deref());
    let glimpse = view.and_then(|view| view.glimpse.as_ref());
    ui.vertical_centered(|ui| {
        match glimpse {
            Some(texture) => {
                let side = (0.8 * ui.available_height()).min(ui.available_width());
                ui.add(egui::Image::new(texture).fit_to_exact_size(egui::vec2(side, side)).alt_text("A layer of the image"));
            }
            None => ui.add_space(ui.available_height() * 0.35),
        }
        ui.visuals_mut().override_text_color = Some(egui::Color32::from_gray(200));
        match (shown, fault) {
            (Some(_), Some(fault)) => {
                ui.label(egui::RichText::new("This image could not be opened").heading());
                ui.label(fault);
            }
            (Some(_), None) => {
                ui.spinner();
                ui.label("Reading the image…");
            }
            (None, _) => welcome_ui(ui, desk),
        }
    });
}

fn welcome_ui(ui: &mut Ui, desk: &mut Desk<'_>) {
    use crate::command::Command;
    ui.label(egui::RichText::new("Exemplar").heading());
    ui.label("Drop images, a folder or a project here.");
    ui.add_space(10.0);
    if ui.button("Open folder or project…").clicked() {
        desk.order(Command::OpenFolderDialog);
    }
    if ui.button("Open images…").clicked() {
        desk.order(Command::OpenFilesDialog);
    }
    ui.add_space(14.0);
    for path in crate::recent::list().into_iter().take(5) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if ui.link(name).on_hover_text(path.display().to_string()).clicked() {
            desk.order(Command::Open(vec![path]));
        }
    }
}
