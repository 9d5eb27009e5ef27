//! Puts what was found out about an account where the access tokens find it.

use crate::controller::account::conditions;
use crate::controller::account::context::AccountContext;
use crate::controller::account::credential::Trouble;
use crate::controller::account::kinds::AccountObject;
use crate::controller::account::registry::{Entry, Session, State};
use crate::domain::account::AccountKey;
use crate::domain::reason::Reason;
use crate::launchdarkly::HttpClient;

/// Puts what was found where the access tokens find it.
pub(in crate::controller) fn publish<K: AccountObject>(
    ctx: &AccountContext,
    object: &K,
    key: &AccountKey,
    finding: &Result<Session<HttpClient>, Trouble>,
) {
    let before = ctx.accounts.get(key);
    let Ok(desired) = object.desired() else {
        if let Err(trouble) = finding {
            let state = unusable(trouble, before.as_deref());
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
            session.shared.set_objects(key, ctx.accounts.users(key));
            adopt_features(object, session);
            State::Usable(session.clone())
        }
        Err(trouble) => unusable(trouble, before.as_deref()),
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

fn unusable(trouble: &Trouble, before: Option<&Entry<HttpClient>>) -> State<HttpClient> {
    let last = before
        .and_then(|entry| entry.state.newest_session())
        // Another account behind the credential means that nothing may be written with it (I10).
        .filter(|_| trouble.reason != Reason::AccountMismatch)
        .cloned();
    State::Unusable {
        reason: Reason::AccountNotReady,
        own_reason: trouble.reason,
        message: format!("the account cannot be used: {}", trouble.message),
        transient: trouble.transient,
        last,
    }
}

/// What an earlier process found out about the instance is taken over from the status.
fn adopt_features<K: AccountObject>(object: &K, session: &Session<HttpClient>) {
    let Some(noted) = object.status().and_then(|status| status.features.as_ref()) else {
        return;
    };
    session.shared.update_features(|features| {
        if features.probe_time.is_none() {
            features.reset = conditions::to_domain(noted.reset);
            features.expiry = conditions::to_domain(noted.expiry);
            features.probe_time = noted.probe_time;
        }
    });
}
