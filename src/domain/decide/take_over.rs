//! A Secret of ours that knows more than the status: after a lost or restored status, or a re-created object.

use super::intend::{Need, intend};
use super::view::{View, hold};
use crate::api::Reason;
use crate::domain::cause::Cause;
use crate::domain::names::TokenId;
use crate::domain::observed::{
    Observed, Permit, Remote, SecretFacts, SecretKeyProof, SecretState, Source,
};
use crate::domain::plan::Step;
use crate::domain::record::{RetiringToken, SecretRecord, TokenRecord};

/// The token that a Secret of ours names and the status does not, or whose key the status does not know.
///
/// A token that is retiring is not one of them: a Secret restored to an older key does not bring its token back.
#[must_use]
pub fn token_to_take_over(observed: &Observed) -> Option<&TokenId> {
    let SecretState::Ours(secret) = &observed.secret else {
        return None;
    };
    let record = &observed.record;
    let named = secret.marks.token_id.as_ref()?;
    let consistent = secret.key.is_some() && secret.key == secret.marks.fingerprint;
    let retiring = record.retiring.iter().any(|r| r.token_id == *named);
    let known = record
        .token
        .as_ref()
        .is_some_and(|token| token.id == *named)
        && record.secret.as_ref().is_some_and(|s| {
            Some(&s.fingerprint) == secret.key.as_ref() || !s.fingerprint.is_current()
        });
    (record.pending.is_none() && consistent && !retiring && !known).then_some(named)
}

/// A Secret whose key is proven wins over the status: the status is rebuilt from it and nothing rotates.
pub(super) fn trust_secret(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let token_id = token_to_take_over(observed)?;
    let secret = view.secret()?;
    let account = view.account().ok()?;
    if secret
        .marks
        .account_id
        .as_ref()
        .is_some_and(|id| *id != account.id)
    {
        return Some(hold(
            Reason::AccountMismatch,
            format!(
                "the Secret holds a key of another LaunchDarkly account than {}; correct spec.accountRef or delete the Secret",
                account.id
            ),
            true,
        ));
    }
    match (observed.secret_key, &observed.remote) {
        (SecretKeyProof::Rejected, _) | (_, Remote::Absent { .. }) => None,
        (SecretKeyProof::Unasked, _) => Some(Step::ProveSecretKey {
            fingerprint: secret.key.clone()?,
            token_id: token_id.clone(),
        }),
        (SecretKeyProof::Accepted, Remote::Present(facts)) if facts.source != Source::Listing => {
            match (&account.permit, &observed.roles) {
                (Permit::NeedsRoles, _) => Some(intend(view, &Need::create(Cause::Created))),
                (Permit::Refused { reason, message }, _) => {
                    Some(hold(*reason, message.clone(), true))
                }
                (Permit::Granted, _) => Some(record_take_over(view, token_id, secret, facts)),
            }
        }
        (SecretKeyProof::Accepted, Remote::Present(_) | Remote::Unknown) => {
            Some(Step::FetchToken {
                token_id: token_id.clone(),
            })
        }
    }
}

fn record_take_over(
    view: &View<'_>,
    token_id: &TokenId,
    secret: &SecretFacts,
    facts: &crate::domain::observed::RemoteFacts,
) -> Step {
    let observed = view.observed;
    let mut record = view.record();
    let (Some(desired), Some(fingerprint)) = (view.desired(), secret.key.clone()) else {
        return view.rest();
    };
    if let Some(other) = record.token.take().filter(|other| other.id != *token_id) {
        let grace_over =
            crate::domain::clocks::plus(observed.clocks.later(), desired.rotation.grace);
        record.retire(RetiringToken {
            token_id: other.id,
            cause: Cause::Adopted,
            retire_at: grace_over,
        });
    }
    let published = secret.marks.rotated_at.unwrap_or_else(|| view.now());
    let requests = desired
        .rotation
        .triggers
        .iter()
        .chain(&desired.rotation.revokes);
    // A status that was lost knows no handled values: those present now are the baseline again.
    let baseline: Vec<_> = if record.rotation.handled.is_empty() && secret.marks.handled.is_empty()
    {
        requests.cloned().collect()
    } else {
        secret.marks.handled.clone()
    };
    record.account_id = view.account().ok().map(|account| account.id.clone());
    record.token = Some(TokenRecord {
        id: token_id.clone(),
        name: desired.settings.name.clone(),
        // What differs is not in force yet: an aligned hash would hide it.
        spec_hash: if facts.differs.is_empty() {
            desired.settings.hash()
        } else {
            facts.hash.clone()
        },
        observed_hash: Some(facts.hash.clone()),
        differs: Vec::new(),
        created_at: facts.created_at,
    });
    record.secret = Some(SecretRecord {
        name: desired.secret.name.clone(),
        uid: secret.uid.clone(),
        fingerprint,
        proven: true,
    });
    record.rotation.last = Some(published);
    record.rotation.next = None;
    record.rotation.previous_key_expires_at = secret
        .marks
        .previous_expires_at
        .filter(|end| !observed.clocks.passed(*end));
    record.remember_handled(&baseline);
    view.reschedule(&mut record, false);
    Step::RecordTakeOver(Box::new(record))
}
