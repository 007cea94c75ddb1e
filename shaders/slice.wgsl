// One slice, cut from 3-D textures. Cells are voxel positions plus a half: voxel v covers v to v + 1.

const GREY_F32 = 0u;   // one f32 a voxel; what is not finite is no value
const GREY_I16 = 1u;   // two bytes a voxel, low and high, signed
const COLOUR = 2u;     // red, green, blue

const NEAREST = 0u;
const BILINEAR = 1u;
const MEAN = 2u;

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
    smoothing: u32,         // NEAREST, BILINEAR or MEAN
    taps: u32,              // 1 for NEAREST, else 4
    fill: u32,
    outline: u32,
    linear_target: u32,
    layer_count: u32,
    unused: u32,
    layers: array<Layer, 8>,
}

@group(0) @binding(0) var<uniform> view: Slice;
@group(0) @binding(1) var image: texture_3d<f32>;
@group(0) @binding(2) var covers: texture_3d<u32>;

// What the fragment shader branches on. It comes by way of the vertices, for Mesa's software GPU puts the values of
// uniforms into a shader that branches on them and compiles it anew, in Mesa 22.3 for every single draw, and keeps
// all it ever compiled: megabytes a frame. So no `if` or loop here may depend on `view` alone.
struct Ways {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) kind: u32,
    @location(1) @interpolate(flat) smoothing: u32,
    @location(2) @interpolate(flat) taps: u32,
    @location(3) @interpolate(flat) fill: u32,
    @location(4) @interpolate(flat) outline: u32,
    @location(5) @interpolate(flat) linear_target: u32,
    @location(6) @interpolate(flat) layer_count: u32,
}

var<private> ways: Ways;

@vertex
fn cover(@builtin(vertex_index) index: u32) -> Ways {
    return Ways(
        covering(index), view.kind, view.smoothing, view.taps, view.fill, view.outline, view.linear_target,
        view.layer_count,
    );
}

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
    if ways.kind == COLOUR {
        return vec4<f32>(raw.rgb * 255.0, 1.0);
    }
    if ways.kind == GREY_I16 {
        let bytes = vec2<i32>(round(raw.rg * 255.0));
        let value = f32(((bytes.y << 24u) >> 16u) | bytes.x);
        return vec4<f32>(vec3<f32>(value), 1.0);
    }
    // Asked by its bits, for a compiler may presume that no number is NaN.
    let finite = (bitcast<u32>(raw.r) & 0x7f800000u) != 0x7f800000u;
    return select(vec4<f32>(0.0), vec4<f32>(vec3<f32>(raw.r), 1.0), finite);
}

// The image under a pixel, and 1 where it holds a value there. Smoothed on the slice: bilinear, or where a pixel
// covers several voxels the mean of four of them, for fine detail would flicker. A neighbour without a value does
// not count. One loop with one load, for software GPUs compile and run each further load dearly.
fn image_at(pixel: vec2<f32>) -> vec4<f32> {
    var start = cell_at(pixel) * view.texels.xyz;
    var across = vec3<f32>(view.across.xyz);
    var along = vec3<f32>(view.along.xyz);
    var share = vec2<f32>(0.5);
    if ways.smoothing == BILINEAR {
        start -= 0.5 * (across + along);
        share = vec2<f32>(dot(fract(start), across), dot(fract(start), along));
    } else if ways.smoothing == MEAN {
        across = 0.5 * view.right.xyz * view.texels.xyz;
        along = 0.5 * view.down.xyz * view.texels.xyz;
        start -= 0.5 * (across + along);
    }
    var sum = vec4<f32>(0.0);
    var heaviest = vec2<f32>(0.0);
    for (var tap = 0u; tap < ways.taps; tap += 1u) {
        let corner = vec2<f32>(f32(tap & 1u), f32(tap >> 1u));
        let weights = mix(1.0 - share, share, corner);
        let weight = weights.x * weights.y;
        let found = texel(vec3<i32>(floor(start + corner.x * across + corner.y * along)));
        sum += weight * found;
        heaviest = select(heaviest, vec2<f32>(weight, found.a), weight > heaviest.x);
    }
    return vec4<f32>(sum.rgb / max(sum.a, 1e-6), heaviest.y);
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
    for (var i = 0u; i < ways.layer_count; i += 1u) {
        let layer = view.layers[i];
        let bit = 1u << i;
        if (layer.flags.x & SHOWN) == 0u || (inside & bit) == 0u {
            continue;
        }
        if ways.outline != 0u && (edges & bit) != 0u {
            colour = outline_colour(layer, pixel);
        } else if ways.fill != 0u {
            colour = mix(colour, layer.colour.rgb, clamp(fill_share(layer, pixel), 0.0, 1.0));
        }
    }
    return colour;
}

@fragment
fn slice(corner: Ways) -> @location(0) vec4<f32> {
    ways = corner;
    let pixel = ways.position.xy;
    var colour = view.background.rgb;
    if is_inside(cell_at(pixel)) {
        let found = image_at(pixel);
        let shown = clamp((found.rgb - view.black) * view.per_width, vec3<f32>(0.0), vec3<f32>(1.0));
        colour = mix(colour, shown, found.a);
        if ways.layer_count > 0u {
            colour = with_layers(colour, pixel);
        }
    }
    if ways.linear_target != 0u {
        colour = linear_from_gamma(colour);
    }
    return vec4<f32>(colour, 1.0);
}
