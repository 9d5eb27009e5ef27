//! One round a drift interval: every account in use is listed, and its objects are compared with what was listed. No account waits
//! for another one's listing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::AccountContext;
use super::accounts::AccountControllers;
use super::cache::ObjectCache;
use super::wake::Wake;
use crate::cluster::{Cluster, KubeCluster};
use crate::controller::account::poll::{SharedAccount, list_account, shared_accounts};
use crate::controller::account::registry::Session;
use crate::controller::account::state::AccountState;
use crate::controller::token::context::Context;
use crate::domain::memory::ShownListing as _;
use crate::domain::orphans::{Listed, Living, suspects};
use crate::domain::time::plus;
use crate::launchdarkly::{HttpClient, Limiters, TokensApi};

/// How often the gauges are brought up to date.
const GAUGES_EVERY: Duration = Duration::from_secs(5);

/// Lists every account in use once an interval and has its objects compared; never ends.
pub(super) async fn run(
    ctx: Arc<Context<KubeCluster, HttpClient>>,
    objects: ObjectCache,
    (accounts, mut controllers): (Arc<AccountContext>, AccountControllers),
    wake: Wake,
    interval: Duration,
    whole_cluster: bool,
) {
    let own_namespace = &accounts.settings.own_namespace;
    let mut listings = FuturesUnordered::new();
    let mut under_way = UnderWay::default();
    let mut next = Instant::now() + jittered(interval);
    loop {
        objects.count(&ctx);
        ctx.forget_gone(&objects.uids());
        show_rate_limits(&ctx, accounts.connect.limiters());
        let mut living = None;
        let until = next.min(Instant::now() + GAUGES_EVERY);
        let pause = async {
            controllers.sweep(&accounts).await;
            tokio::time::sleep_until(until).await;
        };
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                Some(account) = listings.next(), if !listings.is_empty() => {
                    under_way.end(&account);
                    if whole_cluster {
                        let living = living.get_or_insert_with(|| objects.living());
                        find_orphans(&ctx, living, account.session(), own_namespace);
                    }
                    wake.users_of(account.keys().cloned().collect());
                }
            }
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + jittered(interval);
        // What an object has in Kubernetes is looked at once a round, whatever becomes of its account's listing.
        let mut unlisted = objects.account_keys();
        for account in shared_accounts(&ctx.accounts) {
            if under_way.begin(&account) {
                unlisted.retain(|key| !account.keys().any(|listed| listed == key));
                listings.push(list(&ctx, account));
            }
        }
        wake.users_of(unlisted);
    }
}

/// The accounts whose listings are under way: one that has not ended by the next round goes on.
#[derive(Default)]
struct UnderWay(Vec<Arc<AccountState>>);

impl UnderWay {
    /// False if it has begun before.
    fn begin<L: TokensApi>(&mut self, account: &SharedAccount<L>) -> bool {
        let state = &account.session().state;
        let new = !self.0.iter().any(|known| Arc::ptr_eq(known, state));
        if new {
            self.0.push(Arc::clone(state));
        }
        new
    }

    fn end<L: TokensApi>(&mut self, account: &SharedAccount<L>) {
        let state = &account.session().state;
        self.0.retain(|known| !Arc::ptr_eq(known, state));
    }
}

async fn list<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    account: SharedAccount<L>,
) -> SharedAccount<L> {
    list_account(&ctx.accounts, &account, &*ctx.clock).await;
    account
}

/// The least that is left of each kind of limit.
fn show_rate_limits<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, lines: &Limiters) {
    let mut least: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
    let mut waiting: BTreeMap<String, usize> = BTreeMap::new();
    for (host, _, line) in lines.all() {
        *waiting.entry(host.clone()).or_default() += line.waiting();
        for left in line.rate_left() {
            let known = least
                .entry((host.clone(), left.family.label()))
                .or_insert(left.remaining);
            *known = left.remaining.min(*known);
        }
    }
    for (host, waiting) in waiting {
        ctx.metrics.set_api_queued(&host, waiting);
    }
    for ((host, limit), remaining) in least {
        ctx.metrics
            .set_ratelimit_remaining(&host, limit, remaining.into());
    }
}

/// Compares what is listed with everything that lives in the cluster; only who sees all of it can tell.
fn find_orphans<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    living: &Living,
    session: &Session<L>,
    own_namespace: &str,
) {
    let Some(listing) = session.listing() else {
        return;
    };
    let listed = listing.tokens().map(|token| Listed {
        id: &token.id,
        description: &token.description,
        creation_time: token.creation_time,
        last_used: token.last_used,
    });
    // A token's last use is known as of then.
    let listed_at = plus(
        ctx.clock.moment().shown(listing.newest()),
        session.api.clock_offset().likely,
    );
    let found = suspects(listed, &ctx.accounts.installation, living, listed_at);
    session.state.suspect_orphans(found, listing.newest());
    if let Some(untold) = session.state.untold_orphans(own_namespace) {
        tracing::warn!(
            account = %session.account_id, tokens = ?untold,
            "no AccessToken answers for tokens with this installation's marker, and no account object is known that they were made through"
        );
    }
}

/// Up to a tenth less, so that accounts and replicas do not ask at the same moment.
fn jittered(interval: Duration) -> Duration {
    let draw = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    interval.saturating_sub(interval * draw / 2560)
}
