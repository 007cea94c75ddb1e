//! Who said what of which structure in which case, when, and how long it took: lines of JSON beside a project's
//! journal. The journal is what is true; the ledger is how it came to be.

use crate::export::cell;
use crate::project::{CaseId, StructureId};
use crate::prompt::Kind;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The file in a project's folder.
pub const FILE: &str = "ledger.jsonl";

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The mask is right.
    Accepted,
    /// The guess is wrong.
    Rejected,
    /// The structure is not there.
    Absent,
    /// A review was taken back.
    Reopened,
    /// The case was flagged with a note, or its flag taken away.
    Flagged,
}

/// How many marks a mask was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// Clicks.
    pub click: u32,
    /// Boxes.
    #[serde(rename = "box")]
    pub boxed: u32,
    /// Doodles.
    pub doodle: u32,
    /// Strokes of the brush.
    pub mask: u32,
}

impl Marks {
    /// How many there are of each kind.
    pub fn count(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut marks = Self::default();
        for kind in kinds {
            *match kind {
                Kind::Click => &mut marks.click,
                Kind::Box => &mut marks.boxed,
                Kind::Doodle => &mut marks.doodle,
                Kind::Mask => &mut marks.mask,
            } += 1;
        }
        marks
    }
}

/// One thing that was said of a structure in a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Who said it: the name that the user set.
    pub who: String,
    /// When: UTC, as RFC 3339 has it.
    pub when: String,
    /// What was said.
    pub what: What,
    /// The case's name.
    pub case: String,
    /// Its identity in the project.
    pub case_id: CaseId,
    /// The structure's name.
    pub structure: String,
    /// Its identity in the project.
    pub structure_id: StructureId,
    /// Seconds spent on this structure of this case since the last line of it.
    pub seconds: f64,
    /// Presses of buttons and keys in that time.
    pub clicks: u32,
    /// The marks there.
    pub marks: Marks,
    /// 2 for a picture or a single slice, 3 for a volume.
    pub dims: u8,
    /// Whether it was said of many cases at once.
    #[serde(default)]
    pub in_bulk: bool,
}

/// What hand work costs, in seconds, as the paper of weakly supervised in-context learning counts it.
pub mod by_hand {
    /// A point.
    pub const POINT: f64 = 5.0;
    /// A box.
    pub const BOX: f64 = 10.0;
    /// A mask in a picture or on one slice.
    pub const MASK_2D: f64 = 80.0;
    /// A mask in a volume.
    pub const MASK_3D: f64 = 1600.0;
}

impl Line {
    /// Seconds that drawing this mask by hand would have taken; 0 where no mask came of it.
    #[must_use]
    pub fn by_hand_secs(&self) -> f64 {
        match (self.what, self.dims) {
            (What::Accepted, 2) => by_hand::MASK_2D,
            (What::Accepted, _) => by_hand::MASK_3D,
            _ => 0.0,
        }
    }

    /// Seconds that its points and boxes take at the paper's rates.
    #[must_use]
    pub fn marks_secs(&self) -> f64 {
        f64::from(self.marks.click) * by_hand::POINT + f64::from(self.marks.boxed) * by_hand::BOX
    }
}

