//! The shared listing: one look at all tokens of an account serves every object of it.

use std::sync::Arc;

use futures::future;
use jiff::Timestamp;

use crate::controller::account::probe;
use crate::controller::account::registry::{Accounts, Availability, Session};
use crate::controller::failure::Failure;
use crate::domain::account::AccountKey;
use crate::domain::reason::Reason;
use crate::launchdarkly::{Listing, TokensApi};
use crate::runtime::clock::Clock;

/// One credential of an account, with the account objects that have it.
struct Credential<L> {
    keys: Vec<AccountKey>,
    session: Session<L>,
}

/// One account on one host, with every credential that leads there; it has one at least.
pub(in crate::controller) struct SharedAccount<L> {
    first: Credential<L>,
    others: Vec<Credential<L>>,
}

impl<L: TokensApi> SharedAccount<L> {
    /// A session of it.
    pub(in crate::controller) fn session(&self) -> &Session<L> {
        &self.first.session
    }

    /// The account objects that lead there.
    pub(in crate::controller) fn keys(&self) -> impl Iterator<Item = &AccountKey> {
        self.credentials().flat_map(|one| &one.keys)
    }

    fn credentials(&self) -> impl Iterator<Item = &Credential<L>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn add(&mut self, key: AccountKey, session: &Session<L>) {
        let mut all = std::iter::once(&mut self.first).chain(&mut self.others);
        match all.find(|one| one.session.key == session.key) {
            Some(known) => known.keys.push(key),
            None => self.others.push(Credential::new(key, session)),
        }
    }
}

impl<L: TokensApi> Credential<L> {
    fn new(key: AccountKey, session: &Session<L>) -> Self {
        Self {
            keys: vec![key],
            session: session.clone(),
        }
    }
}

/// Every account that can be asked, once whatever the number of credentials (I13).
pub(in crate::controller) fn shared_accounts<L: TokensApi>(
    accounts: &Accounts<L>,
) -> Vec<SharedAccount<L>> {
    let mut all: Vec<SharedAccount<L>> = Vec::new();
    for (key, entry) in accounts.all() {
        let Availability::Usable(session) = &entry.state else {
            continue;
        };
        let mut known = all.iter_mut();
        match known.find(|it| Arc::ptr_eq(&it.session().state, &session.state)) {
            Some(account) => account.add(key, session),
            None => all.push(SharedAccount {
                first: Credential::new(key, session),
                others: Vec::new(),
            }),
        }
    }
    all
}

/// Lists every account in use.
pub async fn list_accounts<L: TokensApi>(accounts: &Accounts<L>, clock: &dyn Clock) {
    let all = shared_accounts(accounts);
    future::join_all(all.iter().map(|one| list_account(accounts, one, clock))).await;
}

/// Lists one account, with its credentials by turns: one that is refused passes its turn to the next. Sweeps up after interrupted
/// probes.
pub(in crate::controller) async fn list_account<L: TokensApi>(
    accounts: &Accounts<L>,
    account: &SharedAccount<L>,
    clock: &dyn Clock,
) {
    let state = &account.session().state;
    // What nobody answers for any more is looked after too.
    let is_used = |key: &AccountKey| accounts.users(key) > 0 || accounts.has_kept(key);
    let in_use = |one: &Credential<L>| one.keys.iter().any(is_used);
    let (begun_at, candidates) = {
        let in_use: Vec<_> = account.credentials().filter(|one| in_use(one)).collect();
        let mut listings = state.listings();
        let keys = account.credentials().map(|one| &one.session.key);
        listings.retain(&keys.collect());
        let now = clock.steady();
        (now, listings.turns(in_use, |one| &one.session.key, now))
    };
    for one in candidates {
        let session = &one.session;
        let Err(failure) = list_since(session, begun_at).await else {
            let keys = account.credentials().map(|one| one.session.key.clone());
            state.compare_kept(&session.key, &keys.collect());
            for one in account.credentials() {
                sweep_probes(accounts, one).await;
            }
            return;
        };
        tracing::warn!(account = %session.account_id, "could not list the tokens: {}", failure.problem.message);
        if failure.doubts_credential {
            for key in &one.keys {
                accounts.doubt(key);
            }
        }
        // Trouble that is not about the credential meets the next one too.
        if !is_refused(&failure) {
            return;
        }
        let mut listings = state.listings();
        listings.took_turn(&session.key, clock.steady(), true);
    }
}

/// Whether a credential may not list; another one may.
fn is_refused(failure: &Failure) -> bool {
    failure.doubts_credential
        || matches!(
            failure.problem.reason,
            Reason::Forbidden | Reason::NotFound | Reason::CredentialRejected
        )
}

/// Lists the account with a credential unless it did so after `begun_after`; one listing serves all who wait (I13). What others can
/// see does not tell what is missing for this one.
pub(in crate::controller) async fn list_since<L: TokensApi>(
    session: &Session<L>,
    begun_after: Timestamp,
) -> Result<Arc<Listing>, Failure> {
    let _turn = session.state.listing_turn.lock().await;
    let known = session.state.listings().own(&session.key);
    if let Some(listing) = known.filter(|listing| listing.started_at >= begun_after) {
        return Ok(listing);
    }
    let listing = session.api.list_all().await?;
    let mut listings = session.state.listings();
    listings.keep(&session.key, listing);
    listings.own(&session.key).ok_or_else(Failure::stale)
}

/// What an interrupted probe left is deleted, unless one is under way.
async fn sweep_probes<L: TokensApi>(accounts: &Accounts<L>, credential: &Credential<L>) {
    let session = &credential.session;
    let Ok(_turn) = session.state.probe_turn.try_lock() else {
        return;
    };
    for key in &credential.keys {
        if let Err(failure) =
            probe::sweep(session, &accounts.installation, &probe::prober(key)).await
        {
            tracing::warn!(account = %session.account_id, "could not delete a throw-away token: {}", failure.problem.message);
        }
    }
}
