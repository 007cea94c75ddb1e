//! The program in its window: owns all, and keeps the order of a frame: take news, draw panels, run the
//! commands that they handed back, ask the engine.

use crate::ask::{self, Asked};
use crate::command::{self, Command};
use crate::frames::Frames;
use crate::guesses::Store;
use crate::jobs::{Done, Jobs};
use crate::keeper::{Keeper, Saved};
use crate::notices::Notices;
use crate::panels::dialogs::Dialogs;
use crate::panels::{Desk, Orders, cases, editing, examples, grid, menu, status, structures, toolbar};
use crate::prefs::Prefs;
use crate::queue::Rows;
use crate::session::Session;
use crate::stage::Stage;
use crate::theme;
use crate::watch::Watch;
use crate::words;
use eframe::egui_wgpu::RenderState;
use egui::{CentralPanel, Context, Frame, Panel, Ui};
use engine::Engine;
use imaging::{CaseId, Entry, History, Image, Project, Step};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The program in its window.
pub struct App {
    pub(crate) project: Project,
    pub(crate) history: History,
    pub(crate) session: Session,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) guesses: Option<Store>,
    pub(crate) engine: Engine,
    pub(crate) jobs: Jobs,
    pub(crate) notices: Notices,
    pub(crate) dialogs: Dialogs,
    pub(crate) stage: Stage,
    pub(crate) pictures: grid::Pictures,
    pub(crate) mask_pictures: examples::MaskPictures,
    pub(crate) watch: Watch,
    rows: Rows,
    keeps_prefs: bool,
    pub(crate) asked: Asked,
    /// Counts the changes to the project, so that what is derived knows when to be made anew.
    pub(crate) revision: u64,
    /// Counts the changes that were computed before they are made.
    pub(crate) tickets: u64,
    saved: Saved,
    hover: Option<[f32; 3]>,
    frames: Frames,
}

impl App {
    /// The program over an engine; `render` is the window's own device.
    #[must_use]
    pub fn new(ctx: &Context, render: Option<&RenderState>, engine: Engine) -> Self {
        theme::install(ctx);
        let waker = ctx.clone();
        let mut app = Self {
            project: Project::default(),
            history: History::default(),
            session: Session { prefs: Prefs::load(), ..Session::default() },
            keeper: None,
            guesses: None,
            engine,
            jobs: Jobs::new(move || waker.request_repaint()),
            notices: Notices::default(),
            dialogs: Dialogs::default(),
            stage: Stage::new(render),
            pictures: grid::Pictures::default(),
            mask_pictures: examples::MaskPictures::default(),
            watch: Watch::default(),
            rows: Rows::default(),
            keeps_prefs: true,
            asked: Asked::default(),
            revision: 0,
            tickets: 0,
            saved: Saved::Nothing,
            hover: None,
            frames: Frames::from_env(),
        };
        app.use_remembered_net();
        app
    }

    /// The same with settings of its own, which are not kept: for tests and tools.
    #[must_use]
    pub fn with_prefs(mut self, prefs: Prefs) -> Self {
        self.session.prefs = prefs;
        self.keeps_prefs = false;
        self
    }

    /// Another choice for all projects.
    pub(crate) fn choose_prefs(&mut self, prefs: Prefs) {
        self.session.prefs = prefs;
        if self.keeps_prefs {
            self.session.prefs.save();
        }
    }

    /// The project as it stands, for tests and tools.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What is not saved, for tests and tools.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The messages on the screen.
    #[must_use]
    pub fn headlines(&self) -> Vec<String> {
        self.notices.headlines().map(ToOwned::to_owned).collect()
    }

