//! From a key in hand to a Secret, and from that Secret to the record.

use jiff::{SignedDuration, Timestamp};

use super::evidence::{self, Evidence};
use super::view::View;
use crate::domain::cause::Cause;
use crate::domain::ids::{Attempt, Fingerprint, TokenId};
use crate::domain::observed::{PendingCall, Proof};
use crate::domain::record::{
    HistoryEntry, Intent, PendingOperation, Record, RetiringToken, SecretRecord, TokenRecord,
};
use crate::domain::secret::{Arrangement, Marks, SecretFacts};
use crate::domain::secret::{PreviousKey, SecretPlan};
use crate::domain::step::{RecordStep, SecretStep, Step};
use crate::domain::time::{plus, whole_second_up};

/// The Secret that would be written, with nothing secret in it yet.
pub(super) fn rehearsal(view: &View<'_>, arrangement: &Arrangement) -> SecretPlan {
    SecretPlan {
        at: view.secret_revision(),
        layout: arrangement.layout.clone(),
        marks: Marks {
            owner_uid: view.observed.identity.uid.to_string(),
            ..Marks::default()
        },
        previous: PreviousKey::Drop,
    }
}

/// Writes the key in hand, as arranged with the intent (C4, R4).
pub(super) fn publish(view: &View<'_>, intent: &Intent) -> Step {
    let PendingCall::Held {
        arrangement,
        token_id,
        fingerprint,
        previous_key_expiration_time,
        ..
    } = &view.observed.call
    else {
        return view.rest();
    };
    let now = view.now();
    // A reset cannot cut the previous key at once, not even for a revocation.
    let revokes = intent.cause == Cause::Revoke;
    let keeps_previous =
        intent.token_id.is_some() && (!revokes || intent.operation == PendingOperation::Reset);
    let previous_until = keeps_previous.then(|| {
        previous_key_expiration_for(view, intent, arrangement, *previous_key_expiration_time)
    });
    let holds_key = view.secret().is_some_and(|secret| secret.key.is_some());
    let shows_previous =
        keeps_previous && !revokes && holds_key && arrangement.layout.previous_key.is_some();
    let mut handled = view.observed.record.clone();
    handled.remember_handled(&intent.handles);
    Step::Secret(SecretStep::PublishKey {
        attempt: intent.attempt.clone(),
        plan: Box::new(SecretPlan {
            at: view.secret_revision(),
            layout: arrangement.layout.clone(),
            marks: Marks {
                owner_uid: view.observed.identity.uid.to_string(),
                token_id: Some(token_id.clone()),
                account_id: view.observed.record.account_id.clone(),
                attempt: Some(intent.attempt.clone()),
                fingerprint: Some(fingerprint.clone()),
                rotated_at: Some(now),
                previous_expires_at: previous_until,
                handled: handled.rotation.handled,
                retiring: retiring_marks(view, intent, previous_until),
                fence: None,
            },
            previous: if shows_previous {
                PreviousKey::TakeCurrent
            } else {
                PreviousKey::Drop
            },
        }),
    })
}

/// The tokens that are replaced once this is published, with their ends.
fn retiring_marks(
    view: &View<'_>,
    intent: &Intent,
    previous_until: Option<Timestamp>,
) -> Vec<(TokenId, Timestamp)> {
    let record = &view.observed.record;
    let retiring = record.retiring.iter().filter(|r| r.is_ours_to_end());
    let retiring = retiring.map(|r| (r.token_id.clone(), r.retirement_time));
    let ends =
        intent.operation == PendingOperation::Create && intent.cause != Cause::ResetElsewhere;
    let replaced = record.token.as_ref().filter(|_| ends);
    let replaced = replaced.map(|token| {
        let until = previous_until.unwrap_or_else(|| view.now());
        (token.id.clone(), until)
    });
    let marks = retiring.chain(replaced);
    marks.map(|(id, end)| (id, whole_second_up(end))).collect()
}

