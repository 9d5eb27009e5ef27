//! What a 429 does to the limiter.

use super::*;

#[tokio::test(start_paused = true)]
async fn retry_after_holds_everybody_up() {
    let limiter = limiter();
    refuse(
        &limiter,
        Operation::Get,
        &headers(&[("retry-after", "4".into())]),
    )
    .await;
    let wait = wait_of(&limiter, Operation::Delete).await;
    assert_about(wait, 4_000);
    assert!(wait >= Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_longer_of_retry_after_and_reset_counts() {
    let limiter = limiter();
    let both = headers(&[
        ("retry-after", "2".into()),
        ("x-ratelimit-reset", ahead(9_000)),
    ]);
    refuse(&limiter, Operation::Get, &both).await;
    assert_about(wait_of(&limiter, Operation::Get).await, 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_one_route_holds_up_only_that_route() {
    let limiter = limiter();
    refuse(&limiter, Operation::Create, &route_used_up(5_000)).await;
    assert!(leaves_at_once(&limiter, Operation::Delete).await);
    assert_about(wait_of(&limiter, Operation::Create).await, 5_000);
}

#[tokio::test(start_paused = true)]
async fn refusals_that_say_nothing_are_waited_for_longer_and_longer() {
    let limiter = limiter();
    let past = global(10, 5, -30_000);
    for told in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        refuse(&limiter, Operation::Get, &past).await;
        let start = Instant::now();
        drop(enter(&limiter, Operation::Get).await);
        let wait = start.elapsed();
        assert_about(wait, told);
        assert!(wait >= Duration::from_millis(told), "{wait:?}");
    }
    answer(&limiter, Operation::Get, &RateHeaders::default()).await;
    refuse(&limiter, Operation::Get, &past).await;
    assert_about(wait_of(&limiter, Operation::Get).await, 1_000);
}
