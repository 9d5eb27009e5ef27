//! I2 and I3: no lost key, no outage by us.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::desired::DeletionPolicy;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::{Account, PendingCall, Proof};
use launchdarkly_token_operator::domain::record::{Record, RetiringToken};
use launchdarkly_token_operator::domain::secret::PreviousKey;
use launchdarkly_token_operator::domain::step::{CallStep, RecordStep, SecretStep, Step};
use launchdarkly_token_operator::domain::time::plus;

use super::{Case, Verdict, ensure};

/// A key is published proven, or after the settle time when nobody can prove it; never one that was refused.
pub fn published(case: &Case<'_>) -> Verdict {
    let Step::Secret(SecretStep::PublishKey { attempt, plan }) = case.step else {
        return Ok(());
    };
    let observed = case.observed;
    let pending = observed.record.pending.as_ref().ok_or("no intent")?;
    let PendingCall::Held {
        arrangement,
        token_id,
        fingerprint,
        since,
        proof,
        ..
    } = &observed.call
    else {
        return Err("no key in hand".into());
    };
    let waited = observed.clocks.local >= plus(*since, observed.timing.settle);
    let nobody_to_ask = matches!(observed.account, Account::Unusable(_));
    let may = match proof {
        Proof::Accepted => true,
        Proof::Unavailable => waited,
        Proof::Unasked => waited && nobody_to_ask,
        Proof::OtherOwner | Proof::Rejected => false,
    };
    ensure(may, || format!("the key is {proof:?}"))?;
    ensure(pending.attempt == *attempt, || "another attempt".into())?;
    ensure(plan.layout == arrangement.layout, || {
        "not as it was arranged".into()
    })?;
    let marks = &plan.marks;
    ensure(
        marks.attempt.as_ref() == Some(attempt)
            && marks.token_id.as_ref() == Some(token_id)
            && marks.fingerprint.as_ref() == Some(fingerprint)
            && marks.account_id == observed.record.account_id
            && marks.owner_uid == observed.identity.uid.as_str(),
        || "the marks do not say what is published".into(),
    )
}

/// A token is deleted when its time has come, when a revocation wants it, or when nobody can hold its key.
pub fn deletion(case: &Case<'_>) -> Verdict {
    let Step::Call(CallStep::DeleteToken { token_id, .. }) = case.step else {
        return Ok(());
    };
    let observed = case.observed;
    if case.deleting() {
        return kept_tokens(case, token_id);
    }
    let record = &observed.record;
    ensure(
        record
            .token
            .as_ref()
            .is_none_or(|token| token.id != *token_id),
        || "it is the token in use".into(),
    )?;
    if let Some(retiring) = record.retiring.iter().find(|r| r.token_id == *token_id) {
        let revoked = case.revoking() || retiring.ends_at_once();
        let over = observed.clocks.passed(retiring.retirement_time);
        ensure(over || revoked, || "it may still be used".into())?;
        return ensure(revoked || case.token_in_secret() != Some(token_id), || {
            "the Secret still holds its key".into()
        });
    }
    let rejected = matches!(&observed.call,
        PendingCall::Held { token_id: held, proof: Proof::Rejected, .. } if held == token_id);
    // A key that LaunchDarkly refuses serves nobody, whatever a Secret says.
    ensure(rejected || case.token_in_secret() != Some(token_id), || {
        "the Secret holds its key".into()
    })?;
    let unused = observed.found.iter().any(|found| {
        let ours = record.abandoned.iter().any(|a| a.attempt == found.attempt);
        found.id == *token_id && ours && found.last_used.is_none()
    });
    let mut found = observed.found.iter();
    let idle = found.any(|found| found.id == *token_id && case.was_once_ours(found));
    ensure(rejected || unused || idle, || {
        "somebody may hold its key".into()
    })
}

/// With `deletionPolicy: Retain` nothing is deleted but what was never published, or was revoked.
fn kept_tokens(case: &Case<'_>, token_id: &TokenId) -> Verdict {
    let deletion = case.observed.deletion.as_ref();
    if deletion.is_none_or(|deletion| deletion.policy != DeletionPolicy::Retain) {
        return Ok(());
    }
    let record = &case.observed.record;
    let clocks = case.observed.clocks;
    let replaced = record.retiring.iter().find(|r| r.token_id == *token_id);
    let begun = record.pending.as_ref();
    let revoked = case.revoking() || begun.is_some_and(|p| p.cause == Cause::Revoke);
    let in_use = record.token.as_ref();
    let in_use = in_use.is_some_and(|token| token.id == *token_id);
    let cut = replaced.is_some_and(RetiringToken::ends_at_once) || (revoked && in_use);
    let over = replaced.is_some_and(|r| clocks.passed(r.retirement_time));
    ensure(cut || over || !record.claims(token_id), || {
        "a recorded token is to be kept".into()
    })?;
    ensure(cut || case.token_in_secret() != Some(token_id), || {
        "the key in the Secret is to be kept".into()
    })
}

