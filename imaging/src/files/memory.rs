//! Whether there is memory for a volume, asked before any is set aside, and by how much it has to be smaller.

use super::fault::{Fault, shape_text};
use super::item::ItemInfo;
use std::fmt;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The most voxels that are opened: 8 GB as `f32`.
const MOST_VOXELS: u64 = 1 << 31;

/// The environment variable that says how many megabytes there are for a volume, whatever the system has: for trying
/// out what happens on a small machine.
const LIMIT: &str = "EXEMPLAR_MEMORY_LIMIT";

/// There is no room for a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Its voxels along each axis.
    pub shape: [usize; 3],
    /// Bytes that they need.
    pub need: u64,
    /// Bytes that there are.
    pub free: u64,
    /// The least number of voxels along each axis to be made one, so that half of the free memory is enough: the
    /// other half is left for what is shown and computed of them.
    pub every: u32,
}

impl NoRoom {
    /// Of voxels of `width` bytes, where `free` bytes are not enough; no system that does not tell what is free (0)
    /// lacks anything but room for the most voxels that are opened at all.
    fn of(shape: [usize; 3], width: u64, free: u64) -> Option<Self> {
        let most = MOST_VOXELS * width;
        let free = if free == 0 { most } else { free.min(most) };
        let need = |every: usize| bytes(shape.map(|n| n.div_ceil(every)), width);
        if need(1) <= free {
            return None;
        }
        let longest = shape.into_iter().max().unwrap_or(1);
        let (mut low, mut high) = (1, longest.max(2));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if need(middle) <= free / 2 { high = middle } else { low = middle }
        }
        Some(Self { shape, need: need(1), free, every: u32::try_from(high).unwrap_or(u32::MAX) })
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        write!(
            f,
            "its {} voxels need {:.1} GB of memory, and {:.1} GB can be had; close other programs, or open it sampled down by {} or more, or only a box of it",
            shape_text(self.shape),
            gb(self.need),
            gb(self.free),
            self.every
        )
    }
}

/// What an image of a list lacks to be opened whole. A picture is never said to lack anything: its own reader bounds it.
#[must_use]
pub fn lacking(info: &ItemInfo) -> Option<NoRoom> {
    if info.voxel_bytes == 0 {
        return None;
    }
    lack(info.kept_shape(), u64::from(info.voxel_bytes))
}

/// Refuses a volume that would not fit into the memory that is free now: numbers of `width` bytes, which are kept in 2
/// to 4 bytes each.
pub(crate) fn check(shape: [usize; 3], width: usize) -> Result<(), Fault> {
    lack(shape, kept_width(width)).map_or(Ok(()), |lack| Err(Fault::NoRoom(lack)))
}

/// Bytes in which a number of `width` bytes is kept, at least.
pub(crate) fn kept_width(width: usize) -> u64 {
    width.clamp(2, 4) as u64
}

fn lack(shape: [usize; 3], width: u64) -> Option<NoRoom> {
    // Nothing that a machine could lack is asked for: the system need not be troubled.
    const NEVER_MISSED: u64 = 256 << 20;
    let limit = std::env::var(LIMIT).ok().and_then(|limit| limit.trim().parse::<u64>().ok());
    let free = match limit {
        Some(megabytes) => megabytes.saturating_mul(1 << 20).max(1),
        None if bytes(shape, width) <= NEVER_MISSED => return None,
        None => {
            let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
            System::new_with_specifics(memory).available_memory()
        }
    };
    NoRoom::of(shape, width, free)
}

fn bytes(shape: [usize; 3], width: u64) -> u64 {
    shape.iter().fold(width, |product, &n| product.saturating_mul(n as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    #[test]
    fn what_does_not_fit_is_told_with_both_sizes() {
        let shape = [2000, 2000, 2000];
        let lack = NoRoom::of(shape, 4, 8 * GB - 1).expect("it does not fit");
        let told = lack.to_string();
        assert!(told.contains("2000 x 2000 x 2000 voxels need 29.8 GB of memory, and 8.0 GB can be had"), "{told}");
        assert!(NoRoom::of([1000, 1000, 1000], 2, 2 * GB).is_none() && NoRoom::of([1000, 1000, 1000], 2, 0).is_none());
        assert!(check([1 << 20; 3], 8).is_err(), "no machine has that much");
        assert!(check([usize::MAX; 3], 8).is_err(), "no product overflows");
    }

    #[test]
    fn the_least_factor_leaves_half_of_the_memory() {
        for (shape, width, free) in [([2000, 2000, 2000], 2, 4 * GB), ([512, 512, 4000], 4, GB), ([30000, 30000, 3], 2, GB)] {
            let NoRoom { every, .. } = NoRoom::of(shape, width, free).expect("it does not fit");
            let need = |every: u32| bytes(shape.map(|n| n.div_ceil(every as usize)), width);
            assert!(need(every) <= free / 2 && need(every - 1) > free / 2, "{shape:?}: {every}");
        }
        let hopeless = NoRoom::of([4, 4, 4], 4, 1).expect("a byte is not enough");
        assert_eq!(hopeless.every, 4);
    }

    #[test]
    fn more_voxels_than_are_ever_opened_need_no_question() {
        assert!(NoRoom::of([1 << 11, 1 << 10, 1 << 10], 2, 0).is_none());
        assert_eq!(NoRoom::of([(1 << 11) + 1, 1 << 10, 1 << 10], 2, 0).map(|lack| lack.every), Some(2));
    }
}
