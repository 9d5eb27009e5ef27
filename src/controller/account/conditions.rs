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

/// Writes a report into a status. What it says nothing of stays, apart from conditions.
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
    // Unlike the rest, these are not facts that stay: what nobody can tell any more is not said (I12).
    let behind = report.behind.as_ref();
    let mass_change = behind.and_then(|behind| behind.mass_change.as_ref());
    writer.mark(ConditionType::MassChange, mass_change);
    let clock_skew = behind.and_then(|behind| behind.clock_skew.as_ref());
    writer.mark(ConditionType::ClockSkew, clock_skew);
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
        let unknown = behind.unknown_tokens.iter().take(MAX_LISTED);
        self.status.unknown_tokens = unknown.cloned().collect();
        let left_behind = behind.left_behind.iter().take(MAX_LISTED);
        self.status.left_behind = left_behind.cloned().collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::AccountId;
    use crate::domain::reason::Reason;

    #[test]
    fn what_nothing_supports_any_more_is_not_said_any_more_i12() {
        let explanation = |reason| Explanation {
            reason,
            message: "as it was".to_owned(),
        };
        let mut report = Report {
            generation: Some(1),
            ready: true,
            cause: explanation(Reason::Available),
            recovery: None,
            behind: Some(RemoteAccountReport {
                account_id: AccountId::new("account"),
                credential: None,
                reset: Feature::Available,
                expiry: Feature::Unknown,
                probe_time: None,
                orphans: None,
                unknown_tokens: Vec::new(),
                left_behind: Vec::new(),
                mass_change: Some(explanation(Reason::MassChange)),
                clock_skew: Some(explanation(Reason::ClockSkew)),
            }),
        };
        let mut status = AccountStatus::default();
        let said = |status: &AccountStatus| {
            let mut kinds: Vec<String> =
                status.conditions.iter().map(|c| c.type_.clone()).collect();
            kinds.sort();
            kinds.join(" ")
        };
        write(&report, Timestamp::UNIX_EPOCH, &mut status);
        assert_eq!(said(&status), "ClockSkew MassChange Ready");

        report.generation = Some(2);
        report.ready = false;
        report.cause = explanation(Reason::CredentialMissing);
        report.recovery = Some(Recovery::User);
        report.behind = None;
        write(&report, Timestamp::UNIX_EPOCH, &mut status);
        assert_eq!(said(&status), "Ready Stalled");
        assert_eq!(
            status.account_id,
            Some(AccountId::new("account")),
            "the rest stays"
        );
    }
}
