//! Headers of NIfTI-1 (348 bytes), NIfTI-2 (540 bytes) and Analyze 7.5 (348 bytes), in both byte orders.
//!
//! Sources: nifti1.h and nifti2.h of the NIfTI Data Format Working Group; the Analyze 7.5 file format of the
//! Mayo Clinic, with SPM's scale factor and origin. The bytes are kept, for `export` copies them.

use super::super::fault::Fault;
use super::super::source::Source;
use super::super::voxels::Endian;

/// The formats that share this family of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Analyze,
    One,
    Two,
}

impl Kind {
    /// Bytes of the header proper.
    pub fn size(self) -> usize {
        if self == Self::Two { 540 } else { 348 }
    }

    /// What the format is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Analyze => "Analyze 7.5",
            Self::One => "NIfTI-1",
            Self::Two => "NIfTI-2",
        }
    }
}

/// What a header says, numbers unchecked unless said otherwise; lengths in the file's own unit.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub kind: Kind,
    pub endian: Endian,
    /// The header as it stands in the file.
    pub raw: Vec<u8>,
    /// Whether the mark says that the voxels follow in the same file.
    pub single: bool,
    /// Voxels along `i`, `j`, `k`; each at least 1.
    pub shape: [usize; 3],
    /// Volumes along the further dimensions; at least 1.
    pub volumes: u64,
    /// How many of them follow in time; the further dimensions count channels.
    pub times: u64,
    /// Code of the voxel type.
    pub datatype: i16,
    /// Where the voxels begin.
    pub voxels_at: f64,
    pub slope: f64,
    pub inter: f64,
    /// `qfac`, then the spacing.
    pub pixdim: [f64; 4],
    pub qform_code: i32,
    pub sform_code: i32,
    /// b, c, d.
    pub quaternion: [f64; 3],
    pub offset: [f64; 3],
    pub srow: [[f64; 4]; 3],
    /// Low three bits: the unit of length.
    pub units: i32,
    /// SPM's origin in an Analyze header, a voxel counted from one.
    pub origin: [i16; 3],
}

impl Header {
    /// A header that says nothing but its kind and shape, the lesser byte first.
    pub fn new(kind: Kind, shape: [usize; 3]) -> Self {
        let raw = vec![0; kind.size()];
        let fields = Fields { raw: &raw, endian: Endian::Little };
        let header = if kind == Kind::Two { fields.two() } else { fields.one(kind) };
        Self { raw, shape, volumes: 1, single: true, ..header }
    }

    /// Reads and checks a header; the source then stands behind it.
    pub fn read(source: &mut Source) -> Result<Self, Fault> {
        let mut raw = source.take(348)?;
        let (kind, endian) = sniff(&raw)?;
        raw.extend(source.take(kind.size() - 348)?);
        if raw.len() < kind.size() {
            return Err(Fault::Damaged(format!("it ends within its header, after {} bytes", raw.len())));
        }
        let fields = Fields { raw: &raw, endian };
        let header = if kind == Kind::Two { fields.two() } else { fields.one(kind) };
        let dim =
            if kind == Kind::Two { fields.each(16, 8, Fields::i64) } else { fields.each(40, 2, |f, at| i64::from(f.i16(at))) };
        let (shape, volumes, times) = extent(dim)?;
        Ok(Self { raw, shape, volumes, times, ..header })
    }
}

/// Which header begins with these bytes.
fn sniff(raw: &[u8]) -> Result<(Kind, Endian), Fault> {
    if raw.is_empty() {
        return Err(Fault::Empty);
    }
    let Some(first) = raw.first_chunk::<4>() else { return Err(Fault::UnknownFormat(describe(raw))) };
    let marked = raw.get(344..348).is_some_and(|mark| matches!(mark, b"n+1\0" | b"ni1\0"));
    for endian in [Endian::Little, Endian::Big] {
        match i32::from_le_bytes(endian.little(*first)) {
            540 => return Ok((Kind::Two, endian)),
            348 => return Ok((if marked { Kind::One } else { Kind::Analyze }, endian)),
            _ => {}
        }
    }
    // Some writers leave the size out; then the mark counts, and dim[0] tells the byte order.
    if marked {
        let little = (1..=7).contains(&i16::from_le_bytes([raw[40], raw[41]]));
        return Ok((Kind::One, if little { Endian::Little } else { Endian::Big }));
    }
    Err(Fault::UnknownFormat(describe(raw)))
}

