//! Numbers on a working grid: halving it, means over neighbours, reading between cells.

/// Neighbourhoods that vary less than this (of the image's range) are flat.
const FLAT: f32 = 0.03;

/// Values of several kinds in each cell.
pub(super) struct Grid<const KINDS: usize> {
    pub shape: [usize; 3],
    pub values: Vec<[f32; KINDS]>,
}

impl<const KINDS: usize> Grid<KINDS> {
    /// Linear between cells; none outside. Always inlined, with all that it calls: half of the time of a registration is
    /// spent here, and a build of many units does not inline it by itself.
    #[inline(always)]
    pub fn sample(&self, from: [f32; 3]) -> Option<[f32; KINDS]> {
        let [d, h, w] = self.shape;
        let (y0, y1, b) = between(from[1], h)?;
        let (x0, x1, c) = between(from[2], w)?;
        if d == 1 {
            return Some(mixed(self.in_row(y0, (x0, x1, c)), self.in_row(y1, (x0, x1, c)), b));
        }
        let (z0, z1, a) = between(from[0], d)?;
        let near = mixed(self.in_row(z0 * h + y0, (x0, x1, c)), self.in_row(z0 * h + y1, (x0, x1, c)), b);
        let far = mixed(self.in_row(z1 * h + y0, (x0, x1, c)), self.in_row(z1 * h + y1, (x0, x1, c)), b);
        Some(mixed(near, far, a))
    }

    #[inline(always)]
    fn in_row(&self, row: usize, (x0, x1, c): (usize, usize, f32)) -> [f32; KINDS] {
        let row = &self.values[row * self.shape[2]..][..self.shape[2]];
        mixed(row[x0], row[x1], c)
    }
}

/// A share of the way from one to the other.
#[inline(always)]
fn mixed<const KINDS: usize>(near: [f32; KINDS], far: [f32; KINDS], share: f32) -> [f32; KINDS] {
    let mut out = near;
    for (out, far) in out.iter_mut().zip(far) {
        *out += share * (far - *out);
    }
    out
}

/// The cells of `n` in a row that a place lies between, and how far beyond the first; none outside.
#[inline(always)]
fn between(at: f32, n: usize) -> Option<(usize, usize, f32)> {
    let last = (n - 1) as f32;
    (at >= -0.5 && at <= last + 0.5).then(|| {
        let at = at.clamp(0.0, last);
        let low = at as usize;
        (low, (low + 1).min(n - 1), at - low as f32)
    })
}

/// The cells around a place and their shares.
pub(crate) type Corners = [(usize, f32); 8];

/// What a place between the cells of a grid takes from each of them, linearly. None outside; at the edge the outermost
/// cells count alone.
pub(crate) fn corners(from: [f32; 3], shape: [usize; 3]) -> Option<Corners> {
    let [z, y, x] = [between(from[0], shape[0])?, between(from[1], shape[1])?, between(from[2], shape[2])?];
    let part = |(low, high, beyond): (usize, usize, f32), second: bool| if second { (high, beyond) } else { (low, 1.0 - beyond) };
    Some(std::array::from_fn(|corner| {
        let [(z, a), (y, b), (x, c)] = [part(z, corner & 4 > 0), part(y, corner & 2 > 0), part(x, corner & 1 > 0)];
        ((z * shape[1] + y) * shape[2] + x, a * b * c)
    }))
}

/// Where a cell lies.
pub(crate) fn place(at: usize, [_, h, w]: [usize; 3]) -> [usize; 3] {
    [at / (h * w), at / w % h, at % w]
}

/// Means of two cells along each axis that has more than one.
pub(super) fn halved(values: &[f32], shape: [usize; 3]) -> (Vec<f32>, [usize; 3]) {
    let by = shape.map(|n| if n > 1 { 2 } else { 1 });
    let small: [usize; 3] = std::array::from_fn(|axis| shape[axis] / by[axis]);
    let share = 1.0 / by.iter().product::<usize>() as f32;
    let mut out = vec![0.0; small.iter().product()];
    for (at, out) in out.iter_mut().enumerate() {
        let [z, y, x] = place(at, small);
        for (dz, dy, dx) in (0..by[0]).flat_map(|dz| (0..by[1]).flat_map(move |dy| (0..by[2]).map(move |dx| (dz, dy, dx)))) {
            *out += share * values[((z * by[0] + dz) * shape[1] + y * by[1] + dy) * shape[2] + x * by[2] + dx];
        }
    }
    (out, small)
}

/// Where a cell of the whole grid lies on the halved one, in cells of that.
pub(super) fn on_halved(at: [usize; 3], shape: [usize; 3]) -> [f32; 3] {
    std::array::from_fn(|axis| if shape[axis] > 1 { at[axis] as f32 / 2.0 - 0.25 } else { 0.0 })
}

