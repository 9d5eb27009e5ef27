//! What is in Git and what is in the cluster do not differ: not after applying, and not after the operator did its work.

use std::process::Output;

use rig::{object, wait};
use serde_json::{Value, json};

use crate::documents::{self, is_ours};
use crate::stage::{PATIENCE, apply, cluster_account, credential, list, stage};
use crate::verdict::ask;

/// One way to apply.
struct Way {
    /// Begins the names of its namespaces.
    prefix: &'static str,
    apply: &'static [&'static str],
    diff: &'static [&'static str],
    /// What the tool adds to every object.
    labels: Value,
    annotations: Value,
}

#[test]
fn nothing_differs_after_client_side_apply_by_kubectl_or_argo_cd() {
    nothing_differs(&Way {
        prefix: "client",
        apply: &["apply", "--filename=-"],
        diff: &["diff", "--filename=-"],
        labels: json!({"app.kubernetes.io/instance": "shop"}),
        annotations: json!({"argocd.argoproj.io/tracking-id": "shop:ldtokens.dev/AccessToken:web/web"}),
    });
}

#[test]
fn nothing_differs_after_server_side_apply_by_kubectl_flux_or_argo_cd() {
    nothing_differs(&Way {
        prefix: "server",
        apply: &[
            "apply",
            "--server-side",
            "--field-manager=kustomize-controller",
            "--filename=-",
        ],
        diff: &[
            "diff",
            "--server-side",
            "--field-manager=kustomize-controller",
            "--filename=-",
        ],
        labels: json!({"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
        annotations: json!({}),
    });
}

fn nothing_differs(way: &Way) {
    let (mut objects, mut surroundings) = (Vec::new(), Vec::new());
    for (number, example) in documents::all().into_iter().enumerate() {
        let namespace = format!("{}-{number}", way.prefix);
        objects.extend(settle(&namespace, example, &mut surroundings));
    }
    apply(&surroundings);
    assert!(objects.len() >= 15, "only {} objects", objects.len());
    for object in &mut objects {
        add(&mut object["metadata"]["labels"], &way.labels);
        add(&mut object["metadata"]["annotations"], &way.annotations);
    }
    let plane = &stage().plane;
    let all = list(&objects);
    plane.kubectl_with_input(way.apply, &all).unwrap();
    agree(way, &objects);
    let live = wait::until_ok(PATIENCE, "all examples to be Ready", || {
        let live = live(&objects);
        live.iter()
            .try_for_each(|object| {
                object::ready(object).map_err(|says| format!("{}: {says}", object["metadata"]))
            })
            .map(|()| live)
    })
    .unwrap();
    agree(way, &objects);
    // Everybody would notice a difference.
    let mut edited = objects[0].clone();
    let name = edited["metadata"]["name"].clone();
    edited["metadata"]["labels"] = json!({"edited": name});
    assert_eq!(
        by_kubectl(way, &list(&[edited.clone()])).status.code(),
        Some(1)
    );
    assert_ne!(by_argo_cd(&[edited], &live[..1]), [json!({})]);
}

/// Brings an example into a namespace of its own: the accounts it names are there, and theirs is the simulator.
fn settle(namespace: &str, mut objects: Vec<Value>, surroundings: &mut Vec<Value>) -> Vec<Value> {
    let crowded = &stage().crowded;
    let metadata = json!({"name": namespace});
    surroundings.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    objects.retain(is_ours);
    let has = |kind: &str| objects.iter().any(|object| object["kind"] == kind);
    if !has("ClusterLaunchDarklyAccount") {
        let policy = json!({"roles": ["reader", "writer"], "customRoles": ["deploy-*"], "inlineRole": {"resources": ["proj/*"], "actions": ["update*"]}});
        let spec = json!({"allowedNamespaces": {"names": [namespace]}, "policy": policy});
        surroundings.extend(cluster_account(crowded, namespace, &spec));
    }
    if !has("LaunchDarklyAccount") {
        let account = json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount",
            "metadata": {"name": "default", "namespace": namespace},
            "spec": {"apiUrl": crowded.url(), "credentialsSecretRef": {"name": "managing-key"}},
        });
        surroundings.extend([
            credential(crowded, namespace, "managing-key", "token"),
            account,
        ]);
    }
    for object in &mut objects {
        let (is_token, is_cluster) = (
            object["kind"] == "AccessToken",
            object["kind"] == "ClusterLaunchDarklyAccount",
        );
        let reference = &mut object["spec"]["accountRef"];
        if is_token && reference["kind"] == "ClusterLaunchDarklyAccount" {
            reference["name"] = json!(namespace);
        }
        if is_cluster {
            object["metadata"]["name"] = json!(namespace);
            object["spec"]["allowedNamespaces"] = json!({"names": [namespace]});
        } else {
            object["metadata"]["namespace"] = json!(namespace);
        }
        if is_token {
            continue;
        }
        object["spec"]["apiUrl"] = json!(crowded.url());
        // The operator that works here has none.
        let spec = object["spec"].as_object_mut().unwrap();
        spec.remove("controllerClass");
        let reference = &object["spec"]["credentialsSecretRef"];
        let (name, entry) = (
            reference["name"].as_str().unwrap(),
            reference["key"].as_str().unwrap_or("token"),
        );
        let place = if is_cluster {
            rig::install::NAMESPACE
        } else {
            namespace
        };
        surroundings.push(credential(crowded, place, name, entry));
    }
    // Not given at all is not the same as null.
    for object in &mut objects {
        let spec = object["spec"].as_object_mut().unwrap();
        spec.retain(|_, value| !value.is_null());
    }
    objects
}

fn add(into: &mut Value, more: &Value) {
    if !into.is_object() {
        *into = json!({});
    }
    let more = more.as_object().unwrap().clone();
    into.as_object_mut().unwrap().extend(more);
}

/// The objects as they are in the cluster, in the same order.
fn live(objects: &[Value]) -> Vec<Value> {
    let answer = stage()
        .plane
        .kubectl_with_input(&["get", "--filename=-", "--output=json"], &list(objects));
    let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
    answer["items"].as_array().unwrap().clone()
}

/// kubectl and Argo CD see no difference but one that passes: a status that is written while they look.
fn agree(way: &Way, objects: &[Value]) {
    wait::until_ok(PATIENCE, "no difference", || difference(way, objects)).unwrap();
}

/// An error if kubectl or Argo CD sees a difference.
fn difference(way: &Way, objects: &[Value]) -> Result<(), String> {
    let output = by_kubectl(way, &list(objects));
    if output.status.code() != Some(0) {
        let said = [output.stdout, output.stderr].concat();
        return Err(String::from_utf8_lossy(&said).into_owned());
    }
    let live = live(objects);
    for (patch, object) in by_argo_cd(objects, &live).iter().zip(&live) {
        if *patch != json!({}) {
            return Err(format!("{patch} of {object:#}"));
        }
    }
    Ok(())
}

fn by_kubectl(way: &Way, text: &str) -> Output {
    stage().plane.client().output(way.diff, text).unwrap()
}

/// What Argo CD's default diff would change, an object each.
fn by_argo_cd(objects: &[Value], live: &[Value]) -> Vec<Value> {
    let pairs = objects.iter().zip(live);
    let questions: Vec<Value> = pairs
        .map(|(desired, live)| {
            assert_eq!(desired["metadata"]["name"], live["metadata"]["name"]);
            json!({"ask": "diff", "desired": desired, "object": live})
        })
        .collect();
    let answers = ask(&questions);
    // An empty map is not written.
    answers
        .iter()
        .map(|answer| answer.get("patch").cloned().unwrap_or(json!({})))
        .collect()
}
