//! The static manifests and samples agree with the program, with each other and with the rules they promise to keep.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding};
use launchdarkly_token_operator::api::{
    AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount,
};
use launchdarkly_token_operator::runtime::args::{Cli, Command, RunArgs};
use launchdarkly_token_operator::runtime::leader::lease::{Claim, LeaseFacts};
use launchdarkly_token_operator::runtime::liveness::DRAIN_LIMIT;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const NAME: &str = "launchdarkly-token-operator";

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All documents of a YAML file.
fn documents(path: &PathBuf) -> Vec<Value> {
    serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap()
}

fn install() -> Vec<Value> {
    documents(&folder("deploy/install.yaml"))
}

fn samples() -> Vec<Value> {
    let files = fs::read_dir(folder("deploy/samples")).unwrap();
    files
        .flat_map(|file| documents(&file.unwrap().path()))
        .collect()
}

/// The documents of a kind, read as what they are.
fn all<T: DeserializeOwned>(documents: &[Value], kind: &str) -> Vec<T> {
    let of_kind = documents.iter().filter(|document| document["kind"] == kind);
    of_kind
        .map(|document| serde_json::from_value(document.clone()).unwrap())
        .collect()
}

fn only<T: DeserializeOwned>(kind: &str) -> T {
    let mut found = all(&install(), kind);
    assert_eq!(found.len(), 1, "{kind}");
    found.remove(0)
}

/// What a document becomes when it is read as a `T` and written again: without what a `T` does not know.
fn as_known<T: DeserializeOwned + Serialize>(document: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(document.clone()).unwrap()).unwrap()
}

fn pod() -> PodSpec {
    only::<Deployment>("Deployment")
        .spec
        .unwrap()
        .template
        .spec
        .unwrap()
}

fn operator() -> Container {
    pod().containers.remove(0)
}

fn run_args() -> RunArgs {
    let args = operator().args.unwrap();
    let given = ["operator".to_owned()].into_iter().chain(args);
    // The pod's name and namespace come from the environment.
    let cli = Cli::try_parse_from(given.chain(["--namespace=given".to_owned()])).unwrap();
    let Command::Run(args) = cli.command;
    *args
}

/// Every rule of every role, with the role's name.
fn rules() -> Vec<(String, PolicyRule)> {
    let cluster = all::<ClusterRole>(&install(), "ClusterRole")
        .into_iter()
        .map(|role| (role.metadata, role.rules));
    let own = all::<Role>(&install(), "Role")
        .into_iter()
        .map(|role| (role.metadata, role.rules));
    cluster
        .chain(own)
        .flat_map(|(metadata, rules)| {
            let name = metadata.name.unwrap();
            rules
                .unwrap_or_default()
                .into_iter()
                .map(move |rule| (name.clone(), rule))
        })
        .collect()
}

#[test]
fn no_manifest_has_a_field_that_its_kind_does_not_know() {
    for document in install() {
        let known = match document["kind"].as_str().unwrap() {
            "ClusterRole" => as_known::<ClusterRole>(&document),
            "ClusterRoleBinding" => as_known::<ClusterRoleBinding>(&document),
            "Deployment" => as_known::<Deployment>(&document),
            "Lease" => as_known::<Lease>(&document),
            "Namespace" => as_known::<Namespace>(&document),
            "NetworkPolicy" => as_known::<NetworkPolicy>(&document),
            "PodDisruptionBudget" => as_known::<PodDisruptionBudget>(&document),
            "Role" => as_known::<Role>(&document),
            "RoleBinding" => as_known::<RoleBinding>(&document),
            "Service" => as_known::<Service>(&document),
            "ServiceAccount" => as_known::<ServiceAccount>(&document),
            kind => panic!("{kind} is not expected here"),
        };
        assert_eq!(document, known);
    }
}

#[test]
fn no_sample_has_a_field_that_its_kind_does_not_know() {
    let samples = samples();
    assert!(samples.len() >= 5);
    for document in samples {
        let known = match document["kind"].as_str().unwrap() {
            "AccessToken" => as_known::<AccessToken>(&document),
            "ClusterLaunchDarklyAccount" => as_known::<ClusterLaunchDarklyAccount>(&document),
            "LaunchDarklyAccount" => as_known::<LaunchDarklyAccount>(&document),
            kind => panic!("{kind} is not expected here"),
        };
        assert_eq!(document, known);
    }
}

#[test]
fn every_sample_token_uses_the_sample_account_from_a_namespace_that_may() {
    let account = &all::<ClusterLaunchDarklyAccount>(&samples(), "ClusterLaunchDarklyAccount")[0];
    let allowed = account.spec.allowed_namespaces.clone().unwrap().names;
    for token in all::<AccessToken>(&samples(), "AccessToken") {
        assert_eq!(
            Some(&token.spec.account_ref.name),
            account.metadata.name.as_ref()
        );
        assert!(allowed.contains(&token.metadata.namespace.unwrap()));
    }
}

#[test]
fn the_deployments_flags_are_flags_of_the_program() {
    let args = run_args();
    let port = &operator().ports.unwrap()[0];
    assert_eq!(i32::from(args.admin.listen.port()), port.container_port);
    assert_eq!(args.leadership.lease_name, NAME);
}

