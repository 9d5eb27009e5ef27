//! The account controller: keeps the credentials and what is known of their accounts up to date.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::context::{AccountContext, Known};
use super::kinds::AccountObject;
use super::{conditions, publish};
use crate::api::ACCOUNT_FINALIZER;
use crate::api::FIELD_MANAGER;
use crate::controller::account::credential;
use crate::controller::account::registry::Session;
use crate::controller::age::new_until;
use crate::domain::account::AccountKey;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::HttpClient;

/// How often the credential's Secret is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often the credential of an account is looked for that may have been applied together with it.
const WAIT_FOR_CREDENTIAL: Duration = Duration::from_secs(2);

/// How often an account that is being deleted is looked at while objects refer to it.
const WAIT_FOR_USERS: Duration = Duration::from_secs(5);

/// Reconciles one account object.
pub(in crate::controller) async fn reconcile<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
) -> Result<Duration, kube::Error> {
    let key = object.key();
    let users = ctx.accounts.users(&key);
    if object.meta().deletion_timestamp.is_some() && users == 0 {
        release(ctx, object).await?;
        ctx.forget(&key);
        return Ok(LOOK_EVERY);
    }
    let is_new = new_until(object.meta(), ctx.settle).is_some_and(|at| at > ctx.clock.now());
    // The right to read it may come with it, where namespaces give it themselves.
    let with_it = |reason| match reason {
        Reason::CredentialMissing => true,
        Reason::SecretAccessDenied => ctx.opt_in.is_some(),
        _ => false,
    };
    let may_come = |problem: &Problem| is_new && with_it(problem.reason);
    let finding = find(ctx, object, &key).await.map_err(|problem| {
        let may_come = may_come(&problem);
        problem.passing_if(may_come)
    });
    publish::publish(ctx, object, &key, &finding);
    keep(ctx, object, users).await?;
    write_status(ctx, object, &finding, users).await?;
    let deleting = object.meta().deletion_timestamp.is_some();
    Ok(match &finding {
        _ if deleting => WAIT_FOR_USERS,
        Err(problem) if may_come(problem) => WAIT_FOR_CREDENTIAL,
        Ok(_) | Err(_) => LOOK_EVERY,
    })
}

/// The session of the credential, or what is wrong with it. LaunchDarkly is asked only about what is new or in doubt.
async fn find<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
    key: &AccountKey,
) -> Result<Session<HttpClient>, Problem> {
    let desired = object
        .desired()
        .map_err(|mistakes| credential::invalid(&mistakes))?;
    let endpoint = credential::endpoint(&desired, &ctx.allowed_hosts)?;
    // A cluster-scoped account's credential is in the operator's own namespace.
    let (namespace, opt_in) = match object.namespace() {
        Some(namespace) => (namespace, ctx.opt_in.as_ref()),
        None => (ctx.own_namespace.clone(), None),
    };
    let managing_key = credential::read(&ctx.client, &namespace, &desired, opt_in).await?;
    let fingerprint = managing_key.fingerprint();
    let generation = object.meta().generation.unwrap_or_default();
    let now = ctx.clock.now();
    let before = ctx
        .known(key)
        .filter(|known| known.fingerprint == fingerprint && known.generation == generation);
    if let Some(known) = &before {
        let settled = match &known.finding {
            Ok(_) => known.checked_at != Timestamp::MIN,
            Err(_) => now.duration_since(known.checked_at).abs() < ctx.retry_every,
        };
        if settled {
            return known.finding.clone();
        }
    }
    let pinned = object.status().and_then(|status| status.account_id.clone());
    let found = credential::check(ctx, &endpoint, managing_key, pinned.as_ref()).await;
    let finding = match (found, before) {
        // A credential that worked is not given up for an outage.
        (
            Err(problem),
            Some(Known {
                finding: Ok(session),
                ..
            }),
        ) if !problem.needs_user() => Ok(session),
        (found, _) => found,
    };
    ctx.remember(
        key,
        Known {
            fingerprint,
            generation,
            checked_at: now,
            finding: finding.clone(),
        },
    );
    finding
}

/// An account stays while objects refer to it: their tokens are deleted with its credential.
async fn keep<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
    users: usize,
) -> Result<(), kube::Error> {
    let has = object
        .finalizers()
        .iter()
        .any(|name| name == ACCOUNT_FINALIZER);
    match (users > 0, has) {
        (true, false) if object.meta().deletion_timestamp.is_none() => {
            let finalizers = object
                .finalizers()
                .iter()
                .cloned()
                .chain([ACCOUNT_FINALIZER.to_owned()]);
            patch_finalizers(ctx, object, finalizers.collect()).await
        }
        (false, true) => release(ctx, object).await,
        (true | false, _) => Ok(()),
    }
}

async fn release<K: AccountObject>(ctx: &AccountContext, object: &K) -> Result<(), kube::Error> {
    if !object
        .finalizers()
        .iter()
        .any(|name| name == ACCOUNT_FINALIZER)
    {
        return Ok(());
    }
    let others = object
        .finalizers()
        .iter()
        .filter(|name| *name != ACCOUNT_FINALIZER)
        .cloned();
    patch_finalizers(ctx, object, others.collect()).await
}

async fn patch_finalizers<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
    finalizers: Vec<String>,
) -> Result<(), kube::Error> {
    if ctx.gate.pass(ctx.call_time).is_err() {
        return Ok(());
    }
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(), "uid": object.uid(), "finalizers": finalizers,
    }});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match object
        .api(&ctx.client)
        .patch(&object.name_any(), &params, &Patch::Merge(patch))
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

async fn write_status<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
    finding: &Result<Session<HttpClient>, Problem>,
    users: usize,
) -> Result<(), kube::Error> {
    // The finalizer may have been written a moment ago: the status goes onto the object as it is now.
    let Some(mut live) = object.api(&ctx.client).get_opt(&object.name_any()).await? else {
        return Ok(());
    };
    let before = live.status().cloned().unwrap_or_default();
    let mut after = before.clone();
    let view = conditions::AccountView {
        generation: live.meta().generation,
        users,
        deleting: live.meta().deletion_timestamp.is_some(),
        now: ctx.clock.now(),
    };
    conditions::write(&view, finding, &mut after);
    if after == before || ctx.gate.pass(ctx.call_time).is_err() {
        return Ok(());
    }
    *live.status_mut() = Some(after);
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match object
        .api(&ctx.client)
        .replace_status(&object.name_any(), &params, &live)
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}