/// How long the key that is being replaced lives: its grace, and never less than what was promised for it before (I3).
fn previous_key_expiration_for(
    view: &View<'_>,
    intent: &Intent,
    arrangement: &Arrangement,
    asked: Option<Timestamp>,
) -> Timestamp {
    match (intent.operation, asked) {
        // What the reset for a revocation does to an older key that was in its grace is unknown: it is said to live until proven dead.
        (PendingOperation::Reset, Some(asked)) if intent.cause == Cause::Revoke => {
            let promised = view.observed.record.rotation.previous_key_expiration_time;
            promised.map_or(asked, |promised| promised.max(asked))
        }
        (PendingOperation::Reset, Some(asked)) => asked,
        (PendingOperation::Reset | PendingOperation::Create, _) => {
            let grace_over = plus(view.observed.clocks.later(), arrangement.grace);
            let lost_reset = intent
                .previous_key_expiration_time
                .map(|end| plus(end, view.observed.timing.settle));
            let promised = view.observed.record.rotation.previous_key_expiration_time;
            [lost_reset, promised]
                .into_iter()
                .flatten()
                .fold(grace_over, Timestamp::max)
        }
    }
}

/// The Secret carries the attempt that is pending: the record follows it, once it is sure that the token is ours.
pub(super) fn recognise(view: &View<'_>, intent: &Intent) -> Option<Step> {
    let publication = published_by(view, intent)?;
    let own = matches!(&view.observed.call,
        PendingCall::Held { token_id, fingerprint, .. }
            if token_id == publication.token_id && fingerprint == publication.fingerprint);
    // A reset names the recorded token and no other.
    if own || intent.operation == PendingOperation::Reset {
        return Some(record_publication(view, intent, &publication));
    }
    publication.secret.named_token()?;
    let its_own = |attempt: &Attempt| *attempt == intent.attempt;
    match evidence::evidence(view, publication.token_id, its_own) {
        Evidence::Ours => Some(record_publication(view, intent, &publication)),
        Evidence::Nothing => None,
        Evidence::Ask(step) => Some(step),
    }
}

/// A publication, as the Secret's own marks tell it.
struct Publication<'a> {
    secret: &'a SecretFacts,
    token_id: &'a TokenId,
    fingerprint: &'a Fingerprint,
}

/// The publication of this attempt, if the Secret carries it. Marks that cannot be this attempt's were tampered with.
fn published_by<'a>(view: &View<'a>, intent: &Intent) -> Option<Publication<'a>> {
    let secret = view.secret()?;
    let marks = &secret.marks;
    let (token_id, fingerprint) = (marks.token_id.as_ref()?, marks.fingerprint.as_ref()?);
    let record = &view.observed.record;
    let possible = match intent.operation {
        PendingOperation::Reset => intent.token_id.as_ref() == Some(token_id),
        PendingOperation::Create => !record.claims(token_id),
    };
    (possible && marks.attempt.as_ref() == Some(&intent.attempt)).then_some(Publication {
        secret,
        token_id,
        fingerprint,
    })
}

