//! Accepted masks to files beside the source's own grid, and the table of volumes; off the frame.

use anyhow::Context as _;
use imaging::export::{ExportError, Measure, Receipt, ending, export_nifti, export_nifti_each, volumes_csv};
use imaging::{Item, Mask, Project, Review};
use std::path::{Path, PathBuf};

/// One case's share of an export: everything that is needed, so that the project may change meanwhile.
pub struct Order {
    case: String,
    source: Item,
    /// Label value, structure's name, mask.
    masks: Vec<(u16, String, Mask)>,
}

/// What an export did.
pub struct Report {
    /// The folder.
    pub folder: PathBuf,
    /// One for each file written.
    pub receipts: Vec<Receipt>,
    /// What the user should know, each a sentence.
    pub remarks: Vec<String>,
    rows: Vec<(String, String, Measure)>,
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
                let mask = case.work(structure.id)?.mask.clone()?;
                Some((at as u16 + 1, structure.name.clone(), mask))
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
pub fn run(orders: &[Order], folder: &Path, overwrite: bool) -> anyhow::Result<Report> {
    std::fs::create_dir_all(folder).context("Could not make the export folder")?;
    let mut report = Report { folder: folder.to_owned(), receipts: Vec::new(), remarks: Vec::new(), rows: Vec::new() };
    for order in orders {
        write(order, folder, overwrite, &mut report).with_context(|| format!("Could not export {}", order.case))?;
    }
    let table = volumes_csv(report.rows.iter().map(|(case, name, measure)| (case.as_str(), name.as_str(), *measure)));
    write_whole(&folder.join("volumes.csv"), &table).context("Could not write the table of volumes")?;
    names(orders, folder).context("Could not write the names of the labels")?;
    Ok(report)
}

fn write(order: &Order, folder: &Path, overwrite: bool, report: &mut Report) -> Result<(), ExportError> {
    let labels: Vec<(u16, &Mask)> = order.masks.iter().map(|(value, _, mask)| (*value, mask)).collect();
    let ending = ending(&order.source)?;
    match export_nifti(&order.source, &labels, &folder.join(format!("{}{ending}", order.case)), overwrite) {
        Ok(receipt) => {
            report.rows.extend(rows(order, std::slice::from_ref(&receipt)));
            report.receipts.push(receipt);
        }
        Err(ExportError::Overlap { .. }) => {
            report.remarks.push(format!("Masks overlap in {}: one file for each structure was written.", order.case));
            let masks: Vec<(&str, &Mask)> = order.masks.iter().map(|(_, name, mask)| (name.as_str(), mask)).collect();
            let receipts = export_nifti_each(&order.source, &masks, folder, overwrite)?;
            report.rows.extend(rows(order, &receipts));
            report.receipts.extend(receipts);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// One line of the table for each structure, in the order of its masks.
fn rows(order: &Order, receipts: &[Receipt]) -> Vec<(String, String, Measure)> {
    let measures = receipts.iter().flat_map(|receipt| &receipt.measures);
    order.masks.iter().zip(measures).map(|((_, name, _), measure)| (order.case.clone(), name.clone(), *measure)).collect()
}

fn names(orders: &[Order], folder: &Path) -> std::io::Result<()> {
    let labels: std::collections::BTreeMap<&str, u16> =
        orders.iter().flat_map(|order| &order.masks).map(|(value, name, _)| (name.as_str(), *value)).collect();
    write_whole(&folder.join("labels.json"), &serde_json::to_string_pretty(&labels)?)
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, path)
}
