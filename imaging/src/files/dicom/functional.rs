//! The frames of a file of many: enhanced objects by their functional groups (PS3.3 C.7.6.16), dose and nuclear
//! medicine by their own vectors, all others in their order, as a film.

use super::data_set::DataSet;
use super::instance::{Frame, Key, axes_from, spacing_from, window};
use dicom_dictionary_std::tags;

/// The frames of a file; `single` is what the file says of all.
pub(crate) fn frames(root: &DataSet<'_>, single: &Frame, count: u32) -> Vec<Frame> {
    let per_frame = root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let shared = root.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
    if shared.is_none() && per_frame.is_empty() {
        return plain(root, single, count);
    }
    let mut common = single.clone();
    shared.into_iter().for_each(|group| apply(group, &mut common));
    let frame = |index: u32| {
        let mut frame = Frame { index, ..common.clone() };
        frame.keys.instance = i64::from(index);
        per_frame.get(index as usize).into_iter().for_each(|group| apply(group, &mut frame));
        frame
    };
    (0..count).map(frame).collect()
}

/// What one functional group says.
fn apply(group: &DataSet<'_>, frame: &mut Frame) {
    let place = &mut frame.place;
    if let Some(position) = group.item(tags::PLANE_POSITION_SEQUENCE) {
        place.position = position.point(tags::IMAGE_POSITION_PATIENT);
    }
    if let Some(orientation) = group.item(tags::PLANE_ORIENTATION_SEQUENCE) {
        place.axes = axes_from(&orientation.numbers(tags::IMAGE_ORIENTATION_PATIENT));
    }
    if let Some(measures) = group.item(tags::PIXEL_MEASURES_SEQUENCE) {
        place.spacing = spacing_from(&measures.numbers(tags::PIXEL_SPACING)).or(place.spacing);
        place.thickness = measures.number(tags::SLICE_THICKNESS).filter(|&mm| mm > 0.0).or(place.thickness);
        place.between = measures.number(tags::SPACING_BETWEEN_SLICES).filter(|&mm| mm > 0.0).or(place.between);
    }
    if let Some(values) = group.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE) {
        frame.slope = values.number(tags::RESCALE_SLOPE).filter(|&slope| slope != 0.0).unwrap_or(1.0);
        frame.intercept = values.number(tags::RESCALE_INTERCEPT).unwrap_or(0.0);
    }
    if let Some(values) = group.item(tags::FRAME_VOILUT_SEQUENCE) {
        frame.window = window(values).or(frame.window);
    }
    apply_keys(group, &mut frame.keys.values);
}

fn apply_keys(group: &DataSet<'_>, keys: &mut [Key; 9]) {
    let mut set = |place: usize, key: Key| {
        if key != Key::Missing {
            keys[place] = key;
        }
    };
    for kind in [tags::MR_IMAGE_FRAME_TYPE_SEQUENCE, tags::CT_IMAGE_FRAME_TYPE_SEQUENCE, tags::PET_FRAME_TYPE_SEQUENCE] {
        set(0, Key::text(group.item(kind).and_then(|item| item.text(tags::FRAME_TYPE))));
    }
    let number = |sequence, tag| Key::number(group.item(sequence).and_then(|item: &DataSet<'_>| item.number(tag)));
    set(1, number(tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME));
    set(2, number(tags::FRAME_CONTENT_SEQUENCE, tags::TEMPORAL_POSITION_INDEX));
    set(2, number(tags::TEMPORAL_POSITION_SEQUENCE, tags::TEMPORAL_POSITION_TIME_OFFSET));
    set(3, number(tags::MR_DIFFUSION_SEQUENCE, tags::DIFFUSION_B_VALUE));
    let gradient =
        group.item(tags::MR_DIFFUSION_SEQUENCE).and_then(|item| item.item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE));
    let direction = gradient.and_then(|item| item.point(tags::DIFFUSION_GRADIENT_ORIENTATION));
    set(4, Key::text(direction.map(|d| format!("{:.3} {:.3} {:.3}", d[0], d[1], d[2]))));
    set(5, number(tags::CARDIAC_SYNCHRONIZATION_SEQUENCE, tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME));
    set(6, Key::text(group.item(tags::FRAME_CONTENT_SEQUENCE).and_then(|item| item.text(tags::STACK_ID))));
    set(7, number(tags::FRAME_CONTENT_SEQUENCE, tags::FRAME_ACQUISITION_NUMBER));
}

/// The frames of a file without functional groups.
fn plain(root: &DataSet<'_>, single: &Frame, count: u32) -> Vec<Frame> {
    if count == 1 {
        return vec![single.clone()];
    }
    let mut single = single.clone();
    if let Some(detector) = root.item(tags::DETECTOR_INFORMATION_SEQUENCE) {
        single.place.position = detector.point(tags::IMAGE_POSITION_PATIENT).or(single.place.position);
        single.place.axes = axes_from(&detector.numbers(tags::IMAGE_ORIENTATION_PATIENT)).or(single.place.axes);
    }
    let offsets = offsets_mm(root, &single, count);
    let time = root.numbers(tags::TIME_SLOT_VECTOR);
    let frame = |index: u32| {
        let mut frame = Frame { index, ..single.clone() };
        frame.keys.instance = i64::from(index);
        if let Some(&slot) = time.get(index as usize) {
            frame.keys.values[2] = Key::Number(slot);
        }
        frame.place.position = offsets.as_ref().and_then(|offsets| {
            let ([row, column], position) = (single.place.axes?, single.place.position?);
            let normal = super::geometry::cross(row, column);
            Some(std::array::from_fn(|axis| position[axis] + normal[axis] * offsets[index as usize]))
        });
        frame
    };
    (0..count).map(frame).collect()
}

/// How far along the normal each frame lies from the first, where the file is a stack of slices.
fn offsets_mm(root: &DataSet<'_>, single: &Frame, count: u32) -> Option<Vec<f64>> {
    let count = count as usize;
    let dose = root.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
    if dose.len() == count {
        // The first number is 0, or the position itself (PS3.3 C.8.8.3.2).
        return Some(dose.iter().map(|offset| offset - dose[0]).collect());
    }
    let slices = root.numbers(tags::SLICE_VECTOR);
    if slices.len() == count {
        let between = single.place.between.or(single.place.thickness)?;
        return Some(slices.iter().map(|slice| (slice - 1.0) * between).collect());
    }
    None
}
