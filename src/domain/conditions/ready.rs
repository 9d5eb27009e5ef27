//! The summary: `Ready`, and why not.

use super::{ConditionType, Conditions, Situation};
use crate::domain::ids::TokenId;
use crate::domain::reason::Reason;

impl Situation<'_> {
    /// `Ready`, and why not: `Reconciling` while the operator is at it, `Stalled` while only a change helps.
    pub(super) fn summary(&self, conditions: &mut Conditions) {
        let proven = self
            .record
            .secret
            .as_ref()
            .is_some_and(|secret| secret.proven);
        let works = self.key_in_place && self.in_force && !self.deleting;
        let (ready, reason, message) = match (&self.obstacle, works) {
            _ if self.deleting => {
                let (reason, message) = match &self.obstacle {
                    Some(problem) => (problem.reason, problem.message.clone()),
                    None => (
                        Reason::Deleting,
                        "the token and its Secret are being dealt with".to_owned(),
                    ),
                };
                (false, reason, message)
            }
            (Some(problem), _) if is_refusal(problem.reason) => {
                (false, problem.reason, problem.message.clone())
            }
            // Also when the question is what fails.
            (_, true) if !proven => (
                true,
                Reason::Unproven,
                "the key was published before LaunchDarkly could confirm it".to_owned(),
            ),
            (_, true) if self.suspended() => (
                true,
                Reason::Suspended,
                "suspended; the key in the Secret works".to_owned(),
            ),
            (Some(problem), true) => (true, Reason::RotationDelayed, problem.message.clone()),
            (None, true) if !self.record.unknown_tokens.is_empty() => (
                true,
                Reason::UnknownTokens,
                unknown_tokens(&self.record.unknown_tokens),
            ),
            (None, true) => (
                true,
                Reason::Available,
                "the Secret holds a key that LaunchDarkly accepted".to_owned(),
            ),
            (Some(problem), false) => (false, problem.reason, problem.message.clone()),
            (None, false) if self.suspended() => (
                false,
                Reason::Suspended,
                "suspended; set spec.suspend to false to go on".to_owned(),
            ),
            (None, false) => {
                let reason = self.activity.unwrap_or(Reason::Recovering);
                (false, reason, reason.meaning().to_owned())
            }
        };
        conditions.set(ConditionType::Ready, ready.into(), reason, &message);
        let terminal = self
            .obstacle
            .as_ref()
            .is_some_and(|problem| problem.needs_user() && (!ready || is_refusal(problem.reason)));
        // A suspended object waits for its user, unless something else is in the way.
        let busy = !ready && !terminal && reason != Reason::Suspended;
        conditions.mark(ConditionType::Stalled, terminal, reason, &message);
        conditions.mark(ConditionType::Reconciling, busy, reason, &message);
    }
}

fn unknown_tokens(ids: &[TokenId]) -> String {
    let ids: Vec<&str> = ids.iter().map(TokenId::as_str).collect();
    format!(
        "the key works, but LaunchDarkly shows tokens with this object's marker that it did not make: {}; find out who uses them, \
         then delete them there, or have them retire with the annotation ldtokens.dev/claim",
        ids.join(" ")
    )
}

/// Refusals that make the summary bad although a key works: somebody decided so, and it must be seen (I9).
fn is_refusal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotAllowedByPolicy
            | Reason::NamespaceNotAllowed
            | Reason::InvalidSpec
            | Reason::RevokeBlocked
            | Reason::SecretContested
    )
}
