//! The Dockerfile makes the image that `cargo xtask image` writes.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use operator_image::{Image, Program};
use serde_json::{Map, Value, json};

const EPOCH: &str = "1970-01-01T00:00:00Z";

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The configuration of an image whose build facts are the names of the Dockerfile's arguments.
fn written() -> Value {
    let image = Image {
        name: "a".into(),
        version: "${VERSION}".into(),
        revision: "${REVISION}".into(),
        created: EPOCH.parse().unwrap(),
        programs: vec![Program {
            architecture: "amd64",
            content: Vec::new(),
        }],
    };
    let layout = image.layout().unwrap();
    let mut blobs = layout.files().values();
    let config = blobs.find_map(|blob| {
        let mut value: Value = serde_json::from_slice(blob).ok()?;
        value
            .get("rootfs")
            .is_some()
            .then(|| value["config"].take())
    });
    config.unwrap()
}

/// The configuration that the last stage of the Dockerfile makes.
fn built(dockerfile: &str) -> Value {
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    let mut config = Map::new();
    let mut labels = BTreeMap::new();
    for line in last.lines() {
        let (instruction, rest) = line.split_once(' ').unwrap_or_default();
        let (name, value) = match instruction {
            "ENTRYPOINT" => ("Entrypoint", serde_json::from_str(rest).unwrap()),
            "USER" => ("User", rest.into()),
            "WORKDIR" => ("WorkingDir", rest.into()),
            "EXPOSE" => ("ExposedPorts", json!({rest: {}})),
            "LABEL" => {
                let (name, value) = rest.split_once('=').unwrap();
                let value = value.trim_matches('"');
                labels.insert(name.to_owned(), value.replace("${CREATED}", EPOCH));
                continue;
            }
            _ => continue,
        };
        config.insert(name.into(), value);
    }
    config.insert("Labels".into(), json!(labels));
    Value::Object(config)
}

#[test]
fn the_dockerfile_and_the_image_say_the_same_about_how_it_runs_and_what_it_is() {
    assert_eq!(built(&read("Dockerfile")), written());
}

#[test]
fn the_image_of_the_dockerfile_has_only_the_files_of_the_image() {
    let dockerfile = read("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    let adds: Vec<&str> = last
        .lines()
        .filter(|line| {
            ["ADD ", "COPY ", "RUN "]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .collect();
    assert_eq!(adds, ["COPY --from=build --chown=0:0 /image/ /"]);
    assert!(dockerfile.contains(" cargo xtask image --root /image\n"));
}

#[test]
fn the_dockerfile_builds_with_the_rust_version_that_is_checked_and_labels_the_version_that_it_is() {
    let dockerfile = read("Dockerfile");
    let rust = read("xtask/rust-version");
    let builder = format!("\nFROM rust:{}-bookworm AS build\n", rust.trim());
    assert!(dockerfile.contains(&builder));
    let version = concat!("\nARG VERSION=", env!("CARGO_PKG_VERSION"), "\n");
    assert!(dockerfile.contains(version));
}
