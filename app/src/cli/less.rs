//! How much of an image is opened, where all of it is too much: the options of every command that opens one.

use imaging::Reduction;
use std::num::NonZeroU32;
use std::str::FromStr;

/// How much of an image is opened.
#[derive(clap::Args, Clone, Copy, Default)]
pub struct Less {
    /// Open an image sampled down, for one that is too large: blocks of N x N x N voxels become one, their mean. What is
    /// told of voxels, and the masks, are those of the smaller image, which lies where it should.
    #[arg(long, value_name = "N")]
    every: Option<NonZeroU32>,
    /// Open only a box of an image: its first and its last voxel, counted from 0.
    #[arg(long, value_name = "I,J,K:I,J,K")]
    crop: Option<Crop>,
}

#[derive(Clone, Copy)]
struct Crop([[u32; 3]; 2]);

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let voxel = |text: &str| -> Option<[u32; 3]> {
            let numbers: Option<Vec<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
            numbers?.try_into().ok()
        };
        let corners = text.split_once(':').and_then(|(first, last)| Some([voxel(first)?, voxel(last)?]));
        corners.map(Self).ok_or_else(|| "it is not of the form I,J,K:I,J,K".to_owned())
    }
}

impl Less {
    /// What is kept.
    pub fn reduction(self) -> Reduction {
        Reduction { within: self.crop.map(|Crop(corners)| corners), every: self.every.map_or(1, NonZeroU32::get) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_two_voxels() {
        let crop = |text: &str| text.parse::<Crop>().ok().map(|Crop(corners)| corners);
        assert_eq!(crop("1,2,3:40, 50,60"), Some([[1, 2, 3], [40, 50, 60]]));
        for text in ["", "1,2,3", "1,2:3,4", "1,2,3:4,5,-6", "1,2,3:4,5,6,7"] {
            assert_eq!(crop(text), None, "{text}");
        }
        assert!(Less::default().reduction().is_none());
    }
}
