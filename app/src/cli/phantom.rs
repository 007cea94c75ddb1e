//! The sample's CT cohort: one belly and lower chest, warped anew for each subject, with its reference.
//! What each tissue is and looks like is told here; where it lies, in `anatomy`.

use super::anatomy::{Anatomy, Tissue};
use super::noise::{Noise, blur};
use imaging::random::Random;
use imaging::{Affine, Grid, Image, Pixels, Volume};

/// How many subjects the cohort has.
pub const SUBJECTS: u64 = 8;

/// The structures of the reference and their label values.
pub const STRUCTURES: [(&str, u8); 6] =
    [("liver", 1), ("spleen", 2), ("kidneys", 3), ("lungs", 4), ("aorta", 5), ("gallbladder", 6)];

/// One subject: its scan and its reference.
pub struct Subject {
    /// The scan in Hounsfield units.
    pub image: Image,
    /// Label values as in [`STRUCTURES`].
    pub labels: Volume<u8>,
}

/// The subject of a number from 0; the same on every machine.
pub fn subject(number: u64) -> Subject {
    let mut random = Random::new(100 + number);
    let grid = grid(number);
    let anatomy = Anatomy::new(&mut random, number == 5);
    let tissues = tissues(&grid, &anatomy);
    let labels = tissues.iter().map(|&tissue| label(tissue)).collect();
    let pixels = Pixels::I16(scanned(&grid, &tissues, &mut random));
    Subject {
        image: Image { grid, pixels, is_picture: false, window: None, warnings: Vec::new() },
        labels: Volume { grid, voxels: labels },
    }
}

/// Where each subject's voxels lie: scanners store in many orders, so the cohort does too.
fn grid(number: u64) -> Grid {
    const SIZE: [f64; 3] = [288.0, 240.0, 192.0];
    // World axis of each voxel axis, its sign, and its spacing in mm.
    const ORDERS: [([usize; 3], [f64; 3], [f64; 3]); 4] = [
        ([0, 1, 2], [-1.0, -1.0, 1.0], [3.0, 3.0, 3.0]),
        ([0, 1, 2], [1.0, 1.0, 1.0], [3.0, 3.0, 3.0]),
        ([1, 2, 0], [-1.0, -1.0, 1.0], [3.0, 3.0, 3.0]),
        ([0, 1, 2], [-1.0, 1.0, 1.0], [2.4, 2.4, 4.8]),
    ];
    let (order, signs, spacing) = ORDERS[number as usize % ORDERS.len()];
    let shape = std::array::from_fn(|axis| (SIZE[order[axis]] / spacing[axis]).round() as usize);
    let mut straight = [[0.0; 3]; 3];
    for axis in 0..3 {
        straight[order[axis]][axis] = signs[axis] * spacing[axis];
    }
    let turn = if number.is_multiple_of(3) { [0.0, 0.0] } else { [0.06 * number as f64 - 0.2, 0.12] };
    Grid::new(shape, centred(turned(straight, turn), shape))
}

/// The linear map followed by a turn about the patient's right-left and then the head-foot axis.
fn turned(map: [[f64; 3]; 3], [pitch, yaw]: [f64; 2]) -> [[f64; 3]; 3] {
    let pitched = |[x, y, z]: [f64; 3]| [x, pitch.cos() * y - pitch.sin() * z, pitch.sin() * y + pitch.cos() * z];
    let yawed = |[x, y, z]: [f64; 3]| [yaw.cos() * x - yaw.sin() * y, yaw.sin() * x + yaw.cos() * y, z];
    let columns: [[f64; 3]; 3] = std::array::from_fn(|axis| yawed(pitched(map.map(|row| row[axis]))));
    std::array::from_fn(|world| columns.map(|column| column[world]))
}

/// The affine whose grid has its middle at the anatomy's middle.
fn centred(map: [[f64; 3]; 3], shape: [usize; 3]) -> Affine {
    Affine(map.map(|row| {
        let middle: f64 = (0..3).map(|axis| row[axis] * (shape[axis] as f64 - 1.0) / 2.0).sum();
        [row[0], row[1], row[2], -middle]
    }))
}

fn tissues(grid: &Grid, anatomy: &Anatomy) -> Vec<Tissue> {
    (0..grid.len())
        .map(|index| anatomy.tissue_at(grid.world_from_voxel.apply(grid.voxel(index).map(|v| v as f64)).map(|c| c as f32)))
        .collect()
}

