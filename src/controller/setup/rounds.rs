//! One round a drift interval: every account in use is listed, and its objects are compared with what was listed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::AccountContext;
use super::accounts::AccountControllers;
use super::cache::ObjectCache;
use crate::cluster::{Cluster, KubeCluster};
use crate::controller::account::poll::{list_accounts, one_each};
use crate::controller::token::context::Context;
use crate::domain::memory::ShownListing as _;
use crate::domain::orphans::{Listed, suspects};
use crate::domain::time::plus;
use crate::launchdarkly::{HttpClient, Limiters, TokensApi};

/// How often the gauges are brought up to date.
const GAUGES_EVERY: Duration = Duration::from_secs(5);

/// Lists every account in use once an interval and has its objects compared; never ends.
pub(super) async fn run(
    ctx: Arc<Context<KubeCluster, HttpClient>>,
    objects: ObjectCache,
    (accounts, mut controllers): (Arc<AccountContext>, AccountControllers),
    tick: watch::Sender<u64>,
    interval: Duration,
    whole_cluster: bool,
) {
    let mut next = tokio::time::Instant::now() + jittered(interval);
    loop {
        objects.count(&ctx);
        controllers.sweep(&accounts).await;
        ctx.forget_gone(&objects.uids());
        show_rate_limits(&ctx, accounts.connect.limiters());
        tokio::time::sleep_until(next.min(tokio::time::Instant::now() + GAUGES_EVERY)).await;
        if tokio::time::Instant::now() < next {
            continue;
        }
        next = tokio::time::Instant::now() + jittered(interval);
        list_accounts(&ctx.accounts, &*ctx.clock).await;
        if whole_cluster {
            find_orphans(&ctx, &objects);
        }
        gather_unknown(&ctx, &objects);
        tick.send_modify(|round| *round = round.wrapping_add(1));
    }
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
fn find_orphans<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, objects: &ObjectCache) {
    let living = objects.living();
    for session in one_each(&ctx.accounts) {
        let Some(listing) = session.listing() else {
            continue;
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
        let found = suspects(listed, &ctx.accounts.installation, &living, listed_at);
        session.state.suspect_orphans(found, listing.newest());
    }
}

/// Has accounts say what their objects say of tokens that they do not know.
fn gather_unknown<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, objects: &ObjectCache) {
    let all = objects.all();
    let statuses = || all.iter().filter_map(|object| object.status.as_ref());
    for session in one_each(&ctx.accounts) {
        let of_account =
            statuses().filter(|it| it.account_id.as_ref() == Some(&session.account_id));
        let unknown = of_account.flat_map(|status| status.unknown_tokens.iter().cloned());
        session.state.note_unknown(unknown.collect());
    }
}

/// Up to a tenth less, so that accounts and replicas do not ask at the same moment.
fn jittered(interval: Duration) -> Duration {
    let draw = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    interval.saturating_sub(interval * draw / 2560)
}
