//! What is known of one account on one host, whatever the number of credentials and account objects (I13).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::domain::account::budget::{Allowance, Hold, ReplacementBudget};
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::marker::{LONGEST_DESCRIPTION, Marker};
use crate::domain::observed::Feature;
use crate::launchdarkly::Listing;

/// What is known of one account on one host, whatever the number of credentials and account objects (I13).
#[derive(Debug, Default)]
pub struct AccountState {
    /// Held while the account is listed, so that one listing serves all who wait.
    pub listing_turn: tokio::sync::Mutex<()>,
    /// Held while the account is probed.
    pub probe_turn: tokio::sync::Mutex<()>,
    listing: RwLock<Option<Arc<Listing>>>,
    features: RwLock<Features>,
    budget: Mutex<ReplacementBudget>,
    objects: AtomicUsize,
    orphans: Mutex<Orphans>,
    left_behind: Mutex<BTreeSet<TokenId>>,
    unknown: Mutex<BTreeSet<TokenId>>,
}

/// Tokens that belong to nobody, as the newest listings show them.
#[derive(Debug, Default)]
struct Orphans {
    /// Seen once, by the listing that began then.
    suspects: BTreeSet<TokenId>,
    listed_at: Option<Timestamp>,
    /// Seen twice, once there were two listings.
    confirmed: Option<BTreeSet<TokenId>>,
}

/// What was found out about this instance of LaunchDarkly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Whether a reset leaves the previous key alive.
    pub reset: Feature,
    /// Whether tokens have an `expiry`.
    pub expiry: Feature,
    /// When that was tried.
    pub probe_time: Option<Timestamp>,
    /// How often in a row the reset route was refused.
    pub reset_refusals: u32,
    /// The longest description it keeps, in characters.
    pub longest_description: usize,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            reset: Feature::Unknown,
            expiry: Feature::Unknown,
            probe_time: None,
            reset_refusals: 0,
            longest_description: LONGEST_DESCRIPTION,
        }
    }
}

/// An instance that could not reset is tried again after this long.
const REPROBE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a listing began in the past: another was dated by a clock that stood wrong. Clocks are read one after the other.
pub(in crate::controller) fn is_believable(started_at: Timestamp, now: Timestamp) -> bool {
    started_at.duration_since(now) < SignedDuration::from_mins(1)
}

impl AccountState {
    /// The newest listing.
    pub fn listing(&self) -> Option<Arc<Listing>> {
        self.listing.read().clone()
    }

    /// Keeps a listing, unless a newer one is there; one from the future was dated by a clock that stood wrong.
    pub fn keep_listing(&self, listing: Listing, now: Timestamp) {
        let mut kept = self.listing.write();
        if kept.as_ref().is_none_or(|known| {
            known.started_at <= listing.started_at || !is_believable(known.started_at, now)
        }) {
            *kept = Some(Arc::new(listing));
        }
    }

    /// What was found out; what did not work long ago counts as unknown, so that it is tried again.
    pub fn features(&self, now: Timestamp) -> Features {
        let mut features = *self.features.read();
        let old = features
            .probe_time
            .is_none_or(|at| now.duration_since(at) > REPROBE_AFTER);
        if matches!(features.reset, Feature::Unavailable | Feature::Untried) && old {
            features.reset = Feature::Unknown;
        }
        features
    }

    /// Learns from what came back of a description that was sent: one without its marker was cut.
    pub(in crate::controller) fn learn_description(&self, came_back: &str) {
        if Marker::parse(came_back).is_none() {
            let length = came_back.chars().count();
            self.update_features(|features| {
                features.longest_description = features.longest_description.min(length);
            });
        }
    }

    /// Notes that the reset route refused: twice in a row means that it is not there for us.
    pub(in crate::controller) fn note_reset_refusal(&self) -> bool {
        let mut twice = false;
        self.update_features(|features| {
            features.reset_refusals += 1;
            twice = features.reset_refusals >= 2;
        });
        twice
    }

    /// Rotations go by replacement from now on; true if that is news.
    pub(in crate::controller) fn give_up_reset(&self, now: Timestamp) -> bool {
        let mut news = false;
        self.update_features(|features| {
            news = features.reset != Feature::Unavailable;
            features.reset = Feature::Unavailable;
            features.probe_time = Some(now);
        });
        news
    }

    /// Notes what a throw-away token showed.
    pub(in crate::controller) fn note_probe(&self, reset: Feature, now: Timestamp) {
        self.update_features(|features| {
            *features = Features {
                reset,
                probe_time: Some(now),
                reset_refusals: 0,
                ..*features
            };
        });
    }

    /// Changes what was found out.
    pub fn update_features(&self, change: impl FnOnce(&mut Features)) {
        change(&mut self.features.write());
    }

    /// How many objects use the account, through all account objects; the budget is measured by them.
    pub(in crate::controller) fn set_objects(&self, count: usize) {
        self.objects.store(count, Ordering::Relaxed);
    }

