//! The limiter's promises, on tokio's paused clock.

use jiff::SignedDuration;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::timeout;

use super::*;
use crate::clock::{ManualClock, SystemClock};

mod outages;
mod refusals;
mod turns;

const SOON: Duration = Duration::from_millis(1);

fn limiter() -> Arc<AccountLimiter> {
    AccountLimiter::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    )
}

fn one_at_a_time() -> Arc<AccountLimiter> {
    let options = LimiterOptions {
        in_flight: 1,
        ..LimiterOptions::default()
    };
    AccountLimiter::new(options, Arc::new(()), Arc::new(SystemClock))
}

fn key(name: &str) -> Fingerprint {
    Fingerprint::of(name.as_bytes())
}

fn headers(pairs: &[(&'static str, String)]) -> RateHeaders {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    let json = HeaderValue::from_static("application/json");
    let all = pairs.chain([(CONTENT_TYPE, json)]);
    RateHeaders::read(StatusCode::OK, &all.collect::<HeaderMap>())
}

/// The value of a reset header that lies this many milliseconds ahead.
fn ahead(ms: i64) -> String {
    (Timestamp::now().as_millisecond() + ms).to_string()
}

/// An answer of the account-wide family.
fn global(limit: u32, remaining: u32, reset_in: i64) -> RateHeaders {
    headers(&[
        ("x-ratelimit-global-limit", limit.to_string()),
        ("x-ratelimit-global-remaining", remaining.to_string()),
        ("x-ratelimit-reset", ahead(reset_in)),
    ])
}

fn route_used_up(reset_in: i64) -> RateHeaders {
    headers(&[
        ("x-ratelimit-global-limit", "300".into()),
        ("x-ratelimit-global-remaining", "290".into()),
        ("x-ratelimit-route-limit", "10".into()),
        ("x-ratelimit-route-remaining", "0".into()),
        ("x-ratelimit-reset", ahead(reset_in)),
    ])
}

async fn try_enter(
    limiter: &Arc<AccountLimiter>,
    operation: Operation,
) -> Result<Permit, ApiError> {
    limiter
        .enter(
            Priority::of(operation),
            operation,
            (&"".into(), &key("managing")),
        )
        .await
}

async fn enter(limiter: &Arc<AccountLimiter>, operation: Operation) -> Permit {
    try_enter(limiter, operation).await.unwrap()
}

async fn leaves_at_once(limiter: &Arc<AccountLimiter>, operation: Operation) -> bool {
    timeout(SOON, enter(limiter, operation)).await.is_ok()
}

/// How long a call waits, to the millisecond; gives its place back.
async fn wait_of(limiter: &Arc<AccountLimiter>, operation: Operation) -> Duration {
    let start = Instant::now();
    drop(enter(limiter, operation).await);
    start.elapsed()
}

async fn answer(limiter: &Arc<AccountLimiter>, operation: Operation, headers: &RateHeaders) {
    let mut permit = enter(limiter, operation).await;
    permit.sending();
    permit.answered(headers, limiter.moment());
    permit.accepted();
}

async fn refuse(limiter: &Arc<AccountLimiter>, operation: Operation, headers: &RateHeaders) {
    let mut permit = enter(limiter, operation).await;
    permit.sending();
    permit.answered(headers, limiter.moment());
    permit.refused(headers);
}

/// A wait with its jitter: up to a second and a fifth more; half a second for a slow test machine.
fn assert_about(wait: Duration, told: u64) {
    let least = Duration::from_millis(told.saturating_sub(500));
    let most = Duration::from_millis(told + told / 5 + 1_500);
    assert!((least..=most).contains(&wait), "{wait:?} for {told} ms");
}

#[tokio::test(start_paused = true)]
async fn calls_leave_in_the_order_of_their_priorities() {
    let limiter = one_at_a_time();
    let first = enter(&limiter, Operation::Get).await;
    let (order, mut left) = tokio::sync::mpsc::unbounded_channel();
    let priorities = [
        Priority::Read,
        Priority::Patch,
        Priority::Issue,
        Priority::Proof,
        Priority::Retire,
        Priority::Revoke,
        Priority::Read,
    ];
    for (number, priority) in priorities.into_iter().enumerate() {
        let (limiter, order) = (Arc::clone(&limiter), order.clone());
        tokio::spawn(async move {
            let _permit = limiter
                .enter(priority, Operation::Get, (&"".into(), &key("managing")))
                .await
                .unwrap();
            order.send((priority, number)).unwrap();
        });
        tokio::task::yield_now().await;
    }
    drop((first, order));
    let mut seen = Vec::new();
    while let Some(item) = left.recv().await {
        seen.push(item);
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(seen, sorted);
    assert_eq!(seen.len(), priorities.len());
}

#[tokio::test(start_paused = true)]
async fn no_more_than_two_calls_are_under_way() {
    let limiter = limiter();
    let first = enter(&limiter, Operation::Get).await;
    let _second = enter(&limiter, Operation::Get).await;
    assert!(!leaves_at_once(&limiter, Operation::Delete).await);
    drop(first);
    assert!(leaves_at_once(&limiter, Operation::Get).await);
}

#[tokio::test(start_paused = true)]
async fn a_fifth_of_a_window_is_left_to_others() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 3, 8_000)).await;
    assert!(
        leaves_at_once(&limiter, Operation::Get).await,
        "three left, two are for others"
    );
    answer(&limiter, Operation::Get, &global(10, 2, 8_000)).await;
    assert_about(wait_of(&limiter, Operation::Delete).await, 8_000);
    assert!(
        leaves_at_once(&limiter, Operation::Get).await,
        "a new window"
    );
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_count_as_used() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 3, 8_000)).await;
    let _under_way = enter(&limiter, Operation::Get).await;
    assert!(!leaves_at_once(&limiter, Operation::Get).await);
}

