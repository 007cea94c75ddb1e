//! The program exemplar.
fn main() {
    let _ = app::run(std::env::args().skip(1).map(Into::into).collect(), engine::DeviceChoice::Auto);
}
