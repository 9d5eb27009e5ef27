//! Durations as Go and Kubernetes write them: `300ms`, `30s`, `5m`, `1h30m`.

use std::fmt::Write as _;
use std::time::Duration;

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

/// Nanoseconds of each unit, in the order in which a prefix of another comes later (`ms` before `m`).
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration that is not negative; whole numbers only, `0` needs no unit.
///
/// # Errors
/// [`DurationError`], whose text says how to write one.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
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

/// Writes a duration the way [`parse`] reads it, as short as it goes: `5m`, `1h30m`, `2s500ms`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
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
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("7µs"), Ok(Duration::from_micros(7)));
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "", "30", "s", "-5m", "5 m", "1d", "5M", "1.5h", "5m3", "five",
        ] {
            let message = parse(text).unwrap_err().to_string();
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
                matches!(parse(text), Err(DurationError::TooLong(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "0s", "300ms", "5m", "1h30m", "720h", "2s500ms", "1us", "3ns",
        ] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
