//! The parts of a mask that hang together, by union of the pieces of its rows.

use super::rows::{Piece, pieces};
use super::{Cancelled, Watch, report};
use crate::labels::Mask;

/// When two voxels hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Where they share a face.
    Faces,
    /// Where they share a face, an edge or a corner.
    Corners,
}

/// The islands of a mask.
#[derive(Clone, Debug)]
pub struct Islands {
    shape: [usize; 3],
    pieces: Vec<Piece>,
    /// Of each piece, its island.
    labels: Vec<usize>,
    sizes: Vec<usize>,
}

impl Islands {
    /// Finds them.
    ///
    /// # Errors
    /// Where the watch ends it.
    pub fn of(mask: &Mask, connection: Connection, watch: &mut Watch<'_>) -> Result<Self, Cancelled> {
        let pieces = pieces(mask);
        let parents = join(&pieces, mask.shape(), connection, watch)?;
        let mut labels = vec![0; pieces.len()];
        let mut sizes = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            // A root stands before all that hang on it.
            if parents[at] == at {
                labels[at] = sizes.len();
                sizes.push(0);
            } else {
                labels[at] = labels[parents[at]];
            }
            sizes[labels[at]] += piece.i.len();
        }
        Ok(Self { shape: mask.shape(), pieces, labels, sizes })
    }

    /// The voxels of each island; the islands in the order in which memory meets them.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The largest island; the first of several.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        (0..self.sizes.len()).min_by_key(|&island| std::cmp::Reverse(self.sizes[island]))
    }

    /// The island at a voxel.
    #[must_use]
    pub fn at(&self, [i, j, k]: [usize; 3]) -> Option<usize> {
        let found = self.pieces.iter().position(|piece| piece.k == k && piece.j == j && piece.i.contains(&i));
        found.map(|at| self.labels[at])
    }

    /// The mask of the islands that are wanted, asked by island and size.
    #[must_use]
    pub fn keep(&self, wanted: impl Fn(usize, usize) -> bool) -> Mask {
        let [nx, ny, _] = self.shape;
        let mut kept = Mask::empty(self.shape);
        for (piece, &label) in self.pieces.iter().zip(&self.labels) {
            if wanted(label, self.sizes[label]) {
                let row = nx * (piece.j + ny * piece.k);
                kept.set_run(row + piece.i.start, row + piece.i.end, true);
            }
        }
        kept
    }
}

/// Of each piece the first one of its island.
fn join(
    pieces: &[Piece],
    [_, ny, _]: [usize; 3],
    connection: Connection,
    watch: &mut Watch<'_>,
) -> Result<Vec<usize>, Cancelled> {
    let mut parents: Vec<usize> = (0..pieces.len()).collect();
    let row = |at: usize| pieces.get(at).map(|piece| (piece.k, piece.j));
    // The rows before this one whose pieces may touch it, each with the first of its pieces not yet behind us.
    let before: &[(usize, isize)] = match connection {
        Connection::Faces => &[(0, -1), (1, 0)],
        Connection::Corners => &[(0, -1), (1, -1), (1, 0), (1, 1)],
    };
    let reach = usize::from(connection == Connection::Corners);
    let mut heads = vec![0; before.len()];
    let mut start = 0;
    while let Some((k, j)) = row(start) {
        let end = start + pieces[start..].iter().take_while(|piece| (piece.k, piece.j) == (k, j)).count();
        for (head, &(up, aside)) in heads.iter_mut().zip(before) {
            let (Some(k), Some(j)) = (k.checked_sub(up), j.checked_add_signed(aside).filter(|&j| j < ny)) else { continue };
            while row(*head).is_some_and(|row| row < (k, j)) {
                *head += 1;
            }
            let count = pieces[*head..].iter().take_while(|piece| (piece.k, piece.j) == (k, j)).count();
            join_rows(&mut parents, pieces, [*head, *head + count], [start, end], reach);
        }
        report_at(watch, end, pieces.len())?;
        start = end;
    }
    (0..parents.len()).for_each(|at| parents[at] = root(&mut parents, at));
    Ok(parents)
}

fn report_at(watch: &mut Watch<'_>, done: usize, of: usize) -> Result<(), Cancelled> {
    if done.is_multiple_of(1024) { report(watch, done as f32 / of as f32) } else { Ok(()) }
}

/// Joins the pieces of two rows where they overlap, or with a reach of 1 touch at their ends.
fn join_rows(parents: &mut [usize], pieces: &[Piece], [mut a, a_end]: [usize; 2], [mut b, b_end]: [usize; 2], reach: usize) {
    while a < a_end && b < b_end {
        let (first, second) = (&pieces[a].i, &pieces[b].i);
        if first.start < second.end + reach && second.start < first.end + reach {
            let (one, other) = (root(parents, a), root(parents, b));
            parents[one.max(other)] = one.min(other);
        }
        if first.end < second.end { a += 1 } else { b += 1 }
    }
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::super::unwatched;
    use super::*;
    use proptest::prelude::*;

    const SHAPE: [usize; 3] = [9, 7, 5];

    fn voxel(index: usize) -> [usize; 3] {
        [index % 9, index / 9 % 7, index / 63]
    }

    /// Which voxels hang together, found by walking from each.
    fn walked(mask: &Mask, connection: Connection) -> Vec<Option<usize>> {
        let mut labels = vec![None; mask.len()];
        for start in mask.iter() {
            let mut stack = vec![start];
            while let Some(at) = stack.pop() {
                if labels[at].is_some() {
                    continue;
                }
                labels[at] = Some(start);
                let touches = |other: &usize| {
                    let off: Vec<usize> = (0..3).map(|axis| voxel(at)[axis].abs_diff(voxel(*other)[axis])).collect();
                    let near = off.iter().all(|&step| step <= 1);
                    near && (connection == Connection::Corners || off.iter().sum::<usize>() == 1)
                };
                stack.extend(mask.iter().filter(touches));
            }
        }
        labels
    }

    proptest! {
        #[test]
        fn islands_are_what_walking_finds(bits in prop::collection::vec(prop::bool::weighted(0.3), 9 * 7 * 5)) {
            let mask = Mask::from_fn(SHAPE, |index| bits[index]);
            for connection in [Connection::Faces, Connection::Corners] {
                let islands = Islands::of(&mask, connection, &mut unwatched).expect("nobody cancels");
                let walked = walked(&mask, connection);
                for a in mask.iter() {
                    let island = islands.at(voxel(a)).expect("it is set");
                    prop_assert_eq!(islands.sizes()[island], walked.iter().filter(|&&label| label == walked[a]).count());
                    let kept = islands.keep(|other, _| other == island);
                    prop_assert!(mask.iter().all(|b| kept.get(b) == (walked[a] == walked[b])));
                }
                prop_assert_eq!(islands.sizes().iter().sum::<usize>(), mask.count());
            }
        }
    }

    #[test]
    fn the_largest_and_none() {
        let islands = |set: &'static [usize]| {
            Islands::of(&Mask::from_fn(SHAPE, |i| set.contains(&i)), Connection::Faces, &mut unwatched).expect("nobody cancels")
        };
        assert_eq!(islands(&[]).largest(), None);
        let three = islands(&[0, 3, 4, 5, 8]);
        assert_eq!((three.sizes(), three.largest(), three.at([6, 0, 0])), (&[1, 3, 1][..], Some(1), None));
        assert_eq!(islands(&[8, 9]).sizes(), [1, 1], "the end of a row does not touch the start of the next");
    }
}
