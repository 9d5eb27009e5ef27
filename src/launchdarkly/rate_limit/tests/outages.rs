//! What calls that fail one after the other do to the line.

use tokio::time::{advance, sleep};

use super::*;

const OPERATION: Operation = Operation::Get;

fn failure() -> Result<(), ApiError> {
    Err(ApiError::Server {
        operation: OPERATION,
        status: 503,
    })
}

async fn call(line: &Arc<AccountLine>, outcome: Result<(), ApiError>) -> Result<(), ApiError> {
    let mut slot = try_enter(line, OPERATION).await?;
    slot.sending();
    slot.ended(&outcome);
    outcome
}

/// A line to an account that fails everything.
async fn failing() -> Arc<AccountLine> {
    let line = line();
    for _ in 0..5 {
        assert_eq!(call(&line, failure()).await, failure());
    }
    line
}

fn is_turned_away<T>(outcome: &Result<T, ApiError>) -> bool {
    matches!(outcome, Err(ApiError::Outage { .. }))
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_everything_is_asked_less_and_less() {
    let line = line();
    let mut sent = 0;
    for _ in 0..3_600 {
        sent += u32::from(!is_turned_away(&call(&line, failure()).await));
        advance(Duration::from_secs(1)).await;
    }
    // Five at first, six while the rest grows, then one in sixty to seventy-three seconds.
    assert!((55..75).contains(&sent), "{sent} calls in an hour");
}

#[tokio::test(start_paused = true)]
async fn failures_between_answers_are_no_outage() {
    let line = line();
    for n in 0..100 {
        let outcome = if n % 5 == 4 { Ok(()) } else { failure() };
        assert_eq!(call(&line, outcome.clone()).await, outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let line = line();
    for _ in 0..100 {
        let refused = Err(ApiError::Unauthorized);
        assert_eq!(call(&line, refused.clone()).await, refused);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_when_an_outage_begins_are_turned_away() {
    let line = one_at_a_time();
    for _ in 0..4 {
        call(&line, failure()).await.unwrap_err();
    }
    let mut last = enter(&line, OPERATION).await;
    let waiting = tokio::spawn({
        let line = Arc::clone(&line);
        async move { is_turned_away(&try_enter(&line, OPERATION).await) }
    });
    tokio::task::yield_now().await;
    last.ended(&failure());
    drop(last);
    assert!(waiting.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn one_call_finds_out_whether_it_is_over_and_the_others_wait_for_what_it_finds() {
    let line = failing().await;
    assert!(is_turned_away(&try_enter(&line, OPERATION).await));
    sleep(Duration::from_secs(3)).await;

    let mut scout = enter(&line, OPERATION).await;
    assert!(!leaves_at_once(&line, OPERATION).await);
    scout.ended(&failure());
    drop(scout);
    assert!(is_turned_away(&try_enter(&line, OPERATION).await));

    sleep(Duration::from_secs(5)).await;
    let mut scout = enter(&line, OPERATION).await;
    scout.ended(&Ok(()));
    let _others = enter(&line, OPERATION).await;
    drop(scout);
    assert!(leaves_at_once(&line, OPERATION).await);
}

#[tokio::test(start_paused = true)]
async fn who_is_turned_away_is_told_when_to_come_again() {
    let line = failing().await;
    let Err(ApiError::Outage { until, .. }) = try_enter(&line, OPERATION).await else {
        panic!("not turned away");
    };
    let wait = until.duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_millis(900) && wait < SignedDuration::from_millis(2_300));
}

#[tokio::test(start_paused = true)]
async fn a_scout_that_gives_up_makes_room_for_another() {
    let line = failing().await;
    sleep(Duration::from_secs(3)).await;
    drop(enter(&line, OPERATION).await);
    assert!(leaves_at_once(&line, OPERATION).await);
}
