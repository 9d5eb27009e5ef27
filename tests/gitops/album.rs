//! Test data for Argo CD's own tests of our health checks and actions, taken from real objects.
//!
//! With `LDTOKENS_GENERATE=1` they are written; else what is there is compared with what the objects say now.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::verdict::{KINDS, Verdict, customization};

/// What a script's clock says in the tests, as Argo CD's own tests have it.
pub const NOW: &str = "0001-01-01T00:00:00Z";

/// A state that an object can be in.
pub struct Scene {
    /// Name of the file that keeps it.
    pub name: &'static str,
    /// The object as the API server gave it.
    pub object: Value,
    /// What kstatus and Argo CD must say.
    pub expected: (&'static str, &'static str),
}

impl Scene {
    /// An object in a state that these must be said of.
    pub fn new(name: &'static str, object: Value, expected: (&'static str, &'static str)) -> Self {
        Self {
            name,
            object,
            expected,
        }
    }

    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap()
    }

    fn is_deleting(&self) -> bool {
        self.object["metadata"]["deletionTimestamp"].is_string()
    }
}

/// Whether files are written.
fn writes() -> bool {
    std::env::var_os("LDTOKENS_GENERATE").is_some_and(|value| value == "1")
}

/// Keeps the scenes, or compares them with what was kept.
pub fn keep(scenes: &[Scene], verdicts: &[Verdict]) {
    for kind in KINDS {
        let folder = customization(kind);
        // Argo CD says itself what is being deleted; only actions look at that.
        let kept = |scene: &Scene| !scene.is_deleting() || kind == "AccessToken";
        let of_kind = || {
            let all = scenes.iter().zip(verdicts);
            all.filter(|(scene, _)| scene.kind() == kind && kept(scene))
        };
        if writes() {
            for (scene, _) in of_kind() {
                write(&folder.join(file(scene.name)), &plain(&scene.object));
            }
            let tests: Vec<Value> = of_kind()
                .filter(|(scene, _)| !scene.is_deleting())
                .map(|(scene, verdict)| {
                    let message = plain(&json!(verdict.message));
                    let health = json!({"status": verdict.health, "message": message});
                    json!({"healthStatus": health, "inputPath": file(scene.name)})
                })
                .collect();
            write(&folder.join("health_test.yaml"), &json!({"tests": tests}));
        }
        let mut names = BTreeSet::new();
        for (scene, _) in of_kind() {
            let path = folder.join(file(scene.name));
            assert_eq!(
                look(&read(&path)),
                look(&scene.object),
                "{}",
                path.display()
            );
            names.insert(format!("{}.yaml", scene.name));
        }
        let kept: BTreeSet<String> = fs::read_dir(folder.join("testdata"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(kept, names, "testdata of {kind}");
    }
    if writes() {
        keep_actions();
    }
}

/// What the actions must make of the objects, written down without their help.
fn keep_actions() {
    let folder = customization("AccessToken");
    let edits = [
        (
            "rotated",
            "ready",
            json!({"metadata": {"annotations": {"ldtokens.dev/rotate": NOW}}}),
        ),
        (
            "revoked",
            "ready",
            json!({"metadata": {"annotations": {"ldtokens.dev/revoke": NOW}}}),
        ),
        (
            "cut-off",
            "ready",
            json!({"metadata": {"annotations": {"ldtokens.dev/cut-off": NOW}}}),
        ),
        ("suspended", "ready", json!({"spec": {"suspend": true}})),
        ("resumed", "suspended", json!({"spec": {"suspend": false}})),
    ];
    for (name, from, edit) in edits {
        let mut object = read(&folder.join(file(from)));
        merge(&mut object, &edit);
        write(&folder.join("actions").join(file(name)), &object);
    }
}

fn merge(into: &mut Value, from: &Value) {
    let Value::Object(fields) = from else {
        *into = from.clone();
        return;
    };
    for (name, value) in fields {
        merge(&mut into[name], value);
    }
}

fn file(name: &str) -> String {
    format!("testdata/{name}.yaml")
}

/// Reads a YAML file with one document.
pub fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(
        !text.is_empty(),
        "there is no {}; run `LDTOKENS_GENERATE=1 cargo test --test gitops scenes`",
        path.display()
    );
    serde_saphyr::from_str(&text).unwrap()
}

fn write(path: &Path, value: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_saphyr::to_string(value).unwrap()).unwrap();
}

/// What matters about a state: it changes only if the operator says something else.
fn look(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    let conditions: Map<String, Value> = conditions
        .into_iter()
        .flatten()
        .map(|one| {
            let said = json!([one["status"], one["reason"]]);
            (one["type"].as_str().unwrap().to_owned(), said)
        })
        .collect();
    json!({
        "kind": object["kind"],
        "conditions": conditions,
        "current": object["metadata"]["generation"] == object["status"]["observedGeneration"],
        "deleting": object["metadata"]["deletionTimestamp"].is_string(),
        "suspended": object["spec"]["suspend"] == true,
    })
}

/// The same without what differs from run to run: times, IDs, addresses, names of namespaces.
fn plain(value: &Value) -> Value {
    static ALIKE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (
                "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z",
                "2026-10-01T09:00:00Z",
            ),
            (
                "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                "8c9e6679-7425-40de-944b-e07fc1f90ae7",
            ),
            ("\\b[0-9a-f]{24}\\b", "66f1a2b3c4d5e6f708192a3b"),
            (
                "https?://127\\.0\\.0\\.1:[0-9]+",
                "https://app.launchdarkly.com",
            ),
            ("\\bgitops-[a-z]+\\b", "team-a"),
        ]
        .map(|(pattern, alike)| (Regex::new(pattern).unwrap(), alike))
        .into()
    });
    match value {
        Value::String(text) => ALIKE
            .iter()
            .fold(text.clone(), |text, (pattern, alike)| {
                pattern.replace_all(&text, *alike).into_owned()
            })
            .into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| *name != "managedFields");
            let kept = kept.map(|(name, value)| {
                let value = if name == "resourceVersion" {
                    json!("1000")
                } else {
                    plain(value)
                };
                (name.clone(), value)
            });
            Value::Object(kept.collect())
        }
        other => other.clone(),
    }
}
