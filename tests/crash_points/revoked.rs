//! A revocation that LaunchDarkly says it carried out, and did not: the key that was to die is asked.

use std::sync::Arc;
use std::time::Duration;

use launchdarkly_simulator::state::changes::Actor;
use serde_json::{Value, json};

use crate::world::{Process, World};

/// One settled object, where each deletion of a token is answered 204 and does nothing.
async fn deaf() -> (Arc<World>, Process) {
    let world = World::new().await;
    world.apply(json!({"role": "reader", "rotation": {"gracePeriod": "10m"}}));
    let mut process = world.start();
    let _ = world.settle(&mut process).await;
    let fault = json!({
        "method": "DELETE", "route": "/api/v2/tokens/{id}", "kind": "status", "status": 204, "count": 0,
    });
    let fault = serde_json::from_value(fault).unwrap();
    world.simulator().add_fault(fault);
    (world, process)
}

/// The condition, as `status: reason`.
fn ready(world: &World) -> String {
    let status = world.object().unwrap().status.unwrap();
    let status: Value = serde_json::to_value(status).unwrap();
    let conditions = status["conditions"].as_array().unwrap();
    let ready = conditions.iter().find(|it| it["type"] == "Ready").unwrap();
    let part = |name: &str| ready[name].as_str().unwrap().to_owned();
    format!("{}: {}", part("status"), part("reason"))
}

async fn minutes(world: &World, process: &mut Process, minutes: u32) {
    for _ in 0..minutes {
        for _ in 0..12 {
            let _ = world.reconcile(process).await.unwrap();
        }
        world.advance(Duration::from_secs(61));
    }
}

#[tokio::test]
async fn a_revoked_key_that_lives_on_is_said_until_it_is_dead_i15() {
    for request in [
        json!({"rotation": {"revoke": "leak"}}),
        json!({"cutOff": "leak"}),
    ] {
        let (world, mut process) = deaf().await;
        let leaked = world.object().unwrap().status.unwrap().token.unwrap().id;
        match request.get("cutOff") {
            Some(value) => world.annotate("ldtokens.dev/cut-off", value.as_str().unwrap()),
            None => world.edit(&request),
        }
        minutes(&world, &mut process, 3).await;
        assert_eq!(ready(&world), "False: RevokeBlocked", "{request}");
        // By hand.
        world.simulator().clear_faults();
        let mut tokens = world.simulator().tokens_ever().into_iter();
        let index = tokens.position(|it| it.id == leaked.as_str()).unwrap();
        world.simulator().world().delete(index, Actor::Admin);
        minutes(&world, &mut process, 3).await;
        assert_eq!(ready(&world), "True: Available", "{request}");
    }
}
