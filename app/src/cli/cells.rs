//! The sample's pictures: sections of glands as a stain with haematoxylin (violet nuclei) and eosin (pink)
//! shows them, with the nuclei and the hollows of the glands as reference.

use super::noise::{Noise, Random, blur, mix};
use image::{GrayImage, Luma, Rgb, RgbImage};
use std::f32::consts::TAU;

/// How many pictures there are.
pub const PICTURES: u64 = 12;

/// The structures of the reference and their label values.
pub const STRUCTURES: [(&str, u8); 2] = [("nuclei", 1), ("lumen", 2)];

const SIDE: usize = 256;

/// Optical density of the two stains in red, green and blue (after Ruifrok and Johnston 2001).
const HAEMATOXYLIN: [f32; 3] = [0.650, 0.704, 0.286];
const EOSIN: [f32; 3] = [0.092, 0.954, 0.283];

struct Gland {
    centre: [f32; 2],
    radius: f32,
    waves: [[f32; 2]; 3],
    hollow: f32,
}

struct Nucleus {
    centre: [f32; 2],
    radii: [f32; 2],
    angle: f32,
    dye: f32,
}

/// A picture and its reference, by number from 0; the same on every machine.
pub fn picture(number: u64) -> (RgbImage, GrayImage) {
    let mut random = Random::new(500 + number);
    let glands = glands(&mut random);
    let mut nuclei = lining(&glands, &mut random);
    nuclei.extend(scattered(&glands, &mut random));
    let labels = labels(&glands, &nuclei);
    (stained(&glands, &nuclei, &mut random), labels)
}

fn glands(random: &mut Random) -> Vec<Gland> {
    let mut glands: Vec<Gland> = Vec::new();
    for _ in 0..60 {
        let gland = Gland {
            centre: [random.between(0.0, SIDE as f32), random.between(0.0, SIDE as f32)],
            radius: random.between(34.0, 56.0),
            waves: std::array::from_fn(|_| [random.between(0.0, 0.09), random.between(0.0, TAU)]),
            hollow: random.between(0.26, 0.46),
        };
        let apart = |other: &Gland| distance(gland.centre, other.centre) > 1.08 * (gland.radius + other.radius);
        if glands.iter().all(apart) {
            glands.push(gland);
        }
    }
    glands
}

impl Gland {
    fn edge(&self, angle: f32) -> f32 {
        let swell: f32 =
            self.waves.iter().enumerate().map(|(n, [size, phase])| size * ((n + 2) as f32 * angle + phase).sin()).sum();
        self.radius * (1.0 + swell)
    }

    /// How far out a point lies: 0 in the middle, 1 on the outline.
    fn reach(&self, [x, y]: [f32; 2]) -> f32 {
        let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
        dx.hypot(dy) / self.edge(dy.atan2(dx))
    }
}

/// The nuclei that stand side by side along the outline of each gland.
fn lining(glands: &[Gland], random: &mut Random) -> Vec<Nucleus> {
    let mut nuclei = Vec::new();
    for gland in glands {
        let count = (gland.radius * TAU * 0.84 / 10.5) as usize;
        for place in 0..count {
            let angle = (place as f32 + random.between(-0.22, 0.22)) * TAU / count as f32;
            let out = gland.edge(angle) * random.between(0.77, 0.88);
            let [sin, cos] = [angle.sin(), angle.cos()];
            nuclei.push(Nucleus {
                centre: [gland.centre[0] + out * cos, gland.centre[1] + out * sin],
                radii: [random.between(5.2, 7.2), random.between(3.2, 4.3)],
                angle: angle + random.between(-0.2, 0.2),
                dye: random.between(0.85, 1.25),
            });
        }
    }
    nuclei
}

/// The nuclei between the glands: spindles of connective tissue and round immune cells.
fn scattered(glands: &[Gland], random: &mut Random) -> Vec<Nucleus> {
    let mut nuclei: Vec<Nucleus> = Vec::new();
    for _ in 0..260 {
        let centre = [random.between(-4.0, SIDE as f32 + 4.0), random.between(-4.0, SIDE as f32 + 4.0)];
        let is_round = random.unit() < 0.4;
        let radii = if is_round { [random.between(3.8, 4.8); 2] } else { [random.between(6.0, 9.0), random.between(2.5, 3.5)] };
        let nucleus = Nucleus {
            centre,
            radii,
            angle: random.between(0.0, TAU),
            dye: if is_round { 1.5 } else { random.between(0.9, 1.2) },
        };
        let is_free = glands.iter().all(|gland| gland.reach(centre) > 1.0 + 7.0 / gland.radius)
            && nuclei.iter().all(|other| distance(other.centre, centre) > 13.0);
        if is_free && random.unit() < 0.6 {
            nuclei.push(nucleus);
        }
    }
    nuclei
}

impl Nucleus {
    /// 1 on the outline, less inside.
    fn reach(&self, [x, y]: [f32; 2]) -> f32 {
        let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
        let [sin, cos] = [self.angle.sin(), self.angle.cos()];
        ((dx * cos + dy * sin) / self.radii[0]).hypot((dy * cos - dx * sin) / self.radii[1])
    }

    /// The pixels that it may cover.
    fn pixels(&self) -> impl Iterator<Item = [usize; 2]> {
        let reach = self.radii[0].max(self.radii[1]) + 1.0;
        let range = |c: f32| (c - reach).max(0.0) as usize..((c + reach).max(0.0) as usize + 1).min(SIDE);
        let [columns, rows] = [range(self.centre[0]), range(self.centre[1])];
        rows.flat_map(move |y| columns.clone().map(move |x| [x, y]))
    }
}

