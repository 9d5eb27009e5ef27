//! The image of the release binary.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use operator_image::{Image, ImageError, Program};

use crate::{RigError, build, workspace};

/// What the image is called unless somebody asks for another name; the chart's default as well.
pub const NAME: &str = "launchdarkly-token-operator";

/// The version of everything in this repository.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The image of the binary that the tests run, for this machine's architecture, as the archive that
/// `ctr images import` and `docker load` read: `launchdarkly-token-operator:0.1.0`, as the chart names it.
/// It is beside the binary.
///
/// # Errors
/// The build fails, or the binary cannot stand alone.
pub fn archive() -> Result<PathBuf, RigError> {
    let program = build::operator()?;
    let archive = program.with_extension("image.tar");
    let programs = vec![Program::read(&program)?];
    let image = of(programs, NAME, "unknown")?;
    image.layout()?.write_archive(&archive)?;
    Ok(archive)
}

/// An image of `programs` in this version. Its time is `SOURCE_DATE_EPOCH` or that of the last commit, and
/// without either the beginning of 1970: never now, so that it can be made again.
///
/// # Errors
/// `SOURCE_DATE_EPOCH` is not a number of seconds.
pub fn of(programs: Vec<Program>, name: &str, revision: &str) -> Result<Image, RigError> {
    let seconds = env::var("SOURCE_DATE_EPOCH").ok();
    let seconds = seconds.or_else(|| git(&["log", "-1", "--format=%ct"]));
    let seconds = seconds.unwrap_or_else(|| "0".into());
    let created = seconds.parse().ok().map(Timestamp::from_second);
    let Some(Ok(created)) = created else {
        return Err(RigError::Unexpected(format!(
            "SOURCE_DATE_EPOCH={seconds} is not a number of seconds"
        )));
    };
    Ok(Image {
        name: name.into(),
        version: VERSION.into(),
        revision: revision.into(),
        created,
        programs,
    })
}

/// The commit that is checked out, with `-modified` if files differ from it; `LDTOKENS_BUILD_COMMIT` if that
/// is set, for builds that do not see the repository; else `unknown`.
#[must_use]
pub fn revision() -> String {
    let named = env::var("LDTOKENS_BUILD_COMMIT").ok();
    if let Some(named) = named.filter(|commit| !commit.is_empty()) {
        return named;
    }
    let Some(commit) = git(&["rev-parse", "HEAD"]) else {
        return "unknown".into();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]).as_deref() {
        Some("") => commit,
        _ => format!("{commit}-modified"),
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(workspace::root())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

impl From<ImageError> for RigError {
    fn from(error: ImageError) -> Self {
        Self::Unexpected(error.to_string())
    }
}

/// Where `cargo xtask image` writes unless told otherwise.
#[must_use]
pub fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace::root().join(Path::new(&target)).join("image")
}
