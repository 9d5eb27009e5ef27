//! The admission policy of the chart: `kubectl apply` says what the operator would decide, and stands in nobody's way otherwise.
//!
//! The API server judges; what the operator decides comes from its own functions.

mod cases;
mod operator;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use launchdarkly_token_operator::api::access_token::AccountKind;
use parking_lot::{Mutex, MutexGuard};
use rig::{ControlPlane, ControlPlaneOptions, Helm, wait, workspace};
use serde_json::{Value, json};

use crate::render::{NAME, chart};
use cases::{Case, NAMESPACES};

const PATIENCE: Duration = Duration::from_secs(60);

/// Where nothing but a warning is asked for.
const WARNED: &str = "warned";

/// An API server with the kinds, the policies of two releases and the accounts of all cases.
static STAGE: LazyLock<Mutex<ControlPlane>> = LazyLock::new(|| Mutex::new(start()));

fn stage() -> MutexGuard<'static, ControlPlane> {
    STAGE.lock()
}

fn start() -> ControlPlane {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let crds = workspace::root().join("crds").display().to_string();
    plane
        .kubectl(&["apply", "--server-side", "-f", &crds])
        .unwrap();
    let established = ["wait", "--for=condition=Established", "-f", &crds];
    plane.kubectl(&established).unwrap();
    let mut objects = vec![namespace(WARNED, &[])];
    for (name, labels) in NAMESPACES {
        objects.push(namespace(name, labels));
    }
    plane.apply(&list(&objects)).unwrap();
    let helm = Helm::offline().unwrap();
    let watched: Vec<_> = NAMESPACES.iter().map(|one| one.0).collect();
    for (release, namespaces, action) in [
        (NAME, watched.join(","), "Deny"),
        ("warning", WARNED.to_owned(), "Warn"),
    ] {
        plane
            .apply(&policies(&helm, release, &namespaces, action))
            .unwrap();
    }
    let mut accounts: Vec<_> = cases::all().iter().filter_map(account).collect();
    for namespace in ["team-a", WARNED] {
        // The last of their kinds: what refuses by them knows all others.
        let nothing = json!({"policy": {"customRoles": ["nobody-has-this"]}});
        accounts.push(account_of(
            AccountKind::LaunchDarklyAccount,
            "last",
            namespace,
            &nothing,
        ));
    }
    let nobody = json!({});
    accounts.push(account_of(
        AccountKind::ClusterLaunchDarklyAccount,
        "last",
        "",
        &nobody,
    ));
    // The kinds are a second old.
    wait::until(PATIENCE, "the accounts to be taken", || {
        plane.apply(&list(&accounts)).map(Some)
    })
    .unwrap();
    for kind in [
        AccountKind::LaunchDarklyAccount,
        AccountKind::ClusterLaunchDarklyAccount,
    ] {
        await_refusal(
            &plane,
            &token("canary", "team-a", kind, "last", &json!({"role": "reader"})),
        );
    }
    plane
}

fn policies(helm: &Helm, release: &str, namespaces: &str, action: &str) -> String {
    let only = "--show-only=templates/admissionpolicy.yaml";
    let arguments = [
        "template",
        release,
        &chart(),
        only,
        "--set=policy.enabled=true",
        &format!("--set=policy.action={action}"),
        &format!("--set=watchNamespaces={{{namespaces}}}"),
    ];
    helm.run(&arguments).unwrap()
}

fn namespace(name: &str, labels: &[(&str, &str)]) -> Value {
    let labels: BTreeMap<_, _> = labels.iter().copied().collect();
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn list(objects: &[Value]) -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// The account of a case, unless it does not exist.
fn account(case: &Case) -> Option<Value> {
    Some(account_of(
        case.kind(),
        &case.named,
        &case.from,
        &case.account()?,
    ))
}

fn account_of(kind: AccountKind, name: &str, namespace: &str, says: &Value) -> Value {
    let mut spec = says.as_object().unwrap().clone();
    spec.retain(|_, value| !value.is_null());
    spec.insert(
        "credentialsSecretRef".into(),
        json!({"name": "managing-key"}),
    );
    let mut metadata = json!({"name": name});
    if kind == AccountKind::LaunchDarklyAccount {
        metadata["namespace"] = json!(namespace);
    }
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec,
    })
}