fn labels(glands: &[Gland], nuclei: &[Nucleus]) -> GrayImage {
    let is_hollow = |at: [f32; 2]| glands.iter().any(|gland| gland.reach(at) < gland.hollow);
    let mut labels =
        GrayImage::from_fn(SIDE as u32, SIDE as u32, |x, y| Luma([if is_hollow([x as f32, y as f32]) { 2 } else { 0 }]));
    for nucleus in nuclei {
        for [x, y] in nucleus.pixels().filter(|[x, y]| nucleus.reach([*x as f32, *y as f32]) <= 1.0) {
            labels.put_pixel(x as u32, y as u32, Luma([1]));
        }
    }
    labels
}

/// How much of each stain lies at each pixel.
struct Stains {
    haematoxylin: Vec<f32>,
    eosin: Vec<f32>,
}

fn stained(glands: &[Gland], nuclei: &[Nucleus], random: &mut Random) -> RgbImage {
    let mut stains = tissue(glands, random);
    dye_nuclei(&mut stains, nuclei, random);
    for field in [&mut stains.haematoxylin, &mut stains.eosin] {
        for axis in 0..2 {
            blur(field, [SIDE, SIDE, 1], axis, 0.18);
        }
    }
    developed(&stains, random)
}

fn tissue(glands: &[Gland], random: &mut Random) -> Stains {
    let (fibres, mucus, bend) = (Noise::new(random, 7.0), Noise::new(random, 8.0), Noise::new(random, 60.0));
    let mut stains = Stains { haematoxylin: vec![0.0; SIDE * SIDE], eosin: vec![0.0; SIDE * SIDE] };
    for index in 0..SIDE * SIDE {
        let [x, y] = [(index % SIDE) as f32, (index / SIDE) as f32];
        let gland = glands.iter().find(|gland| gland.reach([x, y]) < 1.0);
        let turn = 2.5 * bend.at([x, y, 0.0]);
        let along = [x * turn.cos() + y * turn.sin(), 0.28 * (y * turn.cos() - x * turn.sin()), 0.0];
        [stains.haematoxylin[index], stains.eosin[index]] = match gland.map(|gland| (gland.reach([x, y]), gland.hollow)) {
            None => [0.09, 0.34 + 0.16 * fibres.at(along)],
            Some((reach, hollow)) if reach < hollow => [0.015, 0.03],
            Some((reach, hollow)) if reach < 0.7 => {
                let goblet = 0.14 * mucus.at([x, y, 0.0]);
                [0.14 + 0.3 * goblet, (0.20 + goblet) * mix(0.8, 1.1, (reach - hollow) / 0.4)]
            }
            Some((reach, _)) => [0.16, if reach > 0.95 { 0.42 } else { 0.30 }],
        };
    }
    stains
}

fn dye_nuclei(stains: &mut Stains, nuclei: &[Nucleus], random: &mut Random) {
    let chromatin = Noise::new(random, 2.6);
    for nucleus in nuclei {
        for [x, y] in nucleus.pixels() {
            let reach = nucleus.reach([x as f32, y as f32]);
            if reach <= 1.0 {
                let rim = if reach > 0.72 { 1.12 } else { 0.95 };
                let dye = nucleus.dye * rim * (0.62 + 0.16 * chromatin.at([x as f32, y as f32, 0.0]));
                stains.haematoxylin[x + SIDE * y] = dye;
                stains.eosin[x + SIDE * y] = 0.16;
            }
        }
    }
}

/// The light that comes through; strength and tint of the stain differ between pictures, as between laboratories.
fn developed(stains: &Stains, random: &mut Random) -> RgbImage {
    let strength = [random.between(1.0, 1.3), random.between(0.9, 1.3)];
    let lamp: [f32; 3] = std::array::from_fn(|_| random.between(240.0, 250.0));
    RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let index = x as usize + SIDE * y as usize;
        let [h, e] = [stains.haematoxylin[index] * strength[0], stains.eosin[index] * strength[1]];
        let light = |c: usize| lamp[c] * (-(h * HAEMATOXYLIN[c] + e * EOSIN[c]) * 1.6).exp();
        Rgb(std::array::from_fn(|c| (light(c) + 2.5 * random.normal()).round().clamp(0.0, 255.0) as u8))
    })
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nuclei_are_darker_than_the_rest_and_hollows_lighter() {
        let (picture, labels) = picture(0);
        let mean = |value: u8| {
            let reds: Vec<f32> = picture
                .pixels()
                .zip(labels.pixels())
                .filter(|(_, label)| label[0] == value)
                .map(|(pixel, _)| f32::from(pixel[0]))
                .collect();
            reds.iter().sum::<f32>() / reds.len() as f32
        };
        assert!(mean(1) + 40.0 < mean(0) && mean(0) < mean(2));
    }

    #[test]
    fn every_picture_has_both_structures_and_is_its_own() {
        for number in 0..PICTURES {
            let (_, labels) = picture(number);
            for value in [1, 2] {
                let share = labels.pixels().filter(|label| label[0] == value).count() as f32 / (SIDE * SIDE) as f32;
                assert!((0.01..0.5).contains(&share), "picture {number} has a share {share} of {value}");
            }
        }
        assert_ne!(picture(0).0, picture(1).0);
        assert_eq!(picture(3).0, picture(3).0);
    }
}
