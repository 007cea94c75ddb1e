//! Accepted masks to files beside the source's own grid, and the table of volumes; off the frame.

use crate::whole;
use anyhow::Context as _;
use imaging::export::{
    Drawn, ExportError, Labelled, Measure, Receipt, Row, ending, export_dicom_seg, export_nifti, export_nifti_each,
    export_nnunet, export_slicer, is_from_dicom, mean_over, measures_csv,
};
use imaging::files::{self, Segment};
use imaging::{Item, Mask, Project, Review};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What masks are written as. A picture's are PNG, whatever is chosen for volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One NIfTI label map a case.
    #[default]
    Labels,
    /// One NIfTI file a structure.
    Each,
    /// One segmentation of 3D Slicer a case.
    Slicer,
    /// One DICOM segmentation a case that came from DICOM.
    Dicom,
    /// A folder for nnU-Net: images, label maps, `dataset.json`.
    NnUnet,
}

impl Form {
    /// In the order shown.
    pub const ALL: [Self; 5] = [Self::Labels, Self::Each, Self::Slicer, Self::Dicom, Self::NnUnet];

    /// What it is called.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Labels => "one label map a case (NIfTI)",
            Self::Each => "one file a structure (NIfTI)",
            Self::Slicer => "a 3D Slicer segmentation a case (.seg.nrrd)",
            Self::Dicom => "a DICOM segmentation a case, with its patient's name",
            Self::NnUnet => "an nnU-Net folder, with the images",
        }
    }

    /// What there is to know of it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Labels => "On the image's grid with its own header. Where masks overlap, one file a structure is written.",
            Self::Each => "On the image's grid with its own header; overlapping masks stay as they are.",
            Self::Slicer => "Names, colours and overlapping masks are kept.",
            Self::Dicom => "Of cases from DICOM: bears patient and study, as its images do. Overlapping masks are kept.",
            Self::NnUnet => "imagesTr, labelsTr and dataset.json. Masks that overlap cannot be written so.",
        }
    }
}

/// One case's share of an export: everything that is needed, so that the project may change meanwhile.
pub struct Order {
    case: String,
    source: Item,
    masks: Vec<Ordered>,
}

/// One structure of a case.
struct Ordered {
    value: u16,
    name: String,
    colour: [u8; 3],
    mask: Arc<Mask>,
}

/// What an export did.
pub struct Report {
    /// The folder.
    pub folder: PathBuf,
    /// One for each file written.
    pub receipts: Vec<Receipt>,
    /// What the user should know, each a sentence.
    pub remarks: Vec<String>,
    rows: Vec<Row>,
}

/// What would be exported: every accepted mask, and empty ones for structures that are absent beside them.
#[must_use]
pub fn orders(project: &Project) -> Vec<Order> {
    let order = |case: &imaging::Case| {
        let masks: Vec<_> = project
            .structures
            .iter()
            .enumerate()
            .filter(|(_, structure)| case.review(structure.id) == Review::Accepted)
            .filter_map(|(at, structure)| {
                let mask = case.mask(structure.id)?.clone();
                Some(Ordered { value: at as u16 + 1, name: structure.name.clone(), colour: structure.colour, mask })
            })
            .collect();
        (!masks.is_empty()).then(|| Order { case: case.name.clone(), source: case.item(), masks })
    };
    project.cases.iter().filter_map(order).collect()
}

/// Writes the masks and the table into `folder`.
///
/// # Errors
/// At the first file that cannot be written; files before it are whole.
pub fn run(orders: &[Order], folder: &Path, overwrite: bool, form: Form) -> anyhow::Result<Report> {
    std::fs::create_dir_all(folder).context("Could not make the export folder")?;
    // The masks are asked for one by one, where they are written.
    for table in ["volumes.csv", "labels.json"].map(|name| folder.join(name)) {
        anyhow::ensure!(
            overwrite || !table.exists(),
            "Could not export: a file of this name exists already: {}",
            table.display()
        );
    }
    let mut report = Report { folder: folder.to_owned(), receipts: Vec::new(), remarks: Vec::new(), rows: Vec::new() };
    if form == Form::NnUnet {
        nnunet(orders, folder, overwrite, &mut report)?;
    } else {
        for order in orders {
            write(order, folder, overwrite, form, &mut report).with_context(|| format!("Could not export {}", order.case))?;
        }
        names(orders, folder).context("Could not write the names of the labels")?;
    }
    for order in orders {
        report.rows.extend(rows(order).with_context(|| format!("Could not measure {}", order.case))?);
    }
    whole::write(&folder.join("volumes.csv"), measures_csv(&report.rows)).context("Could not write the table of volumes")?;
    Ok(report)
}

