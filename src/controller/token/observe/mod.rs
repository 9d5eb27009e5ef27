//! The only reader: gathers what is known around one object.

mod account;
mod wish;

use kube::ResourceExt;
use std::collections::BTreeSet;

use crate::api::record;
use crate::api::validate::{self, RequestKind};
use crate::api::{AccessToken, CLAIM_ANNOTATION, SKIP_CLEANUP_ANNOTATION};
use crate::cluster::secret::Recorded;
use crate::cluster::{Cluster, ClusterError};
use crate::controller::account::listings::View;
use crate::controller::account::registry::{Entry, Session};
use crate::controller::token::context::Context;
use crate::controller::token::memory::ObjectMemory;
use crate::domain::decide::token_in_question;
use crate::domain::ids::{Attempt, Fingerprint, TokenId};
use crate::domain::memory::{Memory, Surroundings};
use crate::domain::observed::{Account, Deletion, Observed, OwnToken};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{Identity, Record};
use crate::domain::secret;
use crate::domain::secret::SecretLayout;
use crate::domain::secret::SecretState;
use crate::domain::time::Clocks;
use crate::launchdarkly::{Token, TokensApi};
use crate::runtime::clock::Moment;

use self::account::AccountQuery;
use self::wish::Wish;

use crate::controller::age::new_until;
use crate::controller::token::world::World;

/// Reads everything that a decision needs. Nothing is written, taken or counted.
pub(in crate::controller) async fn observe<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    memory: &mut ObjectMemory,
) -> Result<World<L>, ClusterError> {
    let identity = object.identity();
    let record = object.status.as_ref().map(record::read).unwrap_or_default();
    let wish = Wish::of(object, &record);
    let (now, account_key) = (ctx.clock.moment(), object.account_key());
    let namespace = ctx.namespace(&identity.namespace).await?;
    let is_new = new_until(&object.metadata, ctx.timing.settle).is_some_and(|at| at > now.wall);
    let entry = ctx.accounts.get(&account_key);
    let clocks = clocks(entry.as_deref(), now);
    let deletion = deletion(object, &memory.facts, clocks, entry.as_deref());
    let query = AccountQuery {
        ctx,
        key: &account_key,
        identity: &identity,
        namespace_labels: &namespace.labels,
        desired: &wish.desired,
        has_token: record.token.is_some(),
        deleting: deletion.is_some(),
        deletion_policy: object.spec.deletion_policy.unwrap_or_default(),
        is_new,
        steady: clocks.steady,
    };
    let (account, session) = query.account(entry.as_deref(), &memory.facts.roles);
    let listing = session.as_ref().and_then(Session::listing);
    let reader = SecretReader::new(ctx, &identity, &record, is_new);
    let (wish, (secret, former_secret)) =
        read_secrets(&reader, entry.as_deref(), wish, memory, &record).await?;
    let read = Surroundings {
        generation: object.metadata.generation.unwrap_or_default(),
        finalizer: object.has_finalizer(),
        namespace_terminating: namespace.terminating,
        timing: ctx.timing,
        holder: ctx.holder.clone(),
        nonce: nonce(),
        clocks,
        layout: wish.asked,
        revokes: validate::requests(object, RequestKind::Revoke),
        cut_offs: validate::requests(object, RequestKind::CutOff),
        former: validate::former_hashes(object),
        claims: claims(object),
        identity,
        deletion,
        kept_key: kept_key(entry.as_deref(), &record),
        record,
        account,
        secret,
        former_secret,
    };
    let end = key_of(&read.secret).and_then(|key| memory.last_four(&wish.layout.name, key));
    let key_matches = |token: &Token| Some(*end.as_ref()? == *token.last_four.as_ref()?);
    let mut observed = memory
        .facts
        .observed(&wish.desired, read, listing.as_deref(), key_matches);
    if let Some(token_id) = token_in_question(&observed) {
        observed.claimed_by = ctx.accounts.claims.other(token_id, &observed.identity);
    }
    tell_own_token(&mut observed, session.as_ref(), listing.as_deref());
    Ok(World {
        desired: wish.desired,
        observed,
        session,
        account_key,
        layout: wish.layout,
        listing,
    })
}

