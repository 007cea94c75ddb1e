//! Where on the screen a slice lies: pan, zoom, and the ways between screen and plane. Plane and voxel are
//! `imaging::space`'s.

use egui::{Pos2, Rect, Vec2, vec2};
use imaging::Slicing;

/// What the user chose to look at: independent of the pane's size, so that a view keeps its framing when
/// its pane grows. The default shows the whole slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The point in the middle of the pane, in mm right and down of the slice's middle.
    pub centre_mm: [f32; 2],
    /// How much larger than "the whole slice just fits".
    pub zoom: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self { centre_mm: [0.0; 2], zoom: 1.0 }
    }
}

/// Share of the pane that a whole slice fills, so that its edge stays visible.
const FIT: f32 = 0.96;
const ZOOMS: std::ops::RangeInclusive<f32> = 0.25..=80.0;

impl Camera {
    /// How a slice lies in a pane.
    #[must_use]
    pub fn place(&self, rect: Rect, slicing: &Slicing) -> Placement {
        let pixel_mm = slicing.pixel_mm().map(|mm| mm as f32);
        let size_mm = size_mm(slicing);
        let fit = (rect.width() / size_mm.x).min(rect.height() / size_mm.y) * FIT;
        let points_per_mm = (fit * self.zoom).max(1e-6);
        let corner_mm = -size_mm / 2.0 - Vec2::from(self.centre_mm);
        Placement { rect, points_per_mm, pixel_mm, corner: rect.center() + corner_mm * points_per_mm }
    }

    /// Moves the slice with the pointer; its middle never leaves the pane by more than the slice's size.
    pub fn pan(&mut self, by: Vec2, placement: &Placement, slicing: &Slicing) {
        let half = size_mm(slicing) / 2.0;
        let centre = Vec2::from(self.centre_mm) - by / placement.points_per_mm;
        self.centre_mm = centre.clamp(-half, half).into();
    }

    /// Zooms by `factor` while what lies under `pointer` stays there.
    pub fn zoom_at(&mut self, factor: f32, pointer: Pos2, placement: &Placement) {
        let zoom = (self.zoom * factor).clamp(*ZOOMS.start(), *ZOOMS.end());
        let off_mm = (pointer - placement.rect.center()) / placement.points_per_mm;
        self.centre_mm = (Vec2::from(self.centre_mm) + off_mm * (1.0 - self.zoom / zoom)).into();
        self.zoom = zoom;
    }
}

fn size_mm(slicing: &Slicing) -> Vec2 {
    let [width, height] = slicing.size();
    let [across, down] = slicing.pixel_mm();
    vec2((width as f64 * across) as f32, (height as f64 * down) as f32).max(Vec2::splat(1e-6))
}

/// How a slice lies on the screen. Screen positions are egui's points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The pane.
    pub rect: Rect,
    /// Scale, the same across and down: true proportion whatever the spacing.
    pub points_per_mm: f32,
    /// Where the plane's `[0, 0]` lies.
    pub corner: Pos2,
    pixel_mm: [f32; 2],
}

impl Placement {
    /// Points a voxel, across and down.
    #[must_use]
    pub fn points_per_pixel(&self) -> Vec2 {
        Vec2::from(self.pixel_mm) * self.points_per_mm
    }

    /// Where on the plane a point of the screen lies.
    #[must_use]
    pub fn plane_from_screen(&self, at: Pos2) -> [f32; 2] {
        ((at - self.corner) / self.points_per_pixel()).into()
    }

    /// Where on the screen a point of the plane lies.
    #[must_use]
    pub fn screen_from_plane(&self, at: [f32; 2]) -> Pos2 {
        self.corner + Vec2::from(at) * self.points_per_pixel()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;
    use imaging::{Affine, Convention, Grid, Plane};

    fn slicing(spacing: [f64; 3]) -> Slicing {
        Slicing::new(&Grid::new([40, 30, 10], Affine::from_spacing(spacing)), Plane::Axial, Convention::Radiological)
    }

    fn pane() -> Rect {
        Rect::from_min_size(pos2(100.0, 50.0), vec2(400.0, 300.0))
    }

    #[test]
    fn there_and_back() {
        let camera = Camera { centre_mm: [3.0, -2.0], zoom: 2.5 };
        let placement = camera.place(pane(), &slicing([0.7, 1.4, 3.0]));
        let at = pos2(233.0, 77.0);
        let back = placement.screen_from_plane(placement.plane_from_screen(at));
        assert!((back - at).length() < 1e-3);
    }

    #[test]
    fn the_default_shows_the_whole_slice_in_the_middle() {
        let slicing = slicing([0.7, 1.4, 3.0]);
        let placement = Camera::default().place(pane(), &slicing);
        let corners = [placement.screen_from_plane([0.0, 0.0]), placement.screen_from_plane([40.0, 30.0])];
        let shown = Rect::from_two_pos(corners[0], corners[1]);
        assert!(pane().contains_rect(shown));
        assert!((shown.center() - pane().center()).length() < 1e-3);
        assert!(shown.height() > 0.95 * pane().height());
    }

    #[test]
    fn anisotropic_voxels_keep_true_proportion() {
        let points = Camera::default().place(pane(), &slicing([0.5, 2.0, 3.0])).points_per_pixel();
        assert!((points.y / points.x - 4.0).abs() < 1e-4);
    }

    #[test]
    fn zoom_keeps_what_lies_under_the_pointer() {
        let slicing = slicing([1.0, 1.0, 1.0]);
        let mut camera = Camera::default();
        let pointer = pos2(180.0, 260.0);
        let before = camera.place(pane(), &slicing).plane_from_screen(pointer);
        for factor in [1.3, 4.0, 0.5] {
            camera.zoom_at(factor, pointer, &camera.place(pane(), &slicing));
            let after = camera.place(pane(), &slicing).plane_from_screen(pointer);
            assert!((after[0] - before[0]).abs() + (after[1] - before[1]).abs() < 1e-3);
        }
    }

    #[test]
    fn pan_follows_the_pointer_and_stops() {
        let slicing = slicing([1.0, 1.0, 1.0]);
        let mut camera = Camera::default();
        let placement = camera.place(pane(), &slicing);
        camera.pan(vec2(30.0, -20.0), &placement, &slicing);
        let moved = camera.place(pane(), &slicing);
        assert!((moved.corner - placement.corner - vec2(30.0, -20.0)).length() < 1e-3);
        camera.pan(vec2(1e7, 1e7), &placement, &slicing);
        assert_eq!(camera.centre_mm, [-20.0, -15.0]);
    }
}
