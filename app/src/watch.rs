//! How long a reader works at a structure of a case, and with how many presses: what the ledger tells. Time without
//! any input is not counted past half a minute, for then nobody is looking.

use crate::session::Place;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time and presses at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Seconds.
    pub seconds: f64,
    /// Presses of buttons and keys.
    pub clicks: u32,
}

/// Watches what is shown.
#[derive(Debug, Default)]
pub struct Watch {
    spent: HashMap<Place, Spent>,
    last_frame: Option<Instant>,
    last_input: Option<Instant>,
}

/// Longer without input, and nobody is looking.
const IDLE: Duration = Duration::from_secs(30);

impl Watch {
    /// Counts a frame at a place; `presses` are those of buttons and keys in it, `moved` whether there was any input.
    pub fn tick(&mut self, now: Instant, place: Option<Place>, presses: u32, moved: bool) {
        if moved || presses > 0 {
            self.last_input = Some(now);
        }
        let since = self.last_frame.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let Some(place) = place else { return };
        let is_looking = self.last_input.is_some_and(|input| now.saturating_duration_since(input) < IDLE);
        let spent = self.spent.entry(place).or_default();
        spent.clicks += presses;
        if is_looking {
            spent.seconds += since.min(IDLE).as_secs_f64();
        }
    }

    /// What was spent at a place since this was last asked.
    pub fn take(&mut self, place: Place) -> Spent {
        self.spent.remove(&place).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::{CaseId, StructureId};

    #[test]
    fn only_time_in_which_somebody_looks_is_counted() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let [here, there] = [0, 1].map(|n| (CaseId(n), StructureId(0)));
        let mut watch = Watch::default();
        watch.tick(at(0), Some(here), 1, true);
        watch.tick(at(5), Some(here), 0, false);
        watch.tick(at(8), Some(there), 2, true);
        // A reader who went to lunch.
        for second in 9..4000 {
            watch.tick(at(second), Some(there), 0, false);
        }
        assert_eq!(watch.take(here), Spent { seconds: 5.0, clicks: 1 });
        assert_eq!(watch.take(there), Spent { seconds: 3.0 + 29.0, clicks: 2 });
        assert_eq!(watch.take(there), Spent::default());
    }
}
