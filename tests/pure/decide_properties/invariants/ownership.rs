//! I6, I9 and I10: only ours, only what is allowed, only in the right account.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::observed::{
    Account, Admission, OwnToken, PendingCall, Roles,
};
use launchdarkly_token_operator::domain::record::{PendingOperation, Record};
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::domain::secret::SecretState;
use launchdarkly_token_operator::domain::settings::Grant;
use launchdarkly_token_operator::domain::step::{
    CallStep, LookStep, ObjectStep, RecordStep, SecretStep, Step, WaitStep,
};

use super::{Case, Verdict, ensure};

/// Every write to a Secret names the revision that was read, and never meets one that is not ours.
pub fn secrets(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let (name, at) = match case.step {
        Step::Secret(
            SecretStep::PublishKey { plan, .. }
            | SecretStep::RenderSecret { plan }
            | SecretStep::MoveSecret { plan, .. }
            | SecretStep::RestoreSecret { plan, .. },
        ) => (&plan.layout.name, &plan.at),
        Step::Secret(
            SecretStep::FenceSecret { name, at, .. } | SecretStep::DeleteSecret { name, at },
        ) => (name, at),
        _ => return Ok(()),
    };
    let desired = case.desired().map(|desired| &desired.secret.name);
    let pending = observed.record.pending.as_ref().map(|p| &p.secret_name);
    let recorded = observed.record.secret.as_ref().map(|s| &s.name);
    let current = pending.or(desired).or(recorded);
    let state = if Some(name) == current {
        &observed.secret
    } else {
        &observed.former_secret
    };
    match (state, at) {
        (SecretState::Absent, SecretRevision::Absent) => Ok(()),
        (SecretState::Ours(facts), SecretRevision::Exactly { uid, version }) => {
            ensure(facts.uid == *uid && facts.version == *version, || {
                "not the revision that was read".into()
            })
        }
        (
            SecretState::Absent
            | SecretState::Ours(_)
            | SecretState::Foreign { .. }
            | SecretState::Unreadable(_),
            _,
        ) => Err(format!("{name} is {state:?}, the write supposes {at:?}")),
    }
}

/// The token whose key is in hand.
fn held<'a>(case: &Case<'a>) -> Option<&'a TokenId> {
    match &case.observed.call {
        PendingCall::Held { token_id, .. } => Some(token_id),
        PendingCall::Empty | PendingCall::Armed(_) | PendingCall::Refused(_) => None,
    }
}

/// The operator's own credential is never deleted, reset or given an end.
pub fn credential(case: &Case<'_>) -> Verdict {
    let credential = case.account().map(|account| &account.credential);
    let may_be = |id| match credential {
        // What this process just created is not what it called with.
        Some(OwnToken::OneOf(_) | OwnToken::Unlisted { .. }) if held(case) == Some(id) => false,
        Some(credential) => credential.may_be(id),
        None => false,
    };
    match case.step {
        Step::Call(
            CallStep::DeleteToken { token_id, .. }
            | CallStep::ResetKey { token_id, .. }
            | CallStep::EndKey { token_id }
            | CallStep::LimitLife { token_id, .. },
        ) => ensure(!may_be(token_id), || {
            "it is the operator's own credential".into()
        }),
        _ => Ok(()),
    }
}

/// Tokens are matched by recorded id, by what was found with our marker, or by the answer in hand.
pub fn tokens(case: &Case<'_>) -> Verdict {
    let observed = case.observed;
    let in_use = observed.record.token.as_ref().map(|token| &token.id);
    match case.step {
        Step::Call(CallStep::PatchToken { token_id, .. }) => {
            ensure(in_use == Some(token_id), || {
                "it is not the token in use".into()
            })
        }
        Step::Call(CallStep::MarkRetained { .. })
        | Step::Object(ObjectStep::RemoveFinalizer { .. }) => {
            ensure(case.deleting(), || "nobody deletes the object".into())
        }
        _ => Ok(()),
    }
}

/// What carries our marker and nothing else is left alone: markers can be copied, and a cloned cluster has the same.
pub fn markers(case: &Case<'_>) -> Verdict {
    let recorded = &case.observed.record;
    let ends: Vec<&TokenId> = match case.step {
        Step::Call(
            CallStep::DeleteToken { token_id, .. }
            | CallStep::ResetKey { token_id, .. }
            | CallStep::EndKey { token_id }
            | CallStep::LimitLife { token_id, .. }
            | CallStep::PatchToken { token_id, .. }
            | CallStep::MarkRetained { token_id },
        ) => vec![token_id],
        Step::Record(RecordStep::RecordRetirement(record)) => {
            let retiring = record.retiring.iter().map(|r| &r.token_id);
            retiring.filter(|id| !recorded.claims(id)).collect()
        }
        _ => Vec::new(),
    };
    let stranger = ends.into_iter().find(|id| !case.is_ours(id));
    ensure(stranger.is_none(), || format!("{stranger:?} is not ours"))
}