#[tokio::test(start_paused = true)]
async fn old_instances_tell_no_limit_and_headroom_is_left_all_the_same() {
    let limiter = limiter();
    let told = |remaining: u32, reset: &str| {
        headers(&[
            ("x-ratelimit-global-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset.to_owned()),
        ])
    };
    let reset = ahead(5_000);
    answer(&limiter, Operation::Get, &told(100, &reset)).await;
    answer(&limiter, Operation::Get, &told(20, &reset)).await;
    assert_about(wait_of(&limiter, Operation::Get).await, 5_000);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_overtaken_does_not_bring_requests_back() {
    let limiter = limiter();
    let reset = ahead(8_000);
    let told = |remaining: u32| {
        headers(&[
            ("x-ratelimit-global-limit", "10".into()),
            ("x-ratelimit-global-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset.clone()),
        ])
    };
    answer(&limiter, Operation::Get, &told(2)).await;
    let wait = timeout(SOON, answer(&limiter, Operation::Get, &told(9))).await;
    assert!(wait.is_err(), "used up");
    let state_before = limiter.rate_left();
    limiter.state().arrive(
        &Family::of(Operation::Get, &key("managing")),
        Some(&told(9)),
        (Instant::now(), SystemClock.moment()),
    );
    assert_eq!(limiter.rate_left(), state_before);
}

#[tokio::test(start_paused = true)]
async fn a_used_up_route_holds_up_only_its_own_calls() {
    let limiter = limiter();
    answer(&limiter, Operation::List, &route_used_up(6_000)).await;
    assert!(leaves_at_once(&limiter, Operation::Get).await);
    assert_about(wait_of(&limiter, Operation::List).await, 6_000);
}

#[tokio::test(start_paused = true)]
async fn one_keys_limit_does_not_hold_up_another_key() {
    let limiter = limiter();
    let used_up = headers(&[
        ("x-ratelimit-auth-token-limit", "5".into()),
        ("x-ratelimit-auth-token-remaining", "0".into()),
        ("x-ratelimit-auth-token-reset", ahead(7_000)),
    ]);
    answer(&limiter, Operation::Get, &used_up).await;
    let new = key("new");
    let own = Party::from("");
    let other = limiter.enter(Priority::Proof, Operation::Identify, (&own, &new));
    assert!(timeout(SOON, other).await.is_ok());
    assert_about(wait_of(&limiter, Operation::Get).await, 7_000);
}

#[tokio::test(start_paused = true)]
async fn a_reset_time_in_the_past_holds_nobody_up() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 0, -4_000)).await;
    assert!(leaves_at_once(&limiter, Operation::Get).await);
}