/// Brings lines to the disk, after those that are there.
///
/// # Errors
/// Where the disk refuses.
pub fn append(folder: &Path, lines: &[Line]) -> io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line)?;
        text.push('\n');
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(folder.join(FILE))?;
    // A line that a kill cut short must not spoil the next one.
    if !ends_whole(&mut file)? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn ends_whole(file: &mut File) -> io::Result<bool> {
    use io::{Read as _, Seek as _, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// No time spent on a structure is longer, in seconds: 30 years.
const MOST_SECS: f64 = 1e9;

/// Reads a project's ledger; lines that cannot be read, or tell of no time that anybody has, are left out.
///
/// # Errors
/// Where the file is there and cannot be opened.
pub fn read(folder: &Path) -> io::Result<Vec<Line>> {
    let file = match File::open(folder.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    let read = lines.filter_map(|line| serde_json::from_slice(&line).ok());
    Ok(read.filter(|line: &Line| (0.0..=MOST_SECS).contains(&line.seconds)).collect())
}

/// A ledger as a table, comma-separated as RFC 4180 has it.
#[must_use]
pub fn csv(lines: &[Line]) -> String {
    let mut table =
        "when,who,what,case,structure,seconds,clicks,points,boxes,doodles,strokes,dims,in_bulk,by_hand_seconds\r\n".to_owned();
    for line in lines {
        let what = format!("{:?}", line.what).to_lowercase();
        let Marks { click, boxed, doodle, mask } = line.marks;
        let (who, case, structure) = (cell(&line.who), cell(&line.case), cell(&line.structure));
        let (seconds, clicks, dims, in_bulk, by_hand) = (line.seconds, line.clicks, line.dims, line.in_bulk, line.by_hand_secs());
        let written = write!(
            table,
            "{},{who},{what},{case},{structure},{seconds:.1},{clicks},{click},{boxed},{doodle},{mask},{dims},{in_bulk},{by_hand:.0}\r\n",
            line.when
        );
        debug_assert!(written.is_ok(), "a text can always grow");
    }
    table
}

/// This moment in UTC, as RFC 3339 has it.
#[must_use]
pub fn now() -> String {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    time_text(secs)
}

/// Seconds since 1970 as a date and a time of day. The days are counted in eras of 400 years that begin in March, so
/// that the leap day comes last.
fn time_text(secs: u64) -> String {
    let (days, of_day) = (secs / 86_400 + 719_468, secs % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: What, dims: u8) -> Line {
        Line {
            who: "A, \"B\"".into(),
            when: time_text(0),
            what,
            case: "case 1".into(),
            case_id: CaseId(1),
            structure: "liver".into(),
            structure_id: StructureId(0),
            seconds: 12.34,
            clicks: 7,
            marks: Marks::count([Kind::Click, Kind::Click, Kind::Box]),
            dims,
            in_bulk: false,
        }
    }

    #[test]
    fn a_line_cut_short_costs_itself_alone() {
        let folder = tempfile::tempdir().expect("a test can have a folder");
        let lines = [line(What::Accepted, 3), line(What::Absent, 3)];
        append(folder.path(), &lines[..1]).expect("the disk takes it");
        let mut file = OpenOptions::new().append(true).open(folder.path().join(FILE)).expect("it is there");
        file.write_all(b"{\"who\":\"so").expect("the disk takes it");
        append(folder.path(), &lines[1..]).expect("the disk takes it");
        assert_eq!(read(folder.path()).expect("it can be read"), lines);
        for seconds in ["1e300", "-5.0", "null"] {
            let json = serde_json::to_string(&line(What::Accepted, 3)).expect("it can be written").replace("12.34", seconds);
            file.write_all(format!("{json}\n").as_bytes()).expect("the disk takes it");
        }
        assert_eq!(read(folder.path()).expect("it can be read"), lines, "nobody spent such a time");
        assert!(read(&folder.path().join("none")).expect("no ledger is an empty one").is_empty());
    }

    #[test]
    fn hand_work_is_counted_at_the_papers_rates() {
        assert_eq!(line(What::Accepted, 3).by_hand_secs(), 1600.0);
        assert_eq!(line(What::Accepted, 2).by_hand_secs(), 80.0);
        assert_eq!(line(What::Rejected, 2).by_hand_secs(), 0.0);
        assert_eq!(line(What::Accepted, 3).marks_secs(), 20.0);
    }

    #[test]
    fn the_table_quotes_what_must_be() {
        let table = csv(&[line(What::Accepted, 2)]);
        let row = table.lines().nth(1).expect("one row");
        assert_eq!(row, "1970-01-01T00:00:00Z,\"A, \"\"B\"\"\",accepted,case 1,liver,12.3,7,2,1,0,0,2,false,80");
        assert_eq!(row.split(',').count() - 1, table.lines().next().map_or(0, |head| head.split(',').count()));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(time_text(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(time_text(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(time_text(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
