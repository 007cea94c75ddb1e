// One slice, cut from 3-D textures. Cells are voxel positions plus a half: voxel v covers v to v + 1.

const GREY_F32 = 0u;   // one f32 a voxel; what is not finite is no value
const GREY_I16 = 1u;   // two bytes a voxel, low and high, signed
const COLOUR = 2u;     // red, green, blue

const SHOWN = 1u;
const HATCHED = 2u;

const HATCH_PERIOD = 7.0;
const DASH = 5.0;

// Keep in sync with `gpu_data` in viewer/src/slice.rs.
struct Layer {
    colour: vec4<f32>,      // red, green, blue, opacity of the fill
    flags: vec4<u32>,       // SHOWN | HATCHED; the rest unused
}

// Keep in sync with `gpu_data` in viewer/src/slice.rs.
struct Slice {
    origin: vec4<f32>,      // cell at the framebuffer's pixel corner [0, 0]
    right: vec4<f32>,       // cells a pixel to the right
    down: vec4<f32>,        // cells a pixel down
    shape: vec4<f32>,       // cells along each axis
    texels: vec4<f32>,      // texels a cell along each axis: 1, or less where sampled down
    across: vec4<i32>,      // unit vector of the axis across the screen
    along: vec4<i32>,       // unit vector of the axis down the screen
    background: vec4<f32>,
    black: f32,
    per_width: f32,         // 1 / window width
    thickness: f32,         // of outlines, in pixels
    scale: f32,             // pixels a point
    kind: u32,
    smooth_on: u32,
    fill: u32,
    outline: u32,
    linear_target: u32,
    unused_a: u32,
    unused_b: u32,
    unused_c: u32,
    layers: array<Layer, 8>,
}

@group(0) @binding(0) var<uniform> view: Slice;
@group(0) @binding(1) var image: texture_3d<f32>;
@group(0) @binding(2) var covers: texture_3d<u32>;

fn cell_at(pixel: vec2<f32>) -> vec3<f32> {
    return view.origin.xyz + pixel.x * view.right.xyz + pixel.y * view.down.xyz;
}

fn is_inside(cell: vec3<f32>) -> bool {
    return all(cell >= vec3<f32>(0.0)) && all(cell < view.shape.xyz);
}

// Brightness or colour of a texel, and 1; all zero where it holds no value.
fn texel(at: vec3<i32>) -> vec4<f32> {
    let last = vec3<i32>(textureDimensions(image)) - 1;
    let raw = textureLoad(image, clamp(at, vec3<i32>(0), last), 0);
    if view.kind == COLOUR {
        return vec4<f32>(raw.rgb * 255.0, 1.0);
    }
    if view.kind == GREY_I16 {
        let bytes = vec2<i32>(round(raw.rg * 255.0));
        let value = f32(((bytes.y << 24u) >> 16u) | bytes.x);
        return vec4<f32>(vec3<f32>(value), 1.0);
    }
    // Asked by its bits, for a compiler may presume that no number is NaN.
    let finite = (bitcast<u32>(raw.r) & 0x7f800000u) != 0x7f800000u;
    return select(vec4<f32>(0.0), vec4<f32>(vec3<f32>(raw.r), 1.0), finite);
}

fn nearest(cell: vec3<f32>) -> vec4<f32> {
    return texel(vec3<i32>(floor(cell * view.texels.xyz)));
}

// Bilinear on the slice; neighbours without a value do not count.
fn smoothed(cell: vec3<f32>) -> vec4<f32> {
    let across = view.across.xyz;
    let along = view.along.xyz;
    let in_plane = vec3<f32>(across + along);
    let at = cell * view.texels.xyz - 0.5 * in_plane;
    let base = floor(at);
    let share = (at - base) * in_plane;
    let u = dot(share, vec3<f32>(across));
    let v = dot(share, vec3<f32>(along));
    let corner = vec3<i32>(base);
    let top = mix(texel(corner), texel(corner + across), u);
    let bottom = mix(texel(corner + along), texel(corner + across + along), u);
    let sum = mix(top, bottom, v);
    return vec4<f32>(sum.rgb / max(sum.a, 1e-6), sum.a);
}