    /// How many replacements nobody asked for may still begin in this window (I14).
    pub fn unasked_left(&self, now: Timestamp) -> u32 {
        let left = self.budget().left(self.objects(), now);
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Why objects that lost their keys have to wait; `None` if none has to.
    pub fn held_by_budget(&self, now: Timestamp) -> Option<Hold> {
        let objects = self.objects();
        self.budget().hold(objects, now)
    }

    /// Whether an object that lost its key has to wait.
    pub fn is_held_by_budget(&self, now: Timestamp) -> bool {
        self.held_by_budget(now).is_some()
    }

    /// Asks whether a replacement nobody asked for may begin.
    pub(in crate::controller) fn request_replacement(
        &self,
        object: &ObjectUid,
        now: Timestamp,
    ) -> Allowance {
        let objects = self.objects();
        self.budget().ask(object, objects, now)
    }

    /// A replacement that was let through did not begin after all.
    pub fn give_back_unasked(&self, object: &ObjectUid) {
        self.budget().give_back(object);
    }

    /// Notes whether an object waits for such a replacement; true if that is news.
    pub fn note_unasked(&self, object: &ObjectUid, waits: bool, now: Timestamp) -> bool {
        if waits {
            self.budget().want(object, now)
        } else {
            self.budget().content(object)
        }
    }

    /// Counts what an object's history says that an earlier process replaced.
    pub fn remember_unasked(&self, object: &ObjectUid, replaced: impl Iterator<Item = Timestamp>) {
        self.budget().remember(object, replaced);
    }

    /// Takes in what the newest listing shows: an orphan is what two listings in a row show as one.
    pub fn suspect_orphans(&self, suspects: BTreeSet<TokenId>, listed_at: Timestamp) {
        let mut known = self.orphans.lock();
        if known.listed_at.is_some_and(|at| at >= listed_at) {
            return;
        }
        known.confirmed = known
            .listed_at
            .map(|_| known.suspects.intersection(&suspects).cloned().collect());
        known.suspects = suspects;
        known.listed_at = Some(listed_at);
    }

    /// Tokens that belong to nobody; `None` before there were two listings to say so.
    pub fn orphans(&self) -> Option<BTreeSet<TokenId>> {
        let known = self.orphans.lock();
        known.confirmed.clone()
    }

    /// Notes the tokens that objects of the account tell as unknown.
    pub fn note_unknown(&self, tokens: BTreeSet<TokenId>) {
        *self.unknown.lock() = tokens;
    }

    /// Tokens that carry an object's marker and that it does not know.
    pub fn unknown(&self) -> BTreeSet<TokenId> {
        self.unknown.lock().clone()
    }

    /// Notes tokens whose cleaning up was given up, until an account's status says so.
    pub fn leave_behind(&self, tokens: &[TokenId]) {
        let mut left = self.left_behind.lock();
        left.extend(tokens.iter().cloned());
    }

    /// Tokens whose cleaning up was given up, by this process or as is `known` from elsewhere; without those that the newest
    /// listing does not have any more.
    pub fn left_behind(&self, known: &[TokenId]) -> BTreeSet<TokenId> {
        let listing = self.listing();
        let is_gone = |id: &TokenId| {
            listing
                .as_ref()
                .is_some_and(|listing| listing.tokens.iter().all(|token| token.id != *id))
        };
        let left = self.left_behind.lock();
        let all = left.iter().chain(known);
        all.filter(|id| !is_gone(id)).cloned().collect()
    }

    pub(in crate::controller) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    pub(in crate::controller) fn budget(&self) -> MutexGuard<'_, ReplacementBudget> {
        self.budget.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_work_or_cannot_be_tried_is_tried_again_after_a_day() {
        let tried_at = Timestamp::UNIX_EPOCH;
        for (reset, later) in [
            (Feature::Unavailable, Feature::Unknown),
            (Feature::Untried, Feature::Unknown),
            (Feature::Available, Feature::Available),
        ] {
            let shared = AccountState::default();
            shared.note_probe(reset, tried_at);
            let day = SignedDuration::from_hours(24);
            assert_eq!(shared.features(tried_at + day).reset, reset);
            let over = day + SignedDuration::from_secs(1);
            assert_eq!(shared.features(tried_at + over).reset, later);
        }
    }

    #[test]
    fn losses_that_were_all_made_good_are_no_mass_change_i12() {
        let shared = AccountState::default();
        shared.set_objects(60);
        let (moment, minute) = (SignedDuration::from_secs(2), SignedDuration::from_mins(1));
        let mut now = Timestamp::UNIX_EPOCH;
        for n in 0..3 {
            let object = ObjectUid::new(format!("object-{n}"));
            shared.request_replacement(&object, now);
            let answer = shared.request_replacement(&object, now + moment);
            assert_eq!(answer, Allowance::Go);
            assert!(!shared.is_held_by_budget(now + moment), "{n} begins");
            shared.note_unasked(&object, false, now + moment);
            now += minute;
        }
        assert_eq!(shared.unasked_left(now), 0);
        assert!(!shared.is_held_by_budget(now), "nothing waits");
        let next = ObjectUid::new("next");
        shared.note_unasked(&next, true, now);
        assert!(shared.is_held_by_budget(now), "one waits");
    }
}