fn label(tissue: Tissue) -> u8 {
    match tissue {
        Tissue::Liver | Tissue::LiverVessel => 1,
        Tissue::Spleen => 2,
        Tissue::KidneyCortex | Tissue::KidneyMedulla => 3,
        Tissue::Lung | Tissue::LungVessel => 4,
        Tissue::Aorta => 5,
        Tissue::Gallbladder => 6,
        _ => 0,
    }
}

/// Mean of a tissue in Hounsfield units, in the portal venous phase.
fn hounsfield(tissue: Tissue) -> f32 {
    match tissue {
        Tissue::Air => -1000.0,
        Tissue::Gas => -950.0,
        Tissue::Lung => -840.0,
        Tissue::Couch => -350.0,
        Tissue::Fat => -105.0,
        Tissue::Bile => 8.0,
        Tissue::Gallbladder => 10.0,
        Tissue::StomachContent => 22.0,
        Tissue::BowelContent => 34.0,
        Tissue::Cord => 40.0,
        Tissue::Skin => 45.0,
        Tissue::Muscle => 62.0,
        Tissue::Bowel => 72.0,
        Tissue::Disc => 95.0,
        Tissue::Pancreas => 96.0,
        Tissue::Heart => 128.0,
        Tissue::Liver => 112.0,
        Tissue::LungVessel => -120.0,
        Tissue::Spleen => 124.0,
        Tissue::KidneyMedulla => 150.0,
        Tissue::LiverVessel => 168.0,
        Tissue::VenaCava => 150.0,
        Tissue::Aorta => 172.0,
        Tissue::KidneyCortex => 200.0,
        Tissue::Marrow => 210.0,
        Tissue::Bone => 620.0,
    }
}

/// What a scanner makes of the tissues: contrast that differs by subject, grain, blur, noise.
fn scanned(grid: &Grid, tissues: &[Tissue], random: &mut Random) -> Vec<i16> {
    let contrast = random.between(0.88, 1.12);
    let grain = Noise::new(random, 9.0);
    let mut values: Vec<f32> = Vec::with_capacity(tissues.len());
    for (index, &tissue) in tissues.iter().enumerate() {
        let mean = hounsfield(tissue);
        let enhanced = if (100.0..205.0).contains(&mean) { mean * contrast } else { mean };
        let at = grid.voxel(index).map(|v| v as f32 * 3.0);
        values.push(enhanced + 7.0 * grain.at(at) + 34.0 * random.normal());
    }
    for axis in 0..3 {
        blur(&mut values, grid.shape, axis, 0.2);
    }
    values.iter().map(|value| value.round().clamp(-1024.0, 3071.0) as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_all_its_structures_on_their_own_side() {
        let Subject { image, labels } = subject(1);
        assert_eq!(image.grid, labels.grid);
        let middle_x = |value: u8| {
            let inside: Vec<usize> = (0..labels.grid.len()).filter(|&index| labels.voxels[index] == value).collect();
            let x = |&index: &usize| labels.grid.world_from_voxel.apply(labels.grid.voxel(index).map(|v| v as f64))[0];
            inside.iter().map(x).sum::<f64>() / inside.len() as f64
        };
        assert!(middle_x(1) > 20.0, "the liver is on the patient's right");
        assert!(middle_x(2) < -60.0, "the spleen is on the patient's left");
        assert!(STRUCTURES.iter().all(|&(_, value)| labels.voxels.contains(&value)));
    }

    #[test]
    fn volumes_are_those_of_a_person() {
        let Subject { labels, .. } = subject(0);
        let ml = |value: u8| labels.voxels.iter().filter(|&&v| v == value).count() as f64 * labels.grid.voxel_ml();
        assert!((600.0..1800.0).contains(&ml(1)), "liver {} ml", ml(1));
        assert!((60.0..400.0).contains(&ml(2)), "spleen {} ml", ml(2));
        assert!((100.0..500.0).contains(&ml(3)), "kidneys {} ml", ml(3));
    }

    #[test]
    fn subjects_differ_and_one_has_no_gallbladder() {
        assert_ne!(subject(0).labels.voxels, subject(1).labels.voxels);
        assert!(!subject(5).labels.voxels.contains(&6));
    }

    #[test]
    fn affines_are_valid_and_not_all_alike() {
        let grids: Vec<Grid> = (0..SUBJECTS).map(grid).collect();
        assert!(grids.iter().all(|grid| grid.world_from_voxel.is_valid()));
        assert!(grids.iter().any(|grid| grid.world_from_voxel.determinant() < 0.0), "a mirrored one is among them");
    }
}
