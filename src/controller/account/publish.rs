//! Puts what was found out about an account where the access tokens find it.

use crate::cluster::Cluster;
use crate::controller::account::conditions;
use crate::controller::account::context::AccountContext;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::registry::{Availability, Entry, Session};
use crate::domain::account::AccountKey;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::{Connect, TokensApi};

/// Puts what was found where the access tokens find it.
pub(in crate::controller) fn publish<C: Cluster, D: Connect, K: AccountObject>(
    ctx: &AccountContext<C, D>,
    object: &K,
    key: &AccountKey,
    finding: &Result<Session<D::Api>, Problem>,
) {
    let before = ctx.accounts.get(key);
    let Ok(desired) = object.desired() else {
        if let Err(problem) = finding {
            let state = unusable(problem, before.as_deref());
            let entry = match before {
                Some(before) => Entry {
                    state,
                    ..(*before).clone()
                },
                None => Entry::closed(state),
            };
            ctx.accounts.put(key.clone(), entry);
        }
        return;
    };
    let state = match finding {
        Ok(session) => {
            session.state.set_objects(key, ctx.accounts.users(key));
            adopt_features(object, session);
            Availability::Usable(session.clone())
        }
        Err(problem) => unusable(problem, before.as_deref()),
    };
    let allowed_namespaces = desired.allowed_namespaces;
    ctx.accounts.put(
        key.clone(),
        Entry {
            state,
            policy: desired.policy,
            allowed_namespaces,
        },
    );
}

fn unusable<L: TokensApi>(problem: &Problem, before: Option<&Entry<L>>) -> Availability<L> {
    let last = before
        .and_then(|entry| entry.state.newest_session())
        // Another account behind the credential means that nothing may be written with it (I10).
        .filter(|_| problem.reason != Reason::AccountMismatch)
        .cloned();
    Availability::Unusable {
        problem: Problem {
            reason: Reason::AccountNotReady,
            message: format!("the account cannot be used: {}", problem.message),
            recovery: problem.recovery,
        },
        own_reason: problem.reason,
        last,
    }
}

/// What an earlier process found out about the instance is taken over from the status.
fn adopt_features<L: TokensApi, K: AccountObject>(object: &K, session: &Session<L>) {
    let Some(noted) = object.status().and_then(|status| status.features.as_ref()) else {
        return;
    };
    session.state.update_features(|features| {
        if features.probed_at.is_none() {
            features.reset = conditions::to_domain(noted.reset);
            features.expiry = conditions::to_domain(noted.expiry);
            features.probed_at = noted.probed_at;
        }
    });
}
