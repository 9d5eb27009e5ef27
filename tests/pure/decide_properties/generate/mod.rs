//! Generated worlds: a settled world for a generated spec, with every part left as it is or replaced by anything.

mod desired;
mod record;
mod remote;
mod secret;

use std::collections::BTreeSet;
use std::mem;

use jiff::Timestamp;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::desired::DeletionPolicy;
use launchdarkly_token_operator::domain::observed::{
    Account, Admission, Deletion, Observed, OwnToken, PendingCall, Retry, RevokedKey, Roles,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{MAX_RETIRING, PendingOperation};
use launchdarkly_token_operator::domain::secret::{Arrangement, SecretState};
use launchdarkly_token_operator::domain::settings::Grant;
use launchdarkly_token_operator::domain::step::StepKind;
use launchdarkly_token_operator::domain::time::{Clocks, RemoteOffset, plus};
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;

use crate::decide_properties::worlds::{
    DesiredToken, Given, NOW, given, key, no_retiring_token_can_be_deleted, seconds, token,
};

/// A spec and a world, both anything that can be.
pub fn any_world() -> BoxedStrategy<Given> {
    desired::any_desired()
        .prop_flat_map(|desired| {
            let base = given(DesiredToken(desired));
            (
                Just(base.clone()),
                record::any_record(&base),
                secret::any_secrets(&base),
                remote::any_remote(&base),
                surroundings(),
            )
                .prop_map(|(mut world, record, secrets, remote, around)| {
                    world.observed.record = record;
                    secrets.put(&mut world.observed);
                    remote.put(&mut world.observed);
                    around.put(&mut world);
                    make_consistent(&mut world);
                    world
                })
        })
        .boxed()
}

/// A moment that makes a difference to somebody.
pub fn moment() -> BoxedStrategy<Timestamp> {
    let minute = 60;
    let hour = 60 * minute;
    select(vec![
        -40 * 24 * hour,
        -25 * hour,
        -2 * hour,
        -31 * minute,
        -11 * minute,
        -91,
        -61,
        -30,
        -1,
        0,
        1,
        30,
        61,
        10 * minute,
        2 * hour,
        25 * hour,
        40 * 24 * hour,
    ])
    .prop_map(|offset| plus(NOW, seconds(offset)))
    .boxed()
}

/// `usual` most of the time, else one of `other`.
pub fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: T,
    other: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<T> {
    prop_oneof![3 => Just(usual), 1 => other].boxed()
}

/// What is neither record, Secret nor token.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Surroundings {
    /// Whether, and then whether its part about the Secret is valid all the same.
    invalid: Option<bool>,
    finalizer: bool,
    edited: bool,
    terminating: bool,
    deletion: Option<Deletion>,
    /// How far LaunchDarkly's clock is ahead, and by how much more it may be.
    offset: (i64, i64),
    retries: Vec<Retry>,
    undeletable: bool,
    renamed: bool,
    cut_off: bool,
    claims: BTreeSet<usize>,
    gone: BTreeSet<usize>,
    revoked: Vec<RevokedKey>,
    limited: BTreeSet<usize>,
    roles: Roles,
}

fn surroundings() -> BoxedStrategy<Surroundings> {
    let deletion = (
        moment(),
        select(vec![DeletionPolicy::Delete, DeletionPolicy::Retain]),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(requested_at, policy, skip_cleanup)| {
            Some(Deletion {
                requested_at: requested_at.min(NOW),
                tried_since: requested_at.min(NOW),
                policy,
                skip_cleanup,
            })
        });
    let roles = prop_oneof![
        Just(Roles::Unknown),
        Just(Roles::Missing("deploy".into())),
        Just(Roles::Resolved(vec!["role-1".into()])),
    ];
    (
        prop::option::weighted(0.08, prop::bool::weighted(0.7)),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        prop_oneof![5 => Just(None), 1 => deletion],
        (
            mostly(0, select(vec![-600, -90, 90, 600])),
            mostly(0, select(vec![-36_000, -600, 600, 36_000])),
        ),
        prop::collection::vec(retry(), 0..2),
        (
            prop::bool::weighted(0.05),
            prop::collection::btree_set(5..9_usize, 0..2),
            prop::collection::btree_set(0..24_usize, 0..6),
            prop::option::weighted(0.1, prop::option::of(moment())),
            prop::bool::weighted(0.05),
            prop::bool::weighted(0.03),
        ),
        prop::collection::btree_set(20..24_usize, 0..4),
        roles,
    )
        .prop_map(
            |(
                invalid,
                finalizer,
                edited,
                terminating,
                deletion,
                offset,
                retries,
                (cut_off, claims, gone, accepted_at, undeletable, renamed),
                limited,
                roles,
            )| Surroundings {
                invalid,
                finalizer,
                edited,
                terminating,
                deletion,
                offset,
                retries,
                undeletable,
                renamed,
                cut_off,
                claims,
                gone,
                revoked: accepted_at.map(revoked_key).into_iter().collect(),
                limited,
                roles,
            },
        )
        .boxed()
}

