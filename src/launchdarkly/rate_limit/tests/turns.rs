//! Nobody's many calls hold up another's few (I13).

use super::*;

/// Whose calls leave, in order, when each party has so many waiting, and those of the first were there first.
async fn order(limiter: &Arc<AccountLimiter>, parties: &[(&str, Priority, usize)]) -> Vec<String> {
    let first = enter(limiter, Operation::Get).await;
    let (left, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for (party, priority, calls) in parties {
        for _ in 0..*calls {
            let (limiter, left) = (Arc::clone(limiter), left.clone());
            let (party, priority) = (Party::from(*party), *priority);
            tokio::spawn(async move {
                let key = key("managing");
                let permit = limiter.enter(priority, Operation::Get, (&party, &key));
                let _permit = permit.await.unwrap();
                left.send(party.to_string()).unwrap();
            });
            tokio::task::yield_now().await;
        }
    }
    drop((first, left));
    let mut order = Vec::new();
    while let Some(party) = seen.recv().await {
        order.push(party);
    }
    order
}

#[tokio::test(start_paused = true)]
async fn of_one_priority_the_namespaces_take_turns_i13() {
    let limiter = one_at_a_time();
    let (read, revoke) = (Priority::Read, Priority::Revoke);
    let waiting = [
        ("many", read, 5),
        ("few", read, 2),
        ("one", read, 1),
        ("many", revoke, 2),
        ("few", revoke, 1),
    ];
    let expected = [
        "many", "few", "many", "many", "few", "one", "many", "few", "many", "many", "many",
    ];
    assert_eq!(order(&limiter, &waiting).await, expected);
    // Whoever had many is behind nobody later on.
    let later = [("few", read, 1), ("many", read, 1)];
    assert_eq!(order(&limiter, &later).await, ["few", "many"]);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_calling_does_not_come_before_who_waits_i13() {
    let limiter = one_at_a_time();
    let (many, few) = (Party::from("many"), Party::from("few"));
    let call = |party: &Party| {
        let (limiter, party) = (Arc::clone(&limiter), Arc::clone(party));
        async move {
            let key = key("managing");
            let who = (&party, &key);
            limiter.enter(Priority::Read, Operation::Get, who).await
        }
    };
    let first = call(&many).await.unwrap();
    let again: Vec<_> = (0..50).map(|_| tokio::spawn(call(&many))).collect();
    tokio::task::yield_now().await;
    let one = tokio::spawn(call(&few));
    tokio::task::yield_now().await;
    drop(first);
    timeout(SOON, one).await.unwrap().unwrap().unwrap();
    for waiting in again {
        timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_newcomer_is_told_holds_no_other_up_i13() {
    let (observer, clock) = (Arc::new(()), Arc::new(SystemClock));
    let limiter = AccountLimiter::of_newcomers(LimiterOptions::default(), observer, clock);
    let enter = async |name: &str| {
        let (party, key) = (Party::from(name), key(name));
        let who = (&party, &key);
        let enters = limiter.enter(Priority::Proof, Operation::Identify, who);
        timeout(SOON, enters).await.ok().map(Result::unwrap)
    };
    let mut refused = enter("refused").await.unwrap();
    refused.sending();
    let used_up = headers(&[
        ("x-ratelimit-global-remaining", "0".into()),
        ("x-ratelimit-auth-token-remaining", "0".into()),
        ("x-ratelimit-auth-token-limit", "5".into()),
        ("x-ratelimit-reset", ahead(9_000)),
        ("retry-after", "9".into()),
    ]);
    refused.answered(&used_up, limiter.moment());
    refused.refused(&used_up);
    drop(refused);
    for _ in 0..20 {
        let mut fails = enter("unlucky").await.unwrap();
        let source = crate::launchdarkly::error::TransportError::new(
            crate::launchdarkly::error::TransportKind::Broken,
            &"no answer",
        );
        let operation = Operation::Identify;
        fails.ended::<()>(&Err(ApiError::Uncertain { operation, source }));
    }
    assert!(enter("refused").await.is_none());
    // But no more than so many at once.
    let under_way = [enter("one").await, enter("another").await];
    assert!(under_way.iter().all(Option::is_some));
    assert!(enter("third").await.is_none());
}
