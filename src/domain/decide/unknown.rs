//! Tokens that carry this object's marker and that it does not record.
//!
//! A marker can be copied by hand, and a cluster that was cloned from a backup has the same ones. So it is no reason to end a token:
//! only an attempt of this object that is still open is, or what this object itself wrote down of the token (I6).

use jiff::SignedDuration;

use super::intent::{Need, intend};
use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::ids::TokenId;
use crate::domain::observed::{Feature, FoundToken, PendingCall};
use crate::domain::record::{MAX_UNKNOWN, PendingOperation};
use crate::domain::step::Step;
use crate::domain::time::{end_of_second, plus};

/// A token of ours that somebody else reset is in use for as long after its last call.
const IDLE: SignedDuration = SignedDuration::from_hours(24);

/// An unknown token that is made this soon after one of ours was made for the same reason answers it: two operators that see each
/// other's tokens would otherwise replace for ever.
const ANSWERS_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What a token with our marker that is not recorded is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its attempt is open: announced, and no id known for it.
    Open,
    /// The user says that it is ours.
    Claimed,
    /// The Secret says that it was replaced, in place of a status that was lost.
    Replaced {
        /// Until when it is to live.
        until: jiff::Timestamp,
    },
    /// It was ours until somebody else reset it, and nobody uses it any more.
    Idle,
    /// Not ours as far as anybody knows.
    Unknown,
}

/// The tokens with our marker that are not recorded, not in hand, and not known to be gone.
pub(super) fn unrecorded<'a>(view: &View<'a>) -> impl Iterator<Item = &'a FoundToken> {
    let observed = view.observed;
    let in_hand = match &observed.call {
        PendingCall::Held { token_id, .. } => Some(token_id),
        PendingCall::Empty | PendingCall::Armed(_) | PendingCall::Refused(_) => None,
    };
    observed.found.iter().filter(move |found| {
        let recorded = observed.record.claims(&found.id) || observed.gone.contains(&found.id);
        !recorded && in_hand != Some(&found.id)
    })
}

/// Those of them whose key is not the one that the Secret says it holds, which may be about to be recorded.
pub(super) fn unpublished<'a>(view: &View<'a>) -> impl Iterator<Item = &'a FoundToken> {
    let secret = view.secret();
    let published = secret.and_then(|secret| secret.marks.token_id.as_ref());
    unrecorded(view).filter(move |found| published != Some(&found.id))
}

/// What a token is to us.
pub(super) fn standing(view: &View<'_>, found: &FoundToken) -> Standing {
    let observed = view.observed;
    if is_open(view, found) {
        return Standing::Open;
    }
    if observed.claims.contains(&found.id) {
        return Standing::Claimed;
    }
    let replaced = view.secret().and_then(|secret| {
        let mut retiring = secret.marks.retiring.iter();
        retiring.find(|(id, _)| *id == found.id)
    });
    if let Some((_, until)) = replaced {
        return Standing::Replaced { until: *until };
    }
    let was_ours = observed.record.history.iter();
    if was_ours
        .map(|entry| &entry.token_id)
        .any(|id| *id == found.id)
        && is_idle(view, found)
    {
        return Standing::Idle;
    }
    Standing::Unknown
}

/// Whether the attempt that it names was announced and has no token yet. Of several that name it only the oldest can be its token.
fn is_open(view: &View<'_>, found: &FoundToken) -> bool {
    let observed = view.observed;
    let record = &observed.record;
    let pending = record.pending.as_ref().is_some_and(|pending| {
        pending.operation == PendingOperation::Create
            && pending.attempt == found.attempt
            && !matches!(observed.call, PendingCall::Held { .. })
    });
    let abandoned = view.open_attempts();
    let open = pending || abandoned.iter().any(|known| known.attempt == found.attempt);
    let older = |other: &FoundToken| {
        other.attempt == found.attempt
            && (other.creation_time, &other.id) < (found.creation_time, &found.id)
    };
    open && !observed.found.iter().any(older)
}

fn is_idle(view: &View<'_>, found: &FoundToken) -> bool {
    let grace = view.observed.record.rotation.grace.unwrap_or_default();
    let last_sign = found.creation_time.max(found.last_used);
    last_sign.is_some_and(|at| plus(at, grace.max(IDLE)) < view.observed.clocks.remote_earliest)
}

/// The unknown tokens, in order; `None` while no listing tells.
///
/// A token that is younger than the settle time may be of a call whose answer is under way.
pub(super) fn unknown(view: &View<'_>) -> Option<Vec<TokenId>> {
    let listed_at = view.observed.listed_at?;
    let settle = view.observed.timing.settle;
    let shown_since = |found: &&FoundToken| {
        let created = found
            .creation_time
            .map(|time| view.observed.clocks.to_local(time));
        // One from the future was made before LaunchDarkly's clock was set back.
        created.is_none_or(|created| {
            plus(created, settle) <= listed_at || created > plus(view.now(), settle)
        })
    };
    let unknown = unpublished(view)
        .filter(shown_since)
        .filter(|found| standing(view, found) == Standing::Unknown);
    let mut unknown: Vec<TokenId> = unknown.map(|found| found.id.clone()).collect();
    unknown.sort();
    unknown.truncate(MAX_UNKNOWN);
    Some(unknown)
}

/// Another operator with our markers may end the token in use, which it takes for its own. Where tokens are known to have an
/// `expiry` that shows in time; elsewhere a token of its own, newer than ours, is the only sign.
pub(super) fn leave_shared_token(view: &View<'_>) -> Option<Step> {
    if view.account().ok()?.expiry == Feature::Available {
        return None;
    }
    let record = view.record();
    // It is known to the second.
    let published = end_of_second(record.rotation.last?);
    let answers = record
        .history
        .first()
        .is_some_and(|last| last.cause == Cause::Expiring);
    let made_alone_until = if answers {
        plus(published, ANSWERS_WITHIN)
    } else {
        published
    };
    // What was ours is older than ours, whatever its date.
    let was_ours = |id: &TokenId| record.history.iter().any(|entry| entry.token_id == *id);
    let newer = |id: &TokenId| {
        let found = view.observed.found.iter().find(|found| found.id == *id);
        let created = found.and_then(|found| found.creation_time);
        created.is_some_and(|time| view.observed.clocks.to_local(time) > made_alone_until)
    };
    let mut foreign = unknown(view)?.into_iter().filter(|id| !was_ours(id));
    let shared = foreign.any(|id| newer(&id));
    shared.then(|| intend(view, &Need::create(Cause::Expiring)))
}