    /// Whether everything that was done is on disk.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        matches!(self.saved, Saved::Since(_))
    }

    /// The name of what undo would take back.
    #[must_use]
    pub fn undo_name(&self) -> Option<&str> {
        self.history.undo_name()
    }

    /// Makes a step as a panel would hand it back.
    pub fn step(&mut self, step: Step) -> bool {
        self.make(step)
    }

    /// Runs a command as if its key had been pressed.
    pub fn command(&mut self, ctx: &Context, command: Command) {
        self.run(ctx, command);
    }

    /// Makes a step through the one door, and keeps it; says whether it could.
    pub(crate) fn make(&mut self, step: Step) -> bool {
        if !self.may_change() {
            return false;
        }
        match self.history.apply(&mut self.project, step.clone()) {
            Ok(()) => {
                self.keep(Entry::Do(step));
                true
            }
            Err(error) => {
                self.notices.fault(&anyhow::Error::new(error).context(format!("Could not {}", step.name)));
                false
            }
        }
    }

    /// Whether changes can be kept; says so where not.
    pub(crate) fn may_change(&mut self) -> bool {
        let read_only = self.keeper.as_ref().is_some_and(Keeper::is_read_only);
        if read_only {
            self.notices.warning("Nothing can be changed: the project is open for reading only.");
        }
        !read_only
    }

    /// Notes a change that was made.
    pub(crate) fn keep(&mut self, entry: Entry) {
        self.revision += 1;
        if let Some(keeper) = &mut self.keeper {
            keeper.keep(entry);
        }
    }

    fn take_news(&mut self, ctx: &Context) {
        for done in self.jobs.finished().collect::<Vec<_>>() {
            self.take_done(ctx, done);
        }
        for heard in ask::take(&self.project, &mut self.session, &mut self.notices, &self.engine) {
            self.jobs.digest(heard);
        }
        if let Some(keeper) = &mut self.keeper {
            let (saved, fault) = keeper.poll();
            self.saved = saved;
            keeper.snapshot(&self.project);
            if let Some(fault) = fault {
                self.notices.fault(&anyhow::anyhow!(fault).context("The last change could not be saved"));
            }
        }
    }

    fn take_done(&mut self, ctx: &Context, done: Done) {
        match done {
            Done::Loaded { case, image, thumbnail } => self.loaded(ctx, case, image, thumbnail),
            Done::Pictured { case, structure, mask, picture } => {
                // A picture of a guess that was replaced meanwhile comes too late.
                let place = (case, structure);
                let texture = ctx.load_texture("guess", picture, egui::TextureOptions::LINEAR);
                if self.session.guesses.get(&place).is_some_and(|guess| Arc::ptr_eq(&guess.mask, &mask)) {
                    self.pictures.insert(place, texture);
                } else if self
                    .project
                    .case(case)
                    .and_then(|case| case.mask(structure))
                    .is_some_and(|kept| Arc::ptr_eq(kept, &mask))
                {
                    self.mask_pictures.insert(place, (mask, texture));
                }
            }
            Done::Glimpsed { case, picture } => {
                let texture = ctx.load_texture("glimpse", picture, egui::TextureOptions::LINEAR);
                self.session.views.entry(case).or_default().glimpse = Some(texture);
            }
            Done::Listed(listed) => self.listed(listed),
            Done::ItemPictured { item, picture } => {
                if let Some(choice) = &mut self.dialogs.choice {
                    choice.pictured(item, ctx.load_texture("item", picture, egui::TextureOptions::LINEAR));
                }
            }
            Done::Labels(read) => self.labels_read(&read),
            Done::LabelsChosen(path) => self.run(ctx, Command::OpenLabels(path)),
            Done::OldGuesses { project, guesses } => self.old_guesses(&project, guesses),
            Done::Guessed { ticket, place, guess, is_preview } => self.guessed(ticket, place, *guess, is_preview),
            Done::Weighed { ticket, dice } => self.weighed(ticket, dice),
            Done::Chosen(command) => self.run(ctx, command),
            Done::Told(Ok(news)) => self.notices.news(news),
            Done::Told(Err(error)) => self.notices.fault(&error),
            Done::Examples { structure, found } => self.take_examples(structure, found),
            Done::Others { folder, to_compare, others } => self.take_others(&folder, to_compare, others),
            Done::ExportFolder(folder) => {
                if let Some(form) = &mut self.dialogs.export {
                    form.folder = folder.display().to_string();
                }
            }
            Done::Proposed(proposed) => self.proposed(proposed),
            Done::Exported(result) => self.exported(result),
            Done::WeightsChosen(path) => self.run(ctx, Command::LookAtWeights(path)),
            Done::LookedAt(candidate) => self.looked_at(candidate),
            Done::NetsChanged(result, installed) => self.nets_changed(result, installed),
        }
    }

    fn loaded(&mut self, ctx: &Context, case: CaseId, image: Result<Arc<Image>, String>, thumbnail: Option<egui::ColorImage>) {
        self.session.loading.remove(&case);
        let shown = self.session.case == Some(case);
        let view = self.session.views.entry(case).or_default();
        view.glimpse = None;
        match image {
            Ok(image) => {
                for warning in image.warnings.iter().filter(|_| shown) {
                    self.notices.warning(warning.clone());
                }
                view.grid = Some(image.grid);
                view.window.get_or_insert_with(|| first_window(&image));
                view.image = shown.then_some(image);
                if shown {
                    tracing::info!("opened");
                }
                view.fault = None;
            }
            Err(fault) => {
                self.notices.fault(&anyhow::anyhow!(fault.clone()).context("An image could not be opened"));
                view.fault = Some(fault);
            }
        }
        if let Some(picture) = thumbnail {
            view.thumbnail = Some(ctx.load_texture("case", picture, egui::TextureOptions::LINEAR));
        }
    }

    fn exported(&mut self, result: anyhow::Result<crate::export::Report>) {
        if let Some(form) = &mut self.dialogs.export {
            form.busy = false;
        }
        match result {
            Ok(report) => {
                report.remarks.iter().for_each(|remark| self.notices.warning(remark.clone()));
                let files = report.receipts.len();
                tracing::info!(files, "exported");
                self.notices.news(format!(
                    "Exported {}, each read back and equal to its mask in grid and voxels: {}",
                    words::count(files, "file"),
                    report.folder.display()
                ));
                self.dialogs.export = None;
            }
            Err(error) => self.notices.fault(&error),
        }
    }

    /// Undo can take away the case that is shown, or the structure in hand.
    fn stay_in_project(&mut self) {
        let Self { project, session, .. } = self;
        if session.case.is_some_and(|case| project.case(case).is_none()) {
            session.case = project.cases.first().map(|case| case.id);
        }
        if session.structure.is_some_and(|structure| project.structure(structure).is_none()) {
            session.structure = project.structures.first().map(|structure| structure.id);
        }
    }

    /// Whatever the shown case needs from disk.
    pub(crate) fn load_shown(&mut self) {
        let Some(case) = self.session.case.and_then(|id| self.project.case(id)) else { return };
        let view = self.session.views.entry(case.id).or_default();
        if view.image.is_none() && view.fault.is_none() && self.session.loading.insert(case.id) {
            self.jobs.load(case.id, case.item(), true);
        }
    }

    fn draw(&mut self, ui: &mut Ui, orders: &mut Orders) {
        let ctx = ui.ctx().clone();
        let mut desk = Desk { project: &self.project, history: &self.history, session: &self.session, orders };
        Panel::top("menu").show(ui, |ui| menu::menu_ui(ui, &mut desk));
        Panel::top("tools").show(ui, |ui| toolbar::toolbar_ui(ui, &mut desk));
        Panel::top("editing").show(ui, |ui| editing::strip_ui(ui, &mut desk));
        Panel::bottom("status").show(ui, |ui| status::status_ui(ui, &mut desk, self.hover, &self.saved));
        let rows = self.rows.of(desk.project, desk.session, [self.revision, self.stage.generation()]);
        Panel::left("cases").default_size(theme::LIST_WIDTH).show(ui, |ui| cases::side_ui(ui, &mut desk, rows));
        Panel::right("structures").default_size(theme::SIDE_WIDTH).show(ui, |ui| structures::structures_ui(ui, &mut desk));
        let output = CentralPanel::default()
            .frame(Frame::new().fill(theme::PANE))
            .show(ui, |ui| self.stage.show(ui, &mut desk, &self.pictures, self.revision));
        self.hover = output.inner.hovered;
        self.dialogs.ui(&ctx, &mut desk, &self.mask_pictures);
        self.notices.ui(&ctx);
        self.session.change = self.stage.change();
        self.follow(&ctx, &output.inner);
    }

    /// What the keyboard and the clock say of a frame.
    fn observe(&mut self, ctx: &Context) {
        let free = ctx.memory(|memory| memory.focused().is_none());
        let (peek, presses, moved) = ctx.input(|input| {
            let is_press = |event: &&egui::Event| match event {
                egui::Event::PointerButton { pressed, .. } => *pressed,
                egui::Event::Key { pressed, repeat, .. } => *pressed && !*repeat,
                _ => false,
            };
            // Space and a drag move the image, and it is then that one wants to see the mask.
            let peek = free && input.key_down(egui::Key::Space) && !input.pointer.any_down();
            (peek, input.events.iter().filter(is_press).count() as u32, !input.events.is_empty())
        });
        self.session.peek = peek;
        self.watch.tick(Instant::now(), self.session.place(), presses, moved);
    }

    fn run_orders(&mut self, ctx: &Context, orders: Orders) {
        for step in orders.steps {
            self.make(step);
        }
        for command in orders.commands {
            self.run(ctx, command);
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.frames.begin(&ctx, self.session.waiting.is_some() || self.session.propagation.is_some());
        self.take_news(&ctx);
        self.observe(&ctx);
        let mut orders = Orders::default();
        if let Some(paths) = dropped(&ctx) {
            self.dropped(&paths);
        }
        orders.commands.extend(command::from_keys(&ctx, self.dialogs.is_asking()));
        self.draw(ui, &mut orders);
        self.run_orders(&ctx, orders);
        self.stay_in_project();
        self.tend_proposal(&ctx);
        self.renew_guesses();
        self.tend_guesses();
        self.load_shown();
        ask::ask(&self.project, &mut self.session, &self.engine, &mut self.asked, self.revision);
        self.frames.end();
        // The status line tells seconds; more would cost a machine without a graphics card its rest.
        ctx.request_repaint_after(if self.session.waiting.is_some() {
            Duration::from_millis(100)
        } else {
            Duration::from_secs(1)
        });
    }

    fn on_exit(&mut self) {
        self.guesses = None;
        if let Some(keeper) = &mut self.keeper {
            keeper.close();
        }
    }
}

/// CT opens as soft tissue, which is what most readers would choose; other images as their values tell.
pub(crate) fn first_window(image: &Image) -> viewer::Window {
    const SOFT_TISSUE: usize = 3;
    if let Some([width, level]) = image.window.filter(|[width, _]| *width > 0.0) {
        return viewer::Window { width, level };
    }
    if viewer::contrast::is_ct(image) { viewer::PRESETS[SOFT_TISSUE].window } else { viewer::Window::auto(image) }
}

fn dropped(ctx: &Context) -> Option<Vec<PathBuf>> {
    let paths: Vec<PathBuf> = ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
    (!paths.is_empty()).then_some(paths)
}
