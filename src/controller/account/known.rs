//! What is known under the name of one account, and of the object that has it.

use std::sync::Arc;

use crate::controller::account::entry::{Availability, Entry, Session};
use crate::controller::account::users::Users;
use crate::domain::account::AccountKey;
use crate::domain::account::finding::Finding;
use crate::domain::account::offer::{Offer, for_users, leaves_last_credential};
use crate::domain::ids::AccountUid;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;

/// What was found out about a credential, with the connection that it was found out with.
#[derive(Debug, Clone)]
pub(in crate::controller) struct Checked<L> {
    pub(in crate::controller) finding: Finding,
    /// There if and only if the credential works.
    pub(in crate::controller) session: Option<Session<L>>,
}

/// An account that something is known of, though caches may never show that it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unseen {
    /// Its name.
    pub key: AccountKey,
    /// The object that was read; none of an account that is left to another installation, whichever object has its name.
    pub uid: Option<AccountUid>,
}

/// What is known under the name of one account.
#[derive(Debug)]
pub(super) struct KnownAccount<L> {
    /// The objects that use it (I9). They name the account by its key, whichever object has that name.
    pub(super) users: Arc<Users>,
    /// The object of that name. Nothing in it outlives the object.
    pub(super) object: Option<Known<L>>,
}

/// What is known of one account object.
#[derive(Debug)]
pub(super) struct Known<L> {
    pub(super) uid: AccountUid,
    /// Whether a cache has shown it: only then one that does not show it proves that it is gone.
    pub(super) shown: bool,
    pub(super) checked: Option<Checked<L>>,
    pub(super) offer: Option<Offer>,
    pub(super) entry: Option<Arc<Entry<L>>>,
}

impl<L> Default for KnownAccount<L> {
    fn default() -> Self {
        Self {
            users: Arc::default(),
            object: None,
        }
    }
}

impl<L> KnownAccount<L> {
    /// The object of this name is this one by now: what was known of another is no use to anybody.
    pub(super) fn meet(&mut self, uid: &AccountUid) {
        self.object.take_if(|known| known.uid != *uid);
    }

    /// What is known of this object; of another of the same name nothing is kept.
    pub(super) fn of(&mut self, uid: &AccountUid) -> &mut Known<L> {
        self.meet(uid);
        self.object.get_or_insert_with(|| Known {
            uid: uid.clone(),
            shown: false,
            checked: None,
            offer: None,
            entry: None,
        })
    }

    pub(super) fn entry(&self) -> Option<&Arc<Entry<L>>> {
        self.object.as_ref()?.entry.as_ref()
    }
}

impl<L: Clone> KnownAccount<L> {
    /// The object is gone.
    pub(super) fn retire(&mut self) {
        match &mut self.object {
            Some(known) if !self.users.is_empty() => known.retire(),
            Some(_) | None => self.object = None,
        }
    }
}

impl<L: Clone> Known<L> {
    /// Puts in place what access tokens find.
    pub(super) fn publish(&mut self, offer: Offer) {
        let session = self.checked.as_ref().and_then(|it| it.session.clone());
        let state = match (&offer.standing, session) {
            (Ok(_), Some(session)) => Availability::Usable(session),
            // What works has a session.
            (Ok(_), None) => return,
            (Err(problem), _) => self.unusable(for_users(problem), problem),
        };
        self.entry = Some(Arc::new(Entry {
            state,
            policy: offer.policy.clone(),
            allowed_namespaces: offer.allowed_namespaces.clone(),
        }));
        self.offer = Some(offer);
    }

    fn unusable(&self, for_users: Problem, own: &Problem) -> Availability<L> {
        let before = self.entry.as_ref().map(|entry| &entry.state);
        let last = before.and_then(Availability::newest_session);
        Availability::Unusable {
            problem: for_users,
            own_reason: own.reason,
            last: last.filter(|_| leaves_last_credential(own)).cloned(),
        }
    }

    /// Its object was deleted while others use it: nothing new can be asked for.
    pub(super) fn retire(&mut self) {
        let Some(entry) = self.entry.clone() else {
            return;
        };
        if matches!(entry.state, Availability::Usable(_)) {
            let gone = Problem::user(
                Reason::AccountNotFound,
                "the account was deleted; create it again",
            );
            self.entry = Some(Arc::new(Entry {
                state: self.unusable(gone.clone(), &gone),
                ..(*entry).clone()
            }));
            self.offer = None;
        }
    }
}
