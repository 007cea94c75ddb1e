//! Tools that change a whole mask: grow, smooth, fill, islands, threshold, slices between slices. All distances are
//! in mm along the grid's own axes, so that an anisotropic or oblique volume is treated as the body is.
//!
//! [`Operation`] is the list of them as plain data. None knows a thread: whoever runs one watches its progress
//! and may end it. What becomes of the result is the app's business, and locks are `edit`'s.

mod between;
mod block;
mod distance;
mod flood;
mod grow;
mod holes;
mod islands;
mod operation;
mod plane;
mod polygon;
mod rows;
mod smooth;
mod threshold;

pub use between::between_slices;
pub use flood::{Extent, flood};
pub use grow::{close, grow, open, shrink};
pub use holes::{fill_holes, fill_holes_in_slices};
pub use islands::{Connection, Islands};
pub use operation::{Input, Logic, Operation, OperationError, Within};
pub use plane::copy_slice;
pub use polygon::polygon;
pub use smooth::{Filter, smooth};
pub use threshold::threshold;

/// The watcher of a computation ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
pub struct Cancelled;

/// Told now and then how much is done, 0 to 1; returns whether to go on.
pub type Watch<'a> = dyn FnMut(f32) -> bool + 'a;

/// A watch that never ends anything.
pub fn unwatched(_: f32) -> bool {
    true
}

fn report(watch: &mut Watch<'_>, share: f32) -> Result<(), Cancelled> {
    if watch(share) { Ok(()) } else { Err(Cancelled) }
}

/// The watch of a part of a computation, from one share of it to another.
fn part<'a>(watch: &'a mut Watch<'_>, from: f32, to: f32) -> impl FnMut(f32) -> bool + 'a {
    move |share| watch(from + (to - from) * share)
}
