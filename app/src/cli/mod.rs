//! The program without its window: what may be asked for on the command line, and how it ends.
//! Exit codes: 0 done, 1 refused with a sentence, 2 wrong use.

mod anatomy;
mod cells;
pub(crate) mod cohort;
mod demo;
mod evaluate;
mod guess;
mod info;
mod less;
mod models;
mod noise;
mod phantom;
pub(crate) mod prompts;
mod propagate;
mod report;
pub mod sample;
mod segment;
mod sheet;
mod tasks;

use clap::{Parser, Subcommand, ValueEnum};
use engine::published::Manner;
use engine::{DeviceChoice, NetChoice};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Segments many medical images from marks on a few.
///
/// Without a command the window opens, with the images or the project folder that are named.
/// Research use only: not a medical device.
#[derive(Parser)]
#[command(
    name = "exemplar",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Set RUST_LOG=info to follow the work in detail."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Images, folders of images, or a project to open in the window.
    paths: Vec<PathBuf>,
    #[command(flatten)]
    compute: Compute,
}

#[derive(Subcommand)]
enum Command {
    /// Write a small synthetic project to try things on.
    Sample(sample::Arguments),
    /// Tell what a file is: format, shape, place, numbers, and every warning.
    Info(info::Arguments),
    /// Segment one image from marks in a JSON file.
    Segment(segment::Arguments),
    /// Segment many images from examples.
    Propagate(propagate::Arguments),
    /// Measure how well images are segmented, on a folder of them with labels.
    Evaluate(Box<evaluate::Arguments>),
    /// Published nets: list, add, remove.
    Models(models::Arguments),
    /// Do the main job on the sample without a window: examples, propagation, masks, comparison, a picture.
    Demo(demo::Arguments),
}

/// Where to compute.
#[derive(clap::Args, Clone, Copy)]
struct Compute {
    /// Where to compute: the GPU if there is one that works, or always the GPU, or the CPU.
    #[arg(long, value_enum, default_value_t = Device::Auto)]
    device: Device,
}

/// With which net.
#[derive(clap::Args, Clone, Default)]
struct Net {
    /// A published net that was added, by the name that `exemplar models list` tells; else the program's own.
    #[arg(long, value_name = "NAME")]
    net: Option<String>,
    /// Turn all images the same way and clip their outermost values, instead of doing exactly as its authors do.
    #[arg(long, requires = "net")]
    oriented: bool,
}

impl Net {
    /// Has the engine use it.
    fn take(&self, guesser: &mut guess::Guesser) -> anyhow::Result<()> {
        let Some(name) = &self.net else { return Ok(()) };
        let folder = crate::nets::find(name).map_err(|why| anyhow::anyhow!(why))?.folder;
        let manner = if self.oriented { Manner::Oriented } else { Manner::Published };
        guesser.use_net(&NetChoice::Installed { folder, manner })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Device {
    Auto,
    Gpu,
    Cpu,
}

impl Compute {
    fn choice(self) -> DeviceChoice {
        match self.device {
            Device::Auto => DeviceChoice::Auto,
            Device::Gpu => DeviceChoice::Gpu,
            Device::Cpu => DeviceChoice::Cpu,
        }
    }
}

/// Does what the arguments of this process ask for; `window` opens the window on some paths.
pub fn run(window: impl FnOnce(Vec<PathBuf>, DeviceChoice) -> anyhow::Result<()>) -> ExitCode {
    let Arguments { command, paths, compute } = Arguments::parse();
    if let Some(path) = paths.iter().find(|path| !path.exists()) {
        eprintln!("exemplar: there is no such command or file: {}", path.display());
        return ExitCode::from(2);
    }
    ended(match command {
        None => window(paths, compute.choice()),
        Some(Command::Sample(arguments)) => arguments.run(),
        Some(Command::Info(arguments)) => arguments.run(),
        Some(Command::Segment(arguments)) => arguments.run(),
        Some(Command::Propagate(arguments)) => arguments.run(),
        Some(Command::Evaluate(arguments)) => arguments.run(),
        Some(Command::Models(arguments)) => arguments.run(),
        Some(Command::Demo(arguments)) => arguments.run(),
    })
}

/// Says what could not be done, then why, then the path: paths hold patients' names and come last.
fn told<E: Into<anyhow::Error>>(what: &str, path: &Path) -> impl FnOnce(E) -> anyhow::Error {
    move |error| {
        let error: anyhow::Error = error.into();
        let is_missing = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
        let why = if is_missing { "there is no such file or folder".to_owned() } else { format!("{error:#}") };
        anyhow::anyhow!("{what}: {why}: {}", path.display())
    }
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exemplar: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn paths_are_for_the_window_and_commands_are_not_paths() {
        let paths = Arguments::parse_from(["exemplar", "a.nii.gz", "b.png"]);
        assert!(paths.command.is_none() && paths.paths.len() == 2);
        assert!(matches!(Arguments::parse_from(["exemplar", "sample", "x"]).command, Some(Command::Sample(_))));
        assert!(Arguments::try_parse_from(["exemplar", "propagate"]).is_err());
    }
}
