//! Deletion of the object: nothing is created or published any more, everything of ours goes or is retained, and it ends (I11).

use std::collections::BTreeSet;

use super::view::{View, hold, revision};
use crate::api::Reason;
use crate::domain::clocks::plus;
use crate::domain::desired::DeletionPolicy;
use crate::domain::names::TokenId;
use crate::domain::observed::{Account, Deletion, Hand, SecretState};
use crate::domain::plan::Step;
use crate::domain::record::Operation;

/// Winds an object up that is being deleted.
pub(super) fn end_of_life(view: &View<'_>) -> Option<Step> {
    let deletion = view.observed.deletion.as_ref()?;
    if !view.observed.finalizer {
        return Some(Step::Rest { until: None });
    }
    if deletion.skip_cleanup {
        return Some(Step::RemoveFinalizer {
            left_behind: ours(view).into_iter().collect(),
        });
    }
    Some(
        wind_up(view, deletion)
            .unwrap_or_else(|obstacle| give_up_in_time(view, deletion, obstacle)),
    )
}

fn wind_up(view: &View<'_>, deletion: &Deletion) -> Result<Step, Step> {
    if let Some(step) = find_pending_create(view, deletion)? {
        return Ok(step);
    }
    let retain = retains(view);
    let ours = ours(view);
    let left: Vec<&TokenId> = ours
        .iter()
        .filter(|id| !view.observed.gone.contains(*id))
        .collect();
    if let Some(id) = left.first() {
        let account = view.account()?;
        if account.credential.as_ref() == Some(*id) {
            return Err(hold(
                Reason::InUse,
                "this token is the operator's own credential on the account; give the account another credential first",
                true,
            ));
        }
        return Ok(dispose(view, (*id).clone(), retain));
    }
    Ok(delete_secrets(view).unwrap_or(Step::RemoveFinalizer {
        left_behind: Vec::new(),
    }))
}

fn retains(view: &View<'_>) -> bool {
    view.desired()
        .is_some_and(|d| d.deletion_policy == DeletionPolicy::Retain)
}

fn delete_secrets(view: &View<'_>) -> Option<Step> {
    if retains(view) {
        return None;
    }
    let delete = |name, state: &SecretState| match state {
        SecretState::Ours(secret) => Some(Step::DeleteSecret {
            name,
            at: revision(secret),
        }),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable { .. } => None,
    };
    delete(secret_name(view), &view.observed.secret)
        .or_else(|| delete(former_name(view)?, &view.observed.former_secret))
}

fn dispose(view: &View<'_>, token_id: TokenId, retain: bool) -> Step {
    let published =
        view.observed.record.claims(&token_id) || view.token_in_secret() == Some(&token_id);
    if retain && published {
        Step::MarkRetained { token_id }
    } else {
        Step::DeleteToken {
            token_id,
            urgent: false,
        }
    }
}

/// A create that was announced or given up may have left a token: only a listing tells.
///
/// A call leaves within the settle time after its intent, and before the deletion was asked for; it takes effect within
/// another one. A listing that began earlier may have missed its token.
fn find_pending_create(view: &View<'_>, deletion: &Deletion) -> Result<Option<Step>, Step> {
    let observed = view.observed;
    let pending = observed
        .record
        .pending
        .iter()
        .filter(|p| p.operation == Operation::Create);
    let certain = matches!(
        observed.hand,
        Hand::Armed(_) | Hand::Refused(_) | Hand::Held { .. }
    );
    let unresolved = pending.filter(|_| !certain).map(|p| p.started_at);
    let abandoned = observed.record.abandoned.iter().map(|a| a.started_at);
    let Some(last) = unresolved.chain(abandoned).max() else {
        return Ok(None);
    };
    let begun_after = plus(
        last.min(deletion.requested_at),
        observed.timing.settle.saturating_mul(2),
    );
    if observed
        .listed_at
        .is_some_and(|listed| listed >= begun_after)
    {
        return Ok(None);
    }
    if view.now() < begun_after {
        return Err(Step::Rest {
            until: Some(begun_after),
        });
    }
    view.account()?;
    Ok(Some(Step::ListTokens { begun_after }))
}

/// Every token that this object answers for.
fn ours(view: &View<'_>) -> BTreeSet<TokenId> {
    let observed = view.observed;
    let held = match &observed.hand {
        Hand::Held { token_id, .. } => Some(token_id),
        Hand::Empty | Hand::Armed(_) | Hand::Refused(_) => None,
    };
    let found = observed.found.iter().map(|found| &found.id);
    observed
        .record
        .token_ids()
        .chain(held)
        .chain(found)
        .cloned()
        .collect()
}

fn secret_name(view: &View<'_>) -> String {
    let observed = view.observed;
    let pending = observed
        .record
        .pending
        .as_ref()
        .map(|p| p.secret_name.clone());
    pending
        .or_else(|| view.desired().map(|d| d.secret.name.clone()))
        .or_else(|| observed.record.secret.as_ref().map(|s| s.name.clone()))
        .unwrap_or_default()
}

fn former_name(view: &View<'_>) -> Option<String> {
    let record = &view.observed.record;
    let named = record
        .secret
        .as_ref()
        .map(|s| s.name.clone())
        .filter(|name| *name != secret_name(view));
    named.or_else(|| record.former_secret.as_ref().map(|f| f.name.clone()))
}

/// A deletion never hangs longer than the stated times; what is left behind is said (I11).
fn give_up_in_time(view: &View<'_>, deletion: &Deletion, obstacle: Step) -> Step {
    let timing = view.observed.timing;
    let transient = matches!(
        &view.observed.account,
        Account::Unusable {
            transient: true,
            ..
        }
    );
    let patience = if transient {
        timing.give_up_transient
    } else {
        timing.give_up
    };
    let end = plus(deletion.requested_at, patience);
    if view.now() >= end {
        return leave_behind(view);
    }
    match obstacle {
        Step::Hold {
            reason,
            message,
            terminal,
            until,
        } => Step::Hold {
            reason,
            message,
            terminal,
            until: Some(until.map_or(end, |until| until.min(end))),
        },
        other => other,
    }
}

/// Whether a failed deletion step has been tried long enough to give up.
pub(super) fn gives_up_on(view: &View<'_>, terminal: bool) -> bool {
    let timing = view.observed.timing;
    let patience = if terminal {
        timing.give_up
    } else {
        timing.give_up_transient
    };
    view.observed
        .deletion
        .as_ref()
        .is_some_and(|deletion| view.now() >= plus(deletion.requested_at, patience))
}

/// Lets the object go although something could not be dealt with. The key goes all the same: nobody would look after it.
pub(super) fn leave_behind(view: &View<'_>) -> Step {
    let gone = &view.observed.gone;
    let secrets = delete_secrets(view).filter(|step| view.setback(step.kind()).is_none());
    secrets.unwrap_or_else(|| Step::RemoveFinalizer {
        left_behind: ours(view)
            .into_iter()
            .filter(|id| !gone.contains(id))
            .collect(),
    })
}
