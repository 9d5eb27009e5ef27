//! The API server's audit log.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::RigError;
use crate::error::Doing;

/// Has the log that is written to `path` stand in another file, which is emptied.
pub(super) fn keep_at(kept: &Path, path: &Path) -> Result<(), RigError> {
    File::create(kept)
        .and_then(|_| std::os::unix::fs::symlink(kept, path))
        .doing(|| format!("keep the audit log in {}", kept.display()))
}

/// A file of one JSON event per line, which the API server appends to before it answers.
#[derive(Debug)]
pub(super) struct AuditLog(PathBuf);

impl AuditLog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its present length in bytes.
    pub(super) fn end(&self) -> Result<u64, RigError> {
        let file = fs::metadata(&self.0).doing(|| format!("read {}", self.0.display()))?;
        Ok(file.len())
    }

    /// All of it.
    pub(super) fn text(&self) -> Result<String, RigError> {
        fs::read_to_string(&self.0).doing(|| format!("read {}", self.0.display()))
    }

    /// The events from a byte on. A line that is still being written is left for the next time.
    pub(super) fn events(&self, from: u64) -> Result<Vec<Value>, RigError> {
        let mut text = String::new();
        File::open(&self.0)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(from))?;
                file.read_to_string(&mut text)
            })
            .doing(|| format!("read {}", self.0.display()))?;
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| {
                serde_json::from_str(line).map_err(|error| {
                    RigError::Unexpected(format!("a line of the audit log is no JSON: {error}"))
                })
            })
            .collect()
    }
}
