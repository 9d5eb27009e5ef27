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

/// What another program used up with one team's key is no reason for another team to wait (I13).
#[tokio::test(start_paused = true)]
async fn retry_after_for_one_keys_own_limit_holds_up_no_other_key_i13() {
    let told = |global: &str| {
        headers(&[
            ("retry-after", "40".into()),
            ("x-ratelimit-global-remaining", global.into()),
            ("x-ratelimit-route-remaining", "50".into()),
            ("x-ratelimit-auth-token-remaining", "0".into()),
        ])
    };
    let other = |limiter: &Arc<AccountLimiter>| {
        let limiter = Arc::clone(limiter);
        async move {
            let other = key("other");
            let own = Party::from("");
            let enter = limiter.enter(Priority::Read, Operation::Get, (&own, &other));
            timeout(SOON, enter).await.is_ok()
        }
    };
    let limiter_of_one = limiter();
    refuse(&limiter_of_one, Operation::Get, &told("200")).await;
    assert!(other(&limiter_of_one).await);
    assert_about(wait_of(&limiter_of_one, Operation::Get).await, 40_000);

    let limiter_of_all = limiter();
    refuse(&limiter_of_all, Operation::Get, &told("0")).await;
    assert!(!other(&limiter_of_all).await);
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
