//! The Secret that the account's own credential comes from.

use super::secret::marks_of;
use super::view::View;
use crate::domain::observed::Account;
use crate::domain::record::SecretRecord;
use crate::domain::secret::{Marks, PreviousKey, SecretPlan, SecretState};
use crate::domain::step::{SecretStep, Step};

/// A key that the account itself is managed with cannot be replaced once it is gone from its Secret: the account needs the Secret, and
/// the Secret the account. This process still has it, and writes it again.
pub(super) fn restore_credential(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let recorded = observed.record.secret.as_ref()?;
    let desired = view.desired().filter(|desired| !desired.suspend)?;
    // A call that is under way and can go on brings a key of its own.
    let stuck =
        observed.record.pending.is_none() || matches!(observed.account, Account::Unusable(_));
    let has_it = observed.kept_key.as_ref() == Some(&recorded.fingerprint);
    if !stuck || !has_it || !is_lost(view, recorded) {
        return None;
    }
    let record = view.record();
    Some(Step::Secret(SecretStep::RestoreSecret {
        fingerprint: recorded.fingerprint.clone(),
        plan: Box::new(SecretPlan {
            at: view.secret_revision(),
            layout: desired.secret.clone(),
            marks: marks_of(
                view,
                &record,
                view.secret().map_or(&Marks::default(), |s| &s.marks),
            ),
            previous: PreviousKey::Drop,
        }),
    }))
}

/// Whether no Secret of ours holds the key any more. One that was published and is not recorded yet is no loss.
fn is_lost(view: &View<'_>, recorded: &SecretRecord) -> bool {
    let holds = |state: &SecretState| matches!(state, SecretState::Ours(secret) if secret.key.as_ref() == Some(&recorded.fingerprint));
    if holds(&view.observed.former_secret) {
        return false;
    }
    match &view.observed.secret {
        SecretState::Absent => true,
        // A key that stands in its place may be the one that is to mend the account.
        SecretState::Ours(secret) => secret.key.is_none(),
        SecretState::Foreign { .. } | SecretState::Unreadable(_) => false,
    }
}
