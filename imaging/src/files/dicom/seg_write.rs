//! A binary DICOM segmentation (PS3.3 A.51) of an image that came from DICOM: one frame for each slice and structure
//! that has voxels there, each with its place and the image that it was drawn on.
//!
//! It bears the patient and the study of its image, as a segmentation must. What file it goes to is `export`'s.

use super::data_set::DataSet;
use super::geometry::Laid;
use super::seg::cielab;
use super::seg_codes::{Code, codes_of};
use super::stack::Slice;
use crate::labels::Mask;
use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use dicom_object::meta::FileMetaTableBuilder;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

const SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.4";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// A structure to be written.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// What the user calls it.
    pub name: &'a str,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// Whether its mask was drawn by hand alone.
    pub manual: bool,
    /// Its voxels.
    pub mask: &'a Mask,
}

/// What a segmentation takes over from its image, beside places and identifiers.
pub(crate) struct Subject(Vec<(Tag, VR, String)>);

impl Subject {
    /// The attributes of patient, study and frame of reference of a file.
    pub fn new(root: &DataSet<'_>) -> Self {
        // Those of type 2 must be there, be they empty.
        const NEEDED: [(Tag, VR); 10] = [
            (tags::PATIENT_NAME, VR::PN),
            (tags::PATIENT_ID, VR::LO),
            (tags::PATIENT_BIRTH_DATE, VR::DA),
            (tags::PATIENT_SEX, VR::CS),
            (tags::STUDY_INSTANCE_UID, VR::UI),
            (tags::STUDY_DATE, VR::DA),
            (tags::STUDY_TIME, VR::TM),
            (tags::STUDY_ID, VR::SH),
            (tags::ACCESSION_NUMBER, VR::SH),
            (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
        ];
        const WHERE_KNOWN: [(Tag, VR); 8] = [
            (tags::STUDY_DESCRIPTION, VR::LO),
            (tags::PATIENT_AGE, VR::AS),
            (tags::PATIENT_SIZE, VR::DS),
            (tags::PATIENT_WEIGHT, VR::DS),
            (tags::ISSUER_OF_PATIENT_ID, VR::LO),
            (tags::CLINICAL_TRIAL_SPONSOR_NAME, VR::LO),
            (tags::CLINICAL_TRIAL_PROTOCOL_ID, VR::LO),
            (tags::CLINICAL_TRIAL_SUBJECT_ID, VR::LO),
        ];
        let characters = root.characters();
        let needed = NEEDED.map(|(tag, vr)| (tag, vr, root.words(tag, &characters).unwrap_or_default()));
        let known = WHERE_KNOWN.into_iter().filter_map(|(tag, vr)| Some((tag, vr, root.words(tag, &characters)?)));
        Self(needed.into_iter().chain(known).collect())
    }
}

/// The bytes of a segmentation file.
///
/// # Errors
/// In words, where there is nothing to write or the library refuses.
pub(crate) fn encode(laid: &Laid, subject: &Subject, segments: &[Drawn<'_>]) -> Result<Vec<u8>, String> {
    let frames = frames(laid, segments);
    if frames.is_empty() {
        return Err("no structure has a voxel, and a segmentation must have a frame".to_owned());
    }
    let uids = Uids::new(laid, segments);
    let mut object = InMemDicomObject::from_element_iter(subject.0.iter().map(|(tag, vr, text)| string(*tag, *vr, text)));
    general(laid, &uids).into_iter().for_each(|element| drop(object.put(element)));
    if laid.is_picture {
        object.put(string(tags::PATIENT_ORIENTATION, VR::CS, ""));
    } else {
        object.put(string(tags::FRAME_OF_REFERENCE_UID, VR::UI, &uids.frame_of_reference));
        object.put(string(tags::POSITION_REFERENCE_INDICATOR, VR::LO, ""));
    }
    object.put(sequence(tags::SEGMENT_SEQUENCE, segments.iter().enumerate().map(|(at, segment)| described(at, segment))));
    object.put(string(tags::SEGMENTS_OVERLAP, VR::CS, if overlap(segments) { "YES" } else { "NO" }));
    object.put(sequence(tags::REFERENCED_SERIES_SEQUENCE, [referenced(laid)]));
    dimensions(laid, &uids).into_iter().for_each(|element| drop(object.put(element)));
    object.put(sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, [shared(laid)]));
    object.put(sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame(laid, &frames)));
    object.put(string(tags::NUMBER_OF_FRAMES, VR::IS, &frames.len().to_string()));
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(packed(laid, segments, &frames).into())));
    let meta = FileMetaTableBuilder::new().transfer_syntax(EXPLICIT_LITTLE).implementation_class_uid(uids.implementation);
    let file = object.with_meta(meta).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A frame: a structure's place among the segments, and a slice on which it has voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameOf {
    segment: usize,
    slice: usize,
}

