//! The slots of an account (I9): who takes one, who does not, and what is said where none is left.

use launchdarkly_token_operator::api::conditions::find_condition;
use launchdarkly_token_operator::domain::conditions::ConditionType;
use launchdarkly_token_operator::domain::policy::{AccountPolicy, Grants};
use serde_json::json;

use crate::world::{Ended, NAME, NAMESPACE, Process, World};

/// Reconciles one object until it rests; the process, and why it is not ready.
async fn refused(policy: AccountPolicy, others: usize) -> (Process, String) {
    let world = World::new().await;
    world.apply(json!({"role": "reader"}));
    let mut process = world.start_under(policy);
    for other in 0..others {
        process.occupy(&format!("other-{other}"));
    }
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    let status = world.object().unwrap().status.unwrap();
    let ready = find_condition(&status.conditions, ConditionType::Ready).unwrap();
    assert_eq!(ready.status, "False");
    assert_eq!(world.simulator().tokens().len(), 1);
    (process, ready.reason.clone())
}

fn at_most(tokens: usize) -> AccountPolicy {
    AccountPolicy {
        max_tokens: Some(tokens),
        ..AccountPolicy::open()
    }
}

#[tokio::test]
async fn i9_a_full_account_says_so_and_its_objects_rest() {
    for used in [0, 1] {
        let (process, reason) = refused(at_most(used), used).await;
        assert_eq!(reason, "NotAllowedByPolicy");
        assert_eq!(process.users(), used);
    }
}

#[tokio::test]
async fn i9_an_object_that_is_refused_takes_no_slot() {
    let grants = Grants::Only {
        roles: Vec::new(),
        custom_roles: Vec::new(),
        inline: None,
    };
    let policy = AccountPolicy {
        grants,
        ..AccountPolicy::open()
    };
    let (process, reason) = refused(policy, 0).await;
    assert_eq!(
        (process.users(), reason.as_str()),
        (0, "NotAllowedByPolicy")
    );
}

#[tokio::test]
async fn i9_an_object_that_is_served_keeps_its_slot_until_its_token_is_gone() {
    let world = World::new().await;
    world.apply(json!({"role": "reader"}));
    let mut process = world.start_under(at_most(1));
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(process.users(), 1);
    world.cluster.delete_object(NAMESPACE, NAME);
    assert_eq!(world.settle(&mut process).await, Ended::Settled);
    assert_eq!(process.users(), 0);
    assert_eq!(world.simulator().tokens().len(), 1);
}
