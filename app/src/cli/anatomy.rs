//! Where the tissues of the sample's phantom lie: simple solids in the space of one standard body, in mm,
//! x to the patient's right, y to the front, z to the head. A subject is a smooth warp of it.

use super::noise::Noise;
use imaging::random::Random;

/// What a point of a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum Tissue {
    Air,
    Couch,
    Skin,
    Fat,
    Muscle,
    Bone,
    Marrow,
    Disc,
    Cord,
    Lung,
    LungVessel,
    Heart,
    Aorta,
    VenaCava,
    Liver,
    LiverVessel,
    Gallbladder,
    Bile,
    Spleen,
    KidneyCortex,
    KidneyMedulla,
    Pancreas,
    StomachContent,
    Bowel,
    BowelContent,
    Gas,
}

type Point = [f32; 3];

/// How one organ of a subject differs from the standard one.
struct Variant {
    shift: Point,
    size: f32,
}

impl Variant {
    fn new(random: &mut Random, shift: f32, size: f32) -> Self {
        Self { shift: std::array::from_fn(|_| shift * random.normal()), size: 1.0 + size * random.normal() }
    }

    /// The point of the standard organ that lies at `p` here.
    fn standard(&self, p: Point, centre: Point) -> Point {
        std::array::from_fn(|axis| centre[axis] + (p[axis] - centre[axis] - self.shift[axis]) / self.size)
    }
}

/// One subject's body.
pub struct Anatomy {
    scale: Point,
    shift: Point,
    warp: [Noise; 3],
    texture: Noise,
    loops: Noise,
    fat_mm: f32,
    vertebra: f32,
    liver: Variant,
    spleen: Variant,
    kidneys: [Variant; 2],
    stomach: Variant,
    gallbladder: Option<Variant>,
}

impl Anatomy {
    /// A subject drawn by chance; `without_gallbladder` after its removal.
    pub fn new(random: &mut Random, without_gallbladder: bool) -> Self {
        let stature = random.between(0.93, 1.05);
        let gallbladder = Variant::new(random, 4.0, 0.1);
        Self {
            scale: [
                stature * random.between(0.95, 1.04),
                stature * random.between(0.94, 1.05),
                stature * random.between(0.95, 1.06),
            ],
            shift: [random.between(-6.0, 6.0), random.between(-3.0, 3.0), random.between(-9.0, 9.0)],
            warp: std::array::from_fn(|_| Noise::new(random, 85.0)),
            texture: Noise::new(random, 17.0),
            loops: Noise::new(random, 25.0),
            fat_mm: random.between(7.0, 17.0),
            vertebra: random.between(0.0, 33.0),
            liver: Variant::new(random, 3.0, 0.04),
            spleen: Variant::new(random, 4.0, 0.09),
            kidneys: [Variant::new(random, 4.0, 0.05), Variant::new(random, 4.0, 0.05)],
            stomach: Variant::new(random, 5.0, 0.08),
            gallbladder: (!without_gallbladder).then_some(gallbladder),
        }
    }

    /// What lies at a point of the room.
    pub fn tissue_at(&self, room: Point) -> Tissue {
        let p = self.standard(room);
        let depth = depth_mm(p);
        if depth < 0.0 {
            return if is_couch(room) { Tissue::Couch } else { Tissue::Air };
        }
        self.spine(p).or_else(|| self.wall(p, depth)).or_else(|| self.chest(p)).or_else(|| self.belly(p)).unwrap_or(Tissue::Fat)
    }

    fn standard(&self, room: Point) -> Point {
        let p: Point = std::array::from_fn(|axis| (room[axis] - self.shift[axis]) / self.scale[axis]);
        std::array::from_fn(|axis| p[axis] + 9.0 * self.warp[axis].at(p))
    }

    fn spine(&self, p: Point) -> Option<Tissue> {
        let [x, y, z] = p;
        let height = (z + self.vertebra).rem_euclid(33.0);
        let body = within([x, y, 0.0], [0.0, -47.0, 0.0], [21.0, 16.0, 1.0]);
        if body < 1.0 {
            return Some(match height {
                h if h < 7.0 => Tissue::Disc,
                h if body > 0.72 || !(9.5..30.5).contains(&h) => Tissue::Bone,
                _ => Tissue::Marrow,
            });
        }
        let canal = within([x, y, 0.0], [0.0, -71.0, 0.0], [9.0, 8.0, 1.0]);
        if canal < 1.0 {
            return Some(if canal < 0.45 { Tissue::Cord } else { Tissue::Bile });
        }
        let arch = canal < 2.1 && (y < -68.0 || height > 9.0 && height < 22.0);
        let spinous = x.abs() < 3.2 && (-93.0..-76.0).contains(&y) && (11.0..27.0).contains(&height);
        let transverse = (y + 67.0).abs() < 4.5 && (10.0..40.0).contains(&x.abs()) && (14.0..22.0).contains(&height);
        (arch || spinous || transverse).then_some(Tissue::Bone)
    }

