//! The time between frames, for whoever measures whether the window stays smooth.
//!
//! With `EXEMPLAR_FRAME_LOG=FILE` the window repaints without rest and writes one line a frame to the file:
//! the milliseconds since the frame before, and whether the engine was at work.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::time::{Duration, Instant};

/// A frame that takes longer than this is told in the log: the user felt it.
const FELT: Duration = Duration::from_millis(50);

/// The watch on the frames.
#[derive(Default)]
pub struct Frames {
    file: Option<BufWriter<File>>,
    last: Option<Instant>,
}

impl Frames {
    /// A watch that writes where the environment says, if it does.
    #[must_use]
    pub fn from_env() -> Self {
        let file = std::env::var_os("EXEMPLAR_FRAME_LOG").map(File::create);
        let file = file.and_then(|file| file.inspect_err(|error| tracing::warn!("no log of frames: {error}")).ok());
        Self { file: file.map(BufWriter::new), last: None }
    }

    /// Notes that a frame begins.
    pub fn begin(&mut self, ctx: &egui::Context, engine_works: bool) {
        let now = Instant::now();
        let since = self.last.replace(now).map(|last| now - last);
        let Some(file) = &mut self.file else { return };
        ctx.request_repaint();
        if let Some(since) = since {
            let written =
                writeln!(file, "{:.3} {}", since.as_secs_f64() * 1e3, u8::from(engine_works)).and_then(|()| file.flush());
            if written.is_err() {
                self.file = None;
            }
        }
    }

    /// Notes that the program's part of a frame is done.
    pub fn end(&self) {
        if let Some(took) = self.last.map(|begun| begun.elapsed())
            && took > FELT
        {
            tracing::debug!("a frame took {} ms", took.as_millis());
        }
    }
}
