//! What is decided for accounts: in the situations that have names, and on any account at all.

mod properties;
mod situations;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::account::decide::decide;
use launchdarkly_token_operator::domain::account::desired::DesiredAccount;
use launchdarkly_token_operator::domain::account::finding::{Access, Behind, Finding};
use launchdarkly_token_operator::domain::account::handler::{Handler, Rival, Unseen};
use launchdarkly_token_operator::domain::account::observed::{
    Awaited, Credential, ObservedAccount, RemoteAccountFacts,
};
use launchdarkly_token_operator::domain::account::step::AccountStep;
use launchdarkly_token_operator::domain::ids::{AccountId, Fingerprint, TokenId};
use launchdarkly_token_operator::domain::observed::Feature;
use launchdarkly_token_operator::domain::policy::AccountPolicy;
use launchdarkly_token_operator::domain::problem::Problem;

/// How often a credential that does not work is asked about.
const RETRY_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// An account, what its spec asks for, and what a check would answer.
#[derive(Debug, Clone)]
struct Given {
    desired: Result<DesiredAccount, Problem>,
    observed: ObservedAccount,
    /// What is in the Secret.
    secret: Result<Fingerprint, Problem>,
    /// What LaunchDarkly says to it.
    answer: Result<Behind, Problem>,
    /// How long its turn is in coming; `None` for one that waits for nobody.
    turn: Option<SignedDuration>,
    /// What the Lease of another installation shows.
    rival: Rival,
    /// What comes out when the users in other namespaces are counted.
    elsewhere: Unseen,
}

fn noon() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(12)
}

fn behind(account: &str) -> Behind {
    Behind {
        account_id: AccountId::from(account),
    }
}

fn desired() -> DesiredAccount {
    DesiredAccount {
        api_url: "https://app.launchdarkly.com".to_owned(),
        credentials_name: "managing-key".to_owned(),
        credentials_key: "token".to_owned(),
        ca_bundle: None,
        policy: AccountPolicy::open(),
        allowed_namespaces: None,
    }
}

fn facts() -> RemoteAccountFacts {
    RemoteAccountFacts {
        credential: Some(TokenId::from("61095542756dba551110ae21")),
        reset: Feature::Unknown,
        expiry: Feature::Unknown,
        probe_time: None,
        orphans: None,
        unknown_tokens: Vec::new(),
        left_behind: Vec::new(),
        full_at: None,
        held_by_budget: None,
        clock_offset: SignedDuration::ZERO,
    }
}

/// An account that was created a moment ago, with a credential that works.
fn fresh() -> Given {
    Given {
        desired: Ok(desired()),
        observed: ObservedAccount {
            now: noon(),
            generation: Some(1),
            deleting: false,
            held: false,
            awaited: Awaited::Secret,
            handler: Handler::Us,
            users: 0,
            unseen: Unseen::None,
            pinned: None,
            credential: Credential::Unread,
            known: None,
            turn: Some(noon()),
            retry_every: RETRY_EVERY,
            offered: None,
            behind: None,
            told: None,
        },
        secret: Ok(Fingerprint::of(b"api-1")),
        answer: Ok(behind("569f")),
        turn: None,
        rival: Rival::Unreadable,
        elsewhere: Unseen::Unknown,
    }
}

/// The same after everything was done.
fn settled() -> Given {
    let mut given = fresh();
    given.observed.awaited = Awaited::Nothing;
    given.follow();
    given
}

impl Given {
    fn but(mut self, change: impl FnOnce(&mut ObservedAccount)) -> Self {
        change(&mut self.observed);
        self
    }

    fn decides(&self) -> AccountStep {
        decide(&self.desired, &self.observed)
    }

    /// What the key in the Secret would be used with.
    fn access(&self, fingerprint: &Fingerprint) -> Option<Access> {
        let desired = self.desired.as_ref().ok()?;
        Some(Access {
            api_url: desired.api_url.clone(),
            ca_bundle: desired.ca_bundle.clone(),
            fingerprint: fingerprint.clone(),
        })
    }

    /// A reconcile that begins anew.
    fn next_look(&mut self, later: SignedDuration) {
        self.observed.now += later;
        self.observed.credential = Credential::Unread;
        if self.observed.unseen != Unseen::None {
            self.observed.unseen = Unseen::Uncounted;
        }
        if let Handler::Another { lease, .. } = &mut self.observed.handler {
            *lease = Rival::Unread;
        }
    }

    /// What a step does, if it does what it says.
    fn take(&mut self, step: AccountStep) -> Option<Duration> {
        let secret = self.secret.clone();
        let read = secret.map(|fingerprint| self.access(&fingerprint));
        let observed = &mut self.observed;
        match step {
            AccountStep::ReadLease => {
                if let Handler::Another { lease, .. } = &mut observed.handler {
                    *lease = self.rival;
                }
            }
            AccountStep::LeaveAlone { wait, .. } => {
                (observed.known, observed.offered, observed.behind) = (None, None, None);
                return Some(wait);
            }
            AccountStep::Claim => observed.handler = Handler::Us,
            AccountStep::CountUsers => observed.unseen = self.elsewhere,
            AccountStep::ReadCredential => {
                observed.credential = match read {
                    Ok(Some(access)) => Credential::Read(access),
                    Ok(None) => panic!("a credential is read for a spec that names none"),
                    Err(problem) => Credential::Unusable(problem),
                };
            }
            AccountStep::JoinLine => {
                let wait = self.turn.unwrap_or_default();
                observed.turn = Some(observed.now + wait);
            }
            AccountStep::CheckCredential { access } => {
                observed.turn = self.turn.is_none().then(noon);
                let (known, answer) = (observed.known.take(), self.answer.clone());
                let finding = Finding::after(known.as_ref(), *access, answer, observed.now);
                observed.behind = finding.result.is_ok().then(facts);
                observed.known = Some(finding);
            }
            AccountStep::Publish(offer) => observed.offered = Some(*offer),
            AccountStep::AddFinalizer => observed.held = true,
            AccountStep::RemoveFinalizer => observed.held = false,
            AccountStep::Forget => {
                (observed.known, observed.offered, observed.behind) = (None, None, None);
            }
            AccountStep::Release => {
                observed.held = false;
                return Some(Duration::from_secs(60));
            }
            AccountStep::WriteStatus(report) => {
                if let Some(behind) = &report.behind {
                    observed.pinned = Some(behind.account_id.clone());
                }
                observed.told = Some(*report);
            }
            AccountStep::Hold { wait, .. } | AccountStep::Rest { wait } => return Some(wait),
        }
        None
    }

    /// Follows the decisions until there is nothing to do now: the names of the steps, and how long is waited.
    fn follow(&mut self) -> (Vec<&'static str>, Duration) {
        let mut names = Vec::new();
        for _ in 0..20 {
            let step = self.decides();
            names.push(step.name());
            if let Some(wait) = self.take(step) {
                return (names, wait);
            }
        }
        panic!("it never comes to rest: {names:?}");
    }
}
