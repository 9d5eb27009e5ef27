//! Rate limits: fixed windows for the whole account, for each route and for each token.

use std::collections::HashMap;

use crate::switches::{Profile, Switches};

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Bucket {
    Global,
    Route(String, &'static str),
    Token(usize),
}

/// Calls counted in the present window.
#[derive(Debug, Default)]
pub struct RateLimits {
    window: i64,
    used: HashMap<Bucket, u64>,
}

/// The headers of an answer, and whether the call went through.
#[derive(Debug)]
pub struct Verdict {
    /// False when a limit was reached: the call must be answered with 429.
    pub admitted: bool,
    /// Rate-limit headers for the answer.
    pub headers: Vec<(String, String)>,
}

impl RateLimits {
    /// Counts a call by the token at index `caller`, or refuses it.
    pub fn take(
        &mut self,
        switches: &Switches,
        now: i64,
        method: &str,
        route: &'static str,
        caller: usize,
    ) -> Verdict {
        let length = i64::try_from(switches.rate_window_ms.max(1)).unwrap_or(i64::MAX);
        let window = now.div_euclid(length);
        if window != self.window {
            self.window = window;
            self.used.clear();
        }
        let ends = window.saturating_add(1).saturating_mul(length);
        let old = switches.profile == Profile::Year2024;
        let families = [
            (
                Bucket::Global,
                switches.rate_global,
                switches.headers_global,
                "Global",
            ),
            (
                Bucket::Route(method.to_owned(), route),
                switches.rate_route,
                switches.headers_route,
                "Route",
            ),
            // The family of the access token appeared in 2026 (documented).
            (
                Bucket::Token(caller),
                if old { 0 } else { switches.rate_token },
                switches.headers_token,
                "Auth-Token",
            ),
        ];
        let limited = || families.iter().filter(|(_, limit, _, _)| *limit > 0);
        let admitted = limited()
            .all(|(bucket, limit, _, _)| self.used.get(bucket).is_none_or(|used| used < limit));
        let mut headers = Vec::new();
        for (bucket, limit, shown, family) in limited() {
            let used = self.used.entry(bucket.clone()).or_default();
            *used += u64::from(admitted);
            if !shown {
                continue;
            }
            if !old {
                headers.push((format!("X-Ratelimit-{family}-Limit"), limit.to_string()));
            }
            let left = limit.saturating_sub(*used);
            headers.push((format!("X-Ratelimit-{family}-Remaining"), left.to_string()));
            // Global and route share one reset header; tokens have their own (documented).
            let reset = match bucket {
                Bucket::Token(_) => "X-Ratelimit-Auth-Token-Reset",
                _ => "X-Ratelimit-Reset",
            };
            if !headers.iter().any(|(name, _)| name == reset) {
                headers.push((reset.to_owned(), ends.to_string()));
            }
        }
        if !admitted && switches.headers_retry_after {
            let seconds = (ends - now).max(0).unsigned_abs().div_ceil(1000);
            headers.push(("Retry-After".to_owned(), seconds.to_string()));
        }
        Verdict { admitted, headers }
    }
}
