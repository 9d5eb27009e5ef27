//! I4 and I14, and what else says when nothing is to be done.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::step::{
    CallStep, RecordStep, SecretStep, Step, StepKind, WaitStep,
};

use super::{Case, Verdict, ensure};

/// A rotation answers a request nobody answered yet, or a time that has come.
pub fn reasons(case: &Case<'_>) -> Verdict {
    let Step::Record(RecordStep::RecordIntent { record, .. }) = case.step else {
        return Ok(());
    };
    let intent = record.pending.as_ref().ok_or("no intent in it")?;
    let observed = case.observed;
    let (triggers, revokes) = (case.triggers(), case.revokes());
    let answers = |requests: &[_]| {
        requests
            .iter()
            .all(|request| observed.record.has_handled(request) || intent.handles.contains(request))
    };
    match intent.cause {
        Cause::Created | Cause::CutOff => {
            ensure(observed.record.token.is_none(), || {
                "there is a token".into()
            })?;
            ensure(answers(triggers) && answers(revokes), || {
                "requests that were there first would rotate".into()
            })
        }
        Cause::Schedule => {
            let rotation = &case.desired().ok_or("no valid desired")?.rotation;
            let next = observed.record.rotation.next;
            let unknown = next.is_none() || observed.record.observed_generation.is_none();
            ensure(rotation.interval.is_some(), || "no interval".into())?;
            ensure(unknown || next <= Some(observed.clocks.local), || {
                format!("not due before {next:?}")
            })
        }
        Cause::Trigger => ensure(case.unhandled(triggers) && answers(triggers), || {
            "no new trigger, or it would rotate again".into()
        }),
        Cause::Revoke => {
            // One whose reset was lost goes on.
            let goes_on = observed.record.pending.as_ref().is_some_and(|pending| {
                let mut requests = pending.handles.iter();
                pending.cause == Cause::Revoke
                    && intent.recovers_a_key()
                    && requests.all(|request| intent.handles.contains(request))
            });
            let begins = case.unhandled(revokes) && answers(revokes);
            ensure(begins || goes_on, || {
                "no new revoke, or it would rotate again".into()
            })
        }
        Cause::SpecChanged
        | Cause::SecretDeleted
        | Cause::SecretEdited
        | Cause::ResetElsewhere
        | Cause::LostKey
        | Cause::TokenMissing
        | Cause::Expiring
        | Cause::Reclaimed => Ok(()),
    }
}

/// Handled values are forgotten only when eight newer ones are known.
pub fn handled(case: &Case<'_>) -> Verdict {
    let Some(record) = case.step.record() else {
        return Ok(());
    };
    let before = &case.observed.record.rotation.handled;
    let after = &record.rotation.handled;
    let full = after.len() >= launchdarkly_token_operator::domain::record::MAX_HANDLED;
    ensure(
        full || before.iter().all(|value| after.contains(value)),
        || "a handled value is forgotten".into(),
    )?;
    // What is asked for and was handled is never forgotten for others.
    let requests = case.triggers().iter().chain(case.revokes());
    let mut requests = requests.chain(&case.observed.cut_offs);
    ensure(
        requests.all(|value| !before.contains(value) || record.has_handled(value)),
        || "a value that is still asked for would act again".into(),
    )?;
    if let (Step::Record(RecordStep::RecordPublication(_)), Some(pending)) =
        (case.step, &case.observed.record.pending)
    {
        ensure(pending.handles.iter().all(|v| after.contains(v)), || {
            "a value would rotate again".into()
        })?;
        let next = record.rotation.next;
        let last = record.rotation.last.min(Some(case.observed.clocks.local));
        ensure(next.is_none() || next > last, || "due again at once".into())?;
    }
    Ok(())
}

/// Unasked replacements are few.
pub fn budget(case: &Case<'_>) -> Verdict {
    let Step::Record(RecordStep::RecordIntent { record, .. }) = case.step else {
        return Ok(());
    };
    let unasked = record
        .pending
        .as_ref()
        .is_some_and(|p| p.cause.is_unasked());
    let free = case
        .account()
        .is_some_and(|account| account.held_by_budget.is_none());
    // What was begun before is ended: consumers' keys may depend on it (I3).
    let replaces = case.observed.record.token.is_some() && case.observed.record.pending.is_none();
    ensure(!(unasked && replaces) || free, || {
        "too many replacements".into()
    })
}

/// What a suspended object may still do: end what was begun, retire, revoke, be deleted.
pub fn suspension(case: &Case<'_>) -> Verdict {
    let suspended = case.desired().is_some_and(|desired| desired.suspend);
    if !suspended || case.deleting() || case.observed.record.pending.is_some() {
        return Ok(());
    }
    let allowed = match case.step {
        Step::Record(RecordStep::RecordIntent { record, .. }) => record
            .pending
            .as_ref()
            .is_some_and(|pending| pending.cause == Cause::Revoke),
        Step::Call(CallStep::ProbeReset { .. } | CallStep::PatchToken { .. })
        | Step::Secret(
            SecretStep::RenderSecret { .. }
            | SecretStep::MoveSecret { .. }
            | SecretStep::RestoreSecret { .. },
        )
        | Step::Record(RecordStep::RecordSecret(_) | RecordStep::RecordSettings(_)) => false,
        _ => true,
    };
    ensure(allowed, || "the object is suspended".into())
}

/// A step that failed a moment ago is not tried before its time.
pub fn retries(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let kind = case.step.kind();
    if case.deleting() && kind == StepKind::RemoveFinalizer {
        return Ok(());
    }
    let waiting = observed.retries.iter().any(|retry| {
        retry.step == kind
            && retry.until > observed.clocks.local
            && retry.generation == observed.generation
    });
    ensure(!waiting, || "it failed a moment ago".into())
}

/// A pause that ends in the past is no pause.
pub fn pauses(case: &Case<'_>) -> Verdict {
    let Step::Wait(WaitStep::Rest { until } | WaitStep::Hold { until, .. }) = case.step else {
        return Ok(());
    };
    let now = case.observed.clocks.local;
    ensure(until.is_none_or(|until| until >= now), || {
        format!("until {until:?}, but it is {now}")
    })
}
