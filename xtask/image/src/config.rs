//! What the image says about itself and how it is run. The Dockerfile says the same.

use serde_json::{Map, Value, json};

use crate::{Image, PROGRAM};

/// Who runs in it: a number, so that Kubernetes can tell that it is not root.
pub const USER: &str = "65532:65532";

/// The image configuration for one architecture.
pub(crate) fn config(image: &Image, architecture: &str, diff_id: &str) -> Value {
    let created = image.created.to_string();
    json!({
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": {
            "Entrypoint": [PROGRAM],
            "ExposedPorts": {"8080/tcp": {}},
            "Labels": labels(image),
            "User": USER,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "created_by": "cargo xtask image"}],
    })
}

/// Labels of the configuration, and annotations of the manifest.
pub(crate) fn labels(image: &Image) -> Map<String, Value> {
    let about = [
        ("created", image.created.to_string()),
        (
            "description",
            "Creates, rotates and deletes LaunchDarkly API access tokens and keeps their keys in Secrets".into(),
        ),
        ("licenses", env!("CARGO_PKG_LICENSE").into()),
        ("revision", image.revision.clone()),
        (
            "source",
            "https://github.com/launchdarkly-token-operator/launchdarkly-token-operator".into(),
        ),
        ("title", "launchdarkly-token-operator".into()),
        ("version", image.version.clone()),
    ];
    about
        .into_iter()
        .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.into()))
        .collect()
}
