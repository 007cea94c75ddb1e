// What the passes share: a triangle that covers the viewport, and colour.

fn covering(index: u32) -> vec4<f32> {
    let corner = vec2<f32>(vec2<u32>((index << 1u) & 2u, index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

fn linear_from_gamma(colour: vec3<f32>) -> vec3<f32> {
    let low = colour / 12.92;
    let high = pow((colour + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, colour < vec3<f32>(0.04045));
}
