//! What an account's status says.

use jiff::{SignedDuration, Timestamp};

use crate::api::AccountStatus;
use crate::api::account::{Feature as FeatureStatus, Features as FeaturesStatus, MAX_LISTED};
use crate::api::conditions::{ConditionStatus, ConditionType, remove_condition, set_condition};
use crate::controller::account::registry::Session;
use crate::domain::observed::Feature;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::TokensApi;

/// Clocks may differ by this much before it is worth a word.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// The object whose status is written.
pub(in crate::controller) struct AccountView {
    pub(in crate::controller) generation: Option<i64>,
    pub(in crate::controller) users: usize,
    pub(in crate::controller) deleting: bool,
    pub(in crate::controller) now: Timestamp,
}

/// Writes what was found into a status.
pub(in crate::controller) fn write<L: TokensApi>(
    view: &AccountView,
    finding: Result<Option<&Session<L>>, &Problem>,
    status: &mut AccountStatus,
) {
    status.observed_generation = view.generation;
    let mut set = |kind, holds: bool, reason, message: &str| {
        let holds = ConditionStatus::from(holds);
        set_condition(
            &mut status.conditions,
            kind,
            holds,
            reason,
            message,
            view.generation,
            view.now,
        );
    };
    match finding {
        Ok(_) if view.deleting => {
            let message = format!(
                "{} AccessTokens still refer to this account; delete them first",
                view.users
            );
            set(ConditionType::Ready, true, Reason::InUse, &message);
        }
        Ok(_) => set(
            ConditionType::Ready,
            true,
            Reason::Available,
            "LaunchDarkly accepts the credential",
        ),
        Err(problem) => set(
            ConditionType::Ready,
            false,
            problem.reason,
            &problem.message,
        ),
    }
    let stalled = finding.err().filter(|problem| problem.needs_user());
    mark(
        view,
        status,
        ConditionType::Stalled,
        stalled.map(|t| (t.reason, t.message.clone())),
    );
    let waiting = finding.err().filter(|problem| !problem.needs_user());
    mark(
        view,
        status,
        ConditionType::Reconciling,
        waiting.map(|t| (t.reason, t.message.clone())),
    );
    if let Ok(Some(session)) = finding {
        describe(view, session, status);
    }
}

fn describe<L: TokensApi>(view: &AccountView, session: &Session<L>, status: &mut AccountStatus) {
    status.account_id = Some(session.account_id.clone());
    status.credential_token_id.clone_from(&session.credential);
    let features = session.state.features(view.now);
    status.features = Some(FeaturesStatus {
        reset: to_status(features.reset),
        expiry: to_status(features.expiry),
        probed_at: features.probed_at,
    });
    if let Some(orphans) = session.state.orphans() {
        status.orphans = orphans.into_iter().take(MAX_LISTED).collect();
    }
    let left_behind = session.state.left_behind(&status.left_behind);
    status.left_behind = left_behind.into_iter().take(MAX_LISTED).collect();
    let braked = session.state.is_held_by_budget(view.now).then(|| {
        let message = "many keys of this account were lost within ten minutes; no more are replaced until the window has passed";
        (Reason::MassChange, message.to_owned())
    });
    mark(view, status, ConditionType::MassChange, braked);
    let offset = session.api.clock_offset();
    // No number, which would change with the answers.
    let skewed = (offset.abs() > SKEW).then(|| {
        let message =
            "this machine's clock and LaunchDarkly's differ by more than a minute; synchronise it";
        (Reason::ClockSkew, message.to_owned())
    });
    mark(view, status, ConditionType::ClockSkew, skewed);
}

fn mark(
    view: &AccountView,
    status: &mut AccountStatus,
    kind: ConditionType,
    holds: Option<(Reason, String)>,
) {
    match holds {
        Some((reason, message)) => {
            set_condition(
                &mut status.conditions,
                kind,
                ConditionStatus::True,
                reason,
                &message,
                view.generation,
                view.now,
            );
        }
        None => {
            remove_condition(&mut status.conditions, kind);
        }
    }
}

/// A feature as the status has it.
fn to_status(feature: Feature) -> FeatureStatus {
    match feature {
        Feature::Unknown => FeatureStatus::Unknown,
        Feature::Available => FeatureStatus::Available,
        Feature::Unavailable => FeatureStatus::Unavailable,
        Feature::Untried => FeatureStatus::Untried,
    }
}

/// A feature as decisions have it.
pub(in crate::controller) fn to_domain(feature: FeatureStatus) -> Feature {
    match feature {
        FeatureStatus::Unknown => Feature::Unknown,
        FeatureStatus::Available => Feature::Available,
        FeatureStatus::Unavailable => Feature::Unavailable,
        FeatureStatus::Untried => Feature::Untried,
    }
}