fn sample_at(cell: vec3<f32>) -> vec4<f32> {
    let own = nearest(cell);
    if own.a == 0.0 || view.smooth_on == 0u {
        return own;
    }
    return vec4<f32>(smoothed(cell).rgb, 1.0);
}

// Where a pixel covers several voxels, the mean of four samples keeps fine detail from flickering.
fn image_at(pixel: vec2<f32>) -> vec4<f32> {
    let footprint = length(view.right.xyz * view.texels.xyz);
    if view.smooth_on == 0u || footprint < 1.3 {
        return sample_at(cell_at(pixel));
    }
    var sum = vec4<f32>(0.0);
    for (var i = 0; i < 4; i += 1) {
        sum += sample_at(cell_at(pixel + vec2<f32>(vec2<i32>(i & 1, i >> 1u)) * 0.5 - 0.25));
    }
    return vec4<f32>(sum.rgb / max(sum.a, 1e-6), sum.a * 0.25);
}

// One bit a layer.
fn covers_at(pixel: vec2<f32>) -> u32 {
    let cell = cell_at(pixel);
    if !is_inside(cell) {
        return 0u;
    }
    return textureLoad(covers, vec3<i32>(floor(cell * view.texels.xyz)), 0).r;
}

// The layers whose edge runs within the outline's thickness of a pixel that is inside.
fn edges_at(pixel: vec2<f32>, inside: u32) -> u32 {
    let reach = view.thickness;
    let neighbours = covers_at(pixel + vec2<f32>(reach, 0.0)) & covers_at(pixel - vec2<f32>(reach, 0.0))
        & covers_at(pixel + vec2<f32>(0.0, reach)) & covers_at(pixel - vec2<f32>(0.0, reach));
    return inside & ~neighbours;
}

fn fill_share(layer: Layer, pixel: vec2<f32>) -> f32 {
    if (layer.flags.x & HATCHED) == 0u {
        return layer.colour.a;
    }
    let stripe = fract((pixel.x + pixel.y) / (HATCH_PERIOD * view.scale));
    return layer.colour.a * select(0.25, 1.35, stripe < 0.34);
}

// A dashed line stays in sight on any ground: its dashes are bright, its gaps dark.
fn outline_colour(layer: Layer, pixel: vec2<f32>) -> vec3<f32> {
    if (layer.flags.x & HATCHED) == 0u {
        return layer.colour.rgb;
    }
    let dash = vec2<i32>(floor(pixel / (DASH * view.scale)));
    let bright = mix(layer.colour.rgb, vec3<f32>(1.0), 0.55);
    return select(layer.colour.rgb * 0.45, bright, ((dash.x + dash.y) & 1) == 0);
}

fn with_layers(under: vec3<f32>, pixel: vec2<f32>) -> vec3<f32> {
    let inside = covers_at(pixel);
    if inside == 0u {
        return under;
    }
    let edges = edges_at(pixel, inside);
    var colour = under;
    for (var i = 0u; i < 8u; i += 1u) {
        let layer = view.layers[i];
        let bit = 1u << i;
        if (layer.flags.x & SHOWN) == 0u || (inside & bit) == 0u {
            continue;
        }
        if view.outline != 0u && (edges & bit) != 0u {
            colour = outline_colour(layer, pixel);
        } else if view.fill != 0u {
            colour = mix(colour, layer.colour.rgb, clamp(fill_share(layer, pixel), 0.0, 1.0));
        }
    }
    return colour;
}

@fragment
fn slice(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    var colour = view.background.rgb;
    if is_inside(cell_at(position.xy)) {
        let found = image_at(position.xy);
        let shown = clamp((found.rgb - view.black) * view.per_width, vec3<f32>(0.0), vec3<f32>(1.0));
        colour = with_layers(mix(colour, shown, found.a), position.xy);
    }
    if view.linear_target != 0u {
        colour = linear_from_gamma(colour);
    }
    return vec4<f32>(colour, 1.0);
}
