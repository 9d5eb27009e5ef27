//! A Secret of ours that knows more than the status: after a lost or restored status, or a re-created object.

use super::holds::{role_not_found, too_many_retiring};
use super::subject::token_to_reclaim;
use super::view::{View, hold, revision};
use crate::domain::cause::Cause;
use crate::domain::desired::Desired;
use crate::domain::ids::{RequestHash, TokenId};
use crate::domain::observed::{
    AccountFacts, Admission, Remote, RemoteFacts, Roles, SecretKeyProof, Source,
};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{HistoryEntry, MAX_RETIRING, RetiringToken, SecretRecord, TokenRecord};
use crate::domain::secret::SecretFacts;
use crate::domain::step::{LookStep, ObjectStep, RecordStep, SecretStep, Step};
use crate::domain::time::plus;

/// A Secret whose key is proven wins over the status: the status is rebuilt from it and nothing rotates.
pub(super) fn reclaim_secret(view: &View<'_>) -> Option<Step> {
    let observed = view.observed;
    let token_id = token_to_reclaim(observed).filter(|id| !observed.gone.contains(*id))?;
    let secret = view.secret()?;
    let account = view.account().ok()?;
    if secret
        .marks
        .account_id
        .as_ref()
        .is_some_and(|id| *id != account.id)
    {
        return Some(hold(Problem::user(
            Reason::AccountMismatch,
            format!(
                "the Secret holds a key of another LaunchDarkly account than {}; correct spec.accountRef or delete the Secret",
                account.id
            ),
        )));
    }
    if let Some(other) = &observed.claimed_by {
        return Some(hold(Problem::user(
            Reason::ClaimedElsewhere,
            format!(
                "the Secret holds the key of a token that AccessToken {other} answers for; delete one of the two, or choose another \
                 spec.secret.name"
            ),
        )));
    }
    match (observed.secret_key, &observed.remote) {
        (SecretKeyProof::Rejected, _)
        | (
            _,
            Remote::Absent {
                confirmed: true, ..
            },
        ) => None,
        (
            _,
            Remote::Absent {
                confirmed: false,
                first,
            },
        ) => Some(view.second_look(token_id, *first)),
        (SecretKeyProof::Unasked, _) => Some(Step::Look(LookStep::ProveSecretKey {
            fingerprint: secret.key.clone()?,
            token_id: token_id.clone(),
        })),
        (SecretKeyProof::Accepted, Remote::Present(facts)) if facts.source != Source::Listing => {
            Some(
                not_admitted(view, account)
                    .unwrap_or_else(|| reclaim(view, token_id, secret, facts)),
            )
        }
        (SecretKeyProof::Accepted, Remote::Present(_) | Remote::Unknown) => {
            Some(Step::Look(LookStep::FetchToken {
                token_id: token_id.clone(),
            }))
        }
    }
}

/// What the account has against a takeover. Where it is full that is nothing: there is no token more.
fn not_admitted(view: &View<'_>, account: &AccountFacts) -> Option<Step> {
    match &account.admission {
        Admission::Refused(problem) => return Some(hold(problem.clone())),
        Admission::NeedsRoles => {
            return Some(Step::Look(LookStep::ResolveRoles {
                roles: view.desired().map(Desired::asked_roles).unwrap_or_default(),
            }));
        }
        Admission::Granted | Admission::NeedsListing | Admission::NoRoom(_) => {}
    }
    match &view.observed.roles {
        Roles::Missing(role) => Some(role_not_found(role)),
        Roles::Unknown | Roles::Resolved(_) => None,
    }
}

/// What is reclaimed is cleaned up with the object, and makes another token retire, if there is room for one. Before that
/// the Secret is touched: whoever was paused with an intent that was lost with the status must not publish into it (I4).
fn reclaim(view: &View<'_>, token_id: &TokenId, secret: &SecretFacts, facts: &RemoteFacts) -> Step {
    let record = &view.observed.record;
    let replaces = record
        .token
        .as_ref()
        .is_some_and(|token| token.id != *token_id);
    if !view.observed.finalizer {
        Step::Object(ObjectStep::AddFinalizer)
    } else if replaces && record.retiring.len() >= MAX_RETIRING {
        too_many_retiring(view)
    } else {
        fence(view, secret).unwrap_or_else(|| record_take_over(view, token_id, secret, facts))
    }
}

/// A fence that names the very attempt that the Secret publishes was set for a reclaim.
fn fence(view: &View<'_>, secret: &SecretFacts) -> Option<Step> {
    let attempt = secret.marks.attempt.clone()?;
    let name = view.desired()?.secret.name.clone();
    (secret.marks.fence.as_ref() != Some(&attempt)).then(|| {
        Step::Secret(SecretStep::FenceSecret {
            name,
            at: revision(secret),
            attempt,
        })
    })
}

fn record_take_over(
    view: &View<'_>,
    token_id: &TokenId,
    secret: &SecretFacts,
    facts: &RemoteFacts,
) -> Step {
    let observed = view.observed;
    let mut record = view.record();
    let (Some(desired), Some(fingerprint)) = (view.desired(), secret.key.clone()) else {
        return view.rest();
    };
    if let Some(other) = record.token.take().filter(|other| other.id != *token_id) {
        let grace_over = plus(observed.clocks.later(), desired.rotation.grace);
        record.retire(RetiringToken {
            token_id: other.id,
            cause: Cause::Reclaimed,
            retirement_time: grace_over,
        });
    }
    let published = secret.marks.rotated_at.unwrap_or_else(|| view.now());
    let baseline = baseline(view, secret);
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
        creation_time: facts.creation_time,
    });
    record.secret = Some(SecretRecord {
        name: desired.secret.name.clone(),
        uid: secret.uid.clone(),
        fingerprint,
        proven: true,
    });
    record.former_secret = record
        .former_secret
        .filter(|former| former.name != desired.secret.name);
    record.rotation.last = Some(published);
    record.rotation.next = None;
    record.rotation.previous_key_expiration_time = secret
        .marks
        .previous_expires_at
        .filter(|end| !observed.clocks.passed(*end));
    record.remember_handled(&baseline);
    record.remember_publication(HistoryEntry {
        publication_time: published,
        cause: Cause::Reclaimed,
        token_id: token_id.clone(),
        previous_key_expiration_time: record.rotation.previous_key_expiration_time,
    });
    view.reschedule(&mut record, false);
    Step::Record(RecordStep::RecordTakeOver(Box::new(record)))
}

/// The requests that count as handled. Those that are there when an object is created never rotate; of a lost status the Secret knows
/// what was handled.
fn baseline(view: &View<'_>, secret: &SecretFacts) -> Vec<RequestHash> {
    let created_again = secret.marks.owner_uid != view.observed.identity.uid.as_str();
    let mut baseline = secret.marks.handled.clone();
    for request in view.requests().filter(|_| created_again) {
        baseline.retain(|known| known != request);
        baseline.push(request.clone());
    }
    baseline
}
