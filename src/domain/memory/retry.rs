//! Failures in a row, and when the next try makes sense.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::SignedDuration;

use crate::domain::observed::Retry;
use crate::domain::step::StepKind;
use crate::domain::time::Clocks;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// Failures that are being waited out, at most one a kind of step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Retries(Vec<Retry>);

impl Retries {
    /// All of them, as the local clock shows their ends.
    #[must_use]
    pub fn shown(&self, clocks: Clocks) -> Vec<Retry> {
        let shown = |retry: &Retry| Retry {
            until: clocks.shown(retry.until),
            ..retry.clone()
        };
        self.0.iter().map(shown).collect()
    }

    /// Notes a failure that is waited out until a time on the steady clock.
    pub fn note(&mut self, retry: Retry) {
        self.succeeded(retry.step);
        self.0.push(retry);
    }

    /// A step worked: its failures are forgotten.
    pub fn succeeded(&mut self, step: StepKind) {
        self.0.retain(|known| known.step != step);
    }

    /// How often a step of this kind failed in a row.
    #[must_use]
    pub fn failures(&self, step: StepKind) -> u32 {
        let known = self.0.iter().find(|known| known.step == step);
        known.map_or(0, |known| known.times)
    }
}

/// How long to wait after so many failures: doubles with every one in a row from one second to five minutes, less up to a quarter, so
/// that many objects that failed together do not come back together. `draw` is random.
#[must_use]
pub fn back_off(failures: u32, draw: u8) -> SignedDuration {
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(FIRST)
        .with_max_delay(LONGEST)
        .without_max_times()
        .build();
    let whole = waits.nth(usize::try_from(failures.min(16)).unwrap_or_default());
    let whole = SignedDuration::try_from(whole.unwrap_or(LONGEST)).unwrap_or_default();
    whole - whole * i32::from(draw) / (4 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        assert_eq!(back_off(0, 0), SignedDuration::from_secs(1));
        assert_eq!(back_off(3, 0), SignedDuration::from_secs(8));
        assert_eq!(back_off(8, 0), SignedDuration::from_secs(256));
        assert_eq!(back_off(9, 0), SignedDuration::from_mins(5));
        assert_eq!(back_off(60, 0), SignedDuration::from_mins(5));
    }

    #[test]
    fn chance_takes_at_most_a_quarter() {
        assert!(
            (SignedDuration::from_secs(12)..SignedDuration::from_secs(16))
                .contains(&back_off(4, 255))
        );
    }
}
