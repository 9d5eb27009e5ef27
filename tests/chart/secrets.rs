//! What a release and its operator do with Secrets: no key is in anything that Helm says, and no Secret is read but by its name.

use rig::canary::{Canary, Place, encoded};
use rig::{ControlPlane, Helm, SimulatorProcess};
use serde_json::Value;

use crate::render::NAME;

/// No key that ever was shows in what Helm tells of the release; one that is put there is found.
pub fn helm_tells_no_key(helm: &Helm, simulator: &SimulatorProcess) {
    let keys = simulator.keys_ever().unwrap();
    assert!(keys.len() >= 3, "only {} keys were at stake", keys.len());
    let canary = Canary::new(&keys).unwrap();
    let namespace = ["--namespace", NAME];
    for question in [
        &["get", "all", NAME][..],
        &["get", "values", NAME, "--all"],
        &["get", "manifest", NAME],
        &["get", "notes", NAME],
        &["status", NAME, "--output=json"],
        &["history", NAME, "--output=json"],
    ] {
        let name = format!("helm {}", question.join(" "));
        let text = helm.run(&[question, &namespace].concat()).unwrap();
        assert!(text.len() > 50, "{name}: {text}");
        let planted = format!("{text}\n{}", encoded(&keys[0]));
        let found = |text| {
            let place = Place {
                name: name.clone(),
                text,
            };
            canary.search(&place)
        };
        assert_eq!(found(text), []);
        assert!(!found(planted).is_empty(), "{name} is not searched");
    }
}

/// Whoever may list Secrets can read all of them: the operator lists those with its own label, and reads others one by one.
pub fn are_read_by_name_only(plane: &ControlPlane, mark: u64, names: &[&str]) {
    let user = format!("system:serviceaccount:{NAME}:{NAME}");
    let events = plane.audit_events_since(mark).unwrap();
    let asked = |event: &&Value| {
        event["user"]["username"] == user.as_str()
            && event["objectRef"]["resource"] == "secrets"
            && !event["userAgent"].to_string().contains("kubectl")
    };
    let (mut read, mut odd) = (Vec::new(), Vec::new());
    for event in events.iter().filter(asked) {
        let uri = event["requestURI"].as_str().unwrap();
        let name = event["objectRef"]["name"].as_str();
        match (event["verb"].as_str().unwrap(), name) {
            ("list" | "watch", None) => {
                let ours =
                    "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dlaunchdarkly-token-operator";
                assert!(uri.contains(ours), "{uri}");
            }
            ("get", Some(name)) => read.push(name),
            ("create", _) | ("patch" | "delete", Some(_)) => {}
            (verb, _) => odd.push(format!("{verb} {uri}")),
        }
    }
    assert!(odd.is_empty(), "{odd:?}");
    for name in names {
        assert!(read.contains(name), "{name} was not read: {read:?}");
    }
    assert!(read.iter().all(|name| names.contains(name)), "{read:?}");
}
