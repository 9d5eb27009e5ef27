//! The account controller: keeps the credentials and what is known of their accounts up to date.

use std::time::Duration;

use kube::ResourceExt;

use super::context::AccountContext;
use super::kinds::AccountObject;
use super::{conditions, publish};
use crate::cluster::{Cluster, ClusterError, CredentialRef};
use crate::controller::account::credential;
use crate::controller::account::known::Checked;
use crate::controller::age::new_until;
use crate::domain::account::AccountKey;
use crate::domain::account::finding::{Access, Finding};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::Connect;

/// How often the credential's Secret is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often the credential of an account is looked for that may have been applied together with it.
const WAIT_FOR_CREDENTIAL: Duration = Duration::from_secs(2);

/// How often an account that is being deleted is looked at while objects refer to it.
const WAIT_FOR_USERS: Duration = Duration::from_secs(5);

/// Reconciles one account object.
///
/// # Errors
/// Kubernetes could not be read or written.
pub async fn reconcile<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    object: &K,
) -> Result<Duration, ClusterError> {
    let key = object.key();
    let users = ctx.accounts.users(&key);
    if object.meta().deletion_timestamp.is_some() && users == 0 {
        keep(&ctx.cluster, object, users).await?;
        ctx.accounts.forget(&key, &object.account_uid());
        return Ok(LOOK_EVERY);
    }
    let is_new =
        new_until(object.meta(), ctx.settings.settle).is_some_and(|at| at > ctx.clock.now());
    // The right to read it may come with it, where namespaces give it themselves.
    let with_it = |reason| match reason {
        Reason::CredentialMissing => true,
        Reason::SecretAccessDenied => ctx.settings.by_consent,
        _ => false,
    };
    let may_come = |problem: &Problem| is_new && with_it(problem.reason);
    let finding = find(ctx, object, &key).await.map_err(|problem| {
        let may_come = may_come(&problem);
        problem.passing_if(may_come)
    });
    publish::publish(ctx, object, &key, &finding);
    keep(&ctx.cluster, object, users).await?;
    write_status(ctx, object, &finding, users).await?;
    let deleting = object.meta().deletion_timestamp.is_some();
    Ok(match &finding {
        _ if deleting => WAIT_FOR_USERS,
        Err(problem) if may_come(problem) => WAIT_FOR_CREDENTIAL,
        Ok(_) | Err(_) => LOOK_EVERY,
    })
}

/// What is known of the credential, or what is wrong with it. LaunchDarkly is asked only about what is new or in doubt.
async fn find<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    object: &K,
    key: &AccountKey,
) -> Result<Checked<D::Api>, Problem> {
    let desired = object
        .desired()
        .map_err(|mistakes| credential::invalid(&mistakes))?;
    let endpoint = credential::endpoint(&desired, &ctx.settings.allowed_hosts)?;
    // A cluster-scoped account's credential is in the operator's own namespace.
    let own = object.namespace();
    let at = CredentialRef {
        by_consent: own.is_some() && ctx.settings.by_consent,
        namespace: own.unwrap_or_else(|| ctx.settings.own_namespace.clone()),
        name: desired.credentials_name.clone(),
        entry: desired.credentials_key.clone(),
    };
    let managing_key = credential::read(&ctx.cluster, &at).await?;
    let access = Access {
        generation: object.meta().generation.unwrap_or_default(),
        api_url: desired.api_url.clone(),
        ca_bundle: desired.ca_bundle.clone(),
        fingerprint: managing_key.fingerprint(),
    };
    let (uid, now) = (object.account_uid(), ctx.clock.now());
    let before = ctx.accounts.checked(key, &uid);
    let before = before.filter(|before| before.finding.access == access);
    let checked = match before {
        Some(known) if !known.finding.is_due(now, ctx.settings.retry_every) => known,
        before => {
            let pinned = object.status().and_then(|status| status.account_id.clone());
            let found = credential::check(ctx, &endpoint, managing_key, pinned.as_ref()).await;
            let (answer, session) = match found {
                Ok((behind, session)) => (Ok(behind), Some(session)),
                Err(problem) => (Err(problem), None),
            };
            let known = before.as_ref().map(|before| &before.finding);
            let finding = Finding::after(known, access, answer, now);
            let kept = before.and_then(|before| before.session);
            let session = session.or_else(|| kept.filter(|_| finding.result.is_ok()));
            let checked = Checked { finding, session };
            ctx.accounts.remember(key, &uid, checked.clone());
            checked
        }
    };
    checked.finding.result.clone().map(|_| checked)
}

/// An account stays while objects refer to it: their tokens are deleted with its credential.
async fn keep<C: Cluster, K: AccountObject>(
    cluster: &C,
    object: &K,
    users: usize,
) -> Result<(), ClusterError> {
    let changed = match (users > 0, object.is_held()) {
        (true, false) if object.meta().deletion_timestamp.is_none() => {
            cluster.add_finalizer(object).await.map(drop)
        }
        (false, true) => cluster.remove_finalizer(object).await,
        (true | false, _) => Ok(()),
    };
    quietly(changed)
}

/// What was decided on is no more, or this process may not act: whatever comes next looks again.
fn quietly(written: Result<(), ClusterError>) -> Result<(), ClusterError> {
    match written {
        Err(ClusterError::Conflict | ClusterError::NotFound | ClusterError::NotLeading(_)) => {
            Ok(())
        }
        written => written,
    }
}

async fn write_status<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    object: &K,
    finding: &Result<Checked<D::Api>, Problem>,
    users: usize,
) -> Result<(), ClusterError> {
    // The finalizer may have been written a moment ago: the status goes onto the object as it is now.
    let (namespace, name) = (object.namespace(), object.name_any());
    let read = ctx.cluster.read_object::<K>(namespace.as_deref(), &name);
    let Some(mut live) = read.await? else {
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
    let session = finding.as_ref().map(|checked| checked.session.as_ref());
    conditions::write(&view, session, &mut after);
    if after == before {
        return Ok(());
    }
    *live.status_mut() = Some(after);
    quietly(ctx.cluster.replace_status(&live).await.map(drop))
}
