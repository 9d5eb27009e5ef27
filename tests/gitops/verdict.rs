//! What kstatus and Argo CD's health check say of an object.

use std::fs;
use std::path::PathBuf;

use rig::{oracle, workspace};
use serde_json::{Value, json};

/// Our kinds.
pub const KINDS: [&str; 3] = [
    "AccessToken",
    "LaunchDarklyAccount",
    "ClusterLaunchDarklyAccount",
];

/// What the two say of one object.
#[derive(Debug)]
pub struct Verdict {
    pub kstatus: String,
    pub health: String,
    pub message: String,
}

impl Verdict {
    /// Whether both say the same in their own words.
    pub fn agrees(&self) -> bool {
        matches!(
            (self.kstatus.as_str(), self.health.as_str()),
            ("Current", "Healthy")
                | ("InProgress", "Progressing" | "Suspended")
                | ("Failed", "Degraded")
                | ("Terminating", "Progressing")
        )
    }

    /// Both in a word each.
    pub fn words(&self) -> (&str, &str) {
        (&self.kstatus, &self.health)
    }
}

/// Where Argo CD's files for a kind are.
pub fn customization(kind: &str) -> PathBuf {
    let folder = "deploy/argocd/resource_customizations/ldtokens.dev";
    workspace::root().join(folder).join(kind)
}

/// A Lua file of a kind.
pub fn script(kind: &str, path: &str) -> String {
    fs::read_to_string(customization(kind).join(path)).unwrap()
}

/// A verdict for each object.
pub fn verdicts(objects: &[Value]) -> Vec<Verdict> {
    let health = KINDS.map(|kind| (kind, script(kind, "health.lua")));
    let questions: Vec<Value> = objects
        .iter()
        .flat_map(|object| {
            let (_, script) = health
                .iter()
                .find(|(kind, _)| object["kind"] == *kind)
                .unwrap();
            [
                json!({"ask": "kstatus", "object": object}),
                json!({"ask": "health", "object": object, "script": script}),
            ]
        })
        .collect();
    let answers = ask(&questions);
    answers
        .chunks(2)
        .map(|pair| Verdict {
            kstatus: text(&pair[0], "status"),
            health: text(&pair[1], "status"),
            message: text(&pair[1], "message"),
        })
        .collect()
}

/// The answers; none is a complaint.
pub fn ask(questions: &[Value]) -> Vec<Value> {
    let answers = oracle::ask(questions).unwrap();
    for (question, answer) in questions.iter().zip(&answers) {
        assert!(answer["error"].is_null(), "{}: {question}", answer["error"]);
    }
    answers
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}
