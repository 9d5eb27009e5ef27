//! What is in the image: the program, and the few files that a C library and a TLS library look for.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use pem::{EncodeConfig, LineEnding, Pem};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use crate::{ImageError, Program};

/// Where the program is, and what the image runs.
pub const PROGRAM: &str = "/launchdarkly-token-operator";

/// One file or folder of the image.
pub(crate) struct Entry {
    /// From the root, without a slash before it.
    pub(crate) path: &'static str,
    /// Permissions. Everything belongs to root: the operator cannot change what it runs from.
    pub(crate) mode: u32,
    /// The content of a file; `None` for a folder.
    pub(crate) content: Option<Vec<u8>>,
}

/// Everything in the image, folders before what is in them.
pub(crate) fn entries(program: &Program) -> Vec<Entry> {
    vec![
        folder("etc"),
        file("etc/group", "root:x:0:\nnonroot:x:65532:\n"),
        // Names come from /etc/hosts and DNS; both are in the C library that is linked in.
        file("etc/nsswitch.conf", "hosts: files dns\n"),
        file(
            "etc/passwd",
            "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n",
        ),
        folder("etc/ssl"),
        folder("etc/ssl/certs"),
        file("etc/ssl/certs/ca-certificates.crt", authorities()),
        Entry {
            path: PROGRAM.trim_start_matches('/'),
            mode: 0o755,
            content: Some(program.content.clone()),
        },
        folder("licenses"),
        file("licenses/LICENSE", include_str!("../../../LICENSE")),
    ]
}

/// Writes everything in the image into `folder`, as a Dockerfile copies it. The files belong to who writes them.
///
/// # Errors
/// Something cannot be written, for example because it is there already.
pub fn unpack(program: &Program, folder: &Path) -> Result<(), ImageError> {
    fs::create_dir_all(folder).map_err(ImageError::io(format!("create {}", folder.display())))?;
    for entry in entries(program) {
        let path = folder.join(entry.path);
        let written = match entry.content {
            Some(content) => fs::write(&path, content),
            None => fs::create_dir(&path),
        };
        written
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(entry.mode)))
            .map_err(ImageError::io(format!("write {}", path.display())))?;
    }
    Ok(())
}

fn folder(path: &'static str) -> Entry {
    Entry {
        path,
        mode: 0o755,
        content: None,
    }
}

fn file(path: &'static str, content: impl Into<String>) -> Entry {
    Entry {
        path,
        mode: 0o644,
        content: Some(content.into().into_bytes()),
    }
}

/// The authorities that Mozilla trusts for servers, in the version that Cargo.lock names. Not those of
/// the machine that builds: the image must not depend on it.
fn authorities() -> String {
    let certificates: Vec<Pem> = TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec()))
        .collect();
    pem::encode_many_config(
        &certificates,
        EncodeConfig::new().set_line_ending(LineEnding::LF),
    )
}
