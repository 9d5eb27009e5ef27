//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

use crate::RigError;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).to_owned()
}

/// Where what is slow to build is kept, outside the checkout: `$XDG_CACHE_HOME` or `~/.cache`, then
/// `launchdarkly-token-operator`. It can be deleted at any time.
///
/// # Errors
/// Neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Result<PathBuf, RigError> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|base| base.join("launchdarkly-token-operator"))
        .ok_or_else(|| {
            RigError::Unexpected("set HOME or XDG_CACHE_HOME: there is no place for a cache".into())
        })
}
