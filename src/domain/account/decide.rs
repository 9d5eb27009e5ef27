//! The decision: what to do next for one account object.

use std::time::Duration;

use super::conditions::report;
use super::desired::DesiredAccount;
use super::finding::{Access, Finding, in_pinned_account};
use super::handler::{Handler, Rival, Unseen};
use super::observed::{Awaited, Credential, ObservedAccount};
use super::offer::Offer;
use super::step::AccountStep;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// How often the credential's Secret is looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often the credential of an account is looked for that may have been applied together with it.
pub const WAIT_FOR_CREDENTIAL: Duration = Duration::from_secs(2);

/// How often an account that is being deleted is looked at while objects refer to it.
pub const WAIT_FOR_USERS: Duration = Duration::from_secs(5);

/// One question that is asked of every account.
#[derive(Debug, Clone, Copy)]
pub struct Concern {
    /// The name of its function.
    pub name: &'static str,
    /// When it has something to say.
    pub says: &'static str,
    choose: fn(&View<'_>) -> Option<AccountStep>,
}

/// Names a concern after its function.
macro_rules! concerns {
    ($($name:ident: $says:literal,)+) => {
        &[$(Concern { name: stringify!($name), says: $says, choose: $name }),+]
    };
}

/// All concerns in the order of their precedence: the first that has something to say wins.
pub const CONCERNS: &[Concern] = concerns![
    leave_alone: "another installation handles it",
    claim: "no installation handles it: this one does from now on",
    count_users: "nobody uses it in the namespaces that are looked after: are there users elsewhere?",
    let_go: "it is being deleted, and no AccessToken uses it: forget it and let it go",
    read_credential: "the managing key was not read yet",
    check_credential: "nothing is known of this key at this address, or it is in doubt: ask LaunchDarkly, when its turn comes",
    publish: "AccessTokens do not find what is known",
    keep_while_used: "AccessTokens use it: it must not go before them",
    release_unused: "no AccessToken uses it any more",
    write_status: "the status does not say what is so",
];

/// Chooses the next step for one account.
///
/// # Guarantees
/// - Total: every observed account has a step. Deterministic: same input, same step.
/// - Calls are offered only with what was checked: this object, this address, these authorities, this key (I10).
/// - A credential of another account than the pinned one is never offered (I10).
/// - Our finalizer stays as long as an access token uses the account (I11), also one that this process does not see.
/// - Nothing is read of, written to or offered of an account that another installation handles.
/// - LaunchDarkly is asked about a credential that does not work once an interval (I13).
///
/// # Assumes
/// `observed` speaks of one object, by its UID, as it was read after the last effect of this process.
#[must_use]
pub fn decide(
    desired: &Result<DesiredAccount, Problem>,
    observed: &ObservedAccount,
) -> AccountStep {
    let view = View { desired, observed };
    let step = CONCERNS.iter().find_map(|concern| (concern.choose)(&view));
    step.unwrap_or_else(|| view.pause())
}

/// What is asked for and what is there.
#[derive(Clone, Copy)]
struct View<'a> {
    desired: &'a Result<DesiredAccount, Problem>,
    observed: &'a ObservedAccount,
}

impl View<'_> {
    fn is_done(&self) -> bool {
        self.observed.deleting && !self.observed.is_used()
    }

    /// What calls would be made with, where the spec says where to and the Secret has a key.
    fn access(&self) -> Result<&Access, Problem> {
        self.desired.as_ref().map_err(Clone::clone)?;
        match &self.observed.credential {
            Credential::Read(access) => Ok(access),
            Credential::Unusable(problem) => Err(problem.clone()),
            Credential::Unread => Err(unknown("the credential was not read yet")),
        }
    }

    /// What is known of exactly that.
    fn finding(&self, access: &Access) -> Option<&Finding> {
        let known = self.observed.known.as_ref();
        known.filter(|finding| finding.access == *access)
    }

    /// The check that calls rest on, or why none can be made.
    fn standing(&self) -> Result<Finding, Problem> {
        self.judged().map_err(|problem| {
            let may_come = self.may_come(&problem);
            problem.passing_if(may_come)
        })
    }

    fn judged(&self) -> Result<Finding, Problem> {
        let access = self.access()?;
        let finding = self.finding(access);
        let finding = finding.ok_or_else(|| unknown("the credential was not checked yet"))?;
        let behind = finding.result.as_ref().map_err(Clone::clone)?;
        in_pinned_account(behind, self.observed.pinned.as_ref())?;
        Ok(finding.clone())
    }

    /// Whether what is missing may have been applied together with the account.
    fn may_come(&self, problem: &Problem) -> bool {
        match (problem.reason, self.observed.awaited) {
            (_, Awaited::Nothing) => false,
            (Reason::CredentialMissing, _) => true,
            (Reason::SecretAccessDenied, awaited) => awaited == Awaited::SecretAndRight,
            (_, Awaited::Secret | Awaited::SecretAndRight) => false,
        }
    }

    /// How long it is until its turn to be asked about.
    fn next_turn(&self) -> Option<Duration> {
        let turn = self.observed.turn?;
        let wait = turn.duration_since(self.observed.now);
        Duration::try_from(wait).ok().filter(|wait| !wait.is_zero())
    }

    fn pause(&self) -> AccountStep {
        let problem = self.standing().err();
        let wait = match &problem {
            _ if self.is_done() => LOOK_EVERY,
            _ if self.observed.deleting => WAIT_FOR_USERS,
            Some(problem) if self.may_come(problem) => WAIT_FOR_CREDENTIAL,
            Some(_) => self.next_turn().unwrap_or(LOOK_EVERY).min(LOOK_EVERY),
            None => LOOK_EVERY,
        };
        match problem.filter(|_| !self.is_done()) {
            Some(problem) => AccountStep::Hold { problem, wait },
            None => AccountStep::Rest { wait },
        }
    }
}