fn write(order: &Order, folder: &Path, overwrite: bool, form: Form, report: &mut Report) -> Result<(), ExportError> {
    let ending = ending(&order.source)?;
    let masks: Vec<(&str, &Mask)> = order.masks.iter().map(|ordered| (ordered.name.as_str(), &*ordered.mask)).collect();
    let each = |report: &mut Report| -> Result<(), ExportError> {
        report.receipts.extend(export_nifti_each(&order.source, &masks, folder, overwrite)?);
        Ok(())
    };
    // A picture has no segmentation of 3D Slicer: it is written as without it.
    match form {
        Form::Each => return each(report),
        Form::Slicer if ending != ".png" => {
            let segments: Vec<Segment> = order.masks.iter().map(Ordered::segment).collect();
            let to = folder.join(format!("{}.seg.nrrd", order.case));
            report.receipts.push(export_slicer(&order.source, &segments, &to, overwrite)?);
            return Ok(());
        }
        Form::Dicom if is_from_dicom(&order.source) => {
            let drawn: Vec<Drawn<'_>> = order.masks.iter().map(Ordered::drawn).collect();
            let to = folder.join(format!("{}.dcm", order.case));
            report.receipts.push(export_dicom_seg(&order.source, &drawn, &to, overwrite)?);
            return Ok(());
        }
        Form::Dicom => {
            report.remarks.push(format!(
                "{} did not come from DICOM, or only a part of it was opened: a label map was written.",
                order.case
            ));
        }
        _ => {}
    }
    match export_nifti(&order.source, &order.labels(), &folder.join(format!("{}{ending}", order.case)), overwrite) {
        Ok(receipt) => report.receipts.push(receipt),
        Err(ExportError::Overlap { .. }) => {
            report.remarks.push(format!(
                "Masks overlap in {}, and a label map holds one structure a voxel: one file for each structure was written.",
                order.case
            ));
            each(report)?;
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn nnunet(orders: &[Order], folder: &Path, overwrite: bool, report: &mut Report) -> anyhow::Result<()> {
    let names: BTreeMap<u16, String> =
        orders.iter().flat_map(|order| &order.masks).map(|ordered| (ordered.value, ordered.name.clone())).collect();
    let cases: Vec<Labelled<'_>> =
        orders.iter().map(|order| Labelled { case: &order.case, source: &order.source, masks: order.labels() }).collect();
    report.receipts = export_nnunet(&cases, &names, folder, overwrite).context("Could not export for nnU-Net")?;
    Ok(())
}

impl Order {
    fn labels(&self) -> Vec<(u16, &Mask)> {
        self.masks.iter().map(|ordered| (ordered.value, &*ordered.mask)).collect()
    }
}

impl Ordered {
    fn segment(&self) -> Segment {
        Segment { name: self.name.clone(), colour: Some(self.colour), mask: Mask::clone(&self.mask) }
    }

    fn drawn(&self) -> Drawn<'_> {
        Drawn { name: &self.name, colour: self.colour, manual: false, mask: &self.mask }
    }
}

/// One line of the table for each structure, in the order of its masks.
fn rows(order: &Order) -> anyhow::Result<Vec<Row>> {
    let image = files::open_item(&order.source)?;
    let row = |Ordered { value, name, mask, .. }: &Ordered| Row {
        case: order.case.clone(),
        structure: name.clone(),
        measure: Measure::of(*value, mask, &image.grid),
        mean: mean_over(&image, mask),
    };
    Ok(order.masks.iter().map(row).collect())
}

fn names(orders: &[Order], folder: &Path) -> std::io::Result<()> {
    let labels: BTreeMap<&str, u16> =
        orders.iter().flat_map(|order| &order.masks).map(|ordered| (ordered.name.as_str(), ordered.value)).collect();
    whole::write(&folder.join("labels.json"), serde_json::to_string_pretty(&labels)?)
}