#[tokio::test(start_paused = true)]
async fn without_a_reset_time_a_window_is_taken_to_last_ten_seconds() {
    let limiter = limiter();
    let used_up = headers(&[("x-ratelimit-global-remaining", "0".into())]);
    answer(&limiter, Operation::Get, &used_up).await;
    assert_about(wait_of(&limiter, Operation::Get).await, 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_reset_time_in_the_far_future_holds_for_a_minute_at_most() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 0, 86_400_000)).await;
    assert_about(wait_of(&limiter, Operation::Get).await, 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_paused_limiter_lets_no_call_leave() {
    let limiter = limiter();
    limiter.pause_until(Instant::now() + Duration::from_secs(30));
    limiter.pause_until(Instant::now() + Duration::from_secs(5));
    assert_eq!(wait_of(&limiter, Operation::Delete).await.as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn giving_up_leaves_no_trace() {
    let limiter = one_at_a_time();
    let first = enter(&limiter, Operation::Get).await;
    for _ in 0..3 {
        assert!(!leaves_at_once(&limiter, Operation::Get).await);
    }
    assert_eq!(limiter.waiting(), 0);
    // Granted, but never looked at.
    let mut late = Box::pin(enter(&limiter, Operation::Get));
    assert!(timeout(SOON, &mut late).await.is_err());
    drop(first);
    drop(late);
    assert!(leaves_at_once(&limiter, Operation::Get).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_after_all_uses_nothing() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 3, 8_000)).await;
    for _ in 0..10 {
        assert!(leaves_at_once(&limiter, Operation::Get).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_counts_as_used() {
    let limiter = limiter();
    answer(&limiter, Operation::Get, &global(10, 3, 8_000)).await;
    let mut lost = enter(&limiter, Operation::Get).await;
    lost.sending();
    drop(lost);
    assert_about(wait_of(&limiter, Operation::Get).await, 8_000);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_waiters_all_leave_within_what_the_limit_allows() {
    let limiter = limiter();
    answer(&limiter, Operation::Create, &global(100, 100, 10_000)).await;
    let start = Instant::now();
    let calls = (0..1_000).map(|_| {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move {
            let mut permit = enter(&limiter, Operation::Create).await;
            permit.sending();
            tokio::time::sleep(Duration::from_millis(20)).await;
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    // 80 of each window's 100; answers that say nothing are counted down.
    let windows = start.elapsed().as_secs() / 10;
    assert!((11..=13).contains(&windows), "{windows} windows");
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_proven_once_are_forgotten() {
    let limiter = limiter();
    for number in 0..200 {
        let family = key(&format!("key {number}"));
        let mut permit = limiter
            .enter(Priority::Proof, Operation::Identify, (&"".into(), &family))
            .await
            .unwrap();
        permit.sending();
        permit.answered(&RateHeaders::default(), limiter.moment());
    }
    assert!(limiter.state().windows.len() <= 65);
}

#[tokio::test(start_paused = true)]
async fn the_date_of_answers_tells_launchdarklys_clock() {
    let here: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(here));
    let limiter = AccountLimiter::new(LimiterOptions::default(), Arc::new(()), clock.clone());
    answer(&limiter, Operation::Get, &RateHeaders::default()).await;
    assert_eq!(limiter.offset().likely, SignedDuration::ZERO);
    for date in ["17:00:00", "17:00:05"] {
        let date = ("date", format!("Sun, 29 Nov 2026 {date} GMT"));
        answer(&limiter, Operation::Get, &headers(&[date])).await;
        clock.advance(Duration::from_secs(5));
    }
    let error = limiter.offset().likely - SignedDuration::from_hours(5);
    assert!(error.abs() <= SignedDuration::from_secs(1), "{error}");
}

#[test]
fn one_account_has_one_limiter_and_hosts_are_kept_apart() {
    let limiters = Limiters::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    );
    let account = "569f514156e003339cfd3917".into();
    let limiter = limiters.get("app.launchdarkly.com", &account);
    assert!(Arc::ptr_eq(
        &limiter,
        &limiters.get("app.launchdarkly.com", &account)
    ));
    assert!(!Arc::ptr_eq(
        &limiter,
        &limiters.get("app.launchdarkly.us", &account)
    ));
    assert!(!Arc::ptr_eq(
        &limiter,
        &limiters.get("app.launchdarkly.com", &"other".into())
    ));
    assert_eq!(limiters.all().len(), 3);
}