#[test]
fn the_deployments_environment_is_what_the_program_reads() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let read: BTreeSet<_> = run
        .get_arguments()
        .filter_map(|flag| flag.get_env()?.to_str())
        .collect();
    let given: BTreeSet<_> = operator()
        .env
        .unwrap()
        .into_iter()
        .map(|variable| variable.name)
        .collect();
    for name in &given {
        assert!(read.contains(name.as_str()), "{name} is not read");
    }
    assert!(given.contains("POD_NAME") && given.contains("POD_NAMESPACE"));
}

#[test]
fn the_pod_is_given_longer_to_end_than_its_work_takes_to_drain() {
    let seconds = pod().termination_grace_period_seconds.unwrap();
    assert!(u64::try_from(seconds).unwrap() >= DRAIN_LIMIT.as_secs() + 10);
}

#[test]
fn the_probes_ask_what_the_program_serves() {
    let operator = operator();
    let path = |probe: Option<k8s_openapi::api::core::v1::Probe>| {
        probe.unwrap().http_get.unwrap().path.unwrap()
    };
    assert_eq!(path(operator.liveness_probe), "/livez");
    assert_eq!(path(operator.readiness_probe), "/readyz");
}

#[test]
fn the_pod_keeps_the_restricted_pod_security_standard() {
    let pod_security = pod().security_context.unwrap();
    assert_eq!(pod_security.run_as_non_root, Some(true));
    assert_eq!(pod_security.run_as_user, Some(65532));
    assert_eq!(
        pod_security.seccomp_profile.unwrap().type_,
        "RuntimeDefault"
    );
    let security = operator().security_context.unwrap();
    assert_eq!(security.allow_privilege_escalation, Some(false));
    assert_eq!(security.read_only_root_filesystem, Some(true));
    assert_eq!(
        security.capabilities.unwrap().drop,
        Some(vec!["ALL".to_owned()])
    );
    let labels = only::<Namespace>("Namespace").metadata.labels.unwrap();
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn no_role_has_a_wildcard_or_a_way_to_more_rights() {
    for (role, rule) in rules() {
        let resources = rule.resources.unwrap_or_default();
        for word in rule
            .verbs
            .iter()
            .chain(rule.api_groups.iter().flatten())
            .chain(&resources)
        {
            assert!(!word.contains('*'), "{role}: {word}");
            assert!(
                !["escalate", "bind", "impersonate"].contains(&word.as_str()),
                "{role}: {word}"
            );
            assert!(
                !["pods/exec", "serviceaccounts/token"].contains(&word.as_str()),
                "{role}: {word}"
            );
        }
        assert!(rule.non_resource_urls.is_none(), "{role}");
    }
}

#[test]
fn every_binding_gives_a_role_that_is_here_to_the_operators_account() {
    let account = only::<ServiceAccount>("ServiceAccount").metadata;
    let roles: BTreeSet<String> = rules().into_iter().map(|(role, _)| role).collect();
    let cluster = only::<ClusterRoleBinding>("ClusterRoleBinding");
    let own = only::<RoleBinding>("RoleBinding");
    for (role, subjects) in [
        (cluster.role_ref, cluster.subjects),
        (own.role_ref, own.subjects),
    ] {
        assert!(roles.contains(&role.name), "{}", role.name);
        let subjects = subjects.unwrap();
        assert_eq!(subjects.len(), 1);
        assert_eq!(Some(&subjects[0].name), account.name.as_ref());
        assert_eq!(subjects[0].namespace, account.namespace);
    }
    assert_eq!(pod().service_account_name, account.name);
}

#[test]
fn only_an_admin_of_a_namespace_may_make_an_access_token_by_default() {
    for role in all::<ClusterRole>(&install(), "ClusterRole") {
        let labels = role.metadata.labels.unwrap_or_default();
        let aggregated =
            |to: &str| labels.contains_key(&format!("rbac.authorization.k8s.io/aggregate-to-{to}"));
        if !aggregated("view") && !aggregated("edit") {
            continue;
        }
        for verb in role
            .rules
            .unwrap_or_default()
            .into_iter()
            .flat_map(|rule| rule.verbs)
        {
            assert!(["get", "list", "watch"].contains(&verb.as_str()), "{verb}");
        }
    }
}

#[test]
fn the_lease_ships_free_and_is_the_one_the_program_asks_for() {
    let lease: Lease = only("Lease");
    assert_eq!(LeaseFacts::of(&lease).claim, Claim::Free);
    // A field in here would be put back by the next apply, under a leader that relies on it.
    assert_eq!(lease.spec, None);
    let name = lease.metadata.name.unwrap();
    assert_eq!(name, run_args().leadership.lease_name);
    let named: Vec<_> = rules()
        .into_iter()
        .filter(|(_, rule)| {
            rule.resources
                .iter()
                .flatten()
                .any(|resource| resource == "leases")
        })
        .filter_map(|(_, rule)| rule.resource_names)
        .collect();
    assert_eq!(named, [[name]]);
}
