//! What was written down, by another build or under another clock, as it counts now.

use jiff::{SignedDuration, Timestamp};

use super::Surroundings;
use crate::domain::durations;
use crate::domain::record::Record;
use crate::domain::secret::{Marks, SecretState};
use crate::domain::time::plus;

/// How far two clocks may be apart that both count when a promise is made.
const APART: SignedDuration = SignedDuration::from_hours(24);

/// Requests are compared in the version of this build, and no end is further away than one that is promised today.
pub(super) fn renewed(mut read: Surroundings) -> Surroundings {
    let former = &read.former;
    former.renew(&mut read.record.rotation.handled);
    if let Some(pending) = &mut read.record.pending {
        former.renew(&mut pending.handles);
    }
    let margin = read.timing.publication_margin.saturating_add(APART);
    let latest = plus(read.clocks.later(), durations::MAX.saturating_add(margin));
    cut_ends(&mut read.record, latest);
    for secret in [&mut read.secret, &mut read.former_secret] {
        if let SecretState::Ours(secret) = secret {
            former.renew(&mut secret.marks.handled);
            cut_marked_ends(&mut secret.marks, latest);
        }
    }
    read
}

/// An end beyond the latest that a spec allows was written under a clock that stood wrong.
fn cut_ends(record: &mut Record, latest: Timestamp) {
    let retiring = record.retiring.iter_mut().map(|r| &mut r.retirement_time);
    let former = record
        .former_secret
        .iter_mut()
        .map(|f| &mut f.deletion_time);
    let pending = record.pending.iter_mut();
    let pending = pending.filter_map(|p| p.previous_key_expiration_time.as_mut());
    let grace = record.rotation.previous_key_expiration_time.iter_mut();
    for end in retiring.chain(former).chain(pending).chain(grace) {
        *end = latest.min(*end);
    }
}

fn cut_marked_ends(marks: &mut Marks, latest: Timestamp) {
    let retiring = marks.retiring.iter_mut().map(|(_, end)| end);
    for end in retiring.chain(&mut marks.previous_expires_at) {
        *end = latest.min(*end);
    }
}
