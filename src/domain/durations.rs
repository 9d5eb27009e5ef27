//! Durations as users write them: `720h`, `90m`, `1h30m`.

use jiff::SignedDuration;

use super::syntax;

/// The shortest interval between rotations.
pub const MIN_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// The longest duration anybody may ask for: five years. LaunchDarkly takes expiry dates up to ten years ahead (inferred).
pub const MAX: SignedDuration = SignedDuration::from_hours(43_800);
/// The longest grace period that is chosen when none is asked for.
pub const MAX_DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Reads hours, minutes and seconds, in this order; `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    if !syntax::DURATION.matches(text) {
        return None;
    }
    let mut rest = text;
    let mut seconds = 0;
    for (unit, factor) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds += number.parse::<i64>().ok()? * factor;
            rest = after;
        }
    }
    Some(SignedDuration::from_secs(seconds))
}

/// Writes whole seconds in the way that [`parse`] reads.
#[must_use]
pub fn format(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let mut text = String::new();
    for (number, unit) in [
        (seconds / 3600, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ] {
        if number > 0 || (unit == 's' && text.is_empty()) {
            text.push_str(&number.to_string());
            text.push(unit);
        }
    }
    text
}

/// The grace period when none is asked for: the smaller of a day and half of the interval.
#[must_use]
pub fn default_grace(interval: Option<SignedDuration>) -> SignedDuration {
    interval.map_or(MAX_DEFAULT_GRACE, |interval| {
        MAX_DEFAULT_GRACE.min(interval / 2)
    })
}

/// Whether a grace period is at most 80 % of the interval.
#[must_use]
pub fn grace_fits(grace: SignedDuration, interval: SignedDuration) -> bool {
    grace * 5 <= interval * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_write_is_read() {
        for (text, seconds) in [
            ("720h", 2_592_000),
            ("1h30m", 5400),
            ("90m", 5400),
            ("1h5s", 3605),
            ("0s", 0),
            (
                "99999h999999m99999999s",
                99_999 * 3600 + 999_999 * 60 + 99_999_999,
            ),
        ] {
            assert_eq!(
                parse(text),
                Some(SignedDuration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", "h", "1", "1d", "-1h", "1.5h", "30m1h", "1h1h", "1h ", "100000h", "1ms",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for seconds in [0, 1, 59, 60, 61, 3600, 5400, 86_400, 2_592_001] {
            let duration = SignedDuration::from_secs(seconds);
            assert_eq!(parse(&format(duration)), Some(duration));
        }
        assert_eq!(format(SignedDuration::from_secs(5400)), "1h30m");
    }

    #[test]
    fn the_default_grace_is_half_of_the_interval_but_at_most_a_day() {
        let hours = SignedDuration::from_hours;
        assert_eq!(default_grace(None), hours(24));
        assert_eq!(default_grace(Some(hours(720))), hours(24));
        assert_eq!(default_grace(Some(hours(6))), hours(3));
    }

    #[test]
    fn a_grace_of_four_fifths_fits_and_a_second_more_does_not() {
        let interval = SignedDuration::from_secs(100);
        assert!(grace_fits(SignedDuration::from_secs(80), interval));
        assert!(!grace_fits(SignedDuration::from_secs(81), interval));
    }
}