/// What a file is that is no image of a known kind, by its first bytes.
fn describe(raw: &[u8]) -> &'static str {
    let text = raw.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c));
    if raw.get(128..132) == Some(b"DICM") {
        "it is a DICOM file, which cannot be opened yet"
    } else if raw.starts_with(b"PK\x03\x04") {
        "it is a zip archive; unpack it first"
    } else if raw.starts_with(b"GIF8") || raw.starts_with(b"RIFF") {
        "it is a GIF or WebP picture; save it as PNG"
    } else if text && raw.trim_ascii_start().starts_with(b"<") {
        "it is a web page or other marked-up text, perhaps a download that failed"
    } else if text {
        "it is a text file, not an image"
    } else {
        "its content is none of the formats that can be opened (NIfTI, Analyze, NRRD, MetaImage, GIPL, PNG, JPEG, TIFF, BMP)"
    }
}

/// Shape, number of volumes and how many of these follow in time, of a checked `dim`.
fn extent(dim: [i64; 8]) -> Result<([usize; 3], u64, u64), Fault> {
    let rank = usize::try_from(dim[0]).ok().filter(|rank| (1..=7).contains(rank));
    let Some(rank) = rank else {
        return Err(Fault::Damaged(format!("its header declares {} dimensions, where 1 to 7 are possible", dim[0])));
    };
    let mut sizes = [1_u64; 7];
    for (size, &declared) in sizes.iter_mut().zip(&dim[1..=rank]) {
        *size = u64::try_from(declared).ok().filter(|&n| n > 0).ok_or_else(|| no_size(&dim[1..=rank]))?;
    }
    let volumes =
        sizes[3..].iter().try_fold(1_u64, |product, &n| product.checked_mul(n)).ok_or_else(|| no_size(&dim[1..=rank]))?;
    Ok(([sizes[0] as usize, sizes[1] as usize, sizes[2] as usize], volumes, sizes[3]))
}

fn no_size(dims: &[i64]) -> Fault {
    let sizes: Vec<String> = dims.iter().map(ToString::to_string).collect();
    Fault::Damaged(format!("its header declares an image of {} voxels", sizes.join(" x ")))
}

/// Numbers of a header by their offset. `raw` is as long as its kind of header, so no offset lies outside.
struct Fields<'a> {
    raw: &'a [u8],
    endian: Endian,
}

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.raw[at..at + N]);
        self.endian.little(bytes)
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.bytes(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.bytes(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.bytes(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.bytes(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.bytes(at))
    }

    /// `N` numbers in a row, each `width` bytes wide.
    fn each<T, const N: usize>(&self, at: usize, width: usize, read: impl Fn(&Self, usize) -> T) -> [T; N] {
        std::array::from_fn(|n| read(self, at + n * width))
    }

    fn one(&self, kind: Kind) -> Header {
        let nifti = kind == Kind::One;
        Header {
            kind,
            endian: self.endian,
            raw: Vec::new(),
            single: nifti && self.raw[345] == b'+',
            shape: [0; 3],
            volumes: 0,
            times: 1,
            datatype: self.i16(70),
            voxels_at: self.f32(108),
            slope: self.f32(112),
            inter: self.f32(116),
            pixdim: self.each(76, 4, Self::f32),
            qform_code: if nifti { i32::from(self.i16(252)) } else { 0 },
            sform_code: if nifti { i32::from(self.i16(254)) } else { 0 },
            quaternion: self.each(256, 4, Self::f32),
            offset: self.each(268, 4, Self::f32),
            srow: self.each(280, 16, |f, at| f.each(at, 4, Self::f32)),
            units: if nifti { i32::from(self.raw[123]) } else { 0 },
            origin: if nifti { [0; 3] } else { self.each(253, 2, Self::i16) },
        }
    }

    fn two(&self) -> Header {
        Header {
            kind: Kind::Two,
            endian: self.endian,
            raw: Vec::new(),
            single: self.raw[5] == b'+',
            shape: [0; 3],
            volumes: 0,
            times: 1,
            datatype: self.i16(12),
            voxels_at: self.i64(168) as f64,
            slope: self.f64(176),
            inter: self.f64(184),
            pixdim: self.each(104, 8, Self::f64),
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quaternion: self.each(352, 8, Self::f64),
            offset: self.each(376, 8, Self::f64),
            srow: self.each(400, 32, |f, at| f.each(at, 8, Self::f64)),
            units: self.i32(500),
            origin: [0; 3],
        }
    }
}
