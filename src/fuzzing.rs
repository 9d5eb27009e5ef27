//! Everything that reads what comes from outside, fed with any bytes: each function panics when a promise is broken.
//!
//! Not a part of the program: built for tests, and with the feature `fuzzing` for `cargo xtask fuzz`, which looks for bytes that reach new
//! code. What it found is kept in `fuzz/corpus` and replayed by the tests.

mod objects;
mod secrets;
#[cfg(test)]
mod tests;

use crate::domain::marker;
use crate::launchdarkly::fuzzing as launchdarkly;

/// Something that reads bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Reads them, and panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "answers",
        run: launchdarkly::answers,
    },
    Target {
        name: "headers",
        run: launchdarkly::headers,
    },
    Target {
        name: "endpoint",
        run: launchdarkly::endpoint,
    },
    Target {
        name: "path",
        run: launchdarkly::path,
    },
    Target {
        name: "text",
        run: launchdarkly::text,
    },
    Target {
        name: "marker",
        run: markers,
    },
    Target {
        name: "spec",
        run: objects::token,
    },
    Target {
        name: "account",
        run: objects::account,
    },
    Target {
        name: "secret",
        run: secrets::secret,
    },
];

/// A description at LaunchDarkly, and what is written into one.
fn markers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (user_part, found) = marker::split(&text);
    assert!(text.starts_with(user_part));
    let Some(found) = found else {
        assert_eq!(user_part, text);
        return;
    };
    let rendered = found.render();
    assert!(rendered.len() <= marker::MAX_LENGTH);
    assert!(text.trim_end().ends_with(&rendered));
    for limit in [0, rendered.len(), 150, marker::LONGEST_DESCRIPTION, 10_000] {
        let whole = marker::with_marker(user_part, &found, limit);
        assert!(whole.chars().count() <= limit.max(rendered.len()));
        let (kept, again) = marker::split(&whole);
        assert!(user_part.starts_with(kept));
        assert_eq!(again.as_ref(), Some(&found));
    }
}
