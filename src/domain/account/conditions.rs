//! From an observed account to what its status says.

use jiff::SignedDuration;

use super::budget::Hold;
use super::finding::Finding;
use super::handler::Unseen;
use super::observed::{ObservedAccount, RemoteAccountFacts};
use super::report::{Explanation, RemoteAccountReport, Report};
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// Clocks may differ by this much before it is worth a word.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// What the status is to say of what was observed.
#[must_use]
pub fn report(standing: &Result<Finding, Problem>, observed: &ObservedAccount) -> Report {
    let cause = match standing {
        Ok(_) if observed.deleting => Explanation {
            reason: Reason::InUse,
            message: in_use(observed),
        },
        Ok(_) => standing_well(observed),
        Err(problem) => cause(problem.reason, &problem.message),
    };
    let problem = standing.as_ref().err();
    let found = standing.as_ref().ok();
    Report {
        generation: observed.generation,
        ready: problem.is_none(),
        cause,
        recovery: problem.map(|problem| problem.recovery),
        behind: found
            .zip(observed.behind.as_ref())
            .and_then(|(found, facts)| behind(found, facts)),
    }
}

/// A full account serves those that it has.
fn standing_well(observed: &ObservedAccount) -> Explanation {
    let full_at = observed.behind.as_ref().and_then(|behind| behind.full_at);
    match full_at {
        Some(max) => Explanation {
            reason: Reason::Full,
            message: format!(
                "there are as many tokens as spec.policy.maxTokens allows, {max} with retained ones and those that could not be deleted: \
                 no AccessToken gets its first one"
            ),
        },
        None => cause(Reason::Available, "LaunchDarkly accepts the credential"),
    }
}

fn in_use(observed: &ObservedAccount) -> String {
    let users = match observed.unseen {
        Unseen::None | Unseen::Uncounted => observed.users,
        Unseen::Counted(users) => users.max(observed.users),
        Unseen::Unknown => {
            return "AccessTokens of other namespaces may still refer to this account, and the operator may not list them: let it, or \
                    take its finalizer off when none does"
                .to_owned();
        }
    };
    format!("{users} AccessTokens still refer to this account; delete them first")
}

fn behind(found: &Finding, facts: &RemoteAccountFacts) -> Option<RemoteAccountReport> {
    let behind = found.result.as_ref().ok()?;
    let mass_change = facts
        .held_by_budget
        .map(|hold| cause(Reason::MassChange, mass_change_message(hold)));
    // No number, which would change with the answers.
    let clock_skew = (facts.clock_offset.abs() > SKEW).then(|| {
        let message =
            "this machine's clock and LaunchDarkly's differ by more than a minute; synchronise it";
        cause(Reason::ClockSkew, message)
    });
    Some(RemoteAccountReport {
        account_id: behind.account_id.clone(),
        credential: facts.credential.clone(),
        reset: facts.reset,
        expiry: facts.expiry,
        probe_time: facts.probe_time,
        orphans: facts.orphans.clone(),
        unknown_tokens: facts.unknown_tokens.clone(),
        left_behind: facts.left_behind.clone(),
        mass_change,
        clock_skew,
    })
}

fn mass_change_message(hold: Hold) -> &'static str {
    match hold {
        Hold::Account => {
            "more keys of this account were lost at once, in more of its namespaces, than may be replaced in ten minutes, so none is \
             replaced before an hour has passed: bring the Secrets or tokens back, or ask for new keys with the annotation \
             ldtokens.dev/rotate"
        }
        Hold::Namespace => {
            "in one or more namespaces more keys of this account were lost at once than may be replaced there in ten minutes, so none \
             is replaced there before an hour has passed: bring the Secrets or tokens back, or ask for new keys with the annotation \
             ldtokens.dev/rotate"
        }
        Hold::UsedUp => {
            "in one or more namespaces as many lost keys of this account as may be were replaced in the last ten minutes; \
             the others there are replaced as that time passes"
        }
    }
}

fn cause(reason: Reason, message: &str) -> Explanation {
    Explanation {
        reason,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hold_says_what_ends_it_i12() {
        for (hold, ends, does_not) in [
            (Hold::Account, "ldtokens.dev/rotate", "passes"),
            (Hold::Namespace, "ldtokens.dev/rotate", "passes"),
            (Hold::UsedUp, "as that time passes", "ldtokens.dev/rotate"),
        ] {
            let message = mass_change_message(hold);
            assert!(message.contains(ends), "{message}");
            assert!(!message.contains(does_not), "{message}");
        }
    }
}