fn frames(laid: &Laid, segments: &[Drawn<'_>]) -> Vec<FrameOf> {
    let plane = laid.grid.shape[0] * laid.grid.shape[1];
    let slices = |segment: &Drawn<'_>| segment.mask.iter().map(|at| at / plane).collect::<BTreeSet<usize>>();
    let of = |(segment, described): (usize, &Drawn<'_>)| {
        slices(described).into_iter().map(move |slice| FrameOf { segment, slice }).collect::<Vec<_>>()
    };
    segments.iter().enumerate().flat_map(of).collect()
}

fn overlap(segments: &[Drawn<'_>]) -> bool {
    let Some(first) = segments.first() else { return false };
    let mut seen = Mask::empty(first.mask.shape());
    segments.iter().any(|segment| {
        let shared = segment.mask.iter().any(|at| seen.get(at));
        seen.unite(segment.mask);
        shared
    })
}

/// The pixels of all frames, a bit each, one frame after another without a gap.
fn packed(laid: &Laid, segments: &[Drawn<'_>], frames: &[FrameOf]) -> Vec<u8> {
    let plane = laid.grid.shape[0] * laid.grid.shape[1];
    let mut bytes = vec![0_u8; (plane * frames.len()).div_ceil(8).next_multiple_of(2)];
    for (number, frame) in frames.iter().enumerate() {
        let mask = segments[frame.segment].mask;
        for at in (0..plane).filter(|at| mask.get(frame.slice * plane + at)) {
            let bit = number * plane + at;
            bytes[bit / 8] |= 1 << (bit % 8);
        }
    }
    bytes
}

/// The identifiers of a file, each new.
struct Uids {
    instance: String,
    series: String,
    dimensions: String,
    frame_of_reference: String,
    implementation: &'static str,
}

impl Uids {
    fn new(laid: &Laid, segments: &[Drawn<'_>]) -> Self {
        let mut seed = Sha256::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_nanos()).unwrap_or_default();
        seed.update(now.to_le_bytes());
        seed.update(std::process::id().to_le_bytes());
        seed.update(format!("{:p}", &raw const *segments));
        for slice in &laid.slices {
            seed.update(slice.file.sop_instance.as_bytes());
        }
        for segment in segments {
            seed.update(segment.name.as_bytes());
            seed.update(segment.mask.count().to_le_bytes());
        }
        let seed = seed.finalize();
        let uid = |purpose: &str| uid_from(Sha256::new().chain_update(seed).chain_update(purpose).finalize().into());
        let own = laid.slices.first().map(|slice| slice.file.frame_of_reference.clone()).filter(|uid| !uid.is_empty());
        Self {
            instance: uid("instance"),
            series: uid("series"),
            dimensions: uid("dimensions"),
            frame_of_reference: own.unwrap_or_else(|| uid("frame of reference")),
            implementation: "2.25.264781630112951634201795036518442310841",
        }
    }
}

/// An identifier below 2.25, that of UUIDs (PS3.5 B.2), from a hash: a UUID of version 8.
fn uid_from(hash: [u8; 32]) -> String {
    let mut uuid: [u8; 16] = std::array::from_fn(|at| hash[at]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    format!("2.25.{}", u128::from_be_bytes(uuid))
}

/// What the file says of itself as a whole.
fn general(laid: &Laid, uids: &Uids) -> Vec<InMemElement> {
    let [columns, rows, _] = laid.grid.shape;
    let (date, time) = now();
    let texts = [
        (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        (tags::SOP_CLASS_UID, VR::UI, SEGMENTATION),
        (tags::SOP_INSTANCE_UID, VR::UI, &uids.instance),
        (tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY"),
        (tags::MODALITY, VR::CS, "SEG"),
        (tags::SERIES_INSTANCE_UID, VR::UI, &uids.series),
        (tags::SERIES_NUMBER, VR::IS, "1"),
        (tags::SERIES_DESCRIPTION, VR::LO, "Segmentation"),
        (tags::INSTANCE_NUMBER, VR::IS, "1"),
        (tags::MANUFACTURER, VR::LO, "Exemplar"),
        (tags::MANUFACTURER_MODEL_NAME, VR::LO, "Exemplar"),
        (tags::DEVICE_SERIAL_NUMBER, VR::LO, "none"),
        (tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION")),
        (tags::CONTENT_DATE, VR::DA, &date),
        (tags::CONTENT_TIME, VR::TM, &time),
        (tags::SERIES_DATE, VR::DA, &date),
        (tags::SERIES_TIME, VR::TM, &time),
        (tags::CONTENT_LABEL, VR::CS, "SEGMENTATION"),
        (tags::CONTENT_DESCRIPTION, VR::LO, "Structures marked and reviewed in Exemplar"),
        (tags::CONTENT_CREATOR_NAME, VR::PN, ""),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        (tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
        (tags::SEGMENTATION_TYPE, VR::CS, "BINARY"),
    ];
    let numbers = [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, rows as u16),
        (tags::COLUMNS, columns as u16),
        (tags::BITS_ALLOCATED, 1),
        (tags::BITS_STORED, 1),
        (tags::HIGH_BIT, 0),
        (tags::PIXEL_REPRESENTATION, 0),
    ];
    let texts = texts.into_iter().map(|(tag, vr, text)| string(tag, vr, text));
    texts.chain(numbers.into_iter().map(|(tag, number)| short(tag, number))).collect()
}

/// Date and time as DICOM writes them, in UTC.
fn now() -> (String, String) {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let (day, second) = (secs / 86_400, secs % 86_400);
    let [year, month, day] = civil(day as i64);
    (format!("{year:04}{month:02}{day:02}"), format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60))
}

/// Year, month and day of a day counted from 1 January 1970, in the Gregorian calendar.
fn civil(day: i64) -> [i64; 3] {
    // Counted in eras of 400 years from 1 March of year 0, so that the leap day comes last.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let in_era = day.rem_euclid(146_097);
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let in_month = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    [year + era * 400 + i64::from(month <= 2), month, in_month]
}

/// What is said of one segment.
fn described(at: usize, segment: &Drawn<'_>) -> InMemDicomObject {
    let name = label(segment.name);
    let (category, kind) = codes_of(&name);
    let mut elements = vec![
        short(tags::SEGMENT_NUMBER, at as u16 + 1),
        string(tags::SEGMENT_LABEL, VR::LO, &name),
        string(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, if segment.manual { "MANUAL" } else { "SEMIAUTOMATIC" }),
        sequence(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, [coded(category)]),
        sequence(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, [coded(kind)]),
        DataElement::new(
            tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE,
            VR::US,
            PrimitiveValue::U16(cielab(segment.colour).to_vec().into()),
        ),
    ];
    if !segment.manual {
        elements.push(string(tags::SEGMENT_ALGORITHM_NAME, VR::LO, "Exemplar"));
    }
    InMemDicomObject::from_element_iter(elements)
}

/// A name as a label of DICOM: at most 64 characters, no backslash, which would part it.
fn label(name: &str) -> String {
    let clean: String = name.trim().chars().map(|c| if c == '\\' || c.is_control() { ' ' } else { c }).take(64).collect();
    if clean.is_empty() { "structure".to_owned() } else { clean }
}

fn coded(Code { value, scheme, meaning }: Code) -> InMemDicomObject {
    InMemDicomObject::from_element_iter([
        string(tags::CODE_VALUE, VR::SH, value),
        string(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme),
        string(tags::CODE_MEANING, VR::LO, meaning),
    ])
}

/// The series and all of the image's files.
fn referenced(laid: &Laid) -> InMemDicomObject {
    let mut seen = BTreeSet::new();
    let files = laid.slices.iter().filter(|slice| seen.insert(slice.file.sop_instance.clone()));
    let instances: Vec<InMemDicomObject> = files.map(|slice| InMemDicomObject::from_element_iter(names(slice))).collect();
    let series = laid.slices.first().map(|slice| slice.file.series.uid.clone()).unwrap_or_default();
    InMemDicomObject::from_element_iter([
        string(tags::SERIES_INSTANCE_UID, VR::UI, &series),
        sequence(tags::REFERENCED_INSTANCE_SEQUENCE, instances),
    ])
}

fn names(slice: &Slice) -> [InMemElement; 2] {
    [
        string(tags::REFERENCED_SOP_CLASS_UID, VR::UI, &slice.file.sop_class),
        string(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, &slice.file.sop_instance),
    ]
}

/// By what frames are told apart: segment, then place.
fn dimensions(laid: &Laid, uids: &Uids) -> [InMemElement; 2] {
    let organization = || string(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &uids.dimensions);
    let index = |pointer: Tag, group: Tag, label: &str| {
        InMemDicomObject::from_element_iter([
            organization(),
            DataElement::new(tags::DIMENSION_INDEX_POINTER, VR::AT, PrimitiveValue::from(pointer)),
            DataElement::new(tags::FUNCTIONAL_GROUP_POINTER, VR::AT, PrimitiveValue::from(group)),
            string(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, label),
        ])
    };
    let segment = index(tags::REFERENCED_SEGMENT_NUMBER, tags::SEGMENT_IDENTIFICATION_SEQUENCE, "Segment");
    let place = index(tags::IMAGE_POSITION_PATIENT, tags::PLANE_POSITION_SEQUENCE, "Position");
    let indices = if laid.is_picture { vec![segment] } else { vec![segment, place] };
    [
        sequence(tags::DIMENSION_ORGANIZATION_SEQUENCE, [InMemDicomObject::from_element_iter([organization()])]),
        sequence(tags::DIMENSION_INDEX_SEQUENCE, indices),
    ]
}

/// What all frames have in common.
fn shared(laid: &Laid) -> InMemDicomObject {
    let mut groups = InMemDicomObject::new_empty();
    let Some(place) = laid.slices.first().map(Slice::place) else { return groups };
    let [columns, rows, between] = laid.grid.spacing_mm();
    let thickness = place.thickness.unwrap_or(between);
    if !laid.is_picture || place.spacing.is_some() {
        let mut measures = vec![decimals(tags::SLICE_THICKNESS, &[thickness]), decimals(tags::PIXEL_SPACING, &[rows, columns])];
        if laid.slices.len() > 1 {
            measures.push(decimals(tags::SPACING_BETWEEN_SLICES, &[between]));
        }
        groups.put(sequence(tags::PIXEL_MEASURES_SEQUENCE, [InMemDicomObject::from_element_iter(measures)]));
    }
    if let Some(axes) = place.axes.filter(|_| !laid.is_picture) {
        let orientation = decimals(tags::IMAGE_ORIENTATION_PATIENT, axes.as_flattened());
        groups.put(sequence(tags::PLANE_ORIENTATION_SEQUENCE, [InMemDicomObject::from_element_iter([orientation])]));
    }
    groups
}

/// What is said of each frame.
fn per_frame(laid: &Laid, frames: &[FrameOf]) -> Vec<InMemDicomObject> {
    let used: Vec<usize> = frames.iter().map(|frame| frame.slice).collect::<BTreeSet<usize>>().into_iter().collect();
    frames
        .iter()
        .map(|frame| {
            let slice = &laid.slices[frame.slice];
            let segment = frame.segment as u32 + 1;
            let rank = used.partition_point(|&slice| slice < frame.slice) as u32 + 1;
            let values = if laid.is_picture { vec![segment] } else { vec![segment, rank] };
            let content = DataElement::new(tags::DIMENSION_INDEX_VALUES, VR::UL, PrimitiveValue::U32(values.into()));
            let mut groups = InMemDicomObject::from_element_iter([
                sequence(tags::FRAME_CONTENT_SEQUENCE, [InMemDicomObject::from_element_iter([content])]),
                sequence(
                    tags::SEGMENT_IDENTIFICATION_SEQUENCE,
                    [InMemDicomObject::from_element_iter([short(tags::REFERENCED_SEGMENT_NUMBER, segment as u16)])],
                ),
                sequence(tags::DERIVATION_IMAGE_SEQUENCE, [derivation(slice)]),
            ]);
            if let Some(position) = slice.place().position.filter(|_| !laid.is_picture) {
                let position = decimals(tags::IMAGE_POSITION_PATIENT, &position);
                groups.put(sequence(tags::PLANE_POSITION_SEQUENCE, [InMemDicomObject::from_element_iter([position])]));
            }
            groups
        })
        .collect()
}

/// The image that a frame was drawn on.
fn derivation(slice: &Slice) -> InMemDicomObject {
    const SEGMENTATION: Code = Code { value: "113076", scheme: "DCM", meaning: "Segmentation" };
    const SOURCE: Code = Code { value: "121322", scheme: "DCM", meaning: "Source image for image processing operation" };
    let mut source = InMemDicomObject::from_element_iter(names(slice));
    if slice.file.stored_frames > 1 {
        source.put(string(tags::REFERENCED_FRAME_NUMBER, VR::IS, &(slice.frame().index + 1).to_string()));
    }
    // A tile of a mosaic does not lie where its picture's pixels do.
    source.put(string(tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, if slice.frame().size.is_some() { "NO" } else { "YES" }));
    source.put(sequence(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, [coded(SOURCE)]));
    InMemDicomObject::from_element_iter([
        sequence(tags::DERIVATION_CODE_SEQUENCE, [coded(SEGMENTATION)]),
        sequence(tags::SOURCE_IMAGE_SEQUENCE, [source]),
    ])
}

fn string(tag: Tag, vr: VR, text: &str) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::from(text))
}

fn short(tag: Tag, number: u16) -> InMemElement {
    DataElement::new(tag, VR::US, PrimitiveValue::from(number))
}

fn sequence(tag: Tag, items: impl IntoIterator<Item = InMemDicomObject>) -> InMemElement {
    DataElement::new(tag, VR::SQ, DataSetSequence::from(items.into_iter().collect::<Vec<_>>()))
}

fn decimals(tag: Tag, numbers: &[f64]) -> InMemElement {
    string(tag, VR::DS, &numbers.iter().map(|&number| decimal(number)).collect::<Vec<_>>().join("\\"))
}

/// A number in the 16 characters that DICOM allows it, as exactly as they can tell it.
fn decimal(number: f64) -> String {
    let short = format!("{number}");
    if short.len() <= 16 {
        return short;
    }
    let fixed = (0..=14).rev().map(|digits| format!("{number:.digits$}")).find(|text| text.len() <= 16);
    let small = number.abs() < 1e-4;
    let scientific = (0..=9).rev().map(|digits| format!("{number:.digits$e}")).find(|text| text.len() <= 16);
    fixed.filter(|_| !small).or(scientific).unwrap_or(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), [1970, 1, 1]);
        assert_eq!(civil(11_016), [2000, 2, 29]);
        assert_eq!(civil(20_781), [2026, 11, 24]);
    }

    #[test]
    fn decimals_fit_and_stay_near() {
        for number in [0.0, -1.0, 1.0 / 3.0, -123.456_789_012_345_67, 1e-17, -9.87654321e-9, 1e300, 123_456_789.123_456_78] {
            let text = decimal(number);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().expect("a number");
            assert!((back - number).abs() <= 1e-8 * number.abs() + 1e-20, "{number} became {text}");
        }
    }

    #[test]
    fn identifiers_are_valid() {
        let uid = uid_from([0xff; 32]);
        assert!(uid.len() <= 64 && uid.starts_with("2.25.") && uid[5..].chars().all(|c| c.is_ascii_digit()), "{uid}");
    }
}
