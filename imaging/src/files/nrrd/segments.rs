//! What 3D Slicer notes in a `.seg.nrrd` of its segments: name, colour, label value and layer.
//!
//! Source: 3D Slicer's documentation of segmentation files. Segments that share voxels lie in different layers,
//! which are the numbers side by side at a voxel.

use super::Header;

/// A segment as it is noted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub name: String,
    pub colour: Option<[u8; 3]>,
    pub value: u16,
    pub layer: u32,
}

/// More segments are in no atlas.
const MOST: usize = 65_535;

impl Header {
    /// The segments that are noted, in their order; empty where this is no segmentation.
    pub fn segments(&self) -> Vec<Segment> {
        (0..MOST).map_while(|number| self.segment(number)).collect()
    }

    fn segment(&self, number: usize) -> Option<Segment> {
        let get = |what: &str| self.pairs.get(&format!("Segment{number}_{what}")).map(|text| text.trim());
        let id = get("ID").or(get("Name"))?;
        let colour = get("Color").and_then(super::super::text_header::numbers).and_then(|parts| {
            let [red, green, blue]: [f64; 3] = parts.try_into().ok()?;
            Some([red, green, blue].map(|part| (part * 255.0).round() as u8))
        });
        Some(Segment {
            name: get("Name").unwrap_or(id).to_owned(),
            colour,
            value: get("LabelValue").and_then(|text| text.parse().ok()).unwrap_or(1),
            layer: get("Layer").and_then(|text| text.parse().ok()).unwrap_or(0),
        })
    }
}
