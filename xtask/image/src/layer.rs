//! The one layer: the files as a compressed archive.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use tar::{Builder, EntryType, Header};

use crate::content::Entry;

/// The archive, which is what `diff_ids` name.
pub(crate) fn archive(entries: &[Entry], time: Timestamp) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for entry in entries {
        let content = entry.content.as_deref();
        let kind = if content.is_some() {
            EntryType::Regular
        } else {
            EntryType::Directory
        };
        let slash = if content.is_some() { "" } else { "/" };
        let content = content.unwrap_or_default();
        let mut header = header(kind, entry.mode, content.len(), time);
        archive.append_data(&mut header, format!("{}{slash}", entry.path), content)?;
    }
    archive.into_inner()
}

/// A header that says nothing about the machine it is written on: owner root, the time given.
pub(crate) fn header(kind: EntryType, mode: u32, size: usize, time: Timestamp) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time.as_second().try_into().unwrap_or_default());
    header.set_size(size as u64);
    header
}

/// Compresses, with neither name nor time in the header.
pub(crate) fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressed = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::new(6));
    compressed.write_all(content)?;
    compressed.finish()
}