/// The Secret carries the attempt: that is the fact, and the record follows it (C5, R5).
fn record_publication(view: &View<'_>, intent: &Intent, publication: &Publication<'_>) -> Step {
    let Publication {
        secret,
        token_id,
        fingerprint,
    } = publication;
    let marks = &secret.marks;
    let published_at = marks.rotated_at.unwrap_or_else(|| view.now());
    let previous_key_expiration_time = grace_from_now(view, intent, marks, published_at);
    let mut record = view.record();
    record.pending = None;
    let previous_until =
        previous_key_expiration_time.unwrap_or_else(|| unmarked_grace(view, intent, published_at));
    if let Some(old) = record
        .token
        .as_ref()
        .filter(|old| old.id != **token_id && intent.operation == PendingOperation::Create)
    {
        let old = old.id.clone();
        record.retire(RetiringToken {
            token_id: old,
            cause: intent.cause,
            retirement_time: previous_until,
        });
    }
    hurry_or_spare(&mut record, intent, published_at, previous_until);
    if let Some(moved) = record
        .secret
        .as_ref()
        .filter(|s| s.name != intent.secret_name)
    {
        record.former_secret = Some(crate::domain::record::FormerSecret {
            name: moved.name.clone(),
            deletion_time: previous_until,
        });
    }
    let proven = matches!(
        view.observed.call,
        PendingCall::Held {
            proof: Proof::Accepted,
            ..
        }
    );
    record.token = Some(token_record(view, intent, token_id));
    record.secret = Some(SecretRecord {
        name: intent.secret_name.clone(),
        uid: secret.uid.clone(),
        fingerprint: (*fingerprint).clone(),
        proven,
    });
    record.rotation.last = Some(published_at);
    record.rotation.next = None;
    record.rotation.previous_key_expiration_time = previous_key_expiration_time;
    record.remember_handled(&intent.handles);
    record.remember_publication(HistoryEntry {
        publication_time: published_at,
        cause: intent.cause,
        token_id: (*token_id).clone(),
        previous_key_expiration_time,
    });
    view.reschedule(&mut record, false);
    Step::Record(RecordStep::RecordPublication(Box::new(record)))
}

/// What a publication means for tokens that retire already.
fn hurry_or_spare(
    record: &mut Record,
    intent: &Intent,
    published_at: Timestamp,
    previous_until: Timestamp,
) {
    for retiring in &mut record.retiring {
        if intent.cause == Cause::Revoke {
            // Every previous key is to die, also one that could not be deleted before.
            retiring.cause = Cause::Revoke;
            retiring.retirement_time = retiring.retirement_time.min(published_at);
        } else if intent.cause.is_unasked() && !retiring.ends_at_once() {
            // While the key was lost, this may have been the one that consumers used.
            retiring.retirement_time = retiring.retirement_time.max(previous_until);
        }
    }
}

/// Only a revocation publishes without a grace; a mark that is missing elsewhere was taken away.
fn unmarked_grace(view: &View<'_>, intent: &Intent, published_at: Timestamp) -> Timestamp {
    if intent.cause == Cause::Revoke {
        return published_at;
    }
    let grace = view.observed.record.rotation.grace.unwrap_or_default();
    plus(view.observed.clocks.later(), grace)
}

/// Until when the previous key lives: its grace counts from when the new key was in the Secret, which may have taken its time
/// since the end of the grace was written there (I3). What a reset asked for cannot be changed any more.
fn grace_from_now(
    view: &View<'_>,
    intent: &Intent,
    marks: &Marks,
    published_at: Timestamp,
) -> Option<Timestamp> {
    let promised = marks.previous_expires_at?;
    Some(match intent.operation {
        PendingOperation::Reset => promised,
        PendingOperation::Create => {
            // By the clock that dated it: how far that is behind LaunchDarkly's is in the promise already.
            let late = view.now().duration_since(published_at);
            plus(promised, late.max(SignedDuration::ZERO))
        }
    })
}

fn token_record(view: &View<'_>, intent: &Intent, id: &TokenId) -> TokenRecord {
    let before = view.observed.record.token.as_ref();
    let (observed_hash, differs, creation_time) = match &view.observed.call {
        PendingCall::Held {
            observed_hash,
            differs,
            creation_time,
            token_id,
            ..
        } if token_id == id => (Some(observed_hash.clone()), differs.clone(), *creation_time),
        _ if intent.operation == PendingOperation::Reset => {
            before.map_or((None, Vec::new(), None), |token| {
                (
                    token.observed_hash.clone(),
                    token.differs.clone(),
                    token.creation_time,
                )
            })
        }
        PendingCall::Held { .. }
        | PendingCall::Empty
        | PendingCall::Armed(_)
        | PendingCall::Refused(_) => (None, Vec::new(), None),
    };
    TokenRecord {
        id: id.clone(),
        name: intent.token_name.clone(),
        spec_hash: intent.spec_hash.clone(),
        observed_hash,
        differs,
        creation_time,
    }
}