/// Each value less the mean of its neighbours, in units of their spread; a spread of much less than `FLAT` is as good as none.
pub(super) fn standing_out(values: &[f32], shape: [usize; 3], reach: usize) -> Vec<f32> {
    let squares: Vec<f32> = values.iter().map(|v| v * v).collect();
    let (means, squares) = (blurred(values, shape, reach), blurred(&squares, shape, reach));
    let one = |((value, mean), square): ((&f32, &f32), &f32)| (value - mean) / ((square - mean * mean).max(0.0).sqrt() + FLAT);
    values.iter().zip(&means).zip(&squares).map(one).collect()
}

/// Means over boxes, along one axis after the other (`[D, H, W]`); at the edge over what is there.
pub(crate) fn blurred(values: &[f32], shape: [usize; 3], reach: usize) -> Vec<f32> {
    let (mut now, mut next) = (values.to_vec(), vec![0.0; values.len()]);
    let mut stride = values.len();
    for n in shape {
        stride /= n;
        if n > 1 {
            let blocks = now.chunks_exact(n * stride).zip(next.chunks_exact_mut(n * stride));
            blocks.for_each(|(from, to)| match (reach, stride) {
                (1, _) => of_three(from, to, stride),
                (_, 1) => along(from, to, reach),
                _ => across(from, to, stride, reach),
            });
            std::mem::swap(&mut now, &mut next);
        }
    }
    now
}

/// Means of each and its next neighbours, which are `stride` away, of two at least: no sum is carried on, so that many are
/// had at once.
fn of_three(from: &[f32], to: &mut [f32], stride: usize) {
    let last = from.len() - stride;
    let (low, high) = (&from[..last], &from[stride..]);
    to[..stride].iter_mut().zip(low.iter().zip(high)).for_each(|(to, (a, b))| *to = (a + b) / 2.0);
    let middle = low.iter().zip(high).zip(&high[stride..]);
    to[stride..].iter_mut().zip(middle).for_each(|(to, ((a, b), c))| *to = (a + b + c) * (1.0 / 3.0));
    let before = &from[last - stride..];
    to[last..].iter_mut().zip(before.iter().zip(&from[last..])).for_each(|(to, (a, b))| *to = (a + b) / 2.0);
}

/// Means of neighbours in a row.
fn along(from: &[f32], to: &mut [f32], reach: usize) {
    let n = from.len();
    let mut sum: f32 = from[..reach.min(n)].iter().sum();
    for (i, to) in to.iter_mut().enumerate() {
        sum += from.get(i + reach).unwrap_or(&0.0);
        if i > reach {
            sum -= from[i - reach - 1];
        }
        *to = sum / around(i, n, reach);
    }
}

/// Means of cells of neighbouring rows of a length each.
fn across(from: &[f32], to: &mut [f32], length: usize, reach: usize) {
    let n = from.len() / length;
    let row = |i: usize| &from[i * length..(i + 1) * length];
    let mut sums = vec![0.0; length];
    let add = |sums: &mut [f32], i: usize, sign: f32| sums.iter_mut().zip(row(i)).for_each(|(sum, v)| *sum += sign * v);
    (0..reach.min(n)).for_each(|i| add(&mut sums, i, 1.0));
    for (i, to) in to.chunks_exact_mut(length).enumerate() {
        if i + reach < n {
            add(&mut sums, i + reach, 1.0);
        }
        if i > reach {
            add(&mut sums, i - reach - 1, -1.0);
        }
        let share = 1.0 / around(i, n, reach);
        to.iter_mut().zip(&sums).for_each(|(to, sum)| *to = share * sum);
    }
}

/// How many of `n` in a row are within reach of one.
fn around(i: usize, n: usize, reach: usize) -> f32 {
    ((i + reach + 1).min(n) - i.saturating_sub(reach)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blurred_cell_is_the_mean_of_the_box_around_it() {
        for (shape, reach) in [([4, 5, 6], 1), ([2, 3, 2], 1), ([4, 5, 6], 9), ([1, 7, 3], 2)] {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|at| ((at * 37) % 11) as f32).collect();
            for (at, is) in blurred(&values, shape, reach).into_iter().enumerate() {
                let here = place(at, shape);
                let near = |&other: &usize| (0..3).all(|axis| here[axis].abs_diff(place(other, shape)[axis]) <= reach);
                let inside: Vec<usize> = (0..count).filter(near).collect();
                let should = inside.iter().map(|&at| values[at]).sum::<f32>() / inside.len() as f32;
                assert!((is - should).abs() < 1e-4, "{here:?} of {shape:?}: {is} in place of {should}");
            }
        }
    }
}
