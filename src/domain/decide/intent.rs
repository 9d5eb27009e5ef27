//! Beginning a call that must not be repeated: everything that has to hold before its intent is written.

use super::guards::require_valid_spec;
use super::holds::{
    any_listing, role_not_found, secret_in_the_way, too_many_abandoned, too_many_retiring,
};
use super::publish;
use super::view::{View, hold};
use crate::domain::account::budget;
use crate::domain::cause::Cause;
use crate::domain::desired::{Desired, secret_layout};
use crate::domain::ids::{Attempt, RequestHash};
use crate::domain::marker::{Hold, Marker, with_marker};
use crate::domain::observed::{AccountFacts, Admission, PendingCall, Roles};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::domain::record::{
    AbandonedAttempt, Intent, MAX_HANDLED, MAX_RETIRING, PendingOperation, Record,
};
use crate::domain::secret::Arrangement;
use crate::domain::settings::{Grant, TokenSettings};
use crate::domain::step::{LookStep, ObjectStep, RecordStep, Step};
use crate::domain::time::plus;
use jiff::{SignedDuration, Timestamp};

/// Why a call is wanted, and what it must not forget.
pub(super) struct Need {
    pub(super) operation: PendingOperation,
    pub(super) cause: Cause,
    /// A key that consumers may hold lives at least until then.
    pub(super) previous_key_expiration_time: Option<Timestamp>,
    /// Requests that are handled with it, besides those handled before.
    pub(super) handles: Vec<RequestHash>,
}

impl Need {
    pub(super) fn create(cause: Cause) -> Self {
        Self {
            operation: PendingOperation::Create,
            cause,
            previous_key_expiration_time: None,
            handles: Vec::new(),
        }
    }
}

/// An object without a token gets one; requests that are there from the beginning never rotate.
pub(super) fn obtain_token(view: &View<'_>) -> Option<Step> {
    if view.observed.record.token.is_some() {
        return None;
    }
    view.desired()?;
    Some(intend(
        view,
        &Need {
            handles: view.requests().cloned().collect(),
            ..Need::create(if view.observed.record.is_cut_off() {
                Cause::CutOff
            } else {
                Cause::Created
            })
        },
    ))
}

/// Writes the intent, or says what has to be so first (C0, R0).
pub(super) fn intend(view: &View<'_>, need: &Need) -> Step {
    let observed = view.observed;
    if !observed.finalizer {
        return Step::Object(ObjectStep::AddFinalizer);
    }
    obstacle(view, need).unwrap_or_else(|| record_intent(view, need))
}

fn obstacle(view: &View<'_>, need: &Need) -> Option<Step> {
    let observed = view.observed;
    if observed.namespace_terminating {
        return Some(hold(Problem::user(
            Reason::NamespaceTerminating,
            format!(
                "namespace {} is being deleted; create the AccessToken in another one",
                observed.identity.namespace
            ),
        )));
    }
    let account = match view.account() {
        Ok(account) => account,
        Err(wait) => return Some(wait),
    };
    // The rest of the spec, policy, roles and room are about another token: they do not keep a key from being revoked by a reset (I9).
    if need.cause == Cause::Revoke && need.operation == PendingOperation::Reset {
        return secret_in_the_way(view);
    }
    let Some(desired) = view.desired() else {
        return require_valid_spec(view);
    };
    match &account.admission {
        Admission::Refused(problem) | Admission::NoRoom(problem) => {
            return Some(hold(problem.clone()));
        }
        Admission::NeedsListing => return Some(any_listing()),
        Admission::Granted | Admission::NeedsRoles => {}
    }
    let asks_roles = matches!(desired.settings.grant, Grant::CustomRoles(_));
    match &observed.roles {
        Roles::Missing(role) => return Some(role_not_found(role)),
        Roles::Unknown | Roles::Resolved(_) if account.admission == Admission::NeedsRoles => {
            return Some(Step::Look(LookStep::ResolveRoles {
                roles: desired.asked_roles(),
            }));
        }
        Roles::Unknown if asks_roles => {
            return Some(Step::Look(LookStep::ResolveRoles {
                roles: desired.asked_roles(),
            }));
        }
        Roles::Unknown | Roles::Resolved(_) => {}
    }
    no_room(view)
        .or_else(|| secret_in_the_way(view))
        .or_else(|| mass_change(view, need, account.held_by_budget))
        .or_else(|| look_roles_up_again(view, asks_roles, desired))
}

/// A role may have been renamed or made anew since it was looked up.
fn look_roles_up_again(view: &View<'_>, asks_roles: bool, desired: &Desired) -> Option<Step> {
    let seen_at = view.observed.roles_seen_at;
    let fresh = seen_at.is_some_and(|at| view.is_fresh(at));
    (asks_roles && !fresh).then(|| {
        Step::Look(LookStep::ResolveRoles {
            roles: desired.asked_roles(),
        })
    })
}

/// Every bounded list needs room for what the attempt may add to it; a reset too, whose lost key would be replaced.
fn no_room(view: &View<'_>) -> Option<Step> {
    let record = view.record();
    if record.token.is_some() && record.retiring.len() >= MAX_RETIRING {
        return Some(too_many_retiring(view));
    }
    too_many_abandoned(view, &record)
}

