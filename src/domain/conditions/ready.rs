//! The summary: `Ready`, and why not.

use super::{ConditionType, Conditions, Ending, Situation};
use crate::domain::ids::TokenId;
use crate::domain::reason::Reason;

impl Situation<'_> {
    /// `Ready`, and why not: `Reconciling` while the operator is at it, `Stalled` while only a change helps.
    pub(super) fn summary(&self, conditions: &mut Conditions) {
        let works = self.key_in_place && self.in_force && self.ending == Ending::Nothing;
        let (ready, reason, message) = self
            .end_or_refusal()
            .or_else(|| works.then(|| self.at_work()))
            .unwrap_or_else(|| self.not_at_work());
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

    /// What makes the summary bad whatever works.
    fn end_or_refusal(&self) -> Option<Summary> {
        let obstacle = self.obstacle.as_ref();
        match (self.ending, obstacle) {
            (Ending::Object, Some(problem)) => {
                Some((false, problem.reason, problem.message.clone()))
            }
            (Ending::Object, None) => {
                let message = "the token and its Secret are being dealt with";
                Some((false, Reason::Deleting, message.to_owned()))
            }
            (Ending::CutOff, obstacle) => {
                let next = obstacle.map_or_else(
                    || "a new one is being made".to_owned(),
                    |problem| format!("a new one follows when this is mended: {}", problem.message),
                );
                let message = format!("every key of this object was ended on request; {next}");
                Some((false, Reason::KeyCutOff, message))
            }
            (Ending::Nothing | Ending::Key, Some(problem)) if is_refusal(problem.reason) => {
                Some((false, problem.reason, problem.message.clone()))
            }
            (Ending::Nothing | Ending::Key, _) => None,
        }
    }

    /// The Secret holds a key that works.
    fn at_work(&self) -> Summary {
        let secret = self.record.secret.as_ref();
        let unknown = &self.record.unknown_tokens;
        match &self.obstacle {
            // Also when the question is what fails.
            _ if !secret.is_some_and(|secret| secret.proven) => {
                let message = "the key was published before LaunchDarkly could confirm it";
                (true, Reason::Unproven, message.to_owned())
            }
            obstacle if self.suspended() => {
                let mut message = "suspended; the key in the Secret works".to_owned();
                // What was begun before is finished, and may meet something.
                if let Some(problem) = obstacle {
                    message = format!("{message}, but {}", problem.message);
                }
                (true, Reason::Suspended, message)
            }
            Some(problem) => (true, Reason::RotationDelayed, problem.message.clone()),
            None if !unknown.is_empty() => (true, Reason::UnknownTokens, unknown_tokens(unknown)),
            None => {
                let message = "the Secret holds a key that LaunchDarkly accepted";
                (true, Reason::Available, message.to_owned())
            }
        }
    }

    fn not_at_work(&self) -> Summary {
        match &self.obstacle {
            Some(problem) => (false, problem.reason, problem.message.clone()),
            None if self.suspended() && self.ending == Ending::Nothing => {
                let message = "suspended; set spec.suspend to false to go on";
                (false, Reason::Suspended, message.to_owned())
            }
            None if self.ending == Ending::Key => {
                let message = "a key is being revoked";
                (false, Reason::Rotating, message.to_owned())
            }
            None => {
                let reason = self.activity.unwrap_or(Reason::Recovering);
                (false, reason, reason.meaning().to_owned())
            }
        }
    }
}

/// Whether all is well, why, and in words.
type Summary = (bool, Reason, String);

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