/// A key that was revoked, and when it was seen to live on.
fn revoked_key(accepted_at: Option<Timestamp>) -> RevokedKey {
    RevokedKey {
        fingerprint: key(9),
        accepted_at,
    }
}

fn retry() -> BoxedStrategy<Retry> {
    let acts = |kind: &StepKind| !matches!(kind, StepKind::Hold | StepKind::Rest);
    let kinds: Vec<StepKind> = StepKind::iter().filter(acts).collect();
    (select(kinds), any::<bool>(), moment(), 1..=2_u32)
        .prop_map(|(step, terminal, until, times)| Retry {
            step,
            problem: Problem::user(Reason::LaunchDarklyUnavailable, "503").passing_if(!terminal),
            until,
            generation: 1,
            times,
        })
        .boxed()
}

impl Surroundings {
    fn put(self, world: &mut Given) {
        let observed = &mut world.observed;
        if let Some(has_layout) = self.invalid {
            if let Ok(desired) = &world.desired {
                observed.layout = Some(desired.secret.clone()).filter(|_| has_layout);
                observed.revokes.clone_from(&desired.rotation.revokes);
            }
            world.desired = Err(Problem::user(
                Reason::InvalidSpec,
                "rotation.interval is too short",
            ));
        }
        observed.finalizer = self.finalizer;
        observed.generation = if self.edited { 2 } else { 1 };
        observed.namespace_terminating = self.terminating;
        observed.deletion = self.deletion;
        let (offset, doubt) = self.offset;
        observed.clocks = Clocks::new(
            NOW,
            NOW,
            RemoteOffset {
                earliest: seconds(offset + doubt.min(0)),
                likely: seconds(offset),
                latest: seconds(offset + doubt.max(0)),
            },
        );
        observed.retries = self.retries;
        if self.undeletable {
            // One that was revoked, and twice.
            if let Some(first) = observed.record.retiring.first_mut() {
                first.cause = Cause::Revoke;
            }
            no_retiring_token_can_be_deleted(true)(world);
            if let Some(failed) = world.observed.retries.last_mut() {
                failed.times = 2;
            }
        }
        let observed = &mut world.observed;
        if let Some(recorded) = observed.record.secret.as_mut().filter(|_| self.renamed) {
            recorded.name = "left".into();
            observed.record.former_secret = None;
            observed.former_secret = mem::replace(&mut observed.secret, SecretState::Absent);
        }
        if self.cut_off {
            observed.cut_offs = vec![super::worlds::revoke("all of it")];
        }
        observed.claims = self.claims.into_iter().map(token).collect();
        observed.revoked_keys = self.revoked;
        observed.gone = self.gone.into_iter().map(token).collect();
        let refused = self.limited.iter().filter(|n| *n % 3 == 0);
        observed.end_refused = refused.copied().map(token).collect();
        observed.life_limited = self.limited.into_iter().map(token).collect();
        observed.roles = self.roles;
    }
}

