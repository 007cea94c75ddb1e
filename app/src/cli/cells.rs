//! The sample's pictures: cells in culture under a fluorescence microscope, nuclei in blue and cytoplasm in green,
//! with the nuclei as reference.

use super::noise::{Noise, blur};
use image::{GrayImage, Luma, Rgb, RgbImage};
use imaging::random::Random;
use std::f32::consts::TAU;

/// How many pictures there are.
pub const PICTURES: u64 = 12;

/// The structures of the reference and their label values.
pub const STRUCTURES: [(&str, u8); 1] = [("nuclei", 1)];

const SIDE: usize = 256;

/// What the camera shows of a full signal, red, green and blue: of the nuclei's dye, of the cytoplasm's, of empty ground.
const NUCLEUS: [f32; 3] = [70.0, 130.0, 235.0];
const CYTOPLASM: [f32; 3] = [12.0, 112.0, 36.0];
const GROUND: [f32; 3] = [5.0, 8.0, 12.0];

struct Cell {
    centre: [f32; 2],
    radius: f32,
    waves: [[f32; 2]; 3],
    glow: f32,
    nucleus: Nucleus,
}

struct Nucleus {
    centre: [f32; 2],
    radii: [f32; 2],
    angle: f32,
    glow: f32,
}

/// A picture and its reference, by number from 0; the same on every machine.
pub fn picture(number: u64) -> (RgbImage, GrayImage) {
    let mut random = Random::new(500 + number);
    let cells = cells(&mut random);
    let labels = labels(&cells);
    (seen(&cells, &mut random), labels)
}

fn cells(random: &mut Random) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let (crowd, size) = (random.between(14.0, 30.0) as usize, random.between(0.85, 1.15));
    for _ in 0..400 {
        let cell = cell(random, size);
        let apart = |other: &Cell| distance(cell.nucleus.centre, other.nucleus.centre) > 30.0 * size;
        if cells.len() < crowd && cells.iter().all(apart) {
            cells.push(cell);
        }
    }
    cells
}

fn cell(random: &mut Random, size: f32) -> Cell {
    let centre = [random.between(0.0, SIDE as f32), random.between(0.0, SIDE as f32)];
    let radius = size * random.between(24.0, 36.0);
    let nucleus = Nucleus {
        centre: centre.map(|c| c + random.between(-5.0, 5.0)),
        radii: [size * random.between(11.0, 15.0), size * random.between(8.5, 11.0)],
        angle: random.between(0.0, TAU),
        glow: random.between(0.5, 1.0),
    };
    let waves = std::array::from_fn(|_| [random.between(0.0, 0.16), random.between(0.0, TAU)]);
    Cell { centre, radius, waves, glow: random.between(0.55, 1.0), nucleus }
}

impl Cell {
    /// How far out a point lies: 0 in the middle, 1 on the cell's outline and beyond.
    fn reach(&self, [x, y]: [f32; 2]) -> f32 {
        let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
        if dx.hypot(dy) > 1.5 * self.radius {
            return 1.0;
        }
        let angle = dy.atan2(dx);
        let wave = |(n, [size, phase]): (usize, &[f32; 2])| size * ((n + 2) as f32 * angle + phase).sin();
        let outline = self.radius * (1.0 + self.waves.iter().enumerate().map(wave).sum::<f32>());
        (dx.hypot(dy) / outline).min(1.0)
    }
}

impl Nucleus {
    /// How far out a point lies: 0 in the middle, 1 on the outline.
    fn reach(&self, [x, y]: [f32; 2]) -> f32 {
        let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
        let [sin, cos] = [self.angle.sin(), self.angle.cos()];
        ((dx * cos + dy * sin) / self.radii[0]).hypot((dy * cos - dx * sin) / self.radii[1])
    }
}

fn labels(cells: &[Cell]) -> GrayImage {
    let is_nucleus = |at: [f32; 2]| cells.iter().any(|cell| cell.nucleus.reach(at) <= 1.0);
    GrayImage::from_fn(SIDE as u32, SIDE as u32, |x, y| Luma([u8::from(is_nucleus([x as f32, y as f32]))]))
}

/// What the camera sees: the two dyes, out of focus a little, with shot noise.
fn seen(cells: &[Cell], random: &mut Random) -> RgbImage {
    let exposure = random.between(0.75, 1.05);
    let mut dyes = dyes(cells, random);
    for dye in &mut dyes {
        for axis in [0, 1, 0, 1] {
            blur(dye, [SIDE, SIDE, 1], axis, 0.24);
        }
    }
    RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let [nuclear, cytoplasmic] = [0, 1].map(|dye: usize| dyes[dye][x as usize + SIDE * y as usize]);
        let light = |c: usize| GROUND[c] + exposure * (nuclear * NUCLEUS[c] + cytoplasmic * CYTOPLASM[c]);
        Rgb(std::array::from_fn(|c| (light(c) + 0.35 * light(c).sqrt() * random.normal()).round().clamp(0.0, 255.0) as u8))
    })
}

/// How much of each dye lies at each pixel: the nuclei's with clumps, the cytoplasm's with fibres and hollowed by the nucleus.
fn dyes(cells: &[Cell], random: &mut Random) -> [Vec<f32>; 2] {
    let (clumps, fibres) = (Noise::new(random, 4.5), Noise::new(random, 6.0));
    let at = |index: usize| [(index % SIDE) as f32, (index / SIDE) as f32];
    let nuclear: Vec<f32> = (0..SIDE * SIDE)
        .map(|index| {
            let [x, y] = at(index);
            let glows = cells.iter().filter(|cell| cell.nucleus.reach([x, y]) <= 1.0).map(|cell| cell.nucleus.glow);
            glows.fold(0.0, f32::max) * (0.85 + 0.28 * clumps.at([x, y, 0.0]))
        })
        .collect();
    let cytoplasmic = nuclear.iter().enumerate().map(|(index, &nuclear)| {
        let [x, y] = at(index);
        let glow = cells.iter().map(|cell| cell.glow * (1.0 - cell.reach([x, y])).powf(0.7)).fold(0.0, f32::max);
        let thread = 0.75 + 0.4 * fibres.at([x + 0.6 * y, 0.35 * y, 0.0]);
        glow * thread * if nuclear > 0.0 { 0.4 } else { 1.0 }
    });
    let cytoplasmic = cytoplasmic.collect();
    [nuclear, cytoplasmic]
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nuclei_are_brighter_than_the_rest() {
        let (picture, labels) = picture(0);
        let mean = |value: u8| {
            let pixels = picture.pixels().zip(labels.pixels()).filter(|(_, label)| label[0] == value);
            let blues: Vec<f32> = pixels.map(|(pixel, _)| f32::from(pixel[2])).collect();
            blues.iter().sum::<f32>() / blues.len() as f32
        };
        assert!(mean(1) > mean(0) + 60.0);
    }

    #[test]
    fn every_picture_has_nuclei_and_is_its_own() {
        for number in 0..PICTURES {
            let (_, labels) = picture(number);
            let share = labels.pixels().filter(|label| label[0] == 1).count() as f32 / (SIDE * SIDE) as f32;
            assert!((0.04..0.4).contains(&share), "picture {number} has a share {share}");
        }
        assert_ne!(picture(0).0, picture(1).0);
        assert_eq!(picture(3).0, picture(3).0);
    }
}
