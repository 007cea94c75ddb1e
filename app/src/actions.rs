//! What each command does: the one place where the user's word changes project and session.

use crate::app::App;
use crate::ask;
use crate::command::Command;
use crate::editing::Range;
use crate::export;
use crate::jobs::Done;
use crate::panels::dialogs::ExportForm;
use crate::prefs::Prefs;
use crate::review;
use crate::tools::{Gesture, Tool};
use egui::Context;
use engine::Request;
use imaging::files::ItemInfo;
use imaging::{Case, CaseId, Edit, Entry, PromptId, Review, Shape, Step, StructureId};
use std::path::{Path, PathBuf};

impl App {
    /// Runs a command.
    pub(crate) fn run(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Open(paths) => self.open(&paths),
            Command::OpenItems(images) => self.open_images(&images),
            Command::OpenAsChosen(images) => self.add_cases(&images),
            Command::OpenAsImage(path) => self.open(&[path]),
            Command::OpenLabelsDialog => self.choose_labels(),
            Command::OpenLabels(path) => self.open_labels(&path),
            Command::LayLabels(laying) => self.lay_labels(&laying),
            Command::OpenFilesDialog => {
                self.choose("files", |dialog| dialog.pick_files().map(|paths| Done::Chosen(Command::Open(paths))));
            }
            Command::OpenFolderDialog => {
                self.choose("folder", |dialog| dialog.pick_folder().map(|path| Done::Chosen(Command::Open(vec![path]))));
            }
            Command::SaveProjectDialog => self.choose_folder("project", Command::SaveProject),
            Command::ImportExamplesDialog => self.choose_folder("examples", Command::ImportExamples),
            Command::ExportExamplesDialog => self.choose_folder("examples", Command::ExportExamples),
            Command::ImportMasksDialog => self.choose_folder("masks", Command::ImportMasks),
            Command::OpenSecondDialog => self.choose_folder("second", Command::OpenSecond),
            Command::ExportLedgerDialog => self.choose("ledger", |dialog| {
                let file = dialog.set_file_name("ledger.csv").save_file();
                file.map(|file| Done::Chosen(Command::ExportLedger(file)))
            }),
            Command::SaveDiagnosisDialog => self.choose("diagnosis", |dialog| {
                let file = dialog.set_file_name("exemplar-diagnosis.txt").save_file();
                file.map(|file| Done::Chosen(Command::SaveDiagnosis(file)))
            }),
            Command::ExportDialog => self.choose("export", |dialog| dialog.pick_folder().map(Done::ExportFolder)),
            Command::SaveProject(folder) => self.save_in(&folder),
            Command::ShowCase(case) => self.session.show(case),
            Command::ShowPlace(place) => self.show_place(place),
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
            Command::Propagate => self.propagate(false),
            Command::TuneAndPropagate => self.propagate(true),
            Command::PausePropagation => self.pause_propagation(),
            Command::CancelPropagation => self.cancel_propagation(),
            Command::Accept => self.accept(),
            Command::AcceptAll => self.accept_all(),
            Command::Reject => self.say(Review::Rejected),
            Command::Absent => self.say(Review::Absent),
            Command::Reopen => self.reopen(),
            Command::Next => self.go(1),
            Command::Previous => self.go(-1),
            Command::Amend => self.amend(),
            Command::ShowNote => self.show_note(),
            Command::SetNote(place, note) => self.set_note(place, note),
            Command::ToggleVersus => self.toggle_versus(),
            Command::TakeNewer => self.take_newer(),
            Command::ToggleQueue => self.session.shows_queue = !self.session.shows_queue,
            Command::SortQueue(order) => self.choose_prefs(Prefs { order, ..self.session.prefs.clone() }),
            Command::SetReader(reader) => self.choose_prefs(Prefs { reader, ..self.session.prefs.clone() }),
            Command::SetOverlap(overlap) => {
                let edit = Edit::set_overlap(&self.project, overlap);
                self.make(Step { name: "change what becomes of shared voxels".into(), edit });
            }
            Command::ToggleExamples => self.toggle_examples(),
            Command::TellInfluence => self.tell_influence(),
            Command::CancelInfluence => self.cancel_influence(),
            Command::ImportExamples(folder) => self.import_examples(folder),
            Command::ExportExamples(folder) => self.export_examples(folder),
            Command::ImportMasks(folder) => self.read_others(folder, false),
            Command::OpenSecond(folder) => self.read_others(folder, true),
            Command::TakeSecond(merge) => self.take_second(merge),
            Command::CloseSecond => self.close_second(),
            Command::ToggleLedger => self.dialogs.ledger = !self.dialogs.ledger,
            Command::ExportLedger(file) => self.export_ledger(file),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Preset(number) => self.preset(number),
            Command::ShowExport => self.show_export(),
            Command::Export { folder, overwrite, form } => self.export(&folder, overwrite, form),
            Command::SaveDiagnosis(file) => self.save_diagnosis(file),
            Command::ToggleKeys => self.dialogs.keys = !self.dialogs.keys,
            Command::ToggleSettings => self.dialogs.settings = !self.dialogs.settings,
            Command::ToggleModels => self.toggle_models(),
            Command::AddWeightsDialog => self.choose("weights", |dialog| dialog.pick_file().map(Done::WeightsChosen)),
            Command::LookAtWeights(path) => self.look_at_weights(path),
            Command::AddWeights { path, prompts } => self.add_weights(path, prompts),
            Command::RemoveNet(folder) => self.remove_net(&folder),
            Command::UseNet(net) => self.use_net(net),
            Command::FindBrain(net) => self.find_brain(net),
            Command::CancelGuess => self.cancel_guess(),
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

    pub(crate) fn choose(&mut self, name: &'static str, ask: impl FnOnce(rfd::FileDialog) -> Option<Done> + Send + 'static) {
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

    fn choose_folder(&mut self, name: &'static str, then: fn(PathBuf) -> Command) {
        self.choose(name, move |dialog| dialog.pick_folder().map(|folder| Done::Chosen(then(folder))));
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

    pub(crate) fn pick_structure(&mut self, id: StructureId) {
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
        if matches!(prompt.shape, Shape::Box { .. }) {
            self.notices.news("A box always says that the structure is in it; its sign cannot be changed.");
            return;
        }
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
            self.propagate(false);
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

    pub(crate) fn propagate(&mut self, tune: bool) {
        let Some(structure) = self.session.structure else {
            self.notices.news("Make a structure and mark it first.");
            return;
        };
        if let Err(why) = ask::propagate(&self.project, &mut self.session, &self.engine, structure, tune) {
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
            ask::cancel(&self.engine, &running);
            self.engine.resume();
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
