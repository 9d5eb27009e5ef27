//! Values that are wrong are refused, and the refusal says what to change.

use rig::Helm;

use crate::render::{chart, value_file};

/// A value, and what is said about it.
const REFUSED: &[(&str, &str)] = &[
    ("replicas=3", "additional properties 'replicas' not allowed"),
    (
        "replicaCount=two",
        "at '/replicaCount': got string, want integer",
    ),
    (
        "replicaCount=-1",
        "at '/replicaCount': minimum: got -1, want 0",
    ),
    (
        "image.digest=sha256:abc",
        "at '/image/digest': 'sha256:abc' does not match pattern",
    ),
    (
        "image.name=x",
        "at '/image': additional properties 'name' not allowed",
    ),
    (
        "image.repository=",
        "at '/image/repository': minLength: got 0, want 1",
    ),
    (
        "image.pullPolicy=Sometimes",
        "at '/image/pullPolicy': value must be one of '', 'Always', 'IfNotPresent', 'Never'",
    ),
    (
        "crds.keep=maybe",
        "at '/crds/keep': got string, want boolean",
    ),
    (
        "rbac.secretAccess=None",
        "at '/rbac/secretAccess': value must be one of 'Cluster', 'PerNamespace', 'OptIn'",
    ),
    (
        "flags.opt-in-role=cluster-admin",
        "at '/flags': additional properties 'opt-in-role' not allowed",
    ),
    (
        "watchNamespaces=[\"Team_A\"]",
        "at '/watchNamespaces/0': 'Team_A' does not match pattern",
    ),
    (
        "watchNamespaces=[\"a\", \"a\"]",
        "at '/watchNamespaces': items at 0 and 1 are equal",
    ),
    (
        "flags.drift=5m",
        "at '/flags': additional properties 'drift' not allowed",
    ),
    (
        "flags.drift-interval=soon",
        "at '/flags/drift-interval': 'soon' does not match pattern",
    ),
    (
        "flags.log-format=xml",
        "at '/flags/log-format': value must be one of 'json', 'text'",
    ),
    (
        "flags.watch-namespaces=[\"a\"]",
        "at '/flags': additional properties 'watch-namespaces' not allowed",
    ),
    (
        "terminationGracePeriodSeconds=30",
        "at '/terminationGracePeriodSeconds': minimum: got 30, want 85",
    ),
    ("runAsUser=0", "at '/runAsUser': minimum: got 0, want 1"),
    (
        "podDisruptionBudget.maxUnavailable=0",
        "at '/podDisruptionBudget/maxUnavailable': minimum: got 0, want 1",
    ),
    (
        "networkPolicy.egressPorts=[0]",
        "at '/networkPolicy/egressPorts/0': minimum: got 0, want 1",
    ),
    (
        "clusterAccounts=[{\"name\": \"a\", \"spec\": {}}]",
        "at '/clusterAccounts/0/spec': missing property 'credentialsSecretRef'",
    ),
    (
        "clusterAccounts=[{\"name\": \"a\", \"key\": \"k\"}]",
        "additional properties 'key' not allowed",
    ),
    // What the templates check.
    (
        "rbac.secretAccess=PerNamespace",
        "rbac.secretAccess PerNamespace needs watchNamespaces: name the namespaces to look after, or use OptIn or Cluster",
    ),
    (
        "extraEnv=[{\"name\": \"LDTOKENS_PAUSED\", \"value\": \"true\"}]",
        "extraEnv must not set LDTOKENS_PAUSED: the chart does; use flags",
    ),
    (
        "extraEnv=[{\"name\": \"KEY\", \"value\": \"api-01234567-0123-0123-0123-0123456789ab\"}]",
        "the values hold what looks like a LaunchDarkly key: put it into a Secret, and its name here",
    ),
    (
        "monitoring={\"service\": {\"enabled\": false}, \"serviceMonitor\": {\"enabled\": true}}",
        "monitoring.serviceMonitor needs monitoring.service.enabled; without a Service use monitoring.podMonitor",
    ),
];

/// What helm says about `--set` or `--set-json` of one value.
fn refusal(helm: &Helm, set: &str) -> String {
    let flag = if set.contains("=[") || set.contains("={") {
        "--set-json"
    } else {
        "--set"
    };
    let output = helm
        .output(&["template", "my", &chart(), flag, set])
        .unwrap();
    assert!(!output.status.success(), "{set} is accepted");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_values_are_refused_with_what_is_wrong_about_them() {
    let helm = Helm::offline().unwrap();
    for (set, says) in REFUSED {
        let said = refusal(&helm, set);
        assert!(
            said.contains(says),
            "{set}\nshould say: {says}\nsays: {said}"
        );
    }
}

#[test]
fn a_cluster_that_is_too_old_is_refused() {
    let helm = Helm::offline().unwrap();
    let arguments = ["template", "my", &chart(), "--kube-version=1.29.9"];
    let said = String::from_utf8(helm.output(&arguments).unwrap().stderr).unwrap();
    assert!(said.contains("requires kubeVersion: >=1.30.0-0"), "{said}");
}

#[test]
fn the_notes_name_every_dangerous_choice() {
    let helm = Helm::offline().unwrap();
    let notes = |values: &str| {
        let values = value_file(values);
        let arguments = [
            "install",
            "my",
            &chart(),
            "--dry-run=client",
            "--values",
            &values,
        ];
        let text = helm.run(&arguments).unwrap();
        text.split_once("NOTES:").unwrap().1.to_owned()
    };
    let dangerous = notes("dangerous");
    for warning in [
        "rbac.secretAccess is Cluster",
        "rbac.aggregateToEdit",
        "crds.keep is off",
        "networkPolicy.enabled is off",
        "replicaCount is 1",
        "flags.paused",
        "may be sent to launchdarkly.example.com",
    ] {
        assert!(
            dangerous.contains(warning),
            "{warning} is not in\n{dangerous}"
        );
    }
    let careful = |values: &str| {
        let notes = notes(values);
        assert!(!notes.contains("Please note"), "{notes}");
        notes
    };
    assert!(!careful("per-namespace").contains("rolebinding"));
    assert!(
        careful("opt-in")
            .contains("create rolebinding my-launchdarkly-token-operator-secret-writer")
    );
    assert!(notes("own-rights").contains("rbac.create is off"));
    assert!(notes("default").contains("rbac.secretAccess is Cluster"));
    assert!(!notes("accounts").contains("create secret generic"));
}
