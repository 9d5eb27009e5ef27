//! What the headers of an answer do to the limiter.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::clock::{Clock as _, Moment, SystemClock};
use crate::domain::ids::Fingerprint;
use crate::launchdarkly::error::Operation;
use crate::launchdarkly::rate_limit::queue::Queue;
use crate::launchdarkly::rate_limit::windows::{Family, LONGEST_WAIT};
use crate::launchdarkly::rate_limit::{LimiterOptions, RateHeaders};

/// The headers of one answer after the other, a line each, answers parted by empty lines: nothing they say holds a call longer than a
/// minute.
pub fn headers(bytes: &[u8]) {
    let mut state = Queue::new(LimiterOptions::default());
    let families = Family::of(Operation::Get, &Fingerprint::of(b"key"));
    let (mut now, mut read) = (Instant::now(), SystemClock.moment());
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for answer in lines.split(|line| line.is_empty()).take(8) {
        let lines = answer.iter().filter_map(|line| header(line));
        let headers = RateHeaders::read(StatusCode::OK, &json().chain(lines).collect());
        state.windows.depart(&families);
        if let Some(date) = headers.date {
            state.clock.learn(date, read, read);
        }
        state.arrive(&families, Some(&headers), (now, read));
        let wait = state.wait_after_refusal(&headers, read);
        assert!(wait <= LONGEST_WAIT, "{headers:?}");
        state.windows.close(&families, &headers, now + wait);
        if let Err(look_again) = state.windows.admit(&families, now) {
            assert!(look_again.is_some_and(|at| at <= now + LONGEST_WAIT));
        }
        assert!(state.windows.admit(&families, now + LONGEST_WAIT).is_ok());
        let offset = state.clock.offset(read).likely;
        let _ = read.wall.saturating_add(offset);
        now += Duration::from_secs(7);
        read = Moment {
            boot: read.boot + Duration::from_secs(7),
            ..read
        };
    }
}

/// Only answers of the API tell the time.
fn json() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let json = HeaderValue::from_static("application/json");
    std::iter::once((CONTENT_TYPE, json))
}

/// `name: value`
fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = HeaderName::from_bytes(&line[..colon]).ok()?;
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
    Some((name, value))
}
