//! How long to wait after a failure.

use jiff::SignedDuration;

/// The wait after the first failure.
const FIRST: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait.
const LONGEST: SignedDuration = SignedDuration::from_mins(5);

/// Doubles with every failure in a row from one second to five minutes, less up to a quarter, so that many objects that
/// failed together do not come back together. `draw` is random.
pub(super) fn wait(failures: u32, draw: u8) -> SignedDuration {
    let doubled = FIRST.saturating_mul(1_i32.checked_shl(failures.min(16)).unwrap_or(i32::MAX));
    let whole = doubled.min(LONGEST);
    whole - whole * i32::from(draw) / (4 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        assert_eq!(wait(0, 0), FIRST);
        assert_eq!(wait(3, 0), FIRST * 8);
        assert_eq!(wait(60, 0), LONGEST);
    }

    #[test]
    fn chance_takes_at_most_a_quarter() {
        assert!(wait(4, 255) > FIRST * 12 && wait(4, 255) < FIRST * 16);
    }
}
