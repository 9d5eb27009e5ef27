//! The end-to-end tests in the chart's other modes of access to Secrets, and every right of the chart held against the audit logs:
//! nothing is refused that is needed, and nothing is given that is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread;

use rig::rights::{self, Deeds, Refusal};
use rig::{RigError, SecretAccess, access, build, workspace};

use super::steps::AT_ONCE;
use crate::command::capture;
use crate::say;

/// Namespaces that these tests delete. The rights in them go first; what is refused then the operator can do without.
const ENDING: [&str; 2] = ["ending-all", "ending-new"];

/// Rights that other tests use, in clusters of their own whose logs are not looked at here.
const ELSEWHERE: [&str; 1] = [
    // In tests/process: `a_deleted_lease_ends_the_leader_and_the_next_one_makes_it_anew`.
    "create leases.coordination.k8s.io",
];

/// Where the end-to-end tests leave their audit logs.
pub fn evidence() -> PathBuf {
    workspace::root().join("target/evidence")
}

/// Runs the tests in the other modes, at the same time; in the mode `Cluster` they ran with all others.
pub fn run() -> Result<String, RigError> {
    thread::scope(|scope| {
        let modes = [SecretAccess::PerNamespace, SecretAccess::OptIn];
        let running = modes.map(|mode| scope.spawn(move || end_to_end(mode)));
        running.map(|tests| {
            tests
                .join()
                .unwrap_or_else(|_| Err(RigError::Unexpected("the tests could not be run".into())))
        })
    })
    .into_iter()
    .collect::<Result<Vec<String>, _>>()?;
    judge(&evidence())
}

fn end_to_end(mode: SecretAccess) -> Result<String, RigError> {
    let mut cargo = build::cargo();
    cargo
        .args(["test", "--quiet", "--test", "e2e"])
        .env("RUST_TEST_THREADS", AT_ONCE)
        .env(access::VARIABLE, mode.name())
        .env(rights::VARIABLE, evidence());
    capture(&mut cargo)
}

fn judge(folder: &Path) -> Result<String, RigError> {
    let mut modes = Vec::new();
    for mode in SecretAccess::ALL {
        let path = rights::file(folder, mode);
        if path.exists() {
            modes.push((mode, rights::granted(mode)?, Deeds::read(&path)?));
        }
    }
    let used: BTreeSet<_> = modes.iter().flat_map(|(_, _, deeds)| &deeds.used).collect();
    let mut wrong = Vec::new();
    let mut summary = String::new();
    for (mode, granted, deeds) in &modes {
        let here = granted.intersection(&deeds.used).count();
        let name = mode.name();
        say!(
            "      {name}: {} rights, {here} of them used by its tests",
            granted.len()
        );
        let part = format!(" {name} {here}/{}", granted.len());
        summary += &part;
        for (refusal, times) in &deeds.refused {
            if !is_wanted(*mode, refusal) {
                let Refusal { right, namespace } = refusal;
                wrong.push(format!(
                    "{name}: {right} in {namespace:?} was refused {times} times"
                ));
            }
        }
        // Of a part of the modes, only what is refused can be told.
        let unused = granted.iter().filter(|right| !used.contains(right));
        for right in unused.map(ToString::to_string) {
            if modes.len() == SecretAccess::ALL.len() && !ELSEWHERE.contains(&right.as_str()) {
                wrong.push(format!("{name}: no test uses the right to {right}"));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(format!(", rights used:{summary}"));
    }
    Err(RigError::Unexpected(wrong.join("\n")))
}

fn is_wanted(mode: SecretAccess, refusal: &Refusal) -> bool {
    mode != SecretAccess::Cluster
        && refusal.right.resource == "secrets"
        && ENDING.contains(&refusal.namespace.as_str())
}