fn token(name: &str, namespace: &str, kind: AccountKind, account: &str, asks: &Value) -> Value {
    let mut spec = asks.clone();
    // The account of this kind and name is meant when none is named.
    if kind != AccountKind::LaunchDarklyAccount || account != "default" {
        spec["accountRef"] = json!({"kind": kind, "name": account});
    }
    json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    })
}

/// What `kubectl apply` says about objects that are only tried: the refusals, by the objects' names.
fn refusals(plane: &ControlPlane, objects: &[Value], more: &[&str]) -> BTreeMap<String, String> {
    let arguments = ["apply", "--dry-run=server", "-f", "-"];
    let output = plane
        .client()
        .output(&[&arguments[..], more].concat(), &list(objects))
        .unwrap();
    let (taken, said) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let mut refusals = BTreeMap::new();
    for line in said.lines() {
        let name = line
            .split_once("accesstokens.ldtokens.dev \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let (name, _) = name.unwrap_or_else(|| unreachable!("{line}"));
        refusals.insert(name.to_owned(), line.to_owned());
    }
    // Nothing was passed over.
    assert_eq!(
        taken.lines().count() + refusals.len(),
        objects.len(),
        "{taken}{said}"
    );
    refusals
}

fn await_refusal(plane: &ControlPlane, token: &Value) -> String {
    wait::until(PATIENCE, "the policy to refuse", || {
        let refusals = refusals(plane, std::slice::from_ref(token), &["--server-side"]);
        Ok(refusals.into_values().next())
    })
    .unwrap()
}

/// All texts in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_kubectl_apply_says_is_what_the_operator_decides_in_every_case() {
    let plane = stage();
    let cases = cases::all();
    let tokens: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let name = format!("case-{number}");
            token(&name, &case.from, case.kind(), &case.named, &case.asks)
        })
        .collect();
    let said = refusals(&plane, &tokens, &["--server-side"]);
    let the_older_way = refusals(&plane, &tokens, &[]);
    assert!(said.keys().eq(the_older_way.keys()));
    for (number, case) in cases.iter().enumerate() {
        let (name, kind) = (format!("case-{number}"), case.kind());
        let about = format!("{name}: {} ({kind})", case.about);
        // As the API server stores it: with what the schema fills in.
        let mut stored = tokens[number].clone();
        stored["spec"]["accountRef"] = json!({"kind": kind, "name": case.named});
        let decided = operator::judge(kind, account(case).as_ref(), &stored, case.others);
        let said = said.get(&name);
        let words = case.refused.as_ref().or(case.left.as_ref());
        match (&decided, words) {
            (Ok(()), None) => {}
            (Err(why), Some(words)) => assert!(why.contains(words), "{about}: {why}"),
            _ => unreachable!("{about}: the operator decides {decided:?}"),
        }
        match (said, &case.refused) {
            (None, None) => {}
            (Some(why), Some(words)) => {
                assert!(why.contains(words), "{about}: {why}");
                says_no_more_than_is_asked(case, why);
            }
            _ => unreachable!("{about}: kubectl says {said:?}"),
        }
    }
    let left = cases.iter().filter(|case| case.left.is_some()).count();
    println!(
        "{} cases: {} refused by both, {left} by the operator alone",
        cases.len(),
        said.len()
    );
    assert!(cases.len() >= 80 && said.len() >= 35 && left <= 6);
}

/// A refusal tells what was asked, and which account to have changed, but not what that grants to others.
fn says_no_more_than_is_asked(case: &Case, said: &str) {
    assert!(
        said.contains("is forbidden: ValidatingAdmissionPolicy"),
        "{said}"
    );
    let mut asked = texts(&case.asks);
    asked.push(&case.from);
    let account = case.account().unwrap_or_default();
    for granted in texts(&account) {
        let longest = &account["policy"]["maxRotationInterval"];
        let prefixes = &account["policy"]["secretMetadata"];
        let may_be_said =
            asked.contains(&granted) || granted == longest || texts(prefixes).contains(&granted);
        // A word by itself, as in "the role reader".
        let is_said = said.split([' ', '"', ';', ':']).any(|word| word == granted);
        assert!(may_be_said || !is_said, "{said}\ntells of {granted}");
    }
}

