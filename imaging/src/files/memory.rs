//! Whether there is memory for a volume, asked before any is set aside.

use super::fault::{Fault, shape_text};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Refuses a volume that would not fit into the memory that is free now: `count` numbers of `width` bytes, which
/// are kept in 2 to 4 bytes each.
pub(crate) fn check(count: usize, width: usize, shape: [usize; 3]) -> Result<(), Fault> {
    // Nothing that a machine could lack is asked for: the system need not be troubled.
    const NEVER_MISSED: u64 = 256 << 20;
    let need = count as u64 * width.clamp(2, 4) as u64;
    if need <= NEVER_MISSED {
        return Ok(());
    }
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    check_against(need, System::new_with_specifics(memory).available_memory(), shape)
}

fn check_against(need: u64, free: u64, shape: [usize; 3]) -> Result<(), Fault> {
    // A system that does not tell what is free tells 0.
    if free == 0 || need <= free {
        return Ok(());
    }
    let gb = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Fault::TooLarge(format!(
        "its {} voxels need {:.1} GB of memory, and {:.1} GB are free; close other programs, or crop it or sample it down first",
        shape_text(shape),
        gb(need),
        gb(free)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_both_sizes() {
        let shape = [2000, 2000, 2000];
        let told = check_against(32 << 30, 16 << 30, shape).expect_err("it does not fit").to_string();
        assert!(told.contains("2000 x 2000 x 2000 voxels need 32.0 GB of memory, and 16.0 GB are free"), "{told}");
        assert!(check_against(8 << 30, 16 << 30, shape).is_ok() && check_against(8 << 30, 0, shape).is_ok());
        assert!(check(1 << 50, 8, shape).is_err(), "no machine has that much");
    }
}
