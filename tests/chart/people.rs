//! What the roles view, edit and admin of a namespace allow people to do, as the real API server adds the release's roles to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Helm, wait};
use serde_json::{Value, json};

use crate::render::{NAME, chart};

const PATIENCE: Duration = Duration::from_secs(60);
const KINDS: [&str; 2] = ["accesstokens", "launchdarklyaccounts"];
const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// An API server on which viewer, editor and admin have the role of that name in `team-a`.
fn server() -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    plane.kubectl(&["create", "namespace", "team-a"]).unwrap();
    for (user, role) in [("viewer", "view"), ("editor", "edit"), ("admin", "admin")] {
        let (role, user) = (format!("--clusterrole={role}"), format!("--user={user}"));
        let bind = ["create", "rolebinding", &user[7..], &role, &user];
        plane
            .kubectl(&[&bind[..], &["--namespace=team-a"]].concat())
            .unwrap();
    }
    plane
}

/// The verbs that somebody has on each of our resources in `team-a`.
fn rights(plane: &ControlPlane, user: &str) -> BTreeMap<String, BTreeSet<String>> {
    let list = ["auth", "can-i", "--list", "--no-headers", "--as", user];
    let table = plane
        .kubectl(&[&list[..], &["--namespace=team-a"]].concat())
        .unwrap();
    let mut rights = BTreeMap::<_, BTreeSet<_>>::new();
    // accesstokens.ldtokens.dev   []   []   [get list watch]
    for line in table.lines() {
        let Some((resource, _)) = line.split_once(".ldtokens.dev") else {
            continue;
        };
        let verbs = line.rsplit('[').next().unwrap().trim_end_matches(']');
        let words = verbs.split_whitespace().map(str::to_owned);
        rights.entry(resource.to_owned()).or_default().extend(words);
    }
    rights
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Waits until the API server has added a release's roles to its own.
fn await_right(plane: &ControlPlane, user: &str, verb: &str) {
    wait::until_true(PATIENCE, &format!("{user} to be allowed to {verb}"), || {
        let rights = rights(plane, user);
        let verbs = rights.get("accesstokens");
        Ok(verbs.is_some_and(|verbs| verbs.contains(verb)))
    })
    .unwrap();
}

fn token(name: &str) -> Value {
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": name, "namespace": "team-a"}, "spec": {"role": "reader"},
    })
}

/// What the API server says when somebody makes a token.
fn make(plane: &ControlPlane, user: &str) -> Result<(), String> {
    let create = ["create", "-f", "-", "--as", user];
    let output = plane
        .client()
        .output(&create, &token(user).to_string())
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn who_may_view_sees_tokens_and_only_an_admin_makes_them_unless_edit_is_asked_for() {
    let plane = server();
    let helm = Helm::on(&plane).unwrap();
    let (chart, namespace) = (chart(), format!("--namespace={NAME}"));
    helm.run(&["install", NAME, &chart, "--create-namespace", &namespace])
        .unwrap();
    await_right(&plane, "viewer", "get");
    await_right(&plane, "admin", "create");
    // Nobody may write what the operator remembers, and shared accounts are no namespace's.
    let all = [&READ[..], &WRITE].concat();
    for (user, verbs) in [("viewer", &READ[..]), ("editor", &READ), ("admin", &all)] {
        let expected = KINDS.map(|kind| (kind.to_owned(), words(verbs)));
        assert_eq!(rights(&plane, user), BTreeMap::from(expected), "{user}");
    }
    for user in ["viewer", "editor"] {
        let refusal = make(&plane, user).unwrap_err();
        assert!(refusal.contains("cannot create resource"), "{refusal}");
    }
    make(&plane, "admin").unwrap();

    let wider = "--set=rbac.aggregateToEdit=true";
    helm.run(&["upgrade", NAME, &chart, wider, &namespace])
        .unwrap();
    await_right(&plane, "editor", "create");
    make(&plane, "editor").unwrap();
    let viewer = rights(&plane, "viewer");
    assert!(viewer.values().all(|verbs| *verbs == words(&READ)));
}
