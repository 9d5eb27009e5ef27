//! Our files for Argo CD pass what its own tests of bundled customizations do (`util/lua/*_test.go` there), in its sandbox too.

use std::fs;
use std::time::{Duration, Instant};

use rig::{object, oracle, workspace};
use serde_json::{Map, Value, json};

use crate::album::{NOW, read};
use crate::stage::{Home, accepted, refused, stage};
use crate::verdict::{KINDS, ask, customization, script};

const ACTIONS: [&str; 5] = ["rotate", "revoke", "cut-off", "suspend", "resume"];
/// What a user adds to `argocd-cm` while Argo CD does not know our kinds.
const CONFIG: &str = "deploy/argocd/argocd-cm.yaml";

#[test]
fn the_health_checks_pass_argo_cds_tests_with_and_without_luas_library() {
    for kind in KINDS {
        let folder = customization(kind);
        let tests = read(&folder.join("health_test.yaml"));
        let tests = tests["tests"].as_array().unwrap();
        assert!(tests.len() >= 3, "{kind}");
        for (test, open) in tests.iter().flat_map(|test| [(test, true), (test, false)]) {
            let object = read(&folder.join(test["inputPath"].as_str().unwrap()));
            let health = script(kind, "health.lua");
            let question =
                json!({"ask": "health", "object": object, "script": health, "openLibs": open});
            assert_eq!(
                ask(&[question])[0],
                test["healthStatus"],
                "{kind}: {}",
                test["inputPath"]
            );
        }
    }
}

/// The actions that are offered for an object, by name.
fn offered(object: &Value) -> Map<String, Value> {
    let discovery = script("AccessToken", "actions/discovery.lua");
    let answer = ask(&[json!({"ask": "actions", "object": object, "script": discovery})]);
    let actions = answer[0]["actions"].as_array().unwrap();
    let named = actions
        .iter()
        .map(|action| (action["name"].as_str().unwrap().to_owned(), action.clone()));
    named.collect()
}

#[test]
fn the_actions_pass_argo_cds_tests() {
    let folder = customization("AccessToken").join("actions");
    let tests = read(&folder.join("action_test.yaml"));
    for test in tests["discoveryTests"].as_array().unwrap() {
        let expected = test["result"].as_array().unwrap();
        let object = read(&folder.join(test["inputPath"].as_str().unwrap()));
        let offered = offered(&object);
        assert_eq!(offered.len(), ACTIONS.len());
        for (name, mut action) in offered {
            // Argo CD leaves out what is false.
            action
                .as_object_mut()
                .unwrap()
                .retain(|_, value| *value != json!(false));
            assert!(
                expected.contains(&action),
                "{}: {name}: {action}",
                test["inputPath"]
            );
        }
    }
    let mut tested = Vec::new();
    for test in tests["actionTests"].as_array().unwrap() {
        let action = test["action"].as_str().unwrap();
        let object = read(&folder.join(test["inputPath"].as_str().unwrap()));
        let expected = read(&folder.join(test["expectedOutputPath"].as_str().unwrap()));
        assert_eq!(
            act(action, &object, Some(NOW))["object"],
            expected,
            "{action}"
        );
        tested.push(action);
    }
    assert_eq!(tested, ACTIONS);
}

/// What an action makes of an object.
fn act(action: &str, object: &Value, now: Option<&str>) -> Value {
    let script = script("AccessToken", &format!("actions/{action}/action.lua"));
    ask(&[json!({"ask": "action", "object": object, "script": script, "now": now})]).remove(0)
}

