//! Opening and keeping: files, folders and projects in; the project's own folder.

use crate::app::App;
use crate::ask::Asked;
use crate::keeper::{Keeper, Opened};
use crate::recent;
use anyhow::Context as _;
use imaging::{Case, Edit, History, Project, Step};
use std::path::{Path, PathBuf};

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
        let files = self.images_in(paths);
        if !files.is_empty() {
            paths.iter().for_each(|path| recent::add(path));
            self.add_cases(&files);
        }
    }

    fn images_in(&mut self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for path in paths {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            if !absolute.is_dir() {
                files.push(absolute);
                continue;
            }
            // A data set keeps its images in a folder of that name, beside the reference masks.
            let images = absolute.join("images");
            let folder = if images.is_dir() { images } else { absolute };
            match imaging::files::list(&folder) {
                Ok(found) if found.is_empty() => {
                    self.notices.warning(format!("There is no image in this folder: {}", folder.display()));
                }
                Ok(found) => files.extend(found),
                Err(error) => self.notices.fault(&anyhow::Error::new(error).context("The folder could not be opened")),
            }
        }
        files
    }

    fn add_cases(&mut self, files: &[PathBuf]) {
        if self.keeper.is_none() {
            self.begin_project(files);
        }
        let cases: Vec<Case> = files.iter().enumerate().filter_map(|(at, file)| self.case_for(file, at as u64)).collect();
        let Some(first) = cases.first().map(|case| case.id) else {
            self.notices.news("These images are open already.");
            return;
        };
        let start = self.project.cases.len();
        let name = format!("open {} image{}", cases.len(), if cases.len() == 1 { "" } else { "s" });
        let edits = cases
            .into_iter()
            .enumerate()
            .map(|(at, case)| Edit::Case { at: start + at, before: None, after: Some(Box::new(case)) })
            .collect();
        self.make(Step { name, edit: Edit::Several(edits) });
        self.load_thumbnails(start);
        if self.session.case.is_none() {
            self.session.show(first);
        }
        if self.project.structures.is_empty() {
            let structure = self.project.next_structure("structure 1");
            self.session.structure = Some(structure.id);
            self.make(Step { name: "new structure".into(), edit: Edit::add_structure(&self.project, structure) });
        }
    }

    fn load_thumbnails(&mut self, from: usize) {
        for case in self.project.cases.iter().skip(from) {
            self.jobs.load(case.id, case.item(), false);
        }
    }

    fn begin_project(&mut self, files: &[PathBuf]) {
        let folder = files.first().and_then(|file| file.parent()).and_then(Path::file_name);
        let name = folder.map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
        match Keeper::create(&recent::new_project_folder(&name), &name) {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(error) => self.notices.fault(&error.context("The project cannot be saved: nothing you do now is kept")),
        }
    }

    fn take_project(&mut self, folder: &Path, opened: Opened) {
        recent::add(folder);
        opened.warnings.into_iter().for_each(|warning| self.notices.warning(warning));
        self.replace_project(opened.project, opened.history);
        self.keeper = Some(opened.keeper);
        self.load_thumbnails(0);
        if let Some(first) = self.project.cases.first().map(|case| case.id) {
            self.session.show(first);
        }
        self.session.structure = self.project.structures.first().map(|structure| structure.id);
    }

    fn replace_project(&mut self, project: Project, history: History) {
        if let Some(running) = &self.session.propagation {
            self.engine.cancel(running.ticket);
        }
        self.project = project;
        self.history = history;
        self.session.forget_project();
        self.pictures.clear();
        self.asked = Asked::default();
        self.stage.forget_layers();
        self.revision += 1;
    }

    /// Moves the project to a folder of the user's choice: it is copied there, and kept there from now on.
    pub(crate) fn save_in(&mut self, folder: &Path) {
        match self.copy_project(folder) {
            Ok(keeper) => {
                self.keeper = Some(keeper);
                recent::add(folder);
                self.notices.news(format!("The project is kept from now on in {}", folder.display()));
            }
            Err(error) => self.notices.fault(&error.context("The project could not be saved there")),
        }
    }

    fn copy_project(&mut self, folder: &Path) -> anyhow::Result<Keeper> {
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
        Ok(opened.keeper)
    }
}

fn copy(old: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).context("the folder could not be made")?;
    anyhow::ensure!(!is_project(folder), "there is a project in that folder already");
    imaging::journal::copy(old, folder).context("it could not be copied")?;
    Ok(())
}

/// Whether a path is a folder that holds a project.
#[must_use]
pub fn is_project(path: &Path) -> bool {
    path.join("project.json").is_file()
}
