//! Which token a round is about.

use crate::domain::ids::TokenId;
use crate::domain::observed::Observed;
use crate::domain::secret::SecretState;

/// The token that has to be looked at: the one that our Secret names, where that may be news, else the recorded one.
#[must_use]
pub fn token_in_question(observed: &Observed) -> Option<&TokenId> {
    let recorded = observed.record.token.as_ref().map(|token| &token.id);
    match &observed.secret {
        SecretState::Ours(secret) if observed.record.pending.is_some() => {
            secret.named_token().or(recorded)
        }
        SecretState::Ours(_)
        | SecretState::Absent
        | SecretState::Foreign { .. }
        | SecretState::Unreadable(_) => token_to_reclaim(observed).or(recorded),
    }
}

/// The token that a Secret of ours names and the status does not, or whose key the status does not know.
///
/// A Secret that is older than the status, restored to a key that was replaced, does not bring that key back.
pub(super) fn token_to_reclaim(observed: &Observed) -> Option<&TokenId> {
    let SecretState::Ours(secret) = &observed.secret else {
        return None;
    };
    let record = &observed.record;
    let named = secret.named_token()?;
    let retiring = record.retiring.iter().any(|r| r.token_id == *named);
    let known = record
        .token
        .as_ref()
        .is_some_and(|token| token.id == *named)
        && record.secret.as_ref().is_some_and(|s| {
            Some(&s.fingerprint) == secret.key.as_ref() || !s.fingerprint.is_current()
        });
    // A mark that somebody wrote beside the recorded key is only a mark: it is written again.
    let in_place = record.token.is_some()
        && record
            .secret
            .as_ref()
            .is_some_and(|s| Some(&s.fingerprint) == secret.key.as_ref());
    let newer = record.token.is_none() || secret.marks.rotated_at > record.rotation.last;
    // Nor does a Secret bring back a key that was cut off.
    let cut_off =
        record.is_cut_off() && record.history.iter().any(|entry| entry.token_id == *named);
    (record.pending.is_none() && !cut_off && !retiring && !known && !in_place && newer)
        .then_some(named)
}
