//! Reads the rate-limit headers, `Retry-After` and `Date` of an answer.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// What one answer says about limits and time. Any part may be missing, which does not mean that there is no limit
/// (documented).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::launchdarkly) struct RateHeaders {
    /// All tokens of the account.
    pub(super) global: Count,
    /// One route and verb, account-wide.
    pub(super) route: Count,
    /// The calling token only; since October 2026 (documented).
    pub(super) token: Count,
    /// Seconds to wait; tied to limits by IP address in one text and to every 429 in another (documented).
    pub(super) retry_after: Option<Duration>,
    /// LaunchDarkly's clock, to the second; only where LaunchDarkly's API itself answers, and not what stands before it.
    pub(super) date: Option<Timestamp>,
}

/// One family's headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// How many requests a window allows; not sent before 2026 (documented).
    pub(super) limit: Option<u32>,
    /// How many are left in this window.
    pub(super) remaining: Option<u32>,
    /// When the next window begins, on LaunchDarkly's clock.
    pub(super) reset: Option<Timestamp>,
}

impl RateHeaders {
    /// Reads what is there and ignores what makes no sense.
    pub(in crate::launchdarkly) fn read(status: StatusCode, headers: &HeaderMap) -> Self {
        let count = |family: &str, reset: &str| Count {
            limit: number(headers, &format!("x-ratelimit-{family}-limit")),
            remaining: number(headers, &format!("x-ratelimit-{family}-remaining")),
            reset: number(headers, reset).and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        };
        let date = text(headers, "date").and_then(http_date);
        Self {
            global: count("global", "x-ratelimit-reset"),
            route: count("route", "x-ratelimit-reset"),
            token: count("auth-token", "x-ratelimit-auth-token-reset"),
            retry_after: text(headers, "retry-after").and_then(|value| retry_after(value, date)),
            date: date.filter(|_| is_of_the_api(status, headers)),
        }
    }
}

impl RateHeaders {
    /// Whether only the calling key's own limit is used up, which holds no other key up.
    pub(super) fn only_the_key_is_used_up(&self) -> bool {
        let is_left = |count: Count| count.remaining.is_some_and(|left| left > 0);
        self.token.remaining == Some(0) && is_left(self.global) && is_left(self.route)
    }
}

/// Whether an answer is the API's own, made for this call: JSON, no failure of the service, and not out of a cache.
fn is_of_the_api(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_json = text(headers, "content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    });
    let is_fresh = number::<u64>(headers, "age").is_none_or(|age| age == 0);
    (status.is_success() || status.is_client_error()) && is_json && is_fresh
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number<N: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<N> {
    text(headers, name)?.parse().ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn http_date(value: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(value)
        .ok()
}

/// Seconds, or a date, which HTTP also allows and a proxy may send.
fn retry_after(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Duration::try_from(http_date(value)?.duration_since(now?)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> RateHeaders {
        let headers = pairs.iter().map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        RateHeaders::read(StatusCode::OK, &headers.collect())
    }

    #[test]
    fn all_families_are_read_with_their_own_reset() {
        let headers = read(&[
            ("X-Ratelimit-Global-Limit", "300"),
            ("X-Ratelimit-Global-Remaining", "299"),
            ("X-Ratelimit-Route-Remaining", "7"),
            ("X-RateLimit-Reset", "1793000000123"),
            ("X-Ratelimit-Auth-Token-Limit", "100"),
            ("X-Ratelimit-Auth-Token-Remaining", "0"),
            ("X-Ratelimit-Auth-Token-Reset", "1793000009000"),
            ("Retry-After", "3"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        let shared = Timestamp::from_millisecond(1_793_000_000_123).ok();
        assert_eq!(
            headers,
            RateHeaders {
                global: Count {
                    limit: Some(300),
                    remaining: Some(299),
                    reset: shared
                },
                route: Count {
                    limit: None,
                    remaining: Some(7),
                    reset: shared
                },
                token: Count {
                    limit: Some(100),
                    remaining: Some(0),
                    reset: Timestamp::from_millisecond(1_793_000_009_000).ok(),
                },
                retry_after: Some(Duration::from_secs(3)),
                date: "1994-11-06T08:49:37Z".parse().ok(),
            }
        );
    }

    #[test]
    fn nonsense_counts_as_missing() {
        let headers = read(&[
            ("X-Ratelimit-Global-Remaining", "-4"),
            ("X-Ratelimit-Reset", "soon"),
            ("Retry-After", "-1"),
            ("Date", "yesterday"),
        ]);
        assert_eq!(headers, RateHeaders::default());
    }

    #[test]
    fn only_fresh_answers_of_the_api_tell_the_time() {
        let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let json = ("Content-Type", "application/json");
        let of = |status: u16, pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = name.parse::<HeaderName>().unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            });
            let status = StatusCode::from_u16(status).unwrap();
            RateHeaders::read(status, &pairs.collect()).date.is_some()
        };
        for status in [200, 201, 400, 401, 403, 404, 409, 429] {
            assert!(of(status, &[date, json]), "{status}");
            assert!(!of(status, &[date]), "{status}");
            assert!(
                !of(status, &[date, ("Content-Type", "text/html")]),
                "{status}"
            );
        }
        for status in [302, 500, 502, 503] {
            assert!(!of(status, &[date, json]), "{status}");
        }
        assert!(of(200, &[date, json, ("Age", "0")]));
        assert!(!of(200, &[date, json, ("Age", "36000")]));
    }

    #[test]
    fn retry_after_may_be_a_date() {
        let headers = read(&[
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"),
        ]);
        assert_eq!(headers.retry_after, Some(Duration::from_secs(10)));
    }
}
