//! What an instance of LaunchDarkly can do, and what of it each credential may ask for (I13).
//!
//! What keys and tokens do says something about the instance, and so about every credential. A refusal says something about the
//! credential that was refused, and nothing about another.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::Fingerprint;
use crate::domain::marker::{LONGEST_DESCRIPTION, Marker};
use crate::domain::observed::Feature;
use crate::runtime::clock::Moment;

/// What was found out, as it is for one credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) struct Features {
    /// Whether a reset leaves the previous key alive.
    pub(in crate::controller) reset: Feature,
    /// Whether tokens have an `expiry`.
    pub(in crate::controller) expiry: Feature,
    /// When that was tried.
    pub(in crate::controller) probe_time: Option<Timestamp>,
    /// The longest description it keeps, in characters.
    pub(in crate::controller) longest_description: usize,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            reset: Feature::Unknown,
            expiry: Feature::Unknown,
            probe_time: None,
            longest_description: LONGEST_DESCRIPTION,
        }
    }
}

/// When something was tried.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// As it is told: the wall clock's time, which does not change when that clock is set.
    told: Timestamp,
    /// On the steady clock.
    at: Timestamp,
}

impl Tried {
    fn at(now: Moment) -> Self {
        Self {
            told: now.wall,
            at: now.steady(),
        }
    }

    fn is_old(self, now: Timestamp) -> bool {
        now.duration_since(self.at) > RETRY_AFTER
    }
}

/// What one credential was refused.
#[derive(Debug, Clone, Copy, Default)]
struct Refusals {
    /// How often in a row it was refused a reset.
    resets: u32,
    /// How often in a row it was refused the reset of a throw-away token for another reason.
    trials: u32,
    /// What becomes of its resets therefore, and since when.
    verdict: Option<(Feature, Tried)>,
}

/// What was found out about an instance, and with which credential.
#[derive(Debug, Default)]
pub(in crate::controller) struct FoundOut {
    instance: Features,
    /// When that of the instance was tried.
    tried: Option<Tried>,
    refused: HashMap<Fingerprint, Refusals>,
}

