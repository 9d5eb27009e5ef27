//! The token's settings: edits of the spec, and changes made behind our back.

use crate::domain::cause::Cause;
use crate::domain::decide::guards::stay_in_policy;
use crate::domain::decide::holds::role_not_found;
use crate::domain::decide::intent::{Need, intend, marked_settings};
use crate::domain::decide::view::View;
use crate::domain::desired::{Desired, DriftPolicy};
use crate::domain::ids::SettingsHash;
use crate::domain::observed::{Remote, RemoteFacts, Roles, Source};
use crate::domain::record::TokenRecord;
use crate::domain::step::{CallStep, LookStep, RecordStep, Step};

/// Fields that a `PATCH` changes on any token.
const FREE_FIELDS: [&str; 2] = ["name", "description"];
/// Fields that a `PATCH` changes on personal tokens only (documented).
const GRANT_FIELDS: [&str; 3] = ["role", "customRoles", "inlineRole"];

/// Brings the token in line with the spec, and with what LaunchDarkly once answered.
pub(super) fn align_settings(view: &View<'_>) -> Option<Step> {
    let (desired, token) = (view.desired()?, view.observed.record.token.as_ref()?);
    let desired_hash = desired.settings.hash();
    if token.spec_hash.is_current() && token.spec_hash != desired_hash {
        return Some(apply_edit(view, desired, token));
    }
    correct_drift(view, desired, token)
}

/// The spec was edited: one look at the token says whether a `PATCH` does or another token must take its place.
fn apply_edit(view: &View<'_>, desired: &Desired, token: &TokenRecord) -> Step {
    match &view.observed.remote {
        Remote::Present(facts)
            if facts.source != Source::Listing && view.is_fresh(facts.seen_at) =>
        {
            if let Some(step) = resolve_roles(view, desired) {
                return step;
            }
            if facts.differs.is_empty() || facts.source == Source::Patch {
                return record_settings(view, desired, token, facts);
            }
            adjust(view, desired, token, facts)
        }
        Remote::Absent { .. } => view.rest(),
        Remote::Present(_) | Remote::Unknown => Step::Look(LookStep::FetchToken {
            token_id: token.id.clone(),
        }),
    }
}

/// Drift is what differs from what LaunchDarkly once answered; every finding is confirmed by a look at the token alone.
fn correct_drift(view: &View<'_>, desired: &Desired, token: &TokenRecord) -> Option<Step> {
    let Remote::Present(facts) = &view.observed.remote else {
        return None;
    };
    let known = token
        .observed_hash
        .as_ref()
        .is_some_and(SettingsHash::is_current);
    let same = token.observed_hash.as_ref() == Some(&facts.hash);
    if known && same && (facts.is_marked() || facts.source == Source::Patch) {
        return None;
    }
    if facts.source == Source::Listing {
        return Some(Step::Look(LookStep::FetchToken {
            token_id: token.id.clone(),
        }));
    }
    if let Some(step) = resolve_roles(view, desired) {
        return Some(step);
    }
    if !known
        || facts.source == Source::Patch
        || facts.differs.is_empty()
        || !token.spec_hash.is_current()
    {
        return Some(record_settings(view, desired, token, facts));
    }
    // What came back other than asked for is not asked for again, unless it lost its marker.
    let as_ever = facts.differs == token.differs && facts.is_marked();
    if desired.drift_policy == DriftPolicy::Report || as_ever {
        return None;
    }
    Some(adjust(view, desired, token, facts))
}

/// Permissions of a service token are fixed at creation (documented): what cannot be patched needs another token.
fn adjust(view: &View<'_>, desired: &Desired, token: &TokenRecord, facts: &RemoteFacts) -> Step {
    let patchable: &[&[&str]] = if desired.settings.service_token {
        &[&FREE_FIELDS]
    } else {
        &[&FREE_FIELDS, &GRANT_FIELDS]
    };
    if only(&facts.differs, patchable) {
        patch(view, desired, token, facts)
    } else {
        intend(view, &Need::create(Cause::SpecChanged))
    }
}

/// Custom roles are compared by id, so they are resolved first.
fn resolve_roles(view: &View<'_>, desired: &Desired) -> Option<Step> {
    let roles = desired.asked_roles();
    match &view.observed.roles {
        Roles::Unknown if !roles.is_empty() => Some(Step::Look(LookStep::ResolveRoles { roles })),
        Roles::Missing(role) => Some(role_not_found(role)),
        Roles::Unknown | Roles::Resolved(_) => None,
    }
}

fn only(differs: &[String], allowed: &[&[&str]]) -> bool {
    differs.iter().all(|field| {
        allowed
            .iter()
            .any(|fields| fields.contains(&field.as_str()))
    })
}

fn patch(view: &View<'_>, desired: &Desired, token: &TokenRecord, facts: &RemoteFacts) -> Step {
    let Ok(account) = view.account() else {
        return view.rest();
    };
    let grant = facts
        .differs
        .iter()
        .any(|field| GRANT_FIELDS.contains(&field.as_str()));
    if grant && let Err(wait) = stay_in_policy(view).map_or(Ok(()), Err) {
        return wait;
    }
    let attempt = view
        .secret()
        .and_then(|secret| secret.marks.attempt.clone());
    let attempt = attempt.unwrap_or_else(|| view.observed.nonce.clone());
    match marked_settings(view, desired, account, &attempt) {
        Some(settings) => Step::Call(CallStep::PatchToken {
            token_id: token.id.clone(),
            settings: Box::new(settings),
            grant,
        }),
        None => Step::Look(LookStep::ResolveRoles {
            roles: desired.asked_roles(),
        }),
    }
}

fn record_settings(
    view: &View<'_>,
    desired: &Desired,
    token: &TokenRecord,
    facts: &RemoteFacts,
) -> Step {
    let mut record = view.record();
    record.token = Some(TokenRecord {
        id: token.id.clone(),
        name: desired.settings.name.clone(),
        spec_hash: desired.settings.hash(),
        observed_hash: Some(facts.hash.clone()),
        differs: facts.differs.clone(),
        creation_time: token.creation_time.or(facts.creation_time),
    });
    Step::Record(RecordStep::RecordSettings(Box::new(record)))
}