fn unknown(message: &str) -> Problem {
    Problem::retry(Reason::Recovering, message)
}

/// Two installations that write to one account would undo each other's work; the one that came first has it.
fn leave_alone(view: &View<'_>) -> Option<AccountStep> {
    let (to, wait) = match &view.observed.handler {
        Handler::Us | Handler::Nobody => return None,
        Handler::OtherClass => (None, LOOK_EVERY),
        Handler::Another { controller, lease } => match lease {
            Rival::Unread => return Some(AccountStep::ReadLease),
            Rival::Ended => return None,
            Rival::Unreadable => (Some(controller.clone()), LOOK_EVERY),
            Rival::Lives { patience } => (Some(controller.clone()), LOOK_EVERY.min(*patience)),
        },
    };
    Some(AccountStep::LeaveAlone { to, wait })
}

/// It is said before anything else is done, so that of two that begin at once one finds the other's word. Nothing is left to do for
/// one that is about to go and that we do not hold.
fn claim(view: &View<'_>) -> Option<AccountStep> {
    let observed = view.observed;
    let goes = observed.deleting && !observed.held && observed.users == 0;
    (observed.handler != Handler::Us && !goes).then_some(AccountStep::Claim)
}

/// Who sees some namespaces only cannot know that nobody uses an account.
fn count_users(view: &View<'_>) -> Option<AccountStep> {
    let observed = view.observed;
    let needed = observed.held && observed.users == 0 && observed.unseen == Unseen::Uncounted;
    needed.then_some(AccountStep::CountUsers)
}

/// An account that is being deleted and that nobody needs goes, whatever its credential.
fn let_go(view: &View<'_>) -> Option<AccountStep> {
    let observed = view.observed;
    if !view.is_done() {
        return None;
    }
    Some(if observed.known.is_some() || observed.offered.is_some() {
        AccountStep::Forget
    } else if observed.held {
        AccountStep::Release
    } else {
        view.pause()
    })
}

/// A spec that makes no sense names no Secret.
fn read_credential(view: &View<'_>) -> Option<AccountStep> {
    let unread = view.observed.credential == Credential::Unread;
    (unread && view.desired.is_ok()).then_some(AccountStep::ReadCredential)
}

/// LaunchDarkly is asked only about what is new, in doubt, or did not work an interval ago.
fn check_credential(view: &View<'_>) -> Option<AccountStep> {
    let access = view.access().ok()?;
    let known = view.finding(access);
    let due =
        known.is_none_or(|finding| finding.is_due(view.observed.now, view.observed.retry_every));
    if !due {
        return None;
    }
    match view.observed.turn {
        None => Some(AccountStep::JoinLine),
        Some(turn) if turn > view.observed.now => None,
        Some(_) => Some(AccountStep::CheckCredential {
            access: Box::new(access.clone()),
        }),
    }
}

/// What access tokens find is what is known, also while the spec makes no sense.
fn publish(view: &View<'_>) -> Option<AccountStep> {
    let before = view.observed.offered.as_ref();
    let offer = Offer::new(view.desired, view.standing(), before);
    (before != Some(&offer)).then(|| AccountStep::Publish(Box::new(offer)))
}

/// Tokens are deleted with the account's credential, so it stays until the last of them is gone.
fn keep_while_used(view: &View<'_>) -> Option<AccountStep> {
    let observed = view.observed;
    let needs = observed.users > 0 && !observed.held && !observed.deleting;
    needs.then_some(AccountStep::AddFinalizer)
}

/// An account that nobody uses can go at any time.
fn release_unused(view: &View<'_>) -> Option<AccountStep> {
    let unused = !view.observed.is_used() && view.observed.held;
    unused.then_some(AccountStep::RemoveFinalizer)
}

/// Every outcome is said, failures included (I12).
fn write_status(view: &View<'_>) -> Option<AccountStep> {
    let report = report(&view.standing(), view.observed);
    let told = view.observed.told.as_ref() == Some(&report);
    (!told).then(|| AccountStep::WriteStatus(Box::new(report)))
}
