//! Failures in a row, and when the next try makes sense.

use jiff::SignedDuration;

use crate::domain::observed::Retry;
use crate::domain::step::StepKind;

/// The wait after the first failure.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

/// Failures that are being waited out, at most one a kind of step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Retries(Vec<Retry>);

impl Retries {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Retry] {
        &self.0
    }

    /// Notes a failure.
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
    let doubled = FIRST.saturating_mul(1_i32.checked_shl(failures.min(16)).unwrap_or(i32::MAX));
    let whole = doubled.min(LONGEST);
    whole - whole * i32::from(draw) / (4 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        assert_eq!(back_off(0, 0), FIRST);
        assert_eq!(back_off(3, 0), FIRST * 8);
        assert_eq!(back_off(60, 0), LONGEST);
    }

    #[test]
    fn chance_takes_at_most_a_quarter() {
        assert!(back_off(4, 255) > FIRST * 12 && back_off(4, 255) < FIRST * 16);
    }
}