#[test]
fn a_stricter_account_lets_what_is_there_be_managed_and_deleted_but_not_widened() {
    let plane = stage();
    for kind in [
        AccountKind::LaunchDarklyAccount,
        AccountKind::ClusterLaunchDarklyAccount,
    ] {
        let changing = |roles: Value| {
            let says =
                json!({"policy": {"roles": roles}, "allowedNamespaces": {"names": ["plain"]}});
            let mut account = account_of(kind, "changing", "plain", &says);
            if kind == AccountKind::LaunchDarklyAccount {
                account["spec"]
                    .as_object_mut()
                    .unwrap()
                    .remove("allowedNamespaces");
            }
            plane.apply(&account.to_string()).unwrap();
            account
        };
        let asks = json!({"role": "writer"});
        let mut held = token("held", "plain", kind, "changing", &asks);
        held["metadata"]["finalizers"] = json!(["ldtokens.dev/token-cleanup"]);
        changing(json!(["reader", "writer"]));
        plane.apply(&held.to_string()).unwrap();
        let stricter = changing(json!(["reader"]));
        await_refusal(&plane, &token("another", "plain", kind, "changing", &asks));
        assert!(operator::judge(kind, Some(&stricter), &held, 0).is_err());

        let patch = |subresource: &str, patch: Value| {
            let patch = patch.to_string();
            let subresource = format!("--subresource={subresource}");
            let mut arguments = vec![
                "patch",
                "accesstoken",
                "held",
                "--namespace=plain",
                "--type=merge",
                "--patch",
                &patch,
            ];
            if !subresource.ends_with('=') {
                arguments.push(&subresource);
            }
            plane.kubectl(&arguments)
        };
        // What the operator writes, and what people do about an object that is no longer within the policy.
        patch("status", json!({"status": {"observedGeneration": 1}})).unwrap();
        for change in [
            json!({"metadata": {"finalizers": null}}),
            json!({"metadata": {"finalizers": ["ldtokens.dev/token-cleanup"]}}),
            json!({"metadata": {"labels": {"a": "b"}, "annotations": {"ldtokens.dev/revoke": "leak"}}}),
            json!({"spec": {"suspend": true, "serviceToken": true, "description": "kept"}}),
            json!({"spec": {"rotation": {"revoke": "leak", "gracePeriod": "1h"}, "deletionPolicy": "Retain"}}),
        ] {
            patch("", change).unwrap();
        }
        // What asks for something else is asked about as a whole, as the operator does.
        let wider = [
            json!({"spec": {"role": "admin"}}),
            json!({"spec": {"rotation": {"interval": "24h"}}}),
            json!({"spec": {"role": null, "customRoles": ["billing"]}}),
            json!({"spec": {"secret": {"template": {"metadata": {"labels": {"team": "a"}}}}}}),
        ];
        for change in wider {
            let said = format!("{:?}", patch("", change.clone()).unwrap_err());
            assert!(
                said.contains("the account does not allow"),
                "{change}: {said}"
            );
        }
        patch("", json!({"spec": {"role": "reader"}})).unwrap();
        changing(json!(["admin"]));
        await_refusal(
            &plane,
            &token(
                "another",
                "plain",
                kind,
                "changing",
                &json!({"role": "reader"}),
            ),
        );

        // Deletion, and the end of it by the operator.
        plane
            .kubectl(&[
                "delete",
                "accesstoken",
                "held",
                "--namespace=plain",
                "--wait=false",
            ])
            .unwrap();
        patch("", json!({"spec": {"role": "writer"}})).unwrap();
        patch("", json!({"metadata": {"finalizers": null}})).unwrap();
        assert!(plane.get("accesstoken", "plain", "held").is_err());
    }
}

#[test]
fn where_a_warning_is_asked_for_the_object_is_taken_with_one() {
    let plane = stage();
    let kind = AccountKind::LaunchDarklyAccount;
    let token = token("warned", WARNED, kind, "last", &json!({"role": "admin"}));
    let apply = ["apply", "--dry-run=server", "-f", "-"];
    let output = plane.client().output(&apply, &token.to_string()).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("Warning: ") && said.contains("does not allow the role admin"),
        "{said}"
    );
}