    /// Skin, fat, muscles and ribs around the cavity.
    fn wall(&self, p: Point, depth: f32) -> Option<Tissue> {
        let [x, y, z] = p;
        let fat = self.fat_mm * (0.75 + 0.25 * (y / 98.0));
        let erector = within([x.abs(), y, 0.0], [27.0, -74.0, 0.0], [21.0, 15.0, 1.0]) < 1.0;
        let psoas =
            z < 0.0 && within([x.abs(), y, 0.0], [34.0 - 0.06 * z, -46.0, 0.0], [9.0 - 0.11 * z, 10.0 - 0.08 * z, 1.0]) < 1.0;
        match depth {
            d if d < 3.0 => Some(Tissue::Skin),
            d if d < fat => Some(Tissue::Fat),
            d if d < fat + 12.0 && is_rib(p, d - fat) => Some(Tissue::Bone),
            d if d < fat + 13.0 || erector || psoas => Some(self.streaked(p)),
            _ => None,
        }
    }

    /// Muscle with its thin seams of fat.
    fn streaked(&self, p: Point) -> Tissue {
        if self.texture.at(p.map(|c| c * 1.6)) > 0.62 { Tissue::Fat } else { Tissue::Muscle }
    }

    fn chest(&self, p: Point) -> Option<Tissue> {
        if let Some(vessel) = great_vessels(p) {
            return Some(vessel);
        }
        let above = p[2] - dome(p);
        if above < -3.0 {
            return None;
        }
        if above < 0.0 {
            return Some(Tissue::Muscle);
        }
        let heart = within(p, [-24.0, 20.0, 78.0], [54.0, 42.0, 42.0]);
        match heart {
            h if h < 1.0 => Some(Tissue::Heart),
            h if h < 1.22 || p[0].abs() < 15.0 - 0.1 * p[1].abs() => Some(Tissue::Fat),
            _ => Some(self.lung(p)),
        }
    }

    fn lung(&self, p: Point) -> Tissue {
        let central = 1.0 - (p[0].abs() - 30.0).max(0.0) / 110.0;
        let ridge = self.texture.at(p.map(|c| c * 0.8)).abs() + self.loops.at(p.map(|c| c * 1.3)).abs();
        if ridge < 0.13 * central { Tissue::LungVessel } else { Tissue::Lung }
    }

    fn belly(&self, p: Point) -> Option<Tissue> {
        self.kidney(p)
            .or_else(|| self.gallbladder(p))
            .or_else(|| self.liver(p))
            .or_else(|| self.spleen(p))
            .or_else(|| self.stomach(p))
            .or_else(|| self.pancreas(p))
            .or_else(|| self.bowel(p))
    }

    fn kidney(&self, p: Point) -> Option<Tissue> {
        let is_right = p[0] > 0.0;
        let centre = if is_right { [63.0, -41.0, -50.0] } else { [-62.0, -40.0, -38.0] };
        let [x, y, z] = self.kidneys[usize::from(is_right)].standard(p, centre);
        let lean = 0.16 * (z - centre[2]) + 0.1 * (y - centre[1]);
        let q = [x.abs() + lean, y, z];
        let middle = [centre[0].abs(), centre[1], centre[2]];
        let whole = within(q, middle, [26.0, 23.0, 51.0]);
        let hilum = within(q, [middle[0] - 19.0, middle[1] + 5.0, middle[2]], [15.0, 9.0, 20.0]);
        if hilum < 1.0 {
            return Some(Tissue::Fat);
        }
        if whole >= 1.0 {
            return None;
        }
        let pyramids = 0.16 * self.texture.at(q);
        Some(if whole < 0.52 + pyramids { Tissue::KidneyMedulla } else { Tissue::KidneyCortex })
    }

    fn gallbladder(&self, p: Point) -> Option<Tissue> {
        let centre = [44.0, 38.0, -38.0];
        let q = self.gallbladder.as_ref()?.standard(p, centre);
        let leant = [q[0] + 0.3 * (q[2] - centre[2]), q[1] + 0.5 * (q[2] - centre[2]), q[2]];
        (within(leant, centre, [14.0, 15.0, 24.0]) < 1.0).then_some(Tissue::Gallbladder)
    }

    fn liver(&self, p: Point) -> Option<Tissue> {
        let [x, y, z] = self.liver.standard(p, [60.0, 0.0, 0.0]);
        let right = within([x, y, z], [66.0, -2.0, 0.0], [66.0, 76.0, 86.0]) < 1.0;
        let left = within([x, y, z], [2.0, 44.0, 14.0], [72.0, 36.0, 38.0]) < 1.0;
        let lower_edge = -84.0 + 0.55 * (105.0 - x).max(0.0) - 0.12 * y;
        let behind_the_porta = x < 16.0 && y < 4.0;
        if !(right || left) || z < lower_edge || behind_the_porta {
            return None;
        }
        let ridge = self.loops.at(p.map(|c| c * 0.55)).abs() + 0.8 * self.texture.at(p.map(|c| c * 0.45)).abs();
        Some(if ridge < 0.1 { Tissue::LiverVessel } else { Tissue::Liver })
    }

