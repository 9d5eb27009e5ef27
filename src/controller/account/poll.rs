//! The shared listing: one look at all tokens of an account serves every object of it.

use std::sync::Arc;

use futures::future;
use jiff::Timestamp;

use crate::controller::account::probe;
use crate::controller::account::registry::{Accounts, Availability, Session};
use crate::controller::account::state::is_believable;
use crate::controller::failure::Failure;
use crate::domain::account::AccountKey;
use crate::launchdarkly::{Listing, TokensApi};
use crate::runtime::clock::Clock;

/// One session for every account, with the account objects that lead there.
pub(in crate::controller) fn sessions<L: TokensApi>(
    accounts: &Accounts<L>,
) -> Vec<(Vec<AccountKey>, Session<L>)> {
    let mut sessions: Vec<(Vec<AccountKey>, Session<L>)> = Vec::new();
    for (key, entry) in accounts.all() {
        let Availability::Usable(session) = &entry.state else {
            continue;
        };
        let known = sessions
            .iter_mut()
            .find(|(_, known)| Arc::ptr_eq(&known.state, &session.state));
        match known {
            Some((keys, _)) => keys.push(key),
            None => sessions.push((vec![key], session.clone())),
        }
    }
    sessions
}

/// Lists every account in use, once whatever the number of credentials (I13), and sweeps up after interrupted probes.
pub async fn list_accounts<L: TokensApi>(accounts: &Accounts<L>, clock: &dyn Clock) {
    let sessions = sessions(accounts);
    let now = clock.now();
    let in_use = |keys: &[AccountKey]| keys.iter().any(|key| accounts.users(key) > 0);
    let listings = sessions.iter().filter(|(keys, _)| in_use(keys)).map(|(keys, session)| async move {
        if let Err(failure) = list_since(session, now, clock).await {
            tracing::warn!(account = %session.account_id, "could not list the tokens: {}", failure.problem.message);
            if failure.doubts_credential {
                for key in keys {
                    accounts.doubt(key);
                }
            }
            return;
        }
        sweep_probes(accounts, keys, session).await;
    });
    future::join_all(listings).await;
}

/// Lists the account unless a listing that began after `begun_after` is there; one listing serves all who wait (I13).
pub(in crate::controller) async fn list_since<L: TokensApi>(
    session: &Session<L>,
    begun_after: Timestamp,
    clock: &dyn Clock,
) -> Result<Arc<Listing>, Failure> {
    let _turn = session.state.listing_turn.lock().await;
    // The turn may have taken long: what began meanwhile is not from the future.
    let now = clock.now();
    if let Some(listing) = session
        .state
        .listing()
        .filter(|listing| listing.started_at >= begun_after)
        .filter(|listing| is_believable(listing.started_at, now))
    {
        return Ok(listing);
    }
    let listing = session.api.list_all().await?;
    session.state.keep_listing(listing, clock.now());
    session.state.listing().ok_or_else(Failure::stale)
}

/// What an interrupted probe left is deleted, unless one is under way.
async fn sweep_probes<L: TokensApi>(
    accounts: &Accounts<L>,
    keys: &[AccountKey],
    session: &Session<L>,
) {
    let Ok(_turn) = session.state.probe_turn.try_lock() else {
        return;
    };
    for key in keys {
        if let Err(failure) =
            probe::sweep(session, &accounts.installation, &probe::prober(key)).await
        {
            tracing::warn!(account = %session.account_id, "could not delete a throw-away token: {}", failure.problem.message);
        }
    }
}
