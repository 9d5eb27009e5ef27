//! The image layout: blobs by their digest, and an index that names what is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType};

use crate::{Image, ImageError, config, content, layer};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An OCI image layout.
#[derive(Debug, Clone)]
pub struct Layout {
    files: BTreeMap<String, Vec<u8>>,
    created: Timestamp,
    digest: String,
}

/// Puts the blobs, the index and the table for `docker load` together.
pub(crate) fn build(image: &Image) -> Result<Layout, ImageError> {
    let mut seen = BTreeSet::new();
    let twice = |program: &&crate::Program| !seen.insert(program.architecture);
    if let Some(program) = image.programs.iter().find(twice) {
        return Err(ImageError::Twice(program.architecture));
    }
    let mut layout = Layout {
        files: BTreeMap::new(),
        created: image.created,
        digest: String::new(),
    };
    let manifests = image
        .programs
        .iter()
        .map(|program| layout.manifest(image, program))
        .collect::<io::Result<Vec<Value>>>()
        .map_err(ImageError::io("put a layer together"))?;
    let top = match &manifests[..] {
        [] => return Err(ImageError::Empty),
        [only] => only.clone(),
        several => {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": several});
            layout.blob(INDEX, text(index))
        }
    };
    layout.name(image, top);
    Ok(layout)
}

impl Layout {
    /// Digest of what a registry would serve under the tag, as in `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Path and content of every file.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Writes the layout as a folder, for `skopeo copy oci:…` and `oras cp --from-oci-layout`. What the
    /// folder held before is not removed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_folder(&self, folder: &Path) -> Result<(), ImageError> {
        for (path, content) in &self.files {
            let file = folder.join(path);
            let parent = file.parent().unwrap_or(folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&file, content))
                .map_err(ImageError::io(format!("write {}", file.display())))?;
        }
        Ok(())
    }

    /// Writes the layout as one file, for `ctr images import`, `docker load` and `podman load`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_archive(&self, file: &Path) -> Result<(), ImageError> {
        self.archive(file)
            .map_err(ImageError::io(format!("write {}", file.display())))
    }

    fn archive(&self, file: &Path) -> io::Result<()> {
        // Written aside first: whoever finds the file finds all of it.
        let unfinished = file.with_extension(format!("{}.unfinished", std::process::id()));
        let mut archive = Builder::new(BufWriter::new(File::create(&unfinished)?));
        for folder in ["blobs/", "blobs/sha256/"] {
            let mut header = layer::header(EntryType::Directory, 0o755, 0, self.created);
            archive.append_data(&mut header, folder, &[][..])?;
        }
        for (path, content) in &self.files {
            let mut header = layer::header(EntryType::Regular, 0o644, content.len(), self.created);
            archive.append_data(&mut header, path, &content[..])?;
        }
        archive.into_inner()?.flush()?;
        fs::rename(unfinished, file)
    }

    /// Adds layer, configuration and manifest for one architecture; returns the manifest's descriptor.
    fn manifest(&mut self, image: &Image, program: &crate::Program) -> io::Result<Value> {
        let archive = layer::archive(&content::entries(program), image.created)?;
        let diff_id = digest(&archive);
        let layer = self.blob(LAYER, layer::compress(&archive)?);
        let config = config::config(image, program.architecture, &diff_id);
        let config = self.blob(CONFIG, text(config));
        let mut descriptor = self.blob(
            MANIFEST,
            text(json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": [layer],
                "annotations": config::labels(image),
            })),
        );
        descriptor["platform"] = json!({"os": "linux", "architecture": program.architecture});
        Ok(descriptor)
    }

    /// Writes down what the image is called, for those who read the index and for `docker load`, which
    /// wants a table of its own and knows one architecture only.
    fn name(&mut self, image: &Image, mut top: Value) {
        top["digest"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut self.digest);
        let tagged = format!("{}:{}", image.name, image.version);
        if top["mediaType"] == MANIFEST {
            let manifest = self.read(&top);
            let table = json!([{
                "Config": path(&manifest["config"]),
                "Layers": manifest["layers"].as_array().into_iter().flatten().map(path).collect::<Vec<_>>(),
                "RepoTags": [&tagged],
            }]);
            self.files.insert("manifest.json".into(), text(table));
        }
        top["annotations"] = json!({
            "io.containerd.image.name": full_name(&tagged),
            "org.opencontainers.image.ref.name": image.version,
        });
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]});
        self.files.insert("index.json".into(), text(index));
        let version = json!({"imageLayoutVersion": "1.0.0"});
        self.files.insert("oci-layout".into(), text(version));
    }

    /// Adds a blob and returns its descriptor.
    fn blob(&mut self, media_type: &str, content: Vec<u8>) -> Value {
        let descriptor = json!({
            "mediaType": media_type,
            "digest": digest(&content),
            "size": content.len(),
        });
        self.files.insert(path(&descriptor), content);
        descriptor
    }

    fn read(&self, descriptor: &Value) -> Value {
        let content = self.files.get(&path(descriptor));
        content
            .and_then(|content| serde_json::from_slice(content).ok())
            .unwrap_or_default()
    }
}

/// Where a blob is in the layout.
fn path(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    format!("blobs/{}", digest.replace(':', "/"))
}

/// JSON in one order of keys, whatever features of the library other packages ask for.
fn text(mut value: Value) -> Vec<u8> {
    value.sort_all_objects();
    value.to_string().into_bytes()
}

fn digest(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The name as containerd keeps it, with what Docker leaves out: `a` is `docker.io/library/a`.
fn full_name(name: &str) -> String {
    match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
    }
}
