//! The Secret: whose it is, and what else belongs into it beside the key.

use super::holds::secret_in_the_way;
use super::view::{View, hold, revision};
use crate::domain::ids::TokenId;
use crate::domain::observed::SecretKeyProof;
use crate::domain::problem::Problem;
use crate::domain::record::{Record, SecretRecord};
use crate::domain::secret::{Marks, PreviousKey, SecretPlan, SecretState};
use crate::domain::step::{LookStep, RecordStep, SecretStep, Step};
use crate::domain::time::whole_second_up;
use jiff::Timestamp;

/// A foreign Secret is left alone (I6).
pub(super) fn claim_secret(view: &View<'_>) -> Option<Step> {
    secret_in_the_way(view)
}

/// Everything else in the Secret: the previous key while it works, our labels and annotations, and a proof still owed.
pub(super) fn tidy_secret(view: &View<'_>) -> Option<Step> {
    let (desired, secret) = (view.desired()?, view.secret()?);
    let record = view.record();
    let over = record.rotation.previous_key_expiration_time.is_none() && secret.previous.is_some();
    let marks = marks_of(view, &record, &secret.marks);
    let marked = marks.token_id == secret.marks.token_id
        && marks.account_id == secret.marks.account_id
        && marks.fingerprint == secret.marks.fingerprint;
    if over || !secret.intact || !marked {
        let keep = secret.previous.is_some() && !over;
        return Some(Step::Secret(SecretStep::RenderSecret {
            plan: Box::new(SecretPlan {
                at: revision(secret),
                layout: desired.secret.clone(),
                marks,
                previous: if keep {
                    PreviousKey::Keep
                } else {
                    PreviousKey::Drop
                },
            }),
        }));
    }
    drop_former(view, &record)
}

/// What the Secret's marks are to say: the record knows it, whatever somebody wrote into them.
pub(super) fn marks_of(view: &View<'_>, record: &Record, written: &Marks) -> Marks {
    Marks {
        owner_uid: view.observed.identity.uid.to_string(),
        token_id: record.token.as_ref().map(|token| token.id.clone()),
        account_id: record.account_id.clone(),
        fingerprint: record.secret.as_ref().map(|s| s.fingerprint.clone()),
        rotated_at: written.rotated_at.or(record.rotation.last),
        previous_expires_at: record.rotation.previous_key_expiration_time,
        handled: record.rotation.handled.clone(),
        retiring: retiring_marks(record),
        ..written.clone()
    }
}

fn retiring_marks(record: &Record) -> Vec<(TokenId, Timestamp)> {
    let retiring = record.retiring.iter().filter(|r| r.is_ours_to_end());
    let marks = retiring.map(|r| (r.token_id.clone(), whole_second_up(r.retirement_time)));
    marks.collect()
}

/// A key that was published unproven is proven as soon as LaunchDarkly can say.
pub(super) fn prove_late(view: &View<'_>) -> Option<Step> {
    let (record, secret) = (&view.record(), view.secret()?);
    let recorded = record.secret.as_ref().filter(|recorded| !recorded.proven)?;
    match view.observed.secret_key {
        SecretKeyProof::Unasked => Some(Step::Look(LookStep::ProveSecretKey {
            fingerprint: secret.key.clone()?,
            token_id: record.token.as_ref()?.id.clone(),
        })),
        SecretKeyProof::Accepted => {
            let mut record = record.clone();
            record.secret = Some(SecretRecord {
                proven: true,
                ..recorded.clone()
            });
            Some(Step::Record(RecordStep::RecordSecret(Box::new(record))))
        }
        SecretKeyProof::Rejected => None,
    }
}

fn drop_former(view: &View<'_>, record: &Record) -> Option<Step> {
    let former = record.former_secret.as_ref()?;
    if !view.observed.clocks.passed(former.deletion_time) {
        return None;
    }
    match &view.observed.former_secret {
        SecretState::Ours(secret) => Some(Step::Secret(SecretStep::DeleteSecret {
            name: former.name.clone(),
            at: revision(secret),
        })),
        SecretState::Absent | SecretState::Foreign { .. } => {
            let mut record = record.clone();
            record.former_secret = None;
            Some(Step::Record(RecordStep::RecordSecret(Box::new(record))))
        }
        SecretState::Unreadable(problem) => Some(hold(Problem::retry(
            problem.reason,
            problem.message.clone(),
        ))),
    }
}
