//! The image as others read it: by the types of the specification, and by what archives hold.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use oci_spec::image::{
    Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout,
};
use operator_image::{Image, ImageError, Layout, PROGRAM, Program, USER};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tar::Archive;
use tempfile::TempDir;

const AMD64: u8 = 62;
const ARM64: u8 = 183;

/// The least that is a static program: a header without program headers.
fn program(machine: u8) -> Vec<u8> {
    let mut elf = vec![0; 64];
    elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    elf[16] = 3;
    elf[18] = machine;
    elf[20] = 1;
    elf[52] = 64;
    elf[54] = 56;
    elf[58] = 64;
    elf
}

fn read(machine: u8) -> Program {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("program");
    fs::write(&file, program(machine)).unwrap();
    Program::read(&file).unwrap()
}

fn image(machines: &[u8]) -> Image {
    Image {
        name: "launchdarkly-token-operator".into(),
        version: "1.2.3".into(),
        revision: "0123abc".into(),
        created: "2026-11-22T10:00:00Z".parse().unwrap(),
        programs: machines.iter().map(|machine| read(*machine)).collect(),
    }
}

/// The content that a descriptor names, after its digest and size were compared.
fn blob<'a>(layout: &'a Layout, descriptor: &Descriptor) -> &'a [u8] {
    let digest = descriptor.digest().to_string();
    let content = &layout.files()[&format!("blobs/{}", digest.replace(':', "/"))];
    assert_eq!(digest, sha256(content));
    assert_eq!(descriptor.size(), content.len() as u64);
    content
}

fn sha256(content: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{}", bytes.concat())
}

fn index(layout: &Layout) -> ImageIndex {
    ImageIndex::from_reader(&layout.files()["index.json"][..]).unwrap()
}

fn inflate(layer: &[u8]) -> Vec<u8> {
    let mut archive = Vec::new();
    GzDecoder::new(layer).read_to_end(&mut archive).unwrap();
    archive
}

#[test]
fn the_layout_is_what_the_specification_asks_for() {
    let layout = image(&[AMD64]).layout().unwrap();
    let version = OciLayout::from_reader(&layout.files()["oci-layout"][..]).unwrap();
    assert_eq!(version.image_layout_version(), "1.0.0");
    let index = index(&layout);
    let [top] = &index.manifests()[..] else {
        panic!("one image: {index:?}")
    };
    assert_eq!(top.media_type(), &MediaType::ImageManifest);
    assert_eq!(top.digest().to_string(), layout.digest());
    let names = top.annotations().clone().unwrap();
    assert_eq!(
        names["io.containerd.image.name"],
        "docker.io/library/launchdarkly-token-operator:1.2.3"
    );
    assert_eq!(names["org.opencontainers.image.ref.name"], "1.2.3");

    let manifest = ImageManifest::from_reader(blob(&layout, top)).unwrap();
    assert_eq!(manifest.config().media_type(), &MediaType::ImageConfig);
    let [layer] = &manifest.layers()[..] else {
        panic!("one layer: {manifest:?}")
    };
    assert_eq!(layer.media_type(), &MediaType::ImageLayerGzip);
    let archive = inflate(blob(&layout, layer));

    let config = ImageConfiguration::from_reader(blob(&layout, manifest.config())).unwrap();
    assert_eq!(config.architecture().to_string(), "amd64");
    assert_eq!(config.os().to_string(), "linux");
    assert_eq!(config.rootfs().diff_ids(), &[sha256(&archive)]);
    assert_eq!(config.created().as_deref(), Some("2026-11-22T10:00:00Z"));
    let run = config.config().clone().unwrap();
    assert_eq!(run.user().as_deref(), Some(USER));
    assert_eq!(run.entrypoint().as_deref(), Some(&[PROGRAM.into()][..]));
    assert_eq!(run.cmd(), &None);
    assert_eq!(run.env(), &None);
    let labels = run.labels().clone().unwrap();
    assert_eq!(Some(&labels), manifest.annotations().as_ref());
    assert_eq!(labels["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(labels["org.opencontainers.image.revision"], "0123abc");
    assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(
        labels["org.opencontainers.image.source"],
        "https://github.com/launchdarkly-token-operator/launchdarkly-token-operator"
    );

    let table: Value = serde_json::from_slice(&layout.files()["manifest.json"]).unwrap();
    assert_eq!(table[0]["RepoTags"][0], "launchdarkly-token-operator:1.2.3");
    let docker = |path: &Value| layout.files()[path.as_str().unwrap()].clone();
    assert_eq!(
        docker(&table[0]["Config"]),
        blob(&layout, manifest.config())
    );
    assert_eq!(docker(&table[0]["Layers"][0]), blob(&layout, layer));
    assert_eq!(layout.files().len(), 6, "nothing else");
}

#[test]
fn the_image_holds_the_program_and_five_small_files_that_only_root_may_write() {
    let layout = image(&[AMD64]).layout().unwrap();
    let manifest =
        ImageManifest::from_reader(blob(&layout, &index(&layout).manifests()[0])).unwrap();
    let archive = inflate(blob(&layout, &manifest.layers()[0]));
    let mut found = Vec::new();
    for entry in Archive::new(&archive[..]).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mtime().unwrap(), 1_795_341_600);
        let path = entry.path().unwrap().display().to_string();
        found.push(format!("{:o} {path}", header.mode().unwrap()));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if path == "launchdarkly-token-operator" {
            assert_eq!(content, program(AMD64));
        }
        if path.ends_with("certificates.crt") {
            let certificates = pem::parse_many(&content).unwrap();
            assert!(certificates.len() > 100, "{}", certificates.len());
            assert!(!content.contains(&b'\r'));
        }
    }
    assert_eq!(
        found,
        [
            "755 etc/",
            "644 etc/group",
            "644 etc/nsswitch.conf",
            "644 etc/passwd",
            "755 etc/ssl/",
            "755 etc/ssl/certs/",
            "644 etc/ssl/certs/ca-certificates.crt",
            "755 launchdarkly-token-operator",
            "755 licenses/",
            "644 licenses/LICENSE",
        ]
    );
}

