//! What a step that works does to the observed world.

use launchdarkly_token_operator::domain::ids::{Fingerprint, TokenId};
use launchdarkly_token_operator::domain::marker;
use launchdarkly_token_operator::domain::observed::{
    Observed, PendingCall, Proof, Remote, RemoteFacts, RevokedKey, Roles, SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::secret::{PreviousKey, SecretPlan};
use launchdarkly_token_operator::domain::secret::{SecretFacts, SecretState};
use launchdarkly_token_operator::domain::settings::TokenSettings;
use launchdarkly_token_operator::domain::step::{
    CallStep, LookStep, ObjectStep, RecordStep, SecretStep, Step, WaitStep,
};

use super::names::{attempt, key};

/// Carries out a step on what is observed; only what the following decisions look at is kept true.
pub fn carry_out(observed: &mut Observed, step: &Step) {
    if let Some(record) = step.record() {
        observed.record = record.clone();
    }
    match step {
        Step::Object(ObjectStep::AddFinalizer) => observed.finalizer = true,
        Step::Look(LookStep::ResolveRoles { roles }) => {
            observed.roles =
                Roles::Resolved(roles.iter().map(|role| role.as_str().into()).collect());
            observed.roles_seen_at = Some(observed.clocks.local);
        }
        Step::Record(RecordStep::RecordIntent { arrangement, .. }) => {
            observed.call = PendingCall::Armed(arrangement.clone());
        }
        Step::Record(
            RecordStep::ForgetIntent(_)
            | RecordStep::AbandonAttempt(_)
            | RecordStep::RecordCutOff(_),
        ) => {
            observed.call = PendingCall::Empty;
        }
        Step::Record(RecordStep::RecordPublication(_)) => {
            observed.call = PendingCall::Empty;
            observed.life_limited.clear();
        }
        Step::Call(CallStep::CreateToken { settings, .. }) => {
            let made = TokenId::new(format!("made-by-{}", observed.nonce));
            receive(observed, made, Some(settings), None);
        }
        Step::Call(CallStep::ResetKey {
            token_id,
            previous_key_lives,
            ..
        }) => {
            let until = observed.clocks.remote + *previous_key_lives;
            receive(observed, token_id.clone(), None, Some(until));
        }
        Step::Look(LookStep::ProveKey { .. }) => {
            if let PendingCall::Held { proof, .. } = &mut observed.call {
                *proof = Proof::Accepted;
            }
        }
        Step::Secret(step) => write(observed, step),
        Step::Look(LookStep::ListTokens { .. }) => observed.listed_at = Some(observed.clocks.local),
        Step::Look(LookStep::FetchToken { .. }) => fetch(observed),
        Step::Look(LookStep::ProveRevokedKey { fingerprint }) => {
            let dead = |key: &RevokedKey| key.fingerprint != *fingerprint;
            observed.revoked_keys.retain(dead);
        }
        Step::Look(LookStep::ProveSecretKey { .. }) => {
            // The key of a token that is gone is refused.
            let gone = matches!(observed.remote, Remote::Absent { .. });
            observed.secret_key = if gone {
                SecretKeyProof::Rejected
            } else {
                SecretKeyProof::Accepted
            };
            observed.secret_key_asked_at = Some(observed.clocks.local);
        }
        Step::Call(CallStep::PatchToken { settings, .. }) => patch(observed, settings),
        Step::Call(CallStep::EndKey { token_id }) => {
            observed.keys_ended.insert(token_id.clone());
        }
        Step::Call(CallStep::LimitLife { token_id, .. }) => {
            observed.life_limited.insert(token_id.clone());
        }
        Step::Call(
            CallStep::DeleteToken { token_id, .. } | CallStep::MarkRetained { token_id },
        ) => {
            observed.gone.insert(token_id.clone());
        }
        Step::Call(CallStep::ProbeReset { .. })
        | Step::Record(
            RecordStep::RecordTakeOver(_)
            | RecordStep::RecordSecret(_)
            | RecordStep::RecordRetirement(_)
            | RecordStep::RecordSettings(_),
        )
        | Step::Object(ObjectStep::RemoveFinalizer { .. })
        | Step::Wait(WaitStep::Hold { .. } | WaitStep::Rest { .. }) => {}
    }
}

fn write(observed: &mut Observed, step: &SecretStep) {
    match step {
        SecretStep::PublishKey { plan, .. } => {
            let held = match &observed.call {
                PendingCall::Held { fingerprint, .. } => fingerprint.clone(),
                PendingCall::Empty | PendingCall::Armed(_) | PendingCall::Refused(_) => {
                    panic!("no key in hand")
                }
            };
            write_secret(observed, plan, Some(held));
        }
        SecretStep::RenderSecret { plan }
        | SecretStep::MoveSecret { plan, .. }
        | SecretStep::RestoreSecret { plan, .. } => {
            let kept = plan.marks.fingerprint.clone();
            write_secret(observed, plan, kept);
        }
        SecretStep::FenceSecret { attempt, .. } => {
            if let SecretState::Ours(secret) = &mut observed.secret {
                secret.marks.fence = Some(attempt.clone());
                secret.version = "fenced".into();
            }
        }
        SecretStep::DeleteSecret { name, .. } => {
            let former = observed.record.former_secret.as_ref();
            if former.is_some_and(|former| former.name == *name) {
                observed.former_secret = SecretState::Absent;
            } else {
                observed.secret = SecretState::Absent;
            }
        }
    }
}

fn receive(
    observed: &mut Observed,
    token_id: TokenId,
    settings: Option<&TokenSettings>,
    previous_key_expiration_time: Option<jiff::Timestamp>,
) {
    let (PendingCall::Armed(arrangement) | PendingCall::Refused(arrangement)) = &observed.call
    else {
        panic!("a call without an intent of this process");
    };
    let before = observed.record.token.as_ref();
    let observed_hash = settings
        .map(|settings| shown(settings).hash())
        .or_else(|| before.and_then(|token| token.observed_hash.clone()));
    observed.call = PendingCall::Held {
        arrangement: arrangement.clone(),
        token_id,
        fingerprint: key(1),
        creation_time: Some(observed.clocks.remote),
        observed_hash: observed_hash.unwrap_or_else(|| "v1:0.0".into()),
        differs: Vec::new(),
        previous_key_expiration_time,
        since: observed.clocks.local,
        proof: Proof::Unasked,
    };
    observed.remote = Remote::Unknown;
}

fn shown(settings: &TokenSettings) -> TokenSettings {
    let (user_part, _) = marker::split(&settings.description);
    TokenSettings {
        description: user_part.to_owned(),
        ..settings.clone()
    }
}

fn write_secret(observed: &mut Observed, plan: &SecretPlan, written: Option<Fingerprint>) {
    let before = match &observed.secret {
        SecretState::Ours(secret) => Some(secret.clone()),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let previous = match plan.previous {
        PreviousKey::Drop => None,
        PreviousKey::Keep => before.as_ref().and_then(|secret| secret.previous.clone()),
        PreviousKey::TakeCurrent => before.as_ref().and_then(|secret| secret.key.clone()),
    };
    observed.secret = SecretState::Ours(Box::new(SecretFacts {
        uid: before.map_or_else(|| "secret-new".into(), |secret| secret.uid),
        version: "written".into(),
        marks: plan.marks.clone(),
        key: written,
        previous,
        intact: true,
    }));
}

fn fetch(observed: &mut Observed) {
    let now = observed.clocks.local;
    let settle = observed.timing.settle;
    match &mut observed.remote {
        Remote::Present(facts) => {
            facts.seen_at = now;
            facts.source = Source::Get;
            if facts.key_matches == Some(false) {
                facts.mismatch_since.get_or_insert(now);
            }
        }
        Remote::Absent { confirmed, first } => *confirmed |= now.duration_since(*first) >= settle,
        Remote::Unknown => {
            let recorded = observed.record.token.as_ref();
            let pending = observed.record.pending.as_ref();
            let made_by = pending.map_or_else(|| attempt(0), |pending| pending.attempt.clone());
            observed.remote = Remote::Present(Box::new(RemoteFacts {
                seen_at: now,
                source: Source::Get,
                hash: recorded
                    .and_then(|token| token.observed_hash.clone())
                    .unwrap_or_else(|| "v1:0.0".into()),
                differs: Vec::new(),
                attempt: Some(made_by),
                key_matches: Some(true),
                mismatch_since: None,
                expiry: None,
                creation_time: None,
            }));
        }
    }
}

fn patch(observed: &mut Observed, settings: &TokenSettings) {
    if let Remote::Present(facts) = &mut observed.remote {
        facts.seen_at = observed.clocks.local;
        facts.source = Source::Patch;
        facts.hash = shown(settings).hash();
        facts.differs.clear();
        facts.attempt = Some(attempt(0));
    }
}
