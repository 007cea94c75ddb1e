//! What is known of the published nets beyond their tensors: which marks they take, who made them, and what their
//! authors say of the licence. Read from the authors' repositories, not from the files of weights, which say nothing.

use super::recognise::Config;
use serde::{Deserialize, Serialize};

/// What the second channel of a context means to a net whose tensors do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prompts {
    /// The whole mask: Neuroverse3D.
    #[default]
    Masks,
    /// Boxes: WS-ICL's first file.
    Boxes,
    /// Clicks: WS-ICL's second file.
    Clicks,
}

impl Prompts {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Masks, Self::Boxes, Self::Clicks];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Masks => "masks",
            Self::Boxes => "boxes",
            Self::Clicks => "clicks",
        }
    }

    /// What the authors' names of their files tell: a first guess, for the user to mend.
    #[must_use]
    pub fn from_file_name(name: &str) -> Self {
        let name = name.to_lowercase();
        if name.contains("box") {
            Self::Boxes
        } else if name.contains("point") || name.contains("click") {
            Self::Clicks
        } else {
            Self::Masks
        }
    }
}

/// What can be told of a net.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Short, for names of folders.
    pub id: &'static str,
    /// As its authors call it.
    pub title: &'static str,
    /// What it does, and from what, in a sentence or two.
    pub what: &'static str,
    /// Segments volumes (3) or pictures and single slices (2).
    pub dims: usize,
    /// What its authors say of the licence of the weights.
    pub licence: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether it needs neither example nor mark.
    pub automatic: bool,
}

impl Config {
    /// Whether only the user can tell what the net's prompts are.
    #[must_use]
    pub fn needs_prompts(&self) -> bool {
        matches!(self, Self::Neuroverse(_))
    }

    /// What is known of this net.
    #[must_use]
    pub fn entry(&self, prompts: Prompts) -> Entry {
        match self {
            Self::Neuroverse(config) => Entry { dims: config.dims, ..in_context(prompts) },
            Self::UniverSeg(config) if config.normed => MULTIVERSEG,
            Self::UniverSeg(_) => UNIVERSEG,
            Self::ScribblePrompt(_) => SCRIBBLEPROMPT,
            Self::Tyche(_) => TYCHE,
            Self::MeshNet(_) => MESHNET,
        }
    }
}

fn in_context(prompts: Prompts) -> Entry {
    let ws_icl = Entry {
        id: "ws-icl-boxes",
        title: "WS-ICL, boxes",
        what: "In-context and interactive, in volumes: from boxes on a few slices of examples, or of the image itself.",
        dims: 3,
        licence: "Not stated: the authors give no licence for weights or code, so all rights are reserved.",
        source: "jiesihu/Weak-ICL (Hu et al., 2025)",
        automatic: false,
    };
    match prompts {
        Prompts::Boxes => ws_icl,
        Prompts::Clicks => Entry {
            id: "ws-icl-clicks",
            title: "WS-ICL, clicks",
            what: "In-context and interactive, in volumes: from clicks on a few slices of examples, or of the image itself.",
            ..ws_icl
        },
        Prompts::Masks => Entry {
            id: "neuroverse3d",
            title: "Neuroverse3D",
            what: "In-context, in volumes of the brain: from the whole masks of up to eight examples.",
            licence: "Not stated for the weights (the code is MIT); trained on 19 brain data sets of mixed licences.",
            source: "jiesihu/Neuroverse3D (Hu et al., 2025)",
            ..ws_icl
        },
    }
}

const UNIVERSEG: Entry = Entry {
    id: "universeg",
    title: "UniverSeg",
    what: "In-context, in pictures and single slices: from the whole masks of examples, the more the better.",
    dims: 2,
    licence: "OpenRAIL++-M: solely for research purposes; to be passed on only with this restriction.",
    source: "JJGO/UniverSeg (Butoi et al., ICCV 2023)",
    automatic: false,
};

const MULTIVERSEG: Entry = Entry {
    id: "multiverseg",
    title: "MultiverSeg",
    what: "In-context and interactive, in pictures and single slices: from the masks of examples, and boxes, clicks and \
           doodles for and against on the image itself.",
    licence: "Not stated for the weights (the code is Apache-2.0).",
    source: "halleewong/MultiverSeg (Wong et al., ICCV 2025)",
    ..UNIVERSEG
};

const SCRIBBLEPROMPT: Entry = Entry {
    id: "scribbleprompt",
    title: "ScribblePrompt-UNet",
    what: "Interactive, in pictures and single slices: from boxes, clicks and doodles for and against on the image itself.",
    licence: "Not stated for the weights (the code is Apache-2.0).",
    source: "halleewong/ScribblePrompt (Wong et al., ECCV 2024)",
    ..UNIVERSEG
};

const TYCHE: Entry = Entry {
    id: "tyche",
    title: "Tyche-TS",
    what: "In-context, in pictures and single slices: from the whole masks of examples, several candidates whose \
           disagreement tells the uncertainty.",
    licence: "Not stated for the weights (the code is Apache-2.0).",
    source: "mariannerakic/tyche (Rakic et al., CVPR 2024)",
    ..UNIVERSEG
};

const MESHNET: Entry = Entry {
    id: "meshnet",
    title: "MeshNet",
    what: "Automatic: the brain in T1 images of a head, without any mark.",
    dims: 3,
    licence: "MIT (brainchop).",
    source: "neuroneural/brainchop (Fedorov et al.)",
    automatic: true,
};
