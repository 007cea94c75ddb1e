//! The queue of a review: each structure of each case, in the order that the reader chose.

use crate::session::{Place, Session, Status};
use imaging::Project;
use serde::{Deserialize, Serialize};

/// In which order places are reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The most uncertain first.
    #[default]
    Uncertainty,
    /// As the cases are named.
    Name,
    /// The largest mask first.
    Size,
    /// What waits for review first.
    Status,
}

impl Order {
    /// Every order, as the queue offers them.
    pub const ALL: [Self; 4] = [Self::Uncertainty, Self::Name, Self::Size, Self::Status];

    /// What the queue calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uncertainty => "uncertainty",
            Self::Name => "name",
            Self::Size => "size",
            Self::Status => "status",
        }
    }
}

/// A structure of a case in the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub place: Place,
    /// Where it stands.
    pub status: Status,
    /// How doubtful its guess is, where there is one.
    pub uncertainty: Option<f32>,
    /// Voxels of its guess; of a mask that stands, only where the order asks for it.
    pub voxels: usize,
    /// Whether it bears a note.
    pub flagged: bool,
}

/// The rows as they were last made, for each frame asks for them.
#[derive(Debug, Default)]
pub struct Rows {
    made: Option<([u64; 2], Order)>,
    rows: Vec<Row>,
}

impl Rows {
    /// The rows; made anew where `version` (of project and guesses) or the order is another.
    pub fn of(&mut self, project: &Project, session: &Session, version: [u64; 2]) -> &[Row] {
        let wanted = Some((version, session.prefs.order));
        if self.made != wanted {
            self.rows = rows(project, session);
            self.made = wanted;
        }
        &self.rows
    }
}

/// Every structure of every case, in order.
#[must_use]
pub fn rows(project: &Project, session: &Session) -> Vec<Row> {
    let cases = project.cases.iter();
    let rows = cases.flat_map(|case| project.structures.iter().map(move |structure| (case, structure.id)));
    let mut rows: Vec<Row> = rows
        .map(|(case, structure)| {
            let place = (case.id, structure);
            let guess = session.guesses.get(&place);
            // Counting a mask takes a millisecond where volumes are large: only where the order asks for it.
            let kept = || case.mask(structure).filter(|_| session.prefs.order == Order::Size).map(|mask| mask.count());
            Row {
                place,
                status: Status::of(case, structure, session),
                uncertainty: guess.map(|guess| guess.uncertainty),
                voxels: guess.map(|guess| guess.voxels).or_else(kept).unwrap_or(0),
                flagged: case.work(structure).is_some_and(|work| work.flag.is_some()),
            }
        })
        .collect();
    sort(&mut rows, project, session.prefs.order);
    rows
}

fn sort(rows: &mut [Row], project: &Project, order: Order) {
    let name = |row: &Row| project.case(row.place.0).map(|case| case.name.as_str());
    match order {
        // Rows come in the order of cases and structures, and sorting keeps what is equal in order.
        Order::Uncertainty => rows.sort_by(|a, b| {
            let urgency = |row: &Row| row.uncertainty.filter(|_| row.status == Status::Guessed).unwrap_or(-1.0);
            urgency(b).total_cmp(&urgency(a))
        }),
        Order::Name => rows.sort_by(|a, b| name(a).cmp(&name(b))),
        Order::Size => rows.sort_by_key(|row| std::cmp::Reverse(row.voxels)),
        Order::Status => rows.sort_by_key(|row| match row.status {
            Status::Guessed => 0,
            Status::Rejected => 1,
            Status::Marked => 2,
            Status::New => 3,
            Status::Accepted => 4,
            Status::Absent => 5,
        }),
    }
}

/// The places whose guess waits for review, in order.
#[must_use]
pub fn waiting(project: &Project, session: &Session) -> Vec<Place> {
    rows(project, session).into_iter().filter(|row| row.status == Status::Guessed).map(|row| row.place).collect()
}

