//! One of two clusters that were restored from one backup.

use launchdarkly_simulator::EventKind;
use launchdarkly_token_operator::api::conditions::find_condition;
use launchdarkly_token_operator::cluster::secret::annotation;
use launchdarkly_token_operator::controller::token::Outcome;
use launchdarkly_token_operator::domain::conditions::ConditionType;

use crate::judge::publications;
use crate::world::{Ended, NAME, NAMESPACE, Process, World};

/// A cluster and its operator.
pub struct Twin {
    pub world: World,
    pub process: Process,
}

impl Twin {
    pub fn start(world: World) -> Self {
        Self {
            process: world.start(),
            world,
        }
    }

    /// The operator does what there is to do now.
    pub async fn live(&mut self) {
        let ended = live(&self.world, &mut self.process).await;
        assert_eq!(ended, Ended::Settled);
    }

    /// Whether the key that consumers find in the Secret works.
    pub fn works(&self) -> bool {
        let Some(stored) = self.world.cluster.secret(NAMESPACE, NAME) else {
            return false;
        };
        let snapshot = stored.snapshot();
        let entry = &snapshot.annotations[annotation::KEY_ENTRY];
        let key = snapshot.data.get(entry).map(|bytes| bytes.to_vec());
        let tokens = self.world.simulator().tokens();
        let mut keys = tokens.iter().flat_map(|token| &token.keys);
        key.is_some_and(|key| {
            keys.any(|known| known.valid && known.value.as_str().as_bytes() == key)
        })
    }

    pub fn ready(&self) -> String {
        let status = self.world.object().unwrap().status.unwrap();
        let ready = find_condition(&status.conditions, ConditionType::Ready).unwrap();
        format!("{} {}", ready.status, ready.reason)
    }
}

/// A process does what there is to do now.
pub async fn live(world: &World, process: &mut Process) -> Ended {
    for _ in 0..40 {
        let before = world.events();
        match world.reconcile(process).await {
            Ok(Outcome::Again(_)) if world.events() != before => {}
            Ok(_) => break,
            Err(ended) => return ended,
        }
    }
    Ended::Settled
}

/// I3 in a world of two clusters: no key died before a newer one was there to be read, unless a person ended it.
pub fn outages(world: &World) -> Vec<String> {
    let published = publications(world, &world.cluster.log());
    let history = world.simulator().history(0);
    let mut complaints = Vec::new();
    for (place, key) in published.iter().enumerate() {
        let death = history.iter().find(|event| {
            event.kind == EventKind::KeyDied
                && event.token_id == key.token
                && event.key == Some(key.number)
        });
        let Some(death) = death.filter(|death| death.by.as_deref() != Some("admin")) else {
            continue;
        };
        let next = published.get(place + 1);
        if next.is_none_or(|next| next.at.as_millisecond() > death.at) {
            complaints.push(format!(
                "I3: key {} of {} died: {:?}",
                key.number, key.token, death.cause
            ));
        }
    }
    complaints
}
