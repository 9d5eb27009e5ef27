//! I5: never blind.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::Attempt;
use launchdarkly_token_operator::domain::marker::Marker;
use launchdarkly_token_operator::domain::observed::{
    Feature, Observed, PendingCall, Remote, SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::record::{Intent, PendingOperation};
use launchdarkly_token_operator::domain::step::{CallStep, LookStep, RecordStep, SecretStep, Step};
use launchdarkly_token_operator::domain::time::{Clocks, plus};

use super::{Case, Verdict, ensure};

/// Creates and resets follow an intent that this process wrote and has not acted on, or that was refused.
pub fn announced(case: &Case<'_>) -> Verdict {
    let (attempt, operation) = match case.step {
        Step::Call(CallStep::CreateToken { attempt, .. }) => (attempt, PendingOperation::Create),
        Step::Call(CallStep::ResetKey { attempt, .. }) => (attempt, PendingOperation::Reset),
        _ => return Ok(()),
    };
    let observed = case.observed;
    let pending = observed.record.pending.as_ref().ok_or("no intent")?;
    ensure(pending.attempt == *attempt, || "another attempt".into())?;
    ensure(pending.operation == operation, || "another call".into())?;
    ensure(pending.holder == observed.holder, || {
        "another process wrote the intent".into()
    })?;
    ensure(
        matches!(
            observed.call,
            PendingCall::Armed(_) | PendingCall::Refused(_)
        ),
        || format!("the call may have been made: {:?}", observed.call),
    )?;
    match case.step {
        Step::Call(CallStep::CreateToken { settings, .. }) => {
            let marker = Marker::parse(&settings.description).ok_or("no marker")?;
            ensure(marker.attempt() == Some(attempt), || {
                "the marker names another attempt".into()
            })?;
            ensure(marker.object == observed.identity.uid, || {
                "the marker names another object".into()
            })
        }
        Step::Call(CallStep::ResetKey { token_id, .. }) => {
            let recorded = observed.record.token.as_ref().map(|token| &token.id);
            ensure(
                Some(token_id) == recorded && Some(token_id) == pending.token_id.as_ref(),
                || "not the token that was announced".into(),
            )
        }
        _ => Ok(()),
    }
}

/// After a call without an answer only its traces are looked for; nothing is reset again.
pub fn uncertain(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let Some(pending) = &observed.record.pending else {
        return Ok(());
    };
    match case.step {
        Step::Record(RecordStep::RecordIntent { record, .. }) => {
            let next = record.pending.as_ref().ok_or("an intent without one")?;
            ensure(next.attempt != pending.attempt, || {
                "the same attempt again".into()
            })?;
            ensure(next.operation == PendingOperation::Create, || {
                format!("a reset follows an unresolved {:?}", pending.operation)
            })
        }
        Step::Look(LookStep::ProveKey { .. }) | Step::Secret(SecretStep::PublishKey { .. }) => {
            ensure(matches!(observed.call, PendingCall::Held { .. }), || {
                "no key in hand".into()
            })
        }
        _ => Ok(()),
    }
}

/// Whether the token that the Secret names is in hand, or was looked at and is this object's.
fn is_known_as_ours(case: &Case<'_>) -> bool {
    let observed = case.observed;
    let named = case.secret().and_then(|s| s.marks.token_id.as_ref());
    matches!(&observed.call, PendingCall::Held { token_id, .. } if Some(token_id) == named)
        || matches!(&observed.remote, Remote::Present(facts) if facts.is_marked())
        || observed.secret_key == SecretKeyProof::Accepted
}

/// Whether a listing that began after all effects must have shown has no token of the attempt.
fn is_disproved(observed: &Observed, pending: &Intent) -> bool {
    let timing = observed.timing;
    let mut created_tokens = observed
        .found
        .iter()
        .filter(|f| f.attempt == pending.attempt);
    let found = created_tokens.any(|f| !observed.gone.contains(&f.id));
    let shown_by = plus(pending.start_time, timing.settle * 2)
        .max(plus(observed.calls_ended_by, timing.settle));
    let ended = plus(shown_by, timing.lease);
    !found && observed.listed_at.is_some_and(|listed| listed >= ended)
}

/// A create that may have happened is remembered when its intent goes, unless its key is in the Secret.
pub fn remembered(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let (Some(pending), Some(record)) = (&observed.record.pending, case.step.record()) else {
        return Ok(());
    };
    if record.pending.as_ref() == Some(pending) {
        return Ok(());
    }
    let published = |attempt: &Attempt| {
        case.secret()
            .is_some_and(|secret| secret.marks.attempt.as_ref() == Some(attempt))
    };
    let certain = matches!(
        observed.call,
        PendingCall::Armed(_) | PendingCall::Refused(_)
    );
    match case.step {
        Step::Record(RecordStep::RecordPublication(_)) => {
            ensure(published(&pending.attempt), || {
                "the Secret does not carry the attempt".into()
            })?;
            ensure(
                pending.operation == PendingOperation::Reset || is_known_as_ours(case),
                || "a Secret is believed without evidence".into(),
            )
        }
        Step::Record(RecordStep::ForgetIntent(_)) => ensure(certain, || {
            "a call that may have been made is forgotten".into()
        }),
        Step::Record(
            RecordStep::RecordIntent { .. }
            | RecordStep::AbandonAttempt(_)
            | RecordStep::RecordCutOff(_),
        ) => ensure(
            certain
                || pending.operation == PendingOperation::Reset
                || has(record, &pending.attempt)
                || is_disproved(observed, pending),
            || "the attempt is not among the abandoned".into(),
        ),
        _ => Err("the intent is dropped by the way".into()),
    }
}

fn has(record: &launchdarkly_token_operator::domain::record::Record, attempt: &Attempt) -> bool {
    record.abandoned.iter().any(|a| a.attempt == *attempt)
}

/// A second reset might cut the key that lives in its grace.
pub fn reset_in_grace(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let end = observed.record.rotation.previous_key_expiration_time;
    let over = end.is_none_or(|end| observed.clocks.passed(end));
    let in_grace = observed.record.has_key_in_grace() && !over;
    // A revocation wants every previous key to end.
    let begun = observed
        .record
        .pending
        .as_ref()
        .map(|pending| pending.cause);
    let why = reset_intent(case).map_or(begun, |intent| Some(intent.cause));
    if why == Some(Cause::Revoke) {
        return Ok(());
    }
    let Some(intent) = reset_intent(case) else {
        return ensure(
            !(in_grace && matches!(case.step, Step::Call(CallStep::ResetKey { .. }))),
            || "a previous key is in its grace".into(),
        );
    };
    ensure(!in_grace, || "a previous key is in its grace".into())?;
    ensure(observed.record.pending.is_none(), || {
        "another call is unresolved".into()
    })?;
    let available = case
        .account()
        .is_some_and(|account| account.reset == Feature::Available);
    ensure(available, || "nobody tried whether resets are safe".into())?;
    let settle = observed.timing.settle;
    let known = matches!(&observed.remote, Remote::Present(facts)
        if facts.key_matches == Some(true)
            && facts.source != Source::Listing
            && is_fresh(facts.seen_at, observed.clocks, settle));
    let revoking = intent.cause == launchdarkly_token_operator::domain::cause::Cause::Revoke;
    ensure(known || revoking, || {
        "nobody looked whether the Secret's key is the token's".into()
    })
}

fn is_fresh(seen: jiff::Timestamp, clocks: Clocks, settle: jiff::SignedDuration) -> bool {
    clocks.local.duration_since(seen).abs() <= settle
}

fn reset_intent<'a>(case: &'a Case<'_>) -> Option<&'a Intent> {
    match case.step {
        Step::Record(RecordStep::RecordIntent { record, .. }) => record
            .pending
            .as_ref()
            .filter(|intent| intent.operation == PendingOperation::Reset),
        _ => None,
    }
}

/// What an intent must say.
pub fn intent(case: &Case<'_>) -> Verdict {
    let Step::Record(RecordStep::RecordIntent {
        record,
        arrangement,
        rehearsal,
    }) = case.step
    else {
        return Ok(());
    };
    let observed = case.observed;
    let intent = record.pending.as_ref().ok_or("no intent in it")?;
    let desired = case.desired();
    // Of a spec that is invalid nothing but its Secret is used, and only to revoke.
    let revokes = intent.operation == PendingOperation::Reset && intent.cause == Cause::Revoke;
    ensure(desired.is_some() || revokes, || "an invalid spec".into())?;
    let token = observed.record.token.as_ref();
    ensure(intent.attempt == observed.nonce, || "a used nonce".into())?;
    ensure(intent.holder == observed.holder, || "not our name".into())?;
    ensure(intent.start_time == observed.clocks.local, || {
        "not now".into()
    })?;
    let mut layout = match desired {
        Some(desired) => desired.secret.clone(),
        None => observed.layout.clone().ok_or("no valid layout")?,
    };
    let recorded = observed.record.secret.as_ref().map(|secret| &secret.name);
    let pending = observed.record.pending.as_ref();
    let pending = pending.map(|intent| &intent.secret_name);
    if let Some(name) = pending.or(recorded.filter(|_| desired.is_none())) {
        layout.name.clone_from(name);
    }
    ensure(intent.secret_name == layout.name, || {
        "another Secret".into()
    })?;
    ensure(intent.token_id.as_ref() == token.map(|t| &t.id), || {
        "not the token in use".into()
    })?;
    ensure(arrangement.layout == layout, || "another layout".into())?;
    ensure(rehearsal.layout == layout, || {
        "another Secret is rehearsed".into()
    })?;
    ensure(!observed.namespace_terminating, || {
        "the namespace is going".into()
    })?;
    let grace = desired.map_or(jiff::SignedDuration::ZERO, |it| it.rotation.grace);
    let lives = grace.saturating_add(observed.timing.publication_margin);
    let until = plus(observed.clocks.later(), lives);
    ensure(
        intent.operation == PendingOperation::Create
            || intent.previous_key_expiration_time >= Some(until),
        || "how long the previous key lives is not said".into(),
    )?;
    let promised = observed
        .record
        .pending
        .as_ref()
        .and_then(|pending| pending.previous_key_expiration_time);
    ensure(intent.previous_key_expiration_time >= promised, || {
        "the half-reset key's time is forgotten".into()
    })
}