    fn spleen(&self, p: Point) -> Option<Tissue> {
        let centre = [-92.0, -30.0, 2.0];
        let q = self.spleen.standard(p, centre);
        let leant = [q[0] - 0.35 * (q[1] - centre[1]), q[1], q[2]];
        let whole = within(leant, centre, [29.0, 50.0, 56.0]) < 1.0;
        let hollow = within(q, [-50.0, -8.0, 0.0], [25.0, 36.0, 38.0]) < 1.0;
        (whole && !hollow).then_some(Tissue::Spleen)
    }

    fn stomach(&self, p: Point) -> Option<Tissue> {
        let [x, y, z] = self.stomach.standard(p, [-52.0, 20.0, 4.0]);
        let body = within([x, y, z], [-54.0, 16.0, 8.0], [37.0, 40.0, 42.0]);
        let antrum = within([x, y, z], [-12.0, 38.0, -30.0], [44.0, 21.0, 19.0]);
        match body.min(antrum) {
            s if s >= 1.0 => None,
            s if s > 0.82 => Some(Tissue::Bowel),
            _ if y > 38.0 => Some(Tissue::Gas),
            _ => Some(Tissue::StomachContent),
        }
    }

    fn pancreas(&self, p: Point) -> Option<Tissue> {
        let [x, y, z] = p;
        let (bend, thick) = (8.0 - 0.0045 * (x - 10.0).powi(2), 10.0 + 4.0 * self.texture.at(p));
        let off = ((y - bend).powi(2) + (z + 20.0 + 0.22 * x).powi(2)).sqrt();
        ((-62.0..44.0).contains(&x) && off < thick).then_some(Tissue::Pancreas)
    }

    fn bowel(&self, p: Point) -> Option<Tissue> {
        let [_, y, z] = p;
        if y < -22.0 || z > 4.0 {
            return None;
        }
        match self.loops.at([p[0], p[1], p[2] * 0.9]) {
            n if n < -0.12 => None,
            n if n < 0.1 => Some(Tissue::Bowel),
            _ if self.warp[0].at(p.map(|c| c * 2.2)) > 0.12 && self.texture.at(p) < 0.55 * (y / 70.0) => Some(Tissue::Gas),
            _ => Some(Tissue::BowelContent),
        }
    }
}

/// How deep under the skin a point lies, about, in mm; negative outside.
fn depth_mm([x, y, z]: Point) -> f32 {
    let waist = 1.0 - 0.05 * (-((z + 35.0) / 55.0).powi(2)).exp();
    let across = ((x / (141.0 * waist)).abs().powf(2.4) + (y / (98.0 * waist)).abs().powf(2.4)).powf(1.0 / 2.4);
    (1.0 - across) * 110.0
}

/// How far a point lies from the middle of an ellipsoid; 1 is its surface (squared).
fn within(p: Point, centre: Point, radii: Point) -> f32 {
    (0..3).map(|axis| ((p[axis] - centre[axis]) / radii[axis]).powi(2)).sum()
}

fn is_couch([x, y, _]: Point) -> bool {
    let top = -113.0 + 0.0005 * x * x;
    x.abs() < 125.0 && (y < top && y > top - 3.5)
}

/// Ribs fall towards the front and end at the costal margin.
fn is_rib([x, y, z]: Point, into_wall: f32) -> bool {
    let around = z + 0.45 * y + 0.1 * x.abs();
    let margin = -45.0 + 0.6 * y.max(-30.0);
    (3.0..11.5).contains(&into_wall) && z > margin && x.abs() > 16.0 && around.rem_euclid(27.0) < 11.0
}

/// Height of the diaphragm.
fn dome([x, y, _]: Point) -> f32 {
    let one = |centre: f32, top: f32| {
        let round = 1.0 - ((x - centre) / 84.0).powi(2) - ((y - 4.0) / 92.0).powi(2);
        -20.0 + 0.16 * y + (top + 20.0) * round.max(0.0).sqrt()
    };
    one(58.0, 46.0).max(one(-58.0, 36.0))
}

fn great_vessels([x, y, z]: Point) -> Option<Tissue> {
    let tube = |centre: [f32; 2], radius: f32| (x - centre[0]).hypot(y - centre[1]) < radius;
    if tube([-11.0 - 0.06 * z.max(0.0), -21.0 - 0.14 * z.max(0.0)], 10.5) {
        return Some(Tissue::Aorta);
    }
    (z < 45.0 && tube([17.0, -20.0 + 0.28 * z.max(0.0)], 10.0)).then_some(Tissue::VenaCava)
}
