//! Durations as users write them in specs and flags: `720h`, `90m`, `1h30m`; in flags also `300ms` and below.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::SignedDuration;

use super::syntax;

/// The shortest interval between rotations.
pub const MIN_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// The longest duration anybody may ask for: five years. LaunchDarkly takes expiry dates up to ten years ahead (inferred).
pub const MAX: SignedDuration = SignedDuration::from_hours(43_800);
/// The longest grace period that is chosen when none is asked for.
pub const MAX_DEFAULT_GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a chain of numbers with units.
    #[error("{0:?} is not a duration; write it like 30s, 5m, 1h30m or 300ms")]
    Malformed(String),
    /// More than about 290 years.
    #[error("{0:?} is too long a duration")]
    TooLong(String),
}

/// Nanoseconds of each unit. A unit that begins like another one comes before it (`ms` before `m`).
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration of a spec: hours, minutes and seconds, in this order, as the CEL rules demand; `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    if !syntax::DURATION.matches(text) {
        return None;
    }
    let duration = parse_precise(text).ok()?;
    SignedDuration::try_from(duration).ok()
}

/// Reads a duration as Go does, whole numbers only; `0` needs no unit.
///
/// # Errors
/// [`DurationError`], whose text says how to write one.
pub fn parse_precise(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(malformed());
    }
    let mut nanos: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let (unit, scale) = UNITS
            .into_iter()
            .find(|(unit, _)| tail.starts_with(unit))
            .ok_or_else(malformed)?;
        if digits == 0 {
            return Err(malformed());
        }
        let number: u64 = number.parse().map_err(|_| too_long())?;
        nanos = number
            .checked_mul(scale)
            .and_then(|part| nanos.checked_add(part))
            .filter(|sum| i64::try_from(*sum).is_ok())
            .ok_or_else(too_long)?;
        rest = tail.strip_prefix(unit).ok_or_else(malformed)?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Writes a duration in the way that is read here, as short as it goes: `5m`, `1h30m`, `2s500ms`. Below zero there is none: `0s`.
#[must_use]
pub fn format(duration: SignedDuration) -> String {
    let mut rest = duration.max(SignedDuration::ZERO).unsigned_abs().as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, scale) in UNITS.into_iter().rev().filter(|(unit, _)| *unit != "µs") {
        let scale = u128::from(scale);
        if rest >= scale {
            let _ = write!(text, "{}{unit}", rest / scale);
            rest %= scale;
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
    fn flags_are_read_as_go_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("300ms", 300),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("90m", 5_400_000),
            ("2160h", 7_776_000_000),
            ("1m30s500ms", 90_500),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_precise(text), Ok(duration), "{text}");
        }
        assert_eq!(parse_precise("7µs"), Ok(Duration::from_micros(7)));
    }

    #[test]
    fn anything_else_in_a_flag_is_refused_with_an_example() {
        for text in [
            "", "30", "s", "-5m", "5 m", "1d", "5M", "1.5h", "5m3", "five",
        ] {
            let message = parse_precise(text).unwrap_err().to_string();
            assert!(message.contains("write it like 30s"), "{text}: {message}");
        }
    }

    #[test]
    fn what_does_not_fit_is_called_too_long() {
        for text in [
            "99999999999h",
            "99999999999999999999s",
            "9223372036s999999999s",
        ] {
            assert!(
                matches!(parse_precise(text), Err(DurationError::TooLong(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_written_below_a_second_is_read_again() {
        for text in [
            "0s", "300ms", "5m", "1h30m", "720h", "2s500ms", "1us", "3ns",
        ] {
            let duration = SignedDuration::try_from(parse_precise(text).unwrap()).unwrap();
            assert_eq!(format(duration), text);
        }
        assert_eq!(format(SignedDuration::from_secs(-1)), "0s");
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