/// What Argo CD refuses a script with.
fn complaint(lua: &str) -> String {
    let question = json!({"ask": "health", "object": {}, "script": lua});
    let answer = oracle::ask(&[question]).unwrap().remove(0);
    answer["error"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_sandbox_has_no_strings_no_mathematics_no_files_and_a_second() {
    for name in ["string", "math", "io", "os", "debug"] {
        let lua = format!("return {{status = \"Healthy\", message = {name}.anything}}");
        assert!(complaint(&lua).contains("attempt to index"), "{name}");
    }
    assert!(complaint("return {status = (\"Healthy\"):lower()}").contains("attempt to index"));
    assert!(
        complaint("return {status = require(\"os\").getenv(\"HOME\")}").contains("attempt to call")
    );
    assert!(complaint("return {status = \"Fine\"}").contains("no health status"));
    assert_eq!(
        complaint("return {status = \"Healthy\", message = require(\"os\").date(\"!%Y\")}"),
        ""
    );
    let began = Instant::now();
    assert!(complaint("while true do end").contains("deadline"));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_entries_for_argocd_cm_are_these_files() {
    let path = workspace::root().join(CONFIG);
    let mut text = String::from(
        "# Health checks and actions for Argo CD, until it ships them. Written by the tests from resource_customizations/.\n\
         #   kubectl patch configmap argocd-cm --namespace argocd --type merge --patch-file deploy/argocd/argocd-cm.yaml\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  namespace: argocd\ndata:\n",
    );
    for kind in KINDS {
        let entry = format!("  resource.customizations.health.ldtokens.dev_{kind}: |\n");
        text += &entry;
        text += &indented(4, &script(kind, "health.lua"));
    }
    text += "  resource.customizations.actions.ldtokens.dev_AccessToken: |\n    discovery.lua: |\n";
    text += &indented(6, &script("AccessToken", "actions/discovery.lua"));
    text += "    definitions:\n";
    for action in ACTIONS {
        let entry = format!("      - name: {action}\n        action.lua: |\n");
        text += &entry;
        text += &indented(
            10,
            &script("AccessToken", &format!("actions/{action}/action.lua")),
        );
    }
    if std::env::var_os("LDTOKENS_GENERATE").is_some_and(|value| value == "1") {
        fs::write(&path, &text).unwrap();
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == text,
        "{CONFIG} is out of date, run `cargo xtask generate`"
    );
}

#[test]
fn patching_argocd_cm_adds_them_and_leaves_the_rest() {
    let plane = &stage().plane;
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}});
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": {"url": "https://argocd.example.com"}});
    for object in [namespace, config] {
        plane.apply(&object.to_string()).unwrap();
    }
    let file = workspace::root().join(CONFIG).display().to_string();
    plane
        .kubectl(&[
            "patch",
            "configmap",
            "argocd-cm",
            "--namespace=argocd",
            "--type=merge",
            "--patch-file",
            &file,
        ])
        .unwrap();
    let data = &plane.get("configmap", "argocd", "argocd-cm").unwrap()["data"];
    assert_eq!(data["url"], "https://argocd.example.com");
    for kind in KINDS {
        let entry = &data[format!("resource.customizations.health.ldtokens.dev_{kind}")];
        assert_eq!(entry.as_str().unwrap(), script(kind, "health.lua"));
    }
    let actions = data["resource.customizations.actions.ldtokens.dev_AccessToken"]
        .as_str()
        .unwrap();
    let actions: Value = serde_saphyr::from_str(actions).unwrap();
    assert_eq!(
        actions["discovery.lua"].as_str().unwrap(),
        script("AccessToken", "actions/discovery.lua")
    );
    for (number, action) in ACTIONS.into_iter().enumerate() {
        let definition = &actions["definitions"][number];
        assert_eq!(definition["name"], action);
        let lua = script("AccessToken", &format!("actions/{action}/action.lua"));
        assert_eq!(definition["action.lua"].as_str().unwrap(), lua);
    }
}

fn indented(by: usize, text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("{:by$}{line}\n", "")
        }
    };
    text.lines().map(line).collect()
}

/// Runs an action on an object in the cluster, if it is offered, as Argo CD does: by a merge patch.
fn click(home: &Home<'_>, action: &str) {
    let object = home.get("accesstoken", "web");
    assert_eq!(offered(&object)[action]["disabled"], false, "{action}");
    home.patch("accesstoken", "web", &act(action, &object, None)["patch"]);
}

#[test]
fn the_actions_rotate_revoke_suspend_and_resume_a_real_token() {
    let calm = &stage().calm;
    let home = Home::at(calm, "gitops-actions");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"strategy": "Replace", "gracePeriod": "1h"}}),
    );
    home.ready("web");
    let first = home.key("web");
    click(&home, "rotate");
    let second = home.new_key("web", &first);
    accepted(calm, &first);
    click(&home, "suspend");
    home.reason("web", "Ready", "Suspended");
    let suspended = offered(&home.get("accesstoken", "web"));
    assert_eq!(suspended["rotate"]["disabled"], true);
    assert_eq!(suspended["suspend"]["disabled"], true);
    click(&home, "resume");
    home.ready("web");
    click(&home, "revoke");
    let third = home.new_key("web", &second);
    home.remote_count(calm, 1);
    refused(calm, &first);
    refused(calm, &second);
    accepted(calm, &third);
    let history = home.get("accesstoken", "web")["status"]["history"].clone();
    let causes: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["cause"].clone())
        .collect();
    assert_eq!(causes, ["Revoke", "Trigger", "Created"]);
    assert!(object::ready(&home.ready("web")).is_ok());
}