/// The Secrets of an object, and what is asked for within what its account allows: judged is what is asked for, written what is allowed.
async fn read_secrets<C: Cluster, L: TokensApi>(
    reader: &SecretReader<'_, C, L>,
    entry: Option<&Entry<L>>,
    wish: Wish,
    memory: &mut ObjectMemory,
    record: &Record,
) -> Result<(Wish, (SecretState, SecretState)), ClusterError> {
    let secrets = reader.states(&wish.layout, memory).await?;
    match within(entry, &wish, memory, record) {
        Some(allowed) => {
            let secrets = reader.states(&allowed.layout, memory).await?;
            Ok((allowed, secrets))
        }
        None => Ok((wish, secrets)),
    }
}

/// Which of the tokens that the object has to do with the operator may be using itself.
fn tell_own_token<L>(
    observed: &mut Observed,
    session: Option<&Session<L>>,
    listing: Option<&View>,
) {
    let found = observed.found.iter().map(|found| &found.id);
    let named = match &observed.secret {
        SecretState::Ours(secret) => secret.marks.token_id.as_ref(),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let concerned = observed.record.token_ids().chain(found).chain(named);
    let own = session.map(|session| session.credential.own_token(listing, concerned));
    let clocks = observed.clocks;
    let own = own.map(|own| match own {
        OwnToken::Unlisted { since } => OwnToken::Unlisted {
            since: clocks.shown(since),
        },
        OwnToken::Named(_) | OwnToken::OneOf(_) => own,
    });
    if let (Account::Usable(facts), Some(own)) = (&mut observed.account, own) {
        facts.credential = own;
    }
}

/// The account's last good credential, whether it still serves or not; not one of another account (I10).
fn kept_key<L>(entry: Option<&Entry<L>>, record: &Record) -> Option<Fingerprint> {
    let session = entry?.state.newest_session()?;
    (record.account_id.as_ref() == Some(&session.account_id)).then(|| session.key.clone())
}

/// What of a wish the account lets the Secret have, where that is not all.
fn within<L>(
    entry: Option<&Entry<L>>,
    wish: &Wish,
    memory: &ObjectMemory,
    record: &Record,
) -> Option<Wish> {
    let secret = memory.secret(&wish.layout.name).and_then(Option::as_ref);
    wish.within(&entry?.policy, secret, record)
}

/// The tokens that the user says are this object's.
fn claims(object: &AccessToken) -> BTreeSet<TokenId> {
    let annotation = object.annotations().get(CLAIM_ANNOTATION);
    let ids = annotation.map(|text| text.split([' ', ',', '\n', '\t']));
    let ids = ids.into_iter().flatten().filter(|id| !id.is_empty());
    ids.map(TokenId::new).collect()
}

/// The key that a Secret of ours holds.
fn key_of(secret: &SecretState) -> Option<&Fingerprint> {
    match secret {
        SecretState::Ours(secret) => secret.key.as_ref(),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    }
}

/// Our clock, and LaunchDarkly's as far as it is known.
fn clocks<L: TokensApi>(entry: Option<&Entry<L>>, now: Moment) -> Clocks {
    let session = entry.and_then(|entry| entry.state.newest_session());
    let offset = session.map(|session| session.api.clock_offset());
    Clocks::new(now.wall, now.steady(), offset.unwrap_or_default())
}

/// A deletion under way, within what the account's policy allows.
fn deletion<L>(
    object: &AccessToken,
    memory: &Memory<Token>,
    clocks: Clocks,
    entry: Option<&Entry<L>>,
) -> Option<Deletion> {
    let requested_at = object.metadata.deletion_timestamp.as_ref()?.0;
    let skip = object
        .annotations()
        .get(SKIP_CLEANUP_ANNOTATION)
        .is_some_and(|value| value == "true");
    let asked = object.spec.deletion_policy;
    let retains = entry.is_none_or(|entry| entry.policy.retain);
    let can_ask = entry.is_some_and(|entry| entry.state.newest_session().is_some());
    Some(Deletion {
        requested_at,
        tried_since: clocks.shown(memory.deletion_seen.unwrap_or(clocks.steady)),
        policy: asked.filter(|_| retains).unwrap_or_default(),
        skip_cleanup: skip && (retains || !can_ask),
    })
}

/// Reads Secrets of an object, at most once while nothing tells that they changed.
struct SecretReader<'a, C, L> {
    ctx: &'a Context<C, L>,
    identity: &'a Identity,
    record: &'a Record,
    /// The RoleBinding may have been applied together with the object.
    is_new: bool,
}

