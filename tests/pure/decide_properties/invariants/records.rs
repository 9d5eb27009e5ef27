//! I11 and I12: what is written down is bounded, of this generation, and ends.

use std::collections::BTreeSet;

use launchdarkly_token_operator::domain::desired::DeletionPolicy;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::{Observed, PendingCall};
use launchdarkly_token_operator::domain::record::{
    MAX_ABANDONED, MAX_ENDING, MAX_HANDLED, MAX_HISTORY, MAX_RETIRING, PendingOperation,
};
use launchdarkly_token_operator::domain::step::{
    CallStep, LookStep, ObjectStep, RecordStep, SecretStep, Step, WaitStep,
};

use super::{Case, Verdict, ensure};

/// While an object is being deleted nothing is created or published, and it goes only with nothing left unsaid.
pub fn deletion(case: &Case<'_>) -> Verdict {
    let Some(deletion) = &case.observed.deletion else {
        return Ok(());
    };
    let retains = deletion.policy == DeletionPolicy::Retain;
    let Step::Object(ObjectStep::RemoveFinalizer { left_behind }) = case.step else {
        let ends = matches!(
            case.step,
            Step::Look(
                LookStep::ListTokens { .. }
                    | LookStep::FetchToken { .. }
                    | LookStep::ProveSecretKey { .. }
            ) | Step::Call(CallStep::DeleteToken { .. } | CallStep::MarkRetained { .. })
                | Step::Secret(SecretStep::DeleteSecret { .. })
                | Step::Wait(WaitStep::Hold { .. } | WaitStep::Rest { .. })
        );
        let limits = retains && matches!(case.step, Step::Call(CallStep::LimitLife { .. }));
        // What was published is known to be so before anything is retained.
        let says = retains && matches!(case.step, Step::Record(RecordStep::RecordPublication(_)));
        let ends = ends || limits || says || saves_kept_key(case);
        return ensure(ends, || "the object is being deleted".into());
    };
    let observed = case.observed;
    let mut ours: BTreeSet<&TokenId> = observed.record.token_ids().collect();
    let found = observed.found.iter();
    let ours_to_say = found.filter(|found| case.is_ours(&found.id) && !case.was_once_ours(found));
    ours.extend(ours_to_say.map(|found| &found.id));
    if let PendingCall::Held { token_id, .. } = &observed.call {
        ours.insert(token_id);
    }
    let unsaid: Vec<_> = ours
        .into_iter()
        .filter(|id| !observed.gone.contains(*id) && !left_behind.contains(id))
        .filter(|id| !(retains && has_its_end(observed, id)))
        .collect();
    ensure(unsaid.is_empty(), || format!("{unsaid:?} are left unsaid"))
}

/// Every record names the generation that it was decided for.
pub fn truth(case: &Case<'_>) -> Verdict {
    let Some(record) = case.step.record() else {
        return Ok(());
    };
    ensure(
        record.observed_generation == Some(case.observed.generation),
        || "another generation".into(),
    )?;
    if let (
        Step::Record(RecordStep::RecordPublication(_) | RecordStep::RecordTakeOver(_)),
        Some(secret),
    ) = (case.step, &record.secret)
    {
        let holds = case.secret().and_then(|s| s.marks.fingerprint.as_ref());
        ensure(holds == Some(&secret.fingerprint), || {
            "the Secret does not say that it holds this key".into()
        })?;
    }
    Ok(())
}

/// The schema bounds these lists: a longer one could not be written.
pub fn bounds(case: &Case<'_>) -> Verdict {
    let Some(record) = case.step.record() else {
        return Ok(());
    };
    let handles = record.pending.as_ref().map_or(0, |p| p.handles.len());
    for (name, length, limit) in [
        ("retiring", record.retiring.len(), room_to_retire(case.step)),
        ("abandoned", record.abandoned.len(), MAX_ABANDONED),
        ("handled", record.rotation.handled.len(), MAX_HANDLED),
        ("handles", handles, MAX_HANDLED),
        ("history", record.history.len(), MAX_HISTORY),
    ] {
        ensure(length <= limit, || format!("{length} {name}"))?;
    }
    let ids: Vec<_> = record.token_ids().collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    ensure(ids.len() == distinct.len(), || "a token twice".into())
}

/// Without a finalizer a deletion would leave everything behind.
pub fn finalizer(case: &Case<'_>) -> Verdict {
    let claims_more = match case.step {
        Step::Record(RecordStep::RecordIntent { .. } | RecordStep::RecordTakeOver(_))
        | Step::Call(CallStep::CreateToken { .. }) => true,
        Step::Record(RecordStep::RecordRetirement(record)) => {
            record.retiring.len() > case.observed.record.retiring.len()
        }
        _ => false,
    };
    let rests_on_tokens = matches!(case.step, Step::Wait(WaitStep::Rest { .. }))
        && case.observed.record.token.is_some()
        && case.observed.deletion.is_none()
        && case.account().is_some();
    ensure(
        case.observed.finalizer || !(claims_more || rests_on_tokens),
        || "the object has no finalizer".into(),
    )
}

/// A cut-off ends the token in use and one in hand besides those that retire.
fn room_to_retire(step: &Step) -> usize {
    match step {
        Step::Record(RecordStep::RecordCutOff(_)) => MAX_ENDING,
        _ => MAX_RETIRING,
    }
}

/// The one exception: a kept Secret whose key a reset may have made old gets another one first.
fn saves_kept_key(case: &Case<'_>) -> bool {
    let observed = case.observed;
    let Some((deletion, pending)) = observed
        .deletion
        .as_ref()
        .zip(observed.record.pending.as_ref())
    else {
        return false;
    };
    let reset = pending.operation == PendingOperation::Reset || pending.recovers_a_key();
    reset && deletion.policy == DeletionPolicy::Retain && !observed.namespace_terminating
}

/// A replaced token that ends by itself.
fn has_its_end(observed: &Observed, id: &TokenId) -> bool {
    let mut retiring = observed.record.retiring.iter();
    let limited = observed.life_limited.contains(id) && !observed.end_refused.contains(id);
    limited && retiring.any(|r| r.token_id == *id)
}
