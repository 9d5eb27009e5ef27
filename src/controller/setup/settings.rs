//! From the flags to what the controllers need.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::{Client, Resource, ResourceExt};
use tracing::Span;
use uuid::Uuid;

use crate::controller::account::AccountSettings;
use crate::domain::account::handler::{ControllerRef, ThisInstallation};
use crate::domain::ids::Installation;
use crate::domain::observed::Timing;
use crate::launchdarkly::{AllowedHosts, CallObserver, LimiterOptions, Operation};
use crate::runtime::args::RunArgs;
use crate::runtime::leader::LeaderTaskError;
use crate::runtime::metrics::{Controller as ControllerLabel, Metrics};
use crate::traces;

/// How long a deletion waits out trouble that may pass.
pub(super) const GIVE_UP_TRANSIENT: SignedDuration = SignedDuration::from_hours(24);

/// The namespaces to look after, `None` for all.
pub(super) fn scopes(args: &RunArgs) -> Vec<Option<String>> {
    let named: Vec<_> = args
        .scope
        .namespaces()
        .into_iter()
        .map(|name| Some(name.to_owned()))
        .collect();
    if named.is_empty() { vec![None] } else { named }
}

pub(super) fn api<K>(client: &Client, scope: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    match scope {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// The first half of the UID of `kube-system`: which cluster this is.
pub(super) async fn installation(client: &Client) -> Result<Installation, LeaderTaskError> {
    let namespace = Api::<Namespace>::all(client.clone())
        .get("kube-system")
        .await?;
    let uid = namespace.uid().unwrap_or_default();
    Ok(Installation::new(uid.chars().take(8).collect::<String>()))
}

/// What tells this installation of the operator from others in the cluster.
pub(super) fn this_installation(args: &RunArgs) -> ThisInstallation {
    ThisInstallation {
        class: args.scope.class().map(str::to_owned),
        controller: ControllerRef {
            namespace: args.leadership.namespace.clone(),
            name: args.leadership.lease_name.clone(),
        },
    }
}

pub(super) fn timing(args: &RunArgs) -> Timing {
    Timing {
        settle: signed(args.timing.settle_time),
        lease: signed(args.leadership.lease_duration),
        publication_margin: signed(args.timing.publication_margin),
        give_up: signed(args.timing.deletion_give_up_after),
        give_up_transient: GIVE_UP_TRANSIENT,
    }
}

/// How accounts are treated.
pub(super) fn account_settings(args: &RunArgs) -> Result<AccountSettings, LeaderTaskError> {
    Ok(AccountSettings {
        own_namespace: args.leadership.namespace.clone(),
        allowed_hosts: allowed_hosts(args)?,
        retry_every: signed(args.timing.drift_interval),
        settle: signed(args.timing.settle_time),
        installation: this_installation(args),
        lease: args.leadership.lease_duration,
        whole_cluster: args.scope.namespaces().is_empty(),
        by_consent: args.scope.opt_in_role.is_some(),
    })
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

pub(super) fn line_options(args: &RunArgs) -> LimiterOptions {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "validated to be between 0 and 0.9"
    )]
    let headroom_percent = (args.remote.rate_limit_headroom * 100.0).round() as u8;
    LimiterOptions {
        headroom_percent,
        ..LimiterOptions::default()
    }
}

fn allowed_hosts(args: &RunArgs) -> Result<AllowedHosts, LeaderTaskError> {
    let hosts: Result<Vec<_>, _> = args
        .remote
        .allowed_hosts()
        .into_iter()
        .map(str::parse)
        .collect();
    Ok(AllowedHosts::new(hosts?))
}

/// What every log line of a reconcile says, at whatever level.
pub(super) fn reconcile_span<K: Resource<DynamicType = ()>>(
    controller: ControllerLabel,
    object: &K,
) -> Span {
    let controller: &str = controller.into();
    let span = tracing::error_span!(
        "reconcile",
        controller,
        kind = %K::kind(&()),
        namespace = object.namespace().unwrap_or_default(),
        name = object.name_any(),
        generation = object.meta().generation.unwrap_or_default(),
        reconcile_id = %Uuid::new_v4().simple(),
    );
    traces::about(&span, object.namespace(), object.uid());
    span
}

/// Counts the calls to LaunchDarkly.
pub(super) struct Observer(pub(super) Metrics);

impl CallObserver for Observer {
    fn called(
        &self,
        operation: Operation,
        code: Option<u16>,
        result: &'static str,
        took: Duration,
    ) {
        self.0.requested(operation.into(), code, result, took);
    }
}
