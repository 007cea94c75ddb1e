//! The program: arguments to a window or a command.

use std::io::{IsTerminal as _, stderr};
use std::process::ExitCode;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Of other crates only what is an error: their warnings about screens and drivers help no user.
const QUIET: &str = "error,app=warn,engine=warn,viewer=warn,imaging=warn";

fn main() -> ExitCode {
    app::heap::give_back();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    let log = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal()).with_target(false).without_time();
    let own = ["app", "engine", "viewer", "imaging"].map(|name| (name, LevelFilter::INFO));
    let kept = Targets::new().with_targets(own).with_default(LevelFilter::ERROR);
    tracing_subscriber::registry().with(log.with_filter(filter)).with(app::diagnosis::Recorder.with_filter(kept)).init();
    app::cli::run(app::run)
}
