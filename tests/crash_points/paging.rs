//! Listings of more than one page, while others delete tokens.

use std::time::Duration;

use launchdarkly_token_operator::launchdarkly::PAGE_SIZE;
use serde_json::json;

use crate::wire::{At, Cut};
use crate::world::{Ended, NAME, NAMESPACE, TIMING, World};

#[tokio::test]
async fn a_deletion_finds_a_lost_create_that_slips_between_two_pages_i1() {
    for place in [PAGE_SIZE, PAGE_SIZE - 1, PAGE_SIZE + 1] {
        let world = World::new().await;
        let mut process = world.start();
        // The managing token is the first of all.
        process.crowd(place - 1).await;
        world.apply(json!({"role": "reader"}));
        let lost = Some((At::Name("create"), Cut::Unanswered));
        process.wire.count(lost);
        assert_eq!(world.settle(&mut process).await, Ended::Cut);

        let mut successor = world.start();
        let mourning = Duration::try_from(TIMING.lease + TIMING.settle).unwrap();
        world.advance(mourning + Duration::from_secs(1));
        world.cluster.delete_object(NAMESPACE, NAME);
        *world.warden.slip.lock().unwrap() = Some(7);
        assert_eq!(world.settle(&mut successor).await, Ended::Settled);

        let tokens = world.simulator().tokens();
        let left = tokens
            .iter()
            .find(|token| token.description.contains("[ldtokens "));
        assert_eq!(left.map(|token| &token.description), None, "at {place}");
        assert_eq!(world.object().map(|object| object.metadata), None);
    }
}
