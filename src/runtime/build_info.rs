//! Which build this is.

use std::sync::LazyLock;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit this was built from, where the build named one in `LDTOKENS_BUILD_COMMIT`.
pub const COMMIT: &str = match option_env!("LDTOKENS_BUILD_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// `debug` builds check arithmetic and are slow; a shipped one says `release`.
pub const PROFILE: &str = if cfg!(debug_assertions) {
    "debug"
} else {
    "release"
};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{VERSION} (commit {COMMIT}, {PROFILE}, {}-{})",
        std::env::consts::OS,
        std::env::consts::ARCH
    )
});

/// All of it in one line, as `--version` prints it.
#[must_use]
pub fn describe() -> &'static str {
    &DESCRIPTION
}