/// Creating, taking over and widening need the policy's consent; what is unclear is closed.
pub fn policy(case: &Case<'_>) -> Verdict {
    let widens = match case.step {
        // A reset gives no right that was not there, and policy never blocks a revocation.
        Step::Record(RecordStep::RecordIntent { record, .. }) if resets_to_revoke(record) => false,
        Step::Record(RecordStep::RecordIntent { .. } | RecordStep::RecordTakeOver(_))
        | Step::Call(CallStep::CreateToken { .. }) => true,
        Step::Call(CallStep::PatchToken { grant, .. }) => *grant,
        _ => false,
    };
    if !widens {
        return Ok(());
    }
    let admission = case.account().map(|account| &account.admission);
    let makes_more = matches!(
        case.step,
        Step::Record(RecordStep::RecordIntent { .. }) | Step::Call(CallStep::CreateToken { .. })
    );
    let consents = match admission {
        Some(Admission::Granted) => true,
        Some(Admission::NoRoom(_) | Admission::NeedsListing) => !makes_more,
        Some(Admission::NeedsRoles | Admission::Refused(_)) | None => false,
    };
    ensure(consents, || format!("the account says {admission:?}"))?;
    let asks = case
        .desired()
        .is_some_and(|desired| matches!(desired.settings.grant, Grant::CustomRoles(_)));
    let resolved = matches!(case.observed.roles, Roles::Resolved(_));
    ensure(!asks || resolved, || "the roles are not resolved".into())
}

fn resets_to_revoke(record: &Record) -> bool {
    record.pending.as_ref().is_some_and(|pending| {
        pending.operation == PendingOperation::Reset && pending.cause == Cause::Revoke
    })
}

/// With another account behind the credential nothing is written anywhere, and the pinned account stays.
pub fn account(case: &Case<'_>) -> Verdict {
    let pinned = case.observed.record.account_id.as_ref();
    if let Some(record) = case.step.record() {
        ensure(
            pinned.is_none() || record.account_id.as_ref() == pinned,
            || "the pinned account changes".into(),
        )?;
    }
    match &case.observed.account {
        Account::Usable(facts) if pinned.is_some_and(|id| *id != facts.id) => {
            let ends = matches!(
                case.step,
                Step::Object(ObjectStep::RemoveFinalizer { .. })
                    | Step::Secret(SecretStep::DeleteSecret { .. })
            );
            ensure(case.step.is_pause() || (case.deleting() && ends), || {
                "the credential is of another account".into()
            })
        }
        Account::Unusable(_) => ensure(!is_remote(case.step), || {
            "the account cannot be used".into()
        }),
        Account::Usable(_) => Ok(()),
    }
}

fn is_remote(step: &Step) -> bool {
    match step {
        Step::Look(
            LookStep::ResolveRoles { .. }
            | LookStep::ProveKey { .. }
            | LookStep::ListTokens { .. }
            | LookStep::FetchToken { .. }
            | LookStep::ProveSecretKey { .. }
            | LookStep::ProveRevokedKey { .. },
        )
        | Step::Call(
            CallStep::ProbeReset { .. }
            | CallStep::CreateToken { .. }
            | CallStep::ResetKey { .. }
            | CallStep::PatchToken { .. }
            | CallStep::LimitLife { .. }
            | CallStep::EndKey { .. }
            | CallStep::DeleteToken { .. }
            | CallStep::MarkRetained { .. },
        ) => true,
        Step::Object(ObjectStep::AddFinalizer | ObjectStep::RemoveFinalizer { .. })
        | Step::Record(
            RecordStep::RecordIntent { .. }
            | RecordStep::ForgetIntent(_)
            | RecordStep::AbandonAttempt(_)
            | RecordStep::RecordPublication(_)
            | RecordStep::RecordCutOff(_)
            | RecordStep::RecordTakeOver(_)
            | RecordStep::RecordSecret(_)
            | RecordStep::RecordRetirement(_)
            | RecordStep::RecordSettings(_),
        )
        | Step::Secret(
            SecretStep::PublishKey { .. }
            | SecretStep::FenceSecret { .. }
            | SecretStep::RenderSecret { .. }
            | SecretStep::MoveSecret { .. }
            | SecretStep::RestoreSecret { .. }
            | SecretStep::DeleteSecret { .. },
        )
        | Step::Wait(WaitStep::Hold { .. } | WaitStep::Rest { .. }) => false,
    }
}