/// Unasked replacements are few (I14).
fn mass_change(view: &View<'_>, need: &Need, held: Option<budget::Hold>) -> Option<Step> {
    let held = held.filter(|_| replaces_unasked(&view.observed.record, need.cause))?;
    let message = match held {
        budget::Hold::Account => {
            "too many keys of this account were lost at once, in too many namespaces, so none is replaced before an hour has passed: \
             bring the Secrets or tokens back, or ask for new keys with the annotation ldtokens.dev/rotate"
        }
        budget::Hold::Namespace => {
            "too many keys were lost at once in this namespace, so none is replaced here before an hour has passed: \
             bring the Secrets or tokens back, or ask for new keys with the annotation ldtokens.dev/rotate"
        }
        budget::Hold::UsedUp => {
            "as many lost keys as may be were replaced in this namespace in the last ten minutes: this one follows as that time passes, \
             or at once if you ask for it with the annotation ldtokens.dev/rotate"
        }
    };
    Some(hold(Problem::retry(Reason::MassChange, message)))
}

/// Whether an intent of this cause replaces a working token unasked. What recovers a call that was begun
/// is not meant: consumers' keys may be about to end, and the call itself was counted or asked for.
#[must_use]
pub fn replaces_unasked(record: &Record, cause: Cause) -> bool {
    cause.is_unasked() && record.token.is_some() && record.pending.is_none()
}

fn record_intent(view: &View<'_>, need: &Need) -> Step {
    let observed = view.observed;
    let mut record = view.record();
    // What was certainly not done needs no remembering.
    if matches!(observed.call, PendingCall::Empty | PendingCall::Held { .. }) {
        abandon_pending(&mut record);
    }
    let seen = |request: &&RequestHash| {
        record.rotation.handled.contains(*request) || need.handles.contains(*request)
    };
    let mut handles: Vec<RequestHash> = view.requests().filter(seen).cloned().collect();
    handles.extend(
        need.handles
            .iter()
            .filter(|h| !handles.contains(h))
            .cloned()
            .collect::<Vec<_>>(),
    );
    handles.truncate(MAX_HANDLED);
    if let Ok(account) = view.account() {
        record.account_id = Some(account.id.clone());
    }
    // A call under way goes where its first intent said, where its predecessor was fenced off; a rename comes after it.
    let layout = secret_layout(view.desired, observed.layout.as_ref(), &observed.record);
    let grace = view
        .desired()
        .map_or_else(SignedDuration::default, |desired| desired.rotation.grace);
    // A reset changes the key alone: edits that wait stay waiting.
    let (spec_hash, token_name) = match (&record.token, need.operation, view.desired()) {
        (_, PendingOperation::Create, Some(desired)) | (None, _, Some(desired)) => {
            (desired.settings.hash(), desired.settings.name.clone())
        }
        (Some(token), _, _) => (token.spec_hash.clone(), token.name.clone()),
        (None, _, None) => return view.rest(),
    };
    record.pending = Some(Intent {
        operation: need.operation,
        attempt: observed.nonce.clone(),
        cause: need.cause,
        start_time: view.now(),
        holder: observed.holder.clone(),
        token_id: record.token.as_ref().map(|token| token.id.clone()),
        secret_name: layout.name.clone(),
        spec_hash,
        token_name,
        handles,
        previous_key_expiration_time: need
            .previous_key_expiration_time
            .or_else(|| reset_lives_until(view, grace, need.operation)),
    });
    let arrangement = Arrangement { layout, grace };
    let rehearsal = Box::new(publish::rehearsal(view, &arrangement));
    Step::Record(RecordStep::RecordIntent {
        record: Box::new(record),
        arrangement: Box::new(arrangement),
        rehearsal,
    })
}

/// A create that is pending may have happened: it is not forgotten when a new intent takes its place.
pub(super) fn abandon_pending(record: &mut Record) {
    if let Some(pending) = record
        .pending
        .take_if(|p| p.operation == PendingOperation::Create)
    {
        record.abandoned.push(AbandonedAttempt {
            attempt: pending.attempt,
            start_time: pending.start_time,
        });
    }
}

/// How long the key that a reset makes old lives, should the answer be lost.
fn reset_lives_until(
    view: &View<'_>,
    grace: SignedDuration,
    operation: PendingOperation,
) -> Option<Timestamp> {
    let lives = grace.checked_add(view.observed.timing.publication_margin)?;
    (operation == PendingOperation::Reset).then(|| plus(view.observed.clocks.later(), lives))
}

/// The settings as LaunchDarkly gets them: roles as ids, and at the end of the description the marker of this attempt.
///
/// `None` while the custom roles asked for are not resolved.
pub(super) fn marked_settings(
    view: &View<'_>,
    desired: &Desired,
    account: &AccountFacts,
    attempt: &Attempt,
) -> Option<TokenSettings> {
    let mut settings = desired.settings.clone();
    if let Grant::CustomRoles(_) = settings.grant {
        let Roles::Resolved(ids) = &view.observed.roles else {
            return None;
        };
        settings.grant = Grant::CustomRoles(ids.iter().map(|id| id.as_str().to_owned()).collect());
    }
    let marker = Marker {
        installation: account.installation.clone(),
        object: view.observed.identity.uid.clone(),
        hold: Hold::Attempt(attempt.clone()),
    };
    let limit = account.longest_description;
    settings.description = with_marker(&settings.description, &marker, limit);
    Some(settings)
}