/// What `observe` cannot see together is put right.
fn make_consistent(world: &mut Given) {
    let desired = match &world.desired {
        Ok(desired) => Some(desired.clone()),
        Err(_) => None,
    };
    let observed = &mut world.observed;
    let asks = desired
        .as_ref()
        .is_some_and(|desired| matches!(desired.settings.grant, Grant::CustomRoles(_)));
    if !asks {
        observed.roles = match desired {
            Some(_) => Roles::Resolved(Vec::new()),
            None => Roles::Unknown,
        };
    }
    // An attempt that is pending is not among the abandoned, and is known by the process that wrote it.
    let record = &mut observed.record;
    if let Some(pending) = &record.pending {
        record.abandoned.retain(|a| a.attempt != pending.attempt);
        if !matches!(observed.call, PendingCall::Empty) && pending.holder != observed.holder {
            observed.call = PendingCall::Empty;
        }
        // An intent is written only with room for the token that it may replace.
        if record.token.is_some() {
            record.retiring.truncate(MAX_RETIRING - 1);
        }
        if pending.operation == PendingOperation::Reset {
            // R0: a reset is announced only outside a grace.
            let over = record
                .rotation
                .previous_key_expiration_time
                .filter(|end| *end < pending.start_time);
            record.rotation.previous_key_expiration_time = over;
        }
    } else {
        observed.call = PendingCall::Empty;
    }
    fit_hand(observed, desired.as_ref());
    let named = observed.record.pending.is_some() || observed.record.secret.is_some();
    if desired.is_none() && !named {
        observed.secret = SecretState::Absent;
    }
    // The key of the recorded token, where the operator uses that token itself.
    let own = match (&observed.account, &observed.record.token) {
        (Account::Usable(facts), Some(token)) => facts.credential.may_be(&token.id),
        (Account::Usable(_) | Account::Unusable(_), _) => false,
    };
    let recorded = observed.record.secret.as_ref().filter(|_| own);
    observed.kept_key = recorded.map(|secret| secret.fingerprint.clone());
    observed
        .found
        .retain(|found| !observed.record.claims(&found.id));
    if let Account::Usable(facts) = &mut observed.account {
        // Of one that has a place nobody says that there is none.
        let has_place = observed.record.answers_for_tokens();
        if has_place
            && matches!(
                facts.admission,
                Admission::NoRoom(_) | Admission::NeedsListing
            )
        {
            facts.admission = Admission::Granted;
        }
        let unresolved = asks && observed.roles == Roles::Unknown;
        if unresolved != (facts.admission == Admission::NeedsRoles) {
            facts.admission = if unresolved {
                Admission::NeedsRoles
            } else {
                Admission::Granted
            };
        }
    }
    if let (Some(desired), SecretState::Ours(_)) = (&desired, &observed.former_secret) {
        let recorded = observed.record.secret.as_ref();
        let moved = recorded.is_some_and(|secret| secret.name != desired.secret.name);
        if !moved && observed.record.former_secret.is_none() {
            observed.former_secret = SecretState::Absent;
        }
    }
}

fn fit_hand(
    observed: &mut Observed,
    desired: Option<&launchdarkly_token_operator::domain::desired::Desired>,
) {
    let Some(pending) = &observed.record.pending else {
        return;
    };
    let named = match &observed.account {
        Account::Usable(facts) => match &facts.credential {
            OwnToken::Named(id) => Some(id.clone()),
            OwnToken::OneOf(_) | OwnToken::Unlisted { .. } => None,
        },
        Account::Unusable(_) => None,
    };
    match &mut observed.call {
        PendingCall::Empty => {}
        PendingCall::Armed(arrangement) | PendingCall::Refused(arrangement) => {
            fit_arrangement(arrangement, &pending.secret_name, desired);
        }
        PendingCall::Held {
            arrangement,
            token_id,
            previous_key_expiration_time,
            ..
        } => {
            fit_arrangement(arrangement, &pending.secret_name, desired);
            match (pending.operation, &pending.token_id) {
                (PendingOperation::Reset, Some(reset)) => *token_id = reset.clone(),
                (PendingOperation::Reset, None) | (PendingOperation::Create, _) => {
                    *token_id = token(1);
                    *previous_key_expiration_time = None;
                }
            }
            if pending.operation == PendingOperation::Create
                && (observed.record.claims(token_id) || named.as_ref() == Some(token_id))
            {
                observed.call = PendingCall::Empty;
            }
        }
    }
}

fn fit_arrangement(
    arrangement: &mut Arrangement,
    name: &str,
    desired: Option<&launchdarkly_token_operator::domain::desired::Desired>,
) {
    if let Some(desired) = desired {
        arrangement.layout = desired.secret.clone();
    }
    name.clone_into(&mut arrangement.layout.name);
}
