//! `exemplar models`: the published nets that were added, adding one, removing one.

use super::told;
use crate::nets;
use anyhow::{anyhow, bail};
use clap::{Subcommand, ValueEnum};
use engine::weights::catalogue::Prompts;
use engine::weights::installed::Candidate;
use std::path::{Path, PathBuf};

/// What `models` takes.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell which nets were added, and what their authors say of their use.
    List {
        /// Tell each as a line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add a published net from its authors' file of weights.
    Add {
        /// The file: PyTorch, safetensors, or the model.json of TF.js.
        file: PathBuf,
        /// What its examples are marked with, where its tensors do not tell (Neuroverse3D, WS-ICL).
        #[arg(long, value_enum)]
        prompts: Option<Kind>,
        /// Agree to what its authors say of its use, which is told without this.
        #[arg(long)]
        accept_licence: bool,
    },
    /// Remove an added net with its files.
    Remove {
        /// Its name, as the list tells it.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Masks,
    Boxes,
    Clicks,
}

impl From<Kind> for Prompts {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Masks => Self::Masks,
            Kind::Boxes => Self::Boxes,
            Kind::Clicks => Self::Clicks,
        }
    }
}

impl Arguments {
    /// Lists, adds or removes.
    ///
    /// # Errors
    /// Where a file is no net that is known, its licence is not agreed to, or the disk refuses.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::List { json } => list(json),
            Command::Add { file, prompts, accept_licence } => add(&file, prompts.map(Into::into), accept_licence)?,
            Command::Remove { name } => nets::find(&name).map_err(|why| anyhow!(why))?.remove()?,
        }
        Ok(())
    }
}

fn list(json: bool) {
    for net in nets::list() {
        let entry = &net.entry;
        if json {
            let line = serde_json::json!({
                "name": net.id(), "title": net.title(), "dims": entry.dims, "what": entry.what, "licence": entry.licence,
                "source": entry.source, "bytes": net.bytes, "sha256": net.sha256, "prompts": net.prompts,
                "automatic": entry.automatic, "folder": net.folder,
            });
            println!("{line}");
        } else {
            let size = nets::size_text(net.bytes);
            println!("{}: {} ({}-D, {size}). {}", net.id(), net.title(), entry.dims, entry.what);
            println!("    Licence: {} Source: {}", entry.licence, entry.source);
        }
    }
}

fn add(file: &Path, prompts: Option<Prompts>, accepted: bool) -> anyhow::Result<()> {
    let cannot = |why: String| told::<anyhow::Error>("the net cannot be added", file)(anyhow!(why));
    let candidate = Candidate::new(file).map_err(cannot)?;
    let prompts = prompts.or(candidate.prompts()).unwrap_or_default();
    let entry = candidate.entry(prompts);
    if !accepted {
        let licence = entry.licence.trim_end_matches('.');
        bail!("{} is added with --accept-licence only; its authors say of its licence: {licence}", entry.title);
    }
    let added = candidate.add(&nets::folder(), prompts).map_err(cannot)?;
    println!("{}: {} was added", added.id(), added.title());
    Ok(())
}
