//! Words for the user that the window and the commands share.

/// A number of things, by the name of one.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