/// What was promised to a retiring token or a previous key is not taken back.
pub fn promises(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let clocks = observed.clocks;
    if let Step::Secret(SecretStep::RenderSecret { plan }) = case.step {
        let in_grace = observed
            .record
            .rotation
            .previous_key_expiration_time
            .is_some_and(|end| !clocks.passed(end));
        let shown = case.secret().is_some_and(|s| s.previous.is_some());
        ensure(
            !in_grace || !shown || plan.previous == PreviousKey::Keep,
            || "the previous key is taken away during its grace".into(),
        )?;
    }
    if let Step::Call(CallStep::LimitLife { token_id, expiry }) = case.step {
        let retiring = observed.record.retiring.iter();
        let known = retiring.clone().find(|r| r.token_id == *token_id);
        let known = known.ok_or("it is not retiring")?;
        let until = known.retirement_time;
        ensure(
            known.ends_at_once() || *expiry >= until.max(clocks.to_remote(until)),
            || format!("it would end before {until}"),
        )?;
    }
    if let Step::Call(CallStep::EndKey { token_id }) = case.step {
        let retiring = find(&observed.record, token_id);
        ensure(retiring.is_some_and(RetiringToken::ends_at_once), || {
            "its key may still be used".into()
        })?;
    }
    let Some(record) = case.step.record() else {
        return Ok(());
    };
    for before in &observed.record.retiring {
        let kept = find(record, &before.token_id);
        if let Some(after) = kept {
            let later = after.retirement_time >= before.retirement_time;
            ensure(after.ends_at_once() || later, || {
                format!("{} is to go earlier than promised", before.token_id)
            })?;
        } else {
            let over = clocks.passed(before.retirement_time);
            let let_go = before.cause == Cause::ResetElsewhere && over;
            ensure(let_go || observed.gone.contains(&before.token_id), || {
                format!("{} is forgotten", before.token_id)
            })?;
        }
    }
    replaced_token_retires(case, record)
}

fn find<'a>(record: &'a Record, id: &TokenId) -> Option<&'a RetiringToken> {
    record.retiring.iter().find(|r| r.token_id == *id)
}

/// A token that is no longer in use retires, with the grace that consumers were given.
fn replaced_token_retires(case: &Case<'_>, record: &Record) -> Verdict {
    let observed = case.observed;
    let Some(before) = &observed.record.token else {
        return Ok(());
    };
    if record
        .token
        .as_ref()
        .is_some_and(|token| token.id == before.id)
    {
        return Ok(());
    }
    let cut_off = matches!(case.step, Step::Record(RecordStep::RecordCutOff(_)));
    if cut_off && observed.gone.contains(&before.id) {
        return Ok(());
    }
    let retiring = find(record, &before.id).ok_or("the replaced token is forgotten")?;
    let marked = case.secret().and_then(|s| s.marks.previous_expires_at);
    let revoked = observed
        .record
        .pending
        .as_ref()
        .is_some_and(|pending| pending.cause == Cause::Revoke);
    let grace = case.desired().map(|desired| desired.rotation.grace);
    let promised = match (case.step, grace) {
        (Step::Record(RecordStep::RecordPublication(_)), _) if revoked => return Ok(()),
        (Step::Record(RecordStep::RecordCutOff(_)), _) => return Ok(()),
        (Step::Record(RecordStep::RecordPublication(_)), _) if marked.is_some() => marked,
        (_, Some(grace)) => Some(plus(observed.clocks.later(), grace)),
        (_, None) => None,
    };
    ensure(Some(retiring.retirement_time) >= promised, || {
        format!(
            "it retires at {}, not {promised:?}",
            retiring.retirement_time
        )
    })
}

/// A reset leaves the previous key its grace and the time that publishing takes.
pub fn reset(case: &Case<'_>) -> Verdict {
    let Step::Call(CallStep::ResetKey {
        previous_key_lives,
        urgent,
        ..
    }) = case.step
    else {
        return Ok(());
    };
    let (PendingCall::Armed(arrangement) | PendingCall::Refused(arrangement)) = &case.observed.call
    else {
        return Err("no intent of this process".into());
    };
    let least = arrangement
        .grace
        .saturating_add(case.observed.timing.publication_margin);
    ensure(*urgent || *previous_key_lives >= least, || {
        format!("the previous key lives {previous_key_lives}, less than {least}")
    })
}

/// A Secret goes only after its successor had the key for the grace, or with its object.
pub fn secret_deletion(case: &Case<'_>) -> Verdict {
    let Step::Secret(SecretStep::DeleteSecret { name, .. }) = case.step else {
        return Ok(());
    };
    let observed = case.observed;
    if case.deleting() {
        return Ok(());
    }
    let in_use = observed.record.secret.as_ref();
    ensure(in_use.is_none_or(|secret| secret.name != *name), || {
        "it is the Secret in use".into()
    })?;
    ensure(
        case.desired().is_none_or(|d| d.secret.name != *name),
        || "it is the desired Secret".into(),
    )?;
    let former = observed.record.former_secret.as_ref();
    let over = former
        .is_some_and(|former| former.name == *name && observed.clocks.passed(former.deletion_time));
    ensure(over, || "consumers may still read it".into())
}
