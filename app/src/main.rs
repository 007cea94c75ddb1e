//! The program: arguments to a window or a command.

use std::io::{IsTerminal as _, stderr};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Of other crates only what is an error: their warnings about screens and drivers help no user.
const QUIET: &str = "error,app=warn,engine=warn,viewer=warn,imaging=warn";

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    log.with_target(false).without_time().init();
    app::cli::run(app::run)
}
