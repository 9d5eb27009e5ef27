//! I11 and I12: what is written down is bounded, of this generation, and ends.

use std::collections::BTreeSet;

use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::PendingCall;
use launchdarkly_token_operator::domain::record::{
    MAX_ABANDONED, MAX_ENDING, MAX_HANDLED, MAX_HISTORY, MAX_RETIRING,
};
use launchdarkly_token_operator::domain::step::{
    CallStep, LookStep, ObjectStep, RecordStep, SecretStep, Step, WaitStep,
};

use super::{Case, Verdict, ensure};

/// While an object is being deleted nothing is created or published, and it goes only with nothing left unsaid.
pub fn deletion(case: &Case<'_>) -> Verdict {
    if !case.deleting() {
        return Ok(());
    }
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
