//! What calls that fail one after the other do to the limiter.

use jiff::SignedDuration;
use tokio::time::{advance, sleep};

use super::*;

const OPERATION: Operation = Operation::Get;

fn failure() -> Result<(), ApiError> {
    Err(ApiError::Server {
        operation: OPERATION,
        status: 503,
    })
}

async fn call(
    limiter: &Arc<AccountLimiter>,
    outcome: Result<(), ApiError>,
) -> Result<(), ApiError> {
    let mut permit = try_enter(limiter, OPERATION).await?;
    permit.sending();
    permit.ended(&outcome);
    outcome
}

/// A limiter to an account that fails everything.
async fn failing() -> Arc<AccountLimiter> {
    let limiter = limiter();
    for _ in 0..5 {
        assert_eq!(call(&limiter, failure()).await, failure());
    }
    limiter
}

fn is_turned_away<T>(outcome: &Result<T, ApiError>) -> bool {
    matches!(outcome, Err(ApiError::Outage { .. }))
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_everything_is_asked_less_and_less() {
    let limiter = limiter();
    let mut sent = 0;
    for _ in 0..3_600 {
        sent += u32::from(!is_turned_away(&call(&limiter, failure()).await));
        advance(Duration::from_secs(1)).await;
    }
    // Five at first, six while the rest grows, then one in sixty to seventy-three seconds.
    assert!((55..75).contains(&sent), "{sent} calls in an hour");
}

#[tokio::test(start_paused = true)]
async fn failures_between_answers_are_no_outage() {
    let limiter = limiter();
    for n in 0..100 {
        let outcome = if n % 5 == 4 { Ok(()) } else { failure() };
        assert_eq!(call(&limiter, outcome.clone()).await, outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let limiter = limiter();
    for _ in 0..100 {
        let refused = Err(ApiError::Unauthorized);
        assert_eq!(call(&limiter, refused.clone()).await, refused);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_when_an_outage_begins_are_turned_away() {
    let limiter = one_at_a_time();
    for _ in 0..4 {
        call(&limiter, failure()).await.unwrap_err();
    }
    let mut last = enter(&limiter, OPERATION).await;
    let waiting = tokio::spawn({
        let limiter = Arc::clone(&limiter);
        async move { is_turned_away(&try_enter(&limiter, OPERATION).await) }
    });
    tokio::task::yield_now().await;
    last.ended(&failure());
    drop(last);
    assert!(waiting.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn one_call_finds_out_whether_it_is_over_and_the_others_wait_for_what_it_finds() {
    let limiter = failing().await;
    assert!(is_turned_away(&try_enter(&limiter, OPERATION).await));
    sleep(Duration::from_secs(3)).await;

    let mut scout = enter(&limiter, OPERATION).await;
    assert!(!leaves_at_once(&limiter, OPERATION).await);
    scout.ended(&failure());
    drop(scout);
    assert!(is_turned_away(&try_enter(&limiter, OPERATION).await));

    sleep(Duration::from_secs(5)).await;
    let mut scout = enter(&limiter, OPERATION).await;
    scout.ended(&Ok(()));
    let _others = enter(&limiter, OPERATION).await;
    drop(scout);
    assert!(leaves_at_once(&limiter, OPERATION).await);
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_is_told_when_to_come_again() {
    let limiter = failing().await;
    let Err(ApiError::Outage { until, .. }) = try_enter(&limiter, OPERATION).await else {
        panic!("not turned away");
    };
    let wait = until.duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_millis(900) && wait < SignedDuration::from_millis(2_300));
}

#[tokio::test(start_paused = true)]
async fn a_scout_that_gives_up_makes_room_for_another() {
    let limiter = failing().await;
    sleep(Duration::from_secs(3)).await;
    drop(enter(&limiter, OPERATION).await);
    assert!(leaves_at_once(&limiter, OPERATION).await);
}
