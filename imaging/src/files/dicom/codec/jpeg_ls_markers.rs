//! The markers of a JPEG-LS frame and what they say (ISO 14495-1 annex C).

use super::jpeg_ls::damaged;
use crate::files::fault::Fault;

/// The markers of a frame.
pub(super) struct Stream<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Stream<'a> {
    /// The next marker's code.
    pub fn marker(&mut self) -> Option<u8> {
        loop {
            let (&first, &second) = (self.bytes.get(self.at)?, self.bytes.get(self.at + 1)?);
            self.at += 1;
            if first == 0xff && second != 0xff && second != 0 {
                self.at += 1;
                return Some(second);
            }
        }
    }

    /// The bytes of a marker's segment.
    pub fn segment(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.bytes.get(self.at..self.at + 2).map(|pair| usize::from(pair[0]) << 8 | usize::from(pair[1]));
        let length = length.filter(|&length| length >= 2).ok_or_else(|| damaged("ends too early"))?;
        let segment = self.bytes.get(self.at + 2..self.at + length).ok_or_else(|| damaged("ends too early"))?;
        self.at += length;
        Ok(segment)
    }
}

/// The size of a frame.
pub(super) struct FrameHeader {
    pub precision: u32,
    pub rows: usize,
    pub columns: usize,
    pub components: Vec<u8>,
}

impl FrameHeader {
    pub fn read(segment: &[u8]) -> Result<Self, Fault> {
        let [precision, y0, y1, x0, x1, count, rest @ ..] = segment else { return Err(damaged("has a short header")) };
        let (precision, count) = (u32::from(*precision), usize::from(*count));
        let rows = usize::from(u16::from_be_bytes([*y0, *y1]));
        let columns = usize::from(u16::from_be_bytes([*x0, *x1]));
        if !(2..=16).contains(&precision) || rest.len() < 3 * count || count == 0 || rows == 0 || columns == 0 {
            return Err(damaged("has a header that does not hold together"));
        }
        Ok(Self { precision, rows, columns, components: rest.chunks_exact(3).take(count).map(|part| part[0]).collect() })
    }
}

/// What a scan holds.
pub(super) struct ScanHeader {
    /// Places of its components in the frame.
    pub planes: Vec<usize>,
    pub near: i32,
    pub interleave: u8,
}

impl ScanHeader {
    pub fn read(segment: &[u8], frame: &FrameHeader) -> Result<Self, Fault> {
        let Some((&count, rest)) = segment.split_first() else { return Err(damaged("has a short scan header")) };
        let count = usize::from(count);
        let Some([near, interleave, point]) = rest.get(2 * count..2 * count + 3) else {
            return Err(damaged("has a short scan header"));
        };
        let place = |id: u8| frame.components.iter().position(|&component| component == id);
        let planes: Option<Vec<usize>> = rest.chunks_exact(2).take(count).map(|part| place(part[0])).collect();
        let planes = planes.filter(|planes| !planes.is_empty()).ok_or_else(|| damaged("has a scan of unknown components"))?;
        if *point & 0x0f != 0 || *interleave > 2 || (*interleave == 0 && planes.len() != 1) {
            return Err(damaged("has a scan of a kind that does not exist"));
        }
        Ok(Self { planes, near: i32::from(*near), interleave: *interleave })
    }
}

/// Parameters that a file may set (C.2.4.1.1); 0 where the default is meant.
#[derive(Default)]
pub(super) struct Preset {
    pub max_value: i32,
    pub thresholds: [i32; 3],
    pub reset: i32,
}

impl Preset {
    pub fn read(&mut self, segment: &[u8]) -> Result<(), Fault> {
        let Some((1, rest)) = segment.split_first() else {
            return Err(Fault::Unsupported("its JPEG-LS pixels use tables or sizes that are not decoded".to_owned()));
        };
        let (words, _) = rest.as_chunks::<2>();
        let &[max_value, t1, t2, t3, reset, ..] = words else { return Err(damaged("has short parameters")) };
        let word = |bytes| i32::from(u16::from_be_bytes(bytes));
        *self = Self { max_value: word(max_value), thresholds: [word(t1), word(t2), word(t3)], reset: word(reset) };
        Ok(())
    }
}
