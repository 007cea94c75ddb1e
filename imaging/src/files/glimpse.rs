//! One layer of a large volume, read in a fraction of the time that all of it takes: what there is to see meanwhile.

use super::item::Item;
use super::reduction::Reduction;
use super::{Format, format, grid, open_item};
use crate::volume::Image;

/// Smaller volumes are read before anybody has waited.
const LARGE: usize = 16 << 20;

/// A layer of a large volume, across its last voxel axis, as an image one voxel deep: the middle one where any can be
/// read alone, else (of a packed file all that comes before has to be unpacked) the one at a quarter. `None` where
/// nobody would see it, or the file cannot be read; opening it then tells why.
#[must_use]
pub fn glimpse(item: &Item) -> Option<Image> {
    if !item.reduction.is_none() {
        return None;
    }
    let depth = match format(&item.path).ok()? {
        Format::Picture(_) => return None,
        Format::Dicom => 2,
        Format::Volume(_) => 4,
    };
    let shape = grid(item).ok()?.shape;
    if shape.iter().product::<usize>() < LARGE || shape[2] < depth {
        return None;
    }
    let [nx, ny, nz] = shape.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let layer = nz / depth as u32;
    let reduction = Reduction::within([0, 0, layer], [nx - 1, ny - 1, layer]);
    open_item(&item.clone().reduced(reduction)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_of_a_large_volume_is_the_one_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.mha");
        let shape = [512, 512, 68];
        let header = "ObjectType = Image\nNDims = 3\nDimSize = 512 512 68\nElementSpacing = 1 1 2\nElementType = MET_UCHAR\n\
            ElementDataFile = LOCAL\n";
        let voxel = |index: usize| (index / (512 * 512) * 3 + index % 7) as u8;
        let bytes: Vec<u8> = header.bytes().chain((0..shape.iter().product()).map(voxel)).collect();
        std::fs::write(&path, bytes).unwrap();
        let item = Item::from(path);
        let (glimpsed, whole) = (glimpse(&item).unwrap(), open_item(&item).unwrap());
        assert_eq!(glimpsed.grid.shape, [512, 512, 1]);
        let first = glimpsed.grid.world_from_voxel.apply([0.0; 3]);
        assert_eq!(first, whole.grid.world_from_voxel.apply([0.0, 0.0, 17.0]));
        let begin = 17 * 512 * 512;
        assert!((0..512 * 512).all(|index| glimpsed.value(index) == whole.value(begin + index)));
        assert!(glimpse(&item.reduced(Reduction::every(2))).is_none(), "it is small already");
    }
}
