//! Numbers on a working grid: halving it, means over neighbours, reading between cells.

/// Values of several kinds in each cell.
pub(super) struct Grid<const KINDS: usize> {
    pub shape: [usize; 3],
    pub values: Vec<[f32; KINDS]>,
}

impl<const KINDS: usize> Grid<KINDS> {
    /// Linear between cells; none outside.
    pub fn sample(&self, from: [f32; 3]) -> Option<[f32; KINDS]> {
        let [d, h, w] = self.shape;
        let axis = |at: f32, n: usize| {
            let last = (n - 1) as f32;
            (at >= -0.5 && at <= last + 0.5).then(|| {
                let at = at.clamp(0.0, last);
                let low = at as usize;
                (low, (low + 1).min(n - 1), at - low as f32)
            })
        };
        let (y0, y1, b) = axis(from[1], h)?;
        let (x0, x1, c) = axis(from[2], w)?;
        let plane = |z: usize| -> [f32; KINDS] {
            let at = |y: usize, x: usize| &self.values[(z * h + y) * w + x];
            let (p, q, r, s) = (at(y0, x0), at(y0, x1), at(y1, x0), at(y1, x1));
            std::array::from_fn(|i| {
                let (near, far) = (p[i] + c * (q[i] - p[i]), r[i] + c * (s[i] - r[i]));
                near + b * (far - near)
            })
        };
        if d == 1 {
            return Some(plane(0));
        }
        let (z0, z1, a) = axis(from[0], d)?;
        let (near, far) = (plane(z0), plane(z1));
        Some(std::array::from_fn(|i| near[i] + a * (far[i] - near[i])))
    }
}

/// The cells around a place and their shares.
pub(crate) type Corners = [(usize, f32); 8];

/// What a place between the cells of a grid takes from each of them, linearly. None outside; at the edge the outermost
/// cells count alone.
pub(crate) fn corners(from: [f32; 3], shape: [usize; 3]) -> Option<Corners> {
    let (mut low, mut high, mut beyond) = ([0; 3], [0; 3], [0.0; 3]);
    for axis in 0..3 {
        let last = (shape[axis] - 1) as f32;
        if !(-0.5..=last + 0.5).contains(&from[axis]) {
            return None;
        }
        let at = from[axis].clamp(0.0, last);
        low[axis] = at as usize;
        high[axis] = (low[axis] + 1).min(shape[axis] - 1);
        beyond[axis] = at - low[axis] as f32;
    }
    let part = |axis: usize, second: bool| if second { (high[axis], beyond[axis]) } else { (low[axis], 1.0 - beyond[axis]) };
    Some(std::array::from_fn(|corner| {
        let [(z, a), (y, b), (x, c)] = [part(0, corner & 4 > 0), part(1, corner & 2 > 0), part(2, corner & 1 > 0)];
        ((z * shape[1] + y) * shape[2] + x, a * b * c)
    }))
}

pub(super) fn place(at: usize, [_, h, w]: [usize; 3]) -> [usize; 3] {
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

/// Each value less the mean of its neighbours, in units of their spread; a spread of much less than `flat` is as good as none.
pub(super) fn standing_out(values: &[f32], shape: [usize; 3], reach: usize, flat: f32) -> Vec<f32> {
    let squares: Vec<f32> = values.iter().map(|v| v * v).collect();
    let (means, squares) = (blurred(values, shape, reach), blurred(&squares, shape, reach));
    let one = |((value, mean), square): ((&f32, &f32), &f32)| (value - mean) / ((square - mean * mean).max(0.0).sqrt() + flat);
    values.iter().zip(&means).zip(&squares).map(one).collect()
}

/// Means over boxes, along one axis after the other; at the edge over what is there.
pub(super) fn blurred(values: &[f32], shape: [usize; 3], reach: usize) -> Vec<f32> {
    let mut now = values.to_vec();
    let strides = [shape[1] * shape[2], shape[2], 1];
    for axis in (0..3).filter(|&axis| shape[axis] > 1) {
        let (n, stride) = (shape[axis], strides[axis]);
        let mut sums = vec![0.0; n + 1];
        let from = now.clone();
        for start in (0..from.len()).filter(|at| at / stride % n == 0) {
            (0..n).for_each(|i| sums[i + 1] = sums[i] + from[start + i * stride]);
            for i in 0..n {
                let (low, high) = (i.saturating_sub(reach), (i + reach + 1).min(n));
                now[start + i * stride] = (sums[high] - sums[low]) / (high - low) as f32;
            }
        }
    }
    now
}
