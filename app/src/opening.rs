//! Opening and keeping: files, folders and projects in; the project's own folder.

use crate::app::App;
use crate::ask::Asked;
use crate::jobs::Done;
use crate::keeper::{Keeper, Opened};
use crate::labels::{self, LabelsRead, Laying, Way};
use crate::listing::{self, Listed};
use crate::panels::choosing::large::Lack;
use crate::panels::choosing::{Choice, LabelsForm};
use crate::recent;
use crate::words;
use anyhow::Context as _;
use imaging::files::{self, Fit, ItemInfo};
use imaging::{Case, CaseId, Edit, History, Item, Project, Step};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl App {
    /// Opens whatever the paths are: a project, folders of images, images.
    pub(crate) fn open(&mut self, paths: &[PathBuf]) {
        let projects: Vec<&PathBuf> = paths.iter().filter(|path| is_project(path)).collect();
        if let [project] = projects[..] {
            match Keeper::open(project) {
                Ok(opened) => self.take_project(project, opened),
                Err(error) => self.notices.fault(&error.context("The project could not be opened")),
            }
            return;
        }
        paths.iter().filter(|path| path.exists()).for_each(|path| recent::add(path));
        let paths = paths.to_owned();
        self.jobs.run("listing", move || Some(Done::Listed(listing::list(&paths))));
    }

    /// What the files hold is known: opens the images of ordinary ones, and asks about the others.
    pub(crate) fn listed(&mut self, listed: Vec<Listed>) {
        for Listed { path, images, fault } in &listed {
            match (images.is_empty(), fault) {
                (true, Some(fault)) => {
                    self.notices.fault(&anyhow::anyhow!(fault.to_string()).context("The folder could not be opened"));
                }
                (true, None) => self.notices.warning(format!("There is no image in this folder: {}", path.display())),
                (false, _) => {}
            }
        }
        let (several, single): (Vec<Listed>, Vec<Listed>) = listed.into_iter().partition(|listed| listed.images.len() > 1);
        let images: Vec<ItemInfo> = single.into_iter().flat_map(|listed| listed.images).collect();
        if !images.is_empty() {
            self.open_images(&images);
        }
        if !several.is_empty() {
            let choice = Choice::new(several);
            let items = choice.items();
            self.jobs.run_telling("pictures", move |tell| listing::picture_items(&items, tell));
            self.dialogs.choice = Some(choice);
        }
    }

    /// Files that were dropped: one beside a case that is shown may be labels for it.
    pub(crate) fn dropped(&mut self, paths: &[PathBuf]) {
        match (paths, self.session.case) {
            ([path], Some(case)) if path.is_file() => self.read_labels(case, path, true),
            _ => self.open(paths),
        }
    }

    /// Reads the structures of a label file.
    pub(crate) fn read_labels(&mut self, case: CaseId, path: &Path, dropped: bool) {
        let path = path.to_owned();
        let image = self.project.case(case).map(Case::item);
        let grid = self.session.views.get(&case).and_then(|view| view.grid);
        self.jobs.run("labels", move || {
            let labels = Item::from(path.as_path());
            let structures = match (&image, &grid) {
                (Some(image), Some(grid)) => files::open_structures_on(&labels, image, grid),
                _ => files::open_structures(&labels),
            };
            let structures = structures.map(Arc::new);
            // A DICOM segmentation is nothing else: where it does not belong on the image, that is what is to be said.
            let dropped = dropped && !files::dicom::holds_structures(&path);
            Some(Done::Labels(LabelsRead { case, path, dropped, structures }))
        });
    }

    /// Structures were read: lays them on their image, or asks where there is something to ask.
    pub(crate) fn labels_read(&mut self, read: &LabelsRead) {
        let grid = self.session.views.get(&read.case).and_then(|view| view.grid);
        match (&read.structures, grid) {
            (Ok(structures), Some(grid)) => {
                let structures = structures.clone();
                structures.warnings.iter().for_each(|warning| self.notices.warning(warning.clone()));
                if read.dropped || structures.fit(&grid) != Fit::Same {
                    self.dialogs.labels = Some(LabelsForm::new(read, structures));
                } else {
                    self.lay_labels(&Laying { case: read.case, structures, way: Way::VoxelByVoxel });
                }
            }
            // What is no label file was meant as an image.
            _ if read.dropped => self.open(std::slice::from_ref(&read.path)),
            (Err(error), _) => {
                self.notices.fault(&anyhow::anyhow!(error.to_string()).context("The labels could not be opened"));
            }
            (Ok(_), None) => self.notices.news("Wait until the image is shown, then open its labels."),
        }
    }

    /// Brings structures into the case.
    pub(crate) fn lay_labels(&mut self, laying: &Laying) {
        let Some(grid) = self.session.views.get(&laying.case).and_then(|view| view.grid) else { return };
        let Some(structures) = labels::on_grid(laying, &grid) else { return };
        let (step, locked) = labels::step(&self.project, laying.case, &structures);
        if !locked.is_empty() {
            self.notices.warning(format!("Accepted or absent here, and therefore left as it is: {}.", locked.join(", ")));
        }
        match step {
            Some(step) => {
                self.notices.news(format!("{}: accept them with A, or use the case as an example with E.", sentence(&step.name)));
                self.make(step);
                self.stage.forget_layers();
            }
            None if locked.is_empty() => self.notices.news("The label file holds no labelled voxel there."),
            None => {}
        }
    }

    /// Opens images; of those that are too large for the free memory, or for the view, it is asked first how much of
    /// them.
    pub(crate) fn open_images(&mut self, images: &[ItemInfo]) {
        let (mut fitting, mut large) = (Vec::new(), Vec::new());
        for image in images {
            let view = || self.stage.shown_of(image).map(Lack::View);
            match files::lacking(image).map(Lack::Memory).or_else(view) {
                None => fitting.push(image.clone()),
                Some(lack) => large.push((image.clone(), lack)),
            }
        }
        if !fitting.is_empty() {
            self.add_cases(&fitting);
        }
        if !large.is_empty() {
            self.dialogs.large.get_or_insert_default().add(large);
        }
    }

    /// Makes cases of images.
    pub(crate) fn add_cases(&mut self, images: &[ItemInfo]) {
        if self.keeper.is_none() {
            self.begin_project(images.first().map(|image| image.item.path.as_path()));
        }
        let mut cases: Vec<Case> = images.iter().enumerate().filter_map(|(at, image)| self.case_for(image, at as u64)).collect();
        tell_apart(&self.project.cases, &mut cases);
        let Some(first) = cases.first().map(|case| case.id) else {
            self.notices.news("These images are open already.");
            return;
        };
        let start = self.project.cases.len();
        let name = format!("open {}", words::count(cases.len(), "image"));
        let edits = cases
            .into_iter()
            .enumerate()
            .map(|(at, case)| Edit::Case { at: start + at, before: None, after: Some(Box::new(case)) })
            .collect();
        self.make(Step { name, edit: Edit::Several(edits) });
        if self.session.case.is_none() {
            self.session.show(first);
        }
        self.load_thumbnails(start);
        if self.project.structures.is_empty() {
            let structure = self.project.next_structure("structure 1");
            self.session.structure = Some(structure.id);
            self.make(Step { name: "new structure".into(), edit: Edit::add_structure(&self.project, structure) });
        }
    }

    /// Reads the shown case, which nobody should wait for behind others, then all from one on for their pictures.
    pub(crate) fn load_thumbnails(&mut self, from: usize) {
        self.load_shown();
        let rest = self.project.cases.iter().skip(from).filter(|case| !self.session.loading.contains(&case.id));
        rest.for_each(|case| self.jobs.load(case.id, case.item(), false));
    }

    fn begin_project(&mut self, first: Option<&Path>) {
        let folder = first.and_then(Path::parent).and_then(Path::file_name);
        let name = folder.map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
        match Keeper::create(&recent::new_project_folder(&name), &name) {
            Ok(keeper) => {
                let folder = keeper.folder().to_owned();
                self.keeper = Some(keeper);
                self.keep_guesses_in(&folder);
            }
            Err(error) => self.notices.fault(&error.context("The project cannot be saved: nothing you do now is kept")),
        }
    }

    fn take_project(&mut self, folder: &Path, opened: Opened) {
        recent::add(folder);
        opened.warnings.into_iter().for_each(|warning| self.notices.warning(warning));
        self.replace_project(opened.project, opened.history);
        match imaging::ledger::read(opened.keeper.folder()) {
            Ok(lines) => self.session.ledger = lines,
            Err(error) => self.notices.fault(&anyhow::Error::new(error).context("The ledger could not be read")),
        }
        let project = opened.keeper.folder().to_owned();
        self.keeper = Some(opened.keeper);
        self.open_guesses(project);
        if let Some(first) = self.project.cases.first().map(|case| case.id) {
            self.session.show(first);
        }
        self.load_thumbnails(0);
        self.session.structure = self.project.structures.first().map(|structure| structure.id);
    }

    fn replace_project(&mut self, project: Project, history: History) {
        if let Some(running) = &self.session.propagation {
            self.engine.cancel(running.ticket);
        }
        self.cancel_influence();
        self.guesses = None;
        self.project = project;
        self.history = history;
        self.session.forget_project();
        self.pictures.clear();
        self.mask_pictures.clear();
        self.watch = crate::watch::Watch::default();
        self.asked = Asked::default();
        self.stage.forget_layers();
        self.revision += 1;
    }

    /// Moves the project to a folder of the user's choice: it is copied there, and kept there from now on.
    pub(crate) fn save_in(&mut self, folder: &Path) {
        match self.copy_project(folder) {
            Ok(Opened { keeper, history, .. }) => {
                self.keeper = Some(keeper);
                self.keep_guesses_in(folder);
                // Its steps lie in the copy from now on.
                self.history = history;
                recent::add(folder);
                self.notices.news(format!("The project is kept from now on in {}", folder.display()));
            }
            Err(error) => self.notices.fault(&error.context("The project could not be saved there")),
        }
    }

    fn copy_project(&mut self, folder: &Path) -> anyhow::Result<Opened> {
        let mut keeper = self.keeper.take().context("there is no project yet: open images first")?;
        let old = keeper.folder().to_owned();
        keeper.close();
        drop(keeper);
        let copied = copy(&old, folder);
        // Whatever happened, the project stays open somewhere.
        let opened = Keeper::open(if copied.is_ok() { folder } else { &old })?;
        if let Err(error) = copied {
            self.keeper = Some(opened.keeper);
            return Err(error);
        }
        Ok(opened)
    }
}

/// A step's name as the beginning of a sentence.
fn sentence(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn copy(old: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).context("the folder could not be made")?;
    anyhow::ensure!(!is_project(folder), "there is a project in that folder already");
    imaging::journal::copy(old, folder).context("it could not be copied")?;
    Ok(())
}

/// Numbers cases whose name another bears already: series of one protocol bear one name, and their masks would go to
/// one file.
fn tell_apart(known: &[Case], cases: &mut [Case]) {
    let mut taken: HashSet<String> = known.iter().map(|case| case.name.clone()).collect();
    for case in cases {
        let name = case.name.clone();
        let mut number = 2;
        while !taken.insert(case.name.clone()) {
            case.name = format!("{name} ({number})");
            number += 1;
        }
    }
}

/// Whether a path is a folder that holds a project.
#[must_use]
pub fn is_project(path: &Path) -> bool {
    path.join("project.json").is_file()
}