/// What could not be done is tried again after this long.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl FoundOut {
    /// As it is for a credential at a time on the steady clock; what did not work long ago counts as unknown, so that it is tried again.
    pub(in crate::controller) fn features(&self, key: &Fingerprint, now: Timestamp) -> Features {
        let mut features = self.instance;
        features.probe_time = self.tried.map(|tried| tried.told);
        if features.reset == Feature::Unavailable {
            if self.tried.is_some_and(|tried| !tried.is_old(now)) {
                return features;
            }
            features.reset = Feature::Unknown;
        }
        let verdict = self.refused.get(key).and_then(|known| known.verdict);
        if let Some((reset, tried)) = verdict.filter(|(_, tried)| !tried.is_old(now)) {
            (features.reset, features.probe_time) = (reset, Some(tried.told));
        }
        features
    }

    /// Learns from what came back of a description that was sent: one without its marker was cut.
    pub(in crate::controller) fn learn_description(&mut self, came_back: &str) {
        if Marker::parse(came_back).is_none() {
            let length = came_back.chars().count();
            let known = &mut self.instance.longest_description;
            *known = length.min(*known);
        }
    }

    /// Learns whether tokens have an `expiry`; true if that is news.
    pub(in crate::controller) fn learn_expiry(&mut self, expiry: Feature, now: Moment) -> bool {
        if expiry == Feature::Unknown {
            return false;
        }
        self.tried.get_or_insert(Tried::at(now));
        std::mem::replace(&mut self.instance.expiry, expiry) != expiry
    }

    /// A credential was refused a reset; true if that was twice in a row: the route is not there for it.
    pub(in crate::controller) fn note_reset_refusal(&mut self, key: &Fingerprint) -> bool {
        let known = self.of(key);
        known.resets += 1;
        known.resets >= 2
    }

    /// A credential was refused the reset of a throw-away token, though resets are offered; true if that was twice in a row: what a reset
    /// does cannot be known.
    pub(in crate::controller) fn note_trial_refusal(&mut self, key: &Fingerprint) -> bool {
        let known = self.of(key);
        known.trials += 1;
        known.trials >= 2
    }

    /// A credential may reset.
    pub(in crate::controller) fn note_reset(&mut self, key: &Fingerprint) {
        *self.of(key) = Refusals::default();
    }

    /// Rotations with this credential go by replacement from now on; true if that is news.
    pub(in crate::controller) fn refuse_reset(
        &mut self,
        key: &Fingerprint,
        verdict: Feature,
        now: Moment,
    ) -> bool {
        let before = self.features(key, now.steady()).reset;
        let known = self.of(key);
        known.verdict = Some((verdict, Tried::at(now)));
        known.trials = 0;
        before != verdict
    }

    /// Keys have shown whether a reset leaves the previous one alive; true if that is news.
    pub(in crate::controller) fn learn_reset(
        &mut self,
        key: &Fingerprint,
        reset: Feature,
        now: Moment,
    ) -> bool {
        let before = self.features(key, now.steady()).reset;
        self.note_reset(key);
        self.instance.reset = reset;
        self.tried = Some(Tried::at(now));
        before != reset
    }

    /// Takes over what the status of an account object says that an earlier process found out. `is_same` tells whether that was
    /// found out with this credential: what does not work may have been a refusal.
    pub(in crate::controller) fn adopt(
        &mut self,
        key: &Fingerprint,
        noted: &Features,
        is_same: bool,
        now: Moment,
    ) {
        // One from the future was dated by a clock that stood wrong: it is tried again after the usual time.
        let tried = noted.probe_time.map(|told| Tried {
            told,
            at: now.steadily(told.min(now.wall)),
        });
        let works = noted.reset == Feature::Available;
        if self.tried.is_none() && (works || noted.expiry != Feature::Unknown) {
            self.instance.expiry = noted.expiry;
            self.tried = tried;
            if works {
                self.instance.reset = Feature::Available;
            }
        }
        let verdict = tried.map(|tried| (noted.reset, tried));
        let refused = |(reset, _): &(Feature, Tried)| {
            is_same && matches!(reset, Feature::Unavailable | Feature::Untried)
        };
        let adopted = Refusals {
            resets: 0,
            trials: 0,
            verdict: verdict.filter(refused),
        };
        self.refused.entry(key.clone()).or_insert(adopted);
    }

    fn of(&mut self, key: &Fingerprint) -> &mut Refusals {
        self.refused.entry(key.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        wall: Timestamp::UNIX_EPOCH,
        boot: std::time::Duration::ZERO,
    };
    const DAY: SignedDuration = SignedDuration::from_hours(24);
    const MOMENT: SignedDuration = SignedDuration::from_secs(1);

    fn key(name: &str) -> Fingerprint {
        Fingerprint::of(name.as_bytes())
    }

    fn resets(found_out: &FoundOut) -> [Feature; 2] {
        ["one", "other"].map(|name| found_out.features(&key(name), NOW.steady()).reset)
    }

    #[test]
    fn what_one_credential_is_refused_says_nothing_about_another_i13() {
        for verdict in [Feature::Unavailable, Feature::Untried] {
            for known in [Feature::Unknown, Feature::Available] {
                let mut found_out = FoundOut::default();
                found_out.instance.reset = known;
                assert!(!found_out.note_reset_refusal(&key("one")));
                assert!(!found_out.note_reset_refusal(&key("other")));
                assert!(found_out.note_reset_refusal(&key("one")));
                assert!(found_out.refuse_reset(&key("one"), verdict, NOW));
                assert_eq!(resets(&found_out), [verdict, known]);
            }
        }
    }

    #[test]
    fn a_trial_that_is_refused_is_repeated_once_and_after_a_day_again() {
        let mut found_out = FoundOut::default();
        for _ in 0..2 {
            assert!(!found_out.note_trial_refusal(&key("one")));
            assert!(!found_out.note_trial_refusal(&key("other")));
            assert!(found_out.note_trial_refusal(&key("one")));
            found_out.refuse_reset(&key("one"), Feature::Untried, NOW);
            found_out.refuse_reset(&key("other"), Feature::Untried, NOW);
        }
    }

    #[test]
    fn what_keys_do_says_something_about_every_credential() {
        for reset in [Feature::Available, Feature::Unavailable] {
            let mut found_out = FoundOut::default();
            assert!(found_out.learn_reset(&key("one"), reset, NOW));
            assert_eq!(resets(&found_out), [reset, reset]);
        }
    }

    #[test]
    fn what_does_not_work_or_cannot_be_tried_is_tried_again_after_a_day() {
        let after = |found_out: &FoundOut, time| {
            let now = NOW.steady() + time;
            found_out.features(&key("one"), now).reset
        };
        for verdict in [Feature::Unavailable, Feature::Untried] {
            let mut found_out = FoundOut::default();
            found_out.refuse_reset(&key("one"), verdict, NOW);
            assert_eq!(after(&found_out, DAY), verdict);
            assert_eq!(after(&found_out, DAY + MOMENT), Feature::Unknown);
        }
        for (reset, later) in [
            (Feature::Unavailable, Feature::Unknown),
            (Feature::Available, Feature::Available),
        ] {
            let mut found_out = FoundOut::default();
            found_out.learn_reset(&key("one"), reset, NOW);
            assert_eq!(after(&found_out, DAY), reset);
            assert_eq!(after(&found_out, DAY + MOMENT), later);
        }
    }

    #[test]
    fn an_earlier_process_tells_of_refusals_only_those_of_this_credential_i13() {
        let noted = |reset| Features {
            reset,
            probe_time: Some(NOW.wall),
            ..Features::default()
        };
        for reset in [Feature::Unavailable, Feature::Untried] {
            let mut found_out = FoundOut::default();
            found_out.adopt(&key("one"), &noted(reset), true, NOW);
            found_out.adopt(&key("other"), &noted(reset), false, NOW);
            assert_eq!(resets(&found_out), [reset, Feature::Unknown]);
            // What was found out since is not forgotten.
            found_out.learn_reset(&key("one"), Feature::Available, NOW);
            found_out.adopt(&key("one"), &noted(reset), true, NOW);
            assert_eq!(resets(&found_out), [Feature::Available; 2]);
        }
        let mut found_out = FoundOut::default();
        found_out.adopt(&key("one"), &noted(Feature::Available), false, NOW);
        assert_eq!(resets(&found_out), [Feature::Available; 2]);
    }
}
