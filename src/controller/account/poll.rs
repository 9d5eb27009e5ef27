//! The shared listing: one look a drift interval at all tokens of an account, which every object of it is compared with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::cluster::{Cluster, KubeCluster};
use crate::controller::account::probe;
use crate::controller::account::registry::{Session, State};
use crate::controller::account::state::is_believable;
use crate::controller::failure::Failure;
use crate::controller::objects::Objects;
use crate::controller::token::context::Context;
use crate::domain::account::AccountKey;
use crate::domain::orphans::{Listed, suspects};
use crate::domain::time::plus;
use crate::launchdarkly::{HttpClient, Lines, Listing, TokensApi};

/// How often the gauges are brought up to date.
const GAUGES_EVERY: Duration = Duration::from_secs(5);

/// Lists every account in use once an interval and has its objects compared; never ends.
pub(in crate::controller) async fn run(
    ctx: Arc<Context<KubeCluster, HttpClient>>,
    lines: Arc<Lines>,
    objects: Objects,
    tick: watch::Sender<u64>,
    interval: Duration,
    whole_cluster: bool,
    sweep: impl Fn() + Send,
) {
    let mut next = tokio::time::Instant::now() + jittered(interval);
    loop {
        objects.count(&ctx.metrics);
        sweep();
        ctx.forget_gone(&objects.uids());
        show_rate_limits(&ctx, &lines);
        tokio::time::sleep_until(next.min(tokio::time::Instant::now() + GAUGES_EVERY)).await;
        if tokio::time::Instant::now() < next {
            continue;
        }
        next = tokio::time::Instant::now() + jittered(interval);
        list_accounts(&ctx).await;
        if whole_cluster {
            find_orphans(&ctx, &objects);
        }
        tick.send_modify(|round| *round = round.wrapping_add(1));
    }
}

/// The least that is left of each kind of limit.
fn show_rate_limits<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, lines: &Lines) {
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

/// One session for every account, with the account objects that lead there.
fn sessions<C: Cluster, L: TokensApi>(ctx: &Context<C, L>) -> Vec<(Vec<AccountKey>, Session<L>)> {
    let mut sessions: Vec<(Vec<AccountKey>, Session<L>)> = Vec::new();
    for (key, entry) in ctx.accounts.all() {
        let State::Usable(session) = &entry.state else {
            continue;
        };
        let known = sessions
            .iter_mut()
            .find(|(_, known)| Arc::ptr_eq(&known.shared, &session.shared));
        match known {
            Some((keys, _)) => keys.push(key),
            None => sessions.push((vec![key], session.clone())),
        }
    }
    sessions
}

/// Lists every account in use, once whatever the number of credentials (I13), and sweeps up after interrupted probes.
pub async fn list_accounts<C: Cluster, L: TokensApi>(ctx: &Context<C, L>) {
    let sessions = sessions(ctx);
    let in_use = |keys: &[AccountKey]| keys.iter().any(|key| ctx.accounts.users(key) > 0);
    let listings = sessions.iter().filter(|(keys, _)| in_use(keys)).map(|(keys, session)| async move {
        if let Err(failure) = list_since(session, ctx.clock.now(), ctx.clock.now()).await {
            tracing::warn!(account = %session.account_id, "could not list the tokens: {}", failure.message);
            if failure.doubts_credential {
                for key in keys {
                    ctx.accounts.doubt(key);
                }
            }
            return;
        }
        sweep_probes(ctx, keys, session).await;
    });
    future::join_all(listings).await;
}

/// Lists the account unless a listing that began after `begun_after` is there; one listing serves all who wait (I13).
pub(in crate::controller) async fn list_since<L: TokensApi>(
    session: &Session<L>,
    begun_after: Timestamp,
    now: Timestamp,
) -> Result<Arc<Listing>, Failure> {
    let _turn = session.shared.listing_turn.lock().await;
    if let Some(listing) = session
        .shared
        .listing()
        .filter(|listing| listing.started_at >= begun_after)
        .filter(|listing| is_believable(listing.started_at, now))
    {
        return Ok(listing);
    }
    let listing = session.api.list_all().await?;
    session.shared.keep_listing(listing, now);
    session.shared.listing().ok_or_else(Failure::stale)
}

/// Compares what is listed with everything that lives in the cluster; only who sees all of it can tell.
fn find_orphans<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, objects: &Objects) {
    let living = objects.living();
    for (_, session) in sessions(ctx) {
        let Some(listing) = session.shared.listing() else {
            continue;
        };
        let listed = listing.tokens.iter().map(|token| Listed {
            id: &token.id,
            description: &token.description,
            creation_time: token.creation_time,
            last_used: token.last_used,
        });
        let remote_now = plus(ctx.clock.now(), session.api.clock_offset());
        let found = suspects(listed, &ctx.accounts.installation, &living, remote_now);
        session.shared.suspect_orphans(found, listing.started_at);
    }
}

/// What an interrupted probe left is deleted, unless one is under way.
async fn sweep_probes<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    keys: &[AccountKey],
    session: &Session<L>,
) {
    let Ok(_turn) = session.shared.probe_turn.try_lock() else {
        return;
    };
    for key in keys {
        if let Err(failure) =
            probe::sweep(session, &ctx.accounts.installation, &probe::prober(key)).await
        {
            tracing::warn!(account = %session.account_id, "could not delete a throw-away token: {}", failure.message);
        }
    }
}

/// Up to a tenth less, so that accounts and replicas do not ask at the same moment.
fn jittered(interval: Duration) -> Duration {
    let draw = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    interval.saturating_sub(interval * draw / 2560)
}