#[test]
fn the_same_program_makes_the_same_bytes_as_a_folder_and_as_an_archive() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str| {
        let layout = image(&[AMD64]).layout().unwrap();
        let file = folder.path().join(name).with_extension("tar");
        layout.write_archive(&file).unwrap();
        layout.write_folder(&folder.path().join(name)).unwrap();
        (layout.files().clone(), fs::read(file).unwrap())
    };
    let (files, archive) = write("one");
    assert_eq!((files.clone(), archive.clone()), write("two"));

    for (path, content) in &files {
        assert_eq!(
            &fs::read(folder.path().join("one").join(path)).unwrap(),
            content
        );
    }
    let in_archive: BTreeSet<String> = Archive::new(&archive[..])
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .filter(|path| !path.ends_with('/'))
        .collect();
    assert!(in_archive.iter().eq(files.keys()), "{in_archive:?}");
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 4, "nothing unfinished stays");
}

#[test]
fn two_architectures_are_one_image_under_an_index() {
    let layout = image(&[AMD64, ARM64]).layout().unwrap();
    let top = index(&layout).manifests()[0].clone();
    assert_eq!(top.media_type(), &MediaType::ImageIndex);
    assert_eq!(top.digest().to_string(), layout.digest());
    let several = ImageIndex::from_reader(blob(&layout, &top)).unwrap();
    let mut architectures = Vec::new();
    for descriptor in several.manifests() {
        let manifest = ImageManifest::from_reader(blob(&layout, descriptor)).unwrap();
        let config = ImageConfiguration::from_reader(blob(&layout, manifest.config())).unwrap();
        let platform = descriptor.platform().clone().unwrap();
        assert_eq!(platform.architecture(), config.architecture());
        architectures.push(platform.architecture().to_string());
    }
    assert_eq!(architectures, ["amd64", "arm64"]);
    assert!(!layout.files().contains_key("manifest.json"));
}

#[test]
fn what_cannot_run_in_the_image_is_refused() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    assert!(matches!(
        Program::read(&script),
        Err(ImageError::NotLinux { .. })
    ));
    assert!(matches!(
        Program::read(Path::new("/nonexistent")),
        Err(ImageError::Io { .. })
    ));
    assert!(matches!(image(&[]).layout(), Err(ImageError::Empty)));
    assert!(matches!(
        image(&[AMD64, AMD64]).layout(),
        Err(ImageError::Twice("amd64"))
    ));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_program_that_needs_a_dynamic_linker_is_refused() {
    // Tests are linked dynamically.
    let refused = Program::read(&std::env::current_exe().unwrap());
    assert!(matches!(refused, Err(ImageError::Dynamic { .. })));
}
