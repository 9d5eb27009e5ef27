//! What an object takes of what all objects share, before it writes what needs it: the token it will answer for, its slot in its
//! account, its part in the replacement budget. Each is given back on every way out but the one on which it was written.

use jiff::Timestamp;

use crate::api::{AccessToken, record};
use crate::cluster::Cluster;
use crate::controller::account::Usage;
use crate::controller::account::claims::Claims;
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::controller::token::context::Context;
use crate::controller::token::world::World;
use crate::domain::account::AccountKey;
use crate::domain::account::budget::Allowance;
use crate::domain::cause::Cause;
use crate::domain::decide::replaces_unasked;
use crate::domain::ids::ObjectUid;
use crate::domain::record::Record;
use crate::launchdarkly::TokensApi;

/// Registers what an object's status says.
pub(super) fn register<C: Cluster, L: TokensApi>(ctx: &Context<C, L>, object: &AccessToken) {
    let identity = object.identity();
    let record = object.status.as_ref().map(record::read).unwrap_or_default();
    ctx.accounts.claims.note(&identity, &record);
    let key = object.account_key();
    if uses_account(object, &record) {
        ctx.accounts.occupy(&key, &identity, Usage::of(&record));
    }
    let entry = ctx.accounts.get(&key);
    if let Some(session) = entry
        .as_ref()
        .and_then(|entry| entry.state.newest_session())
    {
        let (state, moment) = (&session.state, ctx.clock.moment());
        let replaced = unasked(&record).map(|at| moment.steadily(at));
        state.remember_unasked(&identity, replaced);
    }
}

/// Whether an object needs its account whatever the account's policy says by now: it answers for tokens, or is about to clean up.
/// One that only waits for its first token uses nothing yet.
pub(in crate::controller) fn uses_account(object: &AccessToken, record: &Record) -> bool {
    if object.metadata.deletion_timestamp.is_some() {
        return object.has_finalizer();
    }
    record.answers_for_tokens()
}

/// When tokens of this object were replaced unasked. Most lost keys are those of calls that were under way
/// when a process ended, which the budget does not mean.
fn unasked(record: &Record) -> impl Iterator<Item = Timestamp> + '_ {
    let entries = record.history.iter();
    entries
        .filter(|entry| entry.cause.is_unasked() && entry.cause != Cause::LostKey)
        .map(|entry| entry.publication_time)
}

/// A slot in the account that is given back unless it is [kept](Self::keep).
pub(super) struct Reservation<'a, C: Cluster, L: TokensApi> {
    ctx: &'a Context<C, L>,
    key: &'a AccountKey,
    uid: &'a ObjectUid,
    taken: bool,
}

/// Takes a slot for an object that has no token yet; one that has keeps its own.
pub(super) fn reserve<'a, C: Cluster, L: TokensApi>(
    ctx: &'a Context<C, L>,
    world: &'a World<L>,
) -> Result<Reservation<'a, C, L>, Failure> {
    let observed = &world.observed;
    let (key, identity) = (&world.account_key, &observed.identity);
    let needs_none = observed.record.token.is_some() || observed.deletion.is_some();
    let taken = match ctx.accounts.get(key).filter(|_| !needs_none) {
        // Another object took the last one since it was looked at.
        Some(entry) => {
            let taken = ctx.accounts.reserve(key, identity, &entry.policy);
            taken.map_err(|_| Failure::stale())?
        }
        None => false,
    };
    Ok(Reservation {
        ctx,
        key,
        uid: &identity.uid,
        taken,
    })
}

impl<C: Cluster, L: TokensApi> Reservation<'_, C, L> {
    /// The object has begun: its slot stays until it is gone.
    pub(super) fn keep(mut self) {
        self.taken = false;
    }
}

impl<C: Cluster, L: TokensApi> Drop for Reservation<'_, C, L> {
    fn drop(&mut self) {
        if self.taken {
            self.ctx.accounts.give_back(self.key, self.uid);
        }
    }
}

/// A replacement that is counted in the account's budget, and given back unless it is [kept](Self::keep).
pub(super) struct Replacement<'a, L> {
    counted: Option<(&'a Session<L>, &'a ObjectUid)>,
}

/// An unasked replacement needs room in the account's budget (I14).
pub(super) fn claim_replacement<'a, C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    world: &'a World<L>,
    record: &Record,
) -> Result<Replacement<'a, L>, Failure> {
    let observed = &world.observed;
    let intent = record.pending.as_ref();
    let unasked = intent.is_some_and(|intent| replaces_unasked(&observed.record, intent.cause));
    if !unasked {
        return Ok(Replacement { counted: None });
    }
    let session = world.session()?;
    let identity = &observed.identity;
    match session
        .state
        .request_replacement(identity, ctx.clock.steady())
    {
        Allowance::Go => Ok(Replacement {
            counted: Some((session, &identity.uid)),
        }),
        Allowance::Wait(until) => Err(Failure::not_before(
            observed.clocks.shown(until),
            "waiting a moment to see whether other keys of the account were lost too",
        )),
        Allowance::Stop => {
            ctx.accounts.budget_changed();
            Err(Failure::stale())
        }
    }
}

impl<L> Replacement<'_, L> {
    /// It has begun.
    pub(super) fn keep(mut self) {
        self.counted = None;
    }
}

impl<L> Drop for Replacement<'_, L> {
    fn drop(&mut self) {
        if let Some((session, uid)) = self.counted {
            session.state.give_back_unasked(uid);
        }
    }
}

/// The claim on the token of a record that is about to be written; given back unless it is [kept](Self::keep).
pub(super) struct TokenClaim<'a> {
    claims: &'a Claims,
    before: &'a Record,
    claimed: Option<&'a Record>,
}

/// Claims the token that a Secret names; another object may have it (I1, I6).
pub(super) fn claim_token<'a, C: Cluster, L: TokensApi>(
    ctx: &'a Context<C, L>,
    world: &'a World<L>,
    record: &'a Record,
) -> Result<TokenClaim<'a>, Failure> {
    let token = record.token.as_ref().ok_or_else(Failure::stale)?;
    if !ctx
        .accounts
        .claims
        .take(&token.id, &world.observed.identity)
    {
        return Err(Failure::stale());
    }
    Ok(TokenClaim {
        claims: &ctx.accounts.claims,
        before: &world.observed.record,
        claimed: Some(record),
    })
}

impl TokenClaim<'_> {
    /// It is written down.
    pub(super) fn keep(mut self) {
        self.claimed = None;
    }
}

impl Drop for TokenClaim<'_> {
    fn drop(&mut self) {
        if let Some(claimed) = self.claimed {
            self.claims.release(claimed, self.before);
        }
    }
}
