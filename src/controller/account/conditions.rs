//! Writes what is to be said of an account into its status.

use jiff::Timestamp;

use crate::api::AccountStatus;
use crate::api::account::{FeatureState, FeaturesStatus, MAX_LISTED};
use crate::api::conditions::{remove_condition, set_condition};
use crate::domain::account::report::{Explanation, RemoteAccountReport, Report};
use crate::domain::conditions::{ConditionStatus, ConditionType};
use crate::domain::observed::Feature;
use crate::domain::problem::Recovery;
use crate::domain::time::whole_second;

/// Writes a report into a status; what it says nothing of stays.
pub(super) fn write(report: &Report, now: Timestamp, status: &mut AccountStatus) {
    status.observed_generation = report.generation;
    let mut writer = Writer {
        status,
        generation: report.generation,
        now,
    };
    writer.set(ConditionType::Ready, report.ready.into(), &report.cause);
    let stalled = report.recovery == Some(Recovery::User);
    let waits = report.recovery.is_some() && !stalled;
    let cause = Some(&report.cause);
    writer.mark(ConditionType::Stalled, cause.filter(|_| stalled));
    writer.mark(ConditionType::Reconciling, cause.filter(|_| waits));
    if let Some(behind) = &report.behind {
        writer.describe(behind);
    }
}

struct Writer<'a> {
    status: &'a mut AccountStatus,
    generation: Option<i64>,
    now: Timestamp,
}

impl Writer<'_> {
    fn describe(&mut self, behind: &RemoteAccountReport) {
        self.status.account_id = Some(behind.account_id.clone());
        self.status
            .credential_token_id
            .clone_from(&behind.credential);
        self.status.features = Some(FeaturesStatus {
            reset: to_status(behind.reset),
            expiry: to_status(behind.expiry),
            probe_time: behind.probe_time.map(whole_second),
        });
        if let Some(orphans) = &behind.orphans {
            self.status.orphans = orphans.iter().take(MAX_LISTED).cloned().collect();
        }
        let left_behind = behind.left_behind.iter().take(MAX_LISTED);
        self.status.left_behind = left_behind.cloned().collect();
        self.mark(ConditionType::MassChange, behind.mass_change.as_ref());
        self.mark(ConditionType::ClockSkew, behind.clock_skew.as_ref());
    }

    /// A condition that is only there while it holds.
    fn mark(&mut self, kind: ConditionType, holds: Option<&Explanation>) {
        match holds {
            Some(cause) => self.set(kind, ConditionStatus::True, cause),
            None => {
                remove_condition(&mut self.status.conditions, kind);
            }
        }
    }

    fn set(&mut self, kind: ConditionType, status: ConditionStatus, cause: &Explanation) {
        set_condition(
            &mut self.status.conditions,
            kind,
            status,
            cause.reason,
            &cause.message,
            self.generation,
            self.now,
        );
    }
}

/// A feature as the status has it.
fn to_status(feature: Feature) -> FeatureState {
    match feature {
        Feature::Unknown => FeatureState::Unknown,
        Feature::Available => FeatureState::Available,
        Feature::Unavailable => FeatureState::Unavailable,
        Feature::Untried => FeatureState::Untried,
    }
}

/// A feature as decisions have it.
pub(super) fn to_domain(feature: FeatureState) -> Feature {
    match feature {
        FeatureState::Unknown => Feature::Unknown,
        FeatureState::Available => Feature::Available,
        FeatureState::Unavailable => Feature::Unavailable,
        FeatureState::Untried => Feature::Untried,
    }
}
