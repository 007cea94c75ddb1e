//! What each command does: the one place where the user's word changes project and session.

use crate::app::App;
use crate::ask;
use crate::command::Command;
use crate::editing::Range;
use crate::export;
use crate::jobs::Done;
use crate::panels::dialogs::ExportForm;
use crate::review;
use crate::session::Place;
use crate::tools::{Gesture, Tool};
use egui::Context;
use engine::Request;
use imaging::files::ItemInfo;
use imaging::{Case, CaseId, Edit, Entry, PromptId, Review, Step, StructureId};
use std::path::Path;

impl App {
    /// Runs a command.
    pub(crate) fn run(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Open(paths) => self.open(&paths),
            Command::OpenItems(images) => self.add_cases(&images),
            Command::OpenAsImage(path) => self.open(&[path]),
            Command::OpenLabelsDialog => self.choose_labels(),
            Command::OpenLabels(path) => self.open_labels(&path),
            Command::LayLabels(laying) => self.lay_labels(&laying),
            Command::OpenFilesDialog => self.choose("files", |dialog| dialog.pick_files().map(Done::Chosen)),
            Command::OpenFolderDialog => {
                self.choose("folder", |dialog| dialog.pick_folder().map(|path| Done::Chosen(vec![path])));
            }
            Command::SaveProjectDialog => self.choose("project", |dialog| dialog.pick_folder().map(Done::ProjectFolder)),
            Command::ExportDialog => self.choose("export", |dialog| dialog.pick_folder().map(Done::ExportFolder)),
            Command::SaveProject(folder) => self.save_in(&folder),
            Command::ShowCase(case) => self.session.show(case),
            Command::NewStructure => self.new_structure(),
            Command::PickStructure(id) => self.pick_structure(id),
            Command::RemoveStructure(id) => self.remove_structure(id),
            Command::StepStructure(by) => self.step_structure(by),
            Command::PickTool(tool) => self.pick_tool(tool),
            Command::FlipSign => self.flip_sign(),
            Command::ScaleBrush(factor) => self.session.radius_mm = (self.session.radius_mm * factor).clamp(0.2, 60.0),
            Command::ToggleBall => self.session.ball = !self.session.ball,
            Command::SelectMark(id) => self.select_mark(id),
            Command::DeleteMark => self.delete_mark(),
            Command::Escape => self.escape(),
            Command::ToggleOverlay => self.session.overlay = !self.session.overlay,
            Command::ToggleExample => self.toggle_example(),
            Command::Propagate => self.propagate(),
            Command::PausePropagation => self.pause_propagation(),
            Command::CancelPropagation => self.cancel_propagation(),
            Command::Accept => self.accept(),
            Command::AcceptAll => self.accept_all(),
            Command::Reject => self.say(Review::Rejected),
            Command::Absent => self.say(Review::Absent),
            Command::Reopen => self.reopen(),
            Command::Next => self.next(),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Preset(number) => self.preset(number),
            Command::ShowExport => self.show_export(),
            Command::Export { folder, overwrite, form } => self.export(&folder, overwrite, form),
            Command::ToggleKeys => self.dialogs.keys = !self.dialogs.keys,
            Command::ToggleSettings => self.dialogs.settings = !self.dialogs.settings,
            Command::ToggleAbout => self.dialogs.about = !self.dialogs.about,
            Command::SetConvention(convention) => self.session.convention = convention,
            Command::SetTheme(theme) => ctx.set_theme(theme),
            Command::SetDevice(choice) => self.set_device(choice),
            Command::FitViews => self.stage.fit(),
            Command::SetRange(range) => self.session.editing.range = range,
            Command::ToggleRange => self.toggle_range(),
            Command::SetFill(settings) => self.session.editing.fill = settings,
            Command::OpenEdit(kind) => self.open_edit(kind),
            Command::ChangeEdit(form) => self.propose(form),
            Command::ApplyEdit => {
                self.apply_proposal();
            }
            Command::CancelEdit => {
                self.leave_proposal();
            }
            Command::Confirm => self.confirm(),
        }
    }

    fn choose(&mut self, name: &'static str, ask: impl FnOnce(rfd::FileDialog) -> Option<Done> + Send + 'static) {
        self.jobs.run(name, move || ask(rfd::FileDialog::new()));
    }

    fn choose_labels(&mut self) {
        if self.session.case.is_none() {
            self.notices.news("Open an image first: labels belong to the one that is shown.");
            return;
        }
        self.choose("labels", |dialog| dialog.pick_file().map(Done::LabelsChosen));
    }

    fn open_labels(&mut self, path: &Path) {
        if let Some(case) = self.session.case {
            self.read_labels(case, path, false);
        }
    }

    fn set_device(&mut self, choice: engine::DeviceChoice) {
        self.session.adapter = None;
        self.engine.send(Request::UseDevice(choice));
    }

    fn new_structure(&mut self) {
        if self.project.cases.is_empty() {
            self.notices.news("Open images first: drop files or a folder on the window.");
            return;
        }
        let number = self.project.structures.len() + 1;
        let structure = self.project.next_structure(&format!("structure {number}"));
        let id = structure.id;
        self.make(Step { name: "new structure".into(), edit: Edit::add_structure(&self.project, structure) });
        self.pick_structure(id);
    }

    fn pick_structure(&mut self, id: StructureId) {
        self.session.structure = Some(id);
        self.session.selected = None;
        // A new structure begins with "here": a sign left on "not here" has cost others their work.
        self.session.sign = imaging::Sign::Positive;
    }

    fn remove_structure(&mut self, id: StructureId) {
        let name = format!("remove {}", review::structure_name(&self.project, id));
        if let Some(edit) = Edit::remove_structure(&self.project, id) {
            self.make(Step { name, edit });
        }
        self.session.structure =
            self.session.structure.filter(|&in_hand| in_hand != id).or_else(|| self.project.structures.first().map(|s| s.id));
    }

    fn step_structure(&mut self, by: isize) {
        let structures = &self.project.structures;
        let at = structures.iter().position(|structure| Some(structure.id) == self.session.structure).unwrap_or(0);
        let next = (at as isize + by).rem_euclid(structures.len().max(1) as isize) as usize;
        if let Some(id) = structures.get(next).map(|structure| structure.id) {
            self.pick_structure(id);
        }
    }

    fn pick_tool(&mut self, tool: Tool) {
        self.session.tool = tool;
        self.session.gesture = Gesture::Idle;
        self.session.editing.live = None;
        if tool != Tool::Cursor {
            self.session.selected = None;
        }
    }

    fn flip_sign(&mut self) {
        let Some((case, prompt)) = self.selected() else {
            self.session.sign = self.session.sign.flipped();
            return;
        };
        let flipped = imaging::Prompt { sign: prompt.sign.flipped(), ..prompt.clone() };
        if let Some(edit) = Edit::change_prompt(&self.project, case, &prompt, Some(flipped)) {
            self.make(Step { name: "flip the sign of a mark".into(), edit });
        }
    }

    fn selected(&self) -> Option<(CaseId, imaging::Prompt)> {
        let case = self.project.case(self.session.case?)?;
        let prompt = case.prompts.iter().find(|prompt| Some(prompt.id) == self.session.selected)?;
        Some((case.id, prompt.clone()))
    }

    fn select_mark(&mut self, id: PromptId) {
        self.session.selected = Some(id);
        if let Some((case, prompt)) = self.selected()
            && let Some(at) = middle(&prompt.shape.points())
            && let Some(grid) = self.session.views.get(&case).and_then(|view| view.grid)
        {
            self.stage.go_to(case, at, &grid);
        }
    }

    fn delete_mark(&mut self) {
        if self.take_corner_back() {
            return;
        }
        if let Some((case, prompt)) = self.selected()
            && let Some(edit) = Edit::change_prompt(&self.project, case, &prompt, None)
        {
            self.make(Step { name: "delete a mark".into(), edit });
            self.session.selected = None;
        }
    }

    fn escape(&mut self) {
        if !self.dialogs.close_one() && !self.leave_proposal() {
            self.session.gesture = Gesture::Idle;
            self.session.editing.live = None;
            self.session.selected = None;
        }
    }

    fn confirm(&mut self) {
        if !self.apply_proposal() && !self.close_corners() {
            self.propagate();
        }
    }

    fn toggle_range(&mut self) {
        self.pick_tool(Tool::Brush);
        let range = &mut self.session.editing.range;
        *range = if range.is_none() { Some(Range::Window) } else { None };
    }

    fn toggle_example(&mut self) {
        let Some((case, structure)) = self.session.place() else { return };
        let work = self.project.case(case).and_then(|case| case.work(structure));
        let is_example = work.is_some_and(|work| work.example);
        let has_mask = work.is_some_and(|work| work.mask.is_some());
        let marked = self.project.case(case).is_some_and(|case| case.prompts_of(structure).next().is_some());
        if !is_example && !has_mask && !marked {
            self.notices.news("Mark the structure in this case first; then it can be an example.");
            return;
        }
        let verb = if is_example { "no longer use" } else { "use" };
        let name = format!("{verb} as example of {}", review::structure_name(&self.project, structure));
        if let Some(edit) = Edit::set_example(&self.project, case, structure, !is_example) {
            self.make(Step { name, edit });
        }
    }

    pub(crate) fn propagate(&mut self) {
        let Some(structure) = self.session.structure else {
            self.notices.news("Make a structure and mark it first.");
            return;
        };
        if let Err(why) = ask::propagate(&self.project, &mut self.session, &self.engine, structure) {
            self.notices.news(why);
        }
    }

    fn pause_propagation(&mut self) {
        if let Some(running) = &mut self.session.propagation {
            running.paused = !running.paused;
            if running.paused { self.engine.pause() } else { self.engine.resume() }
        }
    }

    fn cancel_propagation(&mut self) {
        if let Some(running) = self.session.propagation.take() {
            self.engine.cancel(running.ticket);
            self.engine.resume();
        }
    }

    fn accept(&mut self) {
        let Some(place) = self.session.place() else { return };
        let Some(step) = review::accept(&self.project, &self.session, place) else {
            self.notices.news("There is nothing to accept here: no guess, no brushed mask, or it is locked already.");
            return;
        };
        let next = review::next(&self.project, &self.session);
        let corrected = matches!(step.edit, Edit::Several(_));
        self.make(step);
        tracing::info!("accepted");
        self.settle(place);
        // A corrected case teaches the others: the untouched rest is guessed again.
        if corrected && self.session.propagated.contains(&place.1) {
            let _ = ask::propagate(&self.project, &mut self.session, &self.engine, place.1);
        }
        if let Some(next) = next {
            self.session.show(next);
        }
    }

    fn accept_all(&mut self) {
        let Some(structure) = self.session.structure else { return };
        let waiting = review::waiting(&self.project, &self.session, structure);
        match review::accept_all(&self.project, &self.session, structure) {
            Some(step) => self.make(step),
            None => self.notices.news("No guess waits for review."),
        }
        for case in waiting {
            self.settle((case, structure));
        }
    }

    /// Waits no longer for a guess of a structure that is locked now. The guess that it has stays, for undo.
    fn settle(&mut self, place: Place) {
        if self.project.case(place.0).is_some_and(|case| case.review(place.1).is_locked()) {
            self.session.waiting.take_if(|waiting| waiting.place == place);
        }
    }

    fn say(&mut self, review: Review) {
        let Some(place) = self.session.place() else { return };
        let Some(step) = review::say(&self.project, place, review) else {
            self.notices.news("This structure is locked here: take its review back first (O).");
            return;
        };
        let next = (review == Review::Absent).then(|| review::next(&self.project, &self.session)).flatten();
        self.make(step);
        self.session.guesses.remove(&place);
        self.pictures.remove(&place);
        self.stage.forget_layers();
        ask::forget(&mut self.asked, place);
        if let Some(next) = next {
            self.session.show(next);
        }
    }

    fn reopen(&mut self) {
        let Some(place) = self.session.place() else { return };
        if let Some(step) = review::say(&self.project, place, Review::Open) {
            self.make(step);
        }
    }

    fn next(&mut self) {
        match review::next(&self.project, &self.session) {
            Some(case) => self.session.show(case),
            None => self.notices.news("Every case is reviewed."),
        }
    }

    fn undo(&mut self) {
        let name = self.history.undo_name().map(|name| format!("undo {name}"));
        self.travel(name, Entry::Undo);
    }

    fn redo(&mut self) {
        let name = self.history.redo_name().map(|name| format!("redo {name}"));
        self.travel(name, Entry::Redo);
    }

    fn travel(&mut self, name: Option<String>, way: Entry) {
        let Some(name) = name.filter(|_| self.may_change()) else { return };
        match self.history.replay(&mut self.project, way.clone()) {
            Ok(()) => self.keep(way),
            Err(error) => self.notices.fault(&anyhow::Error::new(error).context(format!("Could not {name}"))),
        }
    }

    fn preset(&mut self, number: usize) {
        let Some(view) = self.session.case.and_then(|case| self.session.views.get_mut(&case)) else { return };
        let auto = view.image.as_ref().map(|image| viewer::Window::auto(image));
        let preset = number.checked_sub(1).and_then(|at| viewer::PRESETS.get(at)).map(|preset| preset.window);
        view.window = preset.or(auto).or(view.window);
    }

    fn show_export(&mut self) {
        let beside = self.project.cases.first().and_then(|case| case.path.parent());
        let folder = beside.map(|folder| folder.with_file_name(format!("{}-masks", folder_name(folder)))).unwrap_or_default();
        self.dialogs.export = Some(ExportForm { folder: folder.display().to_string(), ..ExportForm::default() });
    }

    fn export(&mut self, folder: &Path, overwrite: bool, form: export::Form) {
        let orders = export::orders(&self.project);
        let folder = folder.to_owned();
        self.jobs.run("export", move || Some(Done::Exported(export::run(&orders, &folder, overwrite, form))));
    }

    /// A case at the end of the list, or nothing where the image is in the list already.
    pub(crate) fn case_for(&self, image: &ItemInfo, offset: u64) -> Option<Case> {
        let known = self.project.cases.iter().any(|case| case.item() == image.item);
        let id = CaseId(self.project.next_case().0 + offset);
        (!known).then(|| Case::new(id, image.name.clone(), image.item.clone()))
    }
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "exemplar".into(), |name| name.to_string_lossy().into_owned())
}

fn middle(points: &[[f32; 3]]) -> Option<[f32; 3]> {
    let count = points.len() as f32;
    (!points.is_empty()).then(|| std::array::from_fn(|axis| points.iter().map(|p| p[axis]).sum::<f32>() / count))
}