/// The place `by` places after this one in the queue: of those that wait for review, or of those without a review
/// where none waits. `None` where there is no other.
#[must_use]
pub fn step(project: &Project, session: &Session, by: isize) -> Option<Place> {
    let shown = session.place()?;
    let queue = waiting(project, session);
    let others = queue.iter().filter(|&&place| place != shown).count();
    if others == 0 {
        return next_open(project, shown, by);
    }
    let Some(at) = queue.iter().position(|&place| place == shown) else {
        return if by > 0 { queue.first().copied() } else { queue.last().copied() };
    };
    // A case that was marked by hand was not come to by the queue: from there it begins.
    if by > 0 && project.case(shown.0).is_some_and(|case| case.prompts_of(shown.1).next().is_some()) {
        return queue.iter().find(|&&place| place != shown).copied();
    }
    let next = (at as isize + by).rem_euclid(queue.len() as isize) as usize;
    queue.get(next).copied()
}

/// The next case, in the order of the list, that is not reviewed.
fn next_open(project: &Project, (shown, structure): Place, by: isize) -> Option<Place> {
    let count = project.cases.len();
    let at = project.cases.iter().position(|case| case.id == shown)?;
    let steps = (1..count).map(|step| if by > 0 { (at + step) % count } else { (at + count - step) % count });
    let open = |at: &usize| !project.cases[*at].review(structure).is_locked();
    steps.filter(open).map(|at| (project.cases[at].id, structure)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Guess;
    use imaging::{Case, CaseId, Edit, History, Mask, Review, Step, StructureId};
    use std::sync::Arc;

    fn world() -> (Project, Session) {
        let mut project = Project::default();
        for name in ["liver", "spleen"] {
            project.structures.push(project.next_structure(name));
        }
        let mut session = Session { structure: Some(StructureId(0)), case: Some(CaseId(0)), ..Session::default() };
        for (n, name) in ["c", "a", "b"].into_iter().enumerate() {
            let case = CaseId(n as u64);
            project.cases.push(Case::new(case, name.into(), std::path::PathBuf::new()));
            for structure in [0, 1] {
                let mask = Arc::new(Mask::from_fn([2, 2, 2], |index| index <= 3 * structure + n));
                let uncertainty = [[0.1, 0.9, 0.5], [0.2, 0.6, 0.0]][structure][n];
                session.guesses.insert((case, StructureId(structure as u64)), Guess { uncertainty, ..Guess::of(mask) });
            }
        }
        (project, session)
    }

    fn order(project: &Project, session: &mut Session, order: Order) -> Vec<(u64, u64)> {
        session.prefs.order = order;
        rows(project, session).into_iter().map(|row| (row.place.0.0, row.place.1.0)).collect()
    }

    #[test]
    fn the_queue_is_in_the_order_chosen() {
        let (mut project, mut session) = world();
        let uncertain = [(1, 0), (1, 1), (2, 0), (0, 1), (0, 0), (2, 1)];
        assert_eq!(order(&project, &mut session, Order::Uncertainty), uncertain);
        assert_eq!(order(&project, &mut session, Order::Name), [(1, 0), (1, 1), (2, 0), (2, 1), (0, 0), (0, 1)]);
        assert_eq!(order(&project, &mut session, Order::Size)[..2], [(2, 1), (1, 1)]);
        let accept = Edit::review(&project, CaseId(1), StructureId(0), Review::Accepted, Some(&Mask::empty([2; 3])));
        let step = Step { name: String::new(), edit: accept.expect("the case is there") };
        History::default().apply(&mut project, step).expect("nothing is locked");
        assert_eq!(order(&project, &mut session, Order::Status)[5], (1, 0));
        assert_eq!(order(&project, &mut session, Order::Uncertainty)[0], (1, 1));
        assert_eq!(waiting(&project, &session).len(), 5);
    }

    #[test]
    fn stepping_goes_round_in_both_directions() {
        let (project, mut session) = world();
        let place = |case, structure| Some((CaseId(case), StructureId(structure)));
        (session.case, session.structure) = (Some(CaseId(1)), Some(StructureId(0)));
        assert_eq!(step(&project, &session, 1), place(1, 1));
        assert_eq!(step(&project, &session, -1), place(2, 1), "before the first comes the last");
        session.guesses.clear();
        assert_eq!(step(&project, &session, 1), place(2, 0), "where nothing waits, the next of the list");
        assert_eq!(step(&project, &session, -1), place(0, 0));
    }
}