impl<'a, C: Cluster, L: TokensApi> SecretReader<'a, C, L> {
    fn new(
        ctx: &'a Context<C, L>,
        identity: &'a Identity,
        record: &'a Record,
        is_new: bool,
    ) -> Self {
        Self {
            ctx,
            identity,
            record,
            is_new,
        }
    }

    /// The Secret that the key belongs into, and the other one.
    async fn states(
        &self,
        layout: &SecretLayout,
        memory: &mut ObjectMemory,
    ) -> Result<(SecretState, SecretState), ClusterError> {
        let secret = self.state(layout, memory).await?;
        Ok((secret, self.former_state(layout, memory).await?))
    }

    /// The Secret that the key comes from, or that is left for a while, when it is not the one of `layout`.
    async fn former_state(
        &self,
        layout: &SecretLayout,
        memory: &mut ObjectMemory,
    ) -> Result<SecretState, ClusterError> {
        let Some(name) = secret::other_name(self.record, layout) else {
            return Ok(SecretState::Absent);
        };
        let layout = SecretLayout {
            name,
            ..layout.clone()
        };
        self.state(&layout, memory).await
    }

    async fn state(
        &self,
        layout: &SecretLayout,
        memory: &mut ObjectMemory,
    ) -> Result<SecretState, ClusterError> {
        let name = &layout.name;
        if name.is_empty() {
            return Ok(SecretState::Absent);
        }
        if memory.secret(name).is_none() {
            let namespace = &self.identity.namespace;
            match self.ctx.cluster.read_secret(namespace, name).await {
                Ok(snapshot) => {
                    memory.remember_secret(name, snapshot, self.ctx.clock.since_boot());
                }
                Err(ClusterError::Forbidden { message }) => {
                    return Ok(unreadable(message, false));
                }
                Err(ClusterError::NotOptedIn { advice }) => {
                    return Ok(unreadable(advice, self.is_new));
                }
                Err(error @ ClusterError::TooManyParts) => {
                    return Ok(unreadable(error.to_string(), false));
                }
                Err(error) => return Err(error),
            }
        }
        let recorded = self.record.secret.as_ref();
        let same = recorded.filter(|secret| secret.name == *name);
        let recorded = Recorded {
            uid: same.map(|secret| &secret.uid),
            fingerprint: recorded.map(|secret| &secret.fingerprint),
        };
        Ok(match memory.secret(name) {
            Some(Some(snapshot)) => snapshot.state(self.identity, recorded, layout),
            Some(None) | None => SecretState::Absent,
        })
    }
}

fn unreadable(message: String, passes: bool) -> SecretState {
    let problem = Problem::user(Reason::SecretAccessDenied, message);
    SecretState::Unreadable(problem.passing_if(passes))
}

pub(in crate::controller) fn nonce() -> Attempt {
    let random = uuid::Uuid::new_v4().simple().to_string();
    Attempt::new(random.chars().take(8).collect::<String>())
}

#[cfg(test)]
mod tests;
