//! What became of the tokens.

use std::collections::BTreeSet;

use rig::{Token, object, wait};
use serde_json::json;

use crate::disruptions::Leader;
use crate::stage::{PATIENCE, REPLACED, Stage, TEAM, all_tokens};

impl Stage {
    /// The key in the Secret of an `AccessToken`.
    fn key(&self, name: &str) -> String {
        let secret = self.node.plane().get("secret", TEAM, name).unwrap();
        object::secret_entry(&secret, "token").unwrap()
    }

    /// Asks for rotations, of one token by Reset and of another by Replace, and disturbs them when LaunchDarkly has reset the key and the
    /// answer is still under way: there are new keys all the same, and all is well.
    pub fn under_rotation(&mut self, reset: &str, disturb: impl FnOnce(&Self, &Leader)) {
        let names = [reset, REPLACED];
        let old = names.map(|name| self.key(name));
        let leader = self.leader();
        for route in ["/api/v2/tokens", "/api/v2/tokens/{id}/reset"] {
            let slow = json!({"method": "POST", "route": route, "kind": "delay", "handled": true, "delayMs": 1000, "count": 0});
            self.simulator.fault(&slow).unwrap();
        }
        self.ask_for_rotation(&names);
        wait::until_true(PATIENCE, "a reset", || {
            let tokens = self.simulator.created_tokens()?;
            let was_reset =
                |token: &Token| token.keys.last().is_some_and(|key| key.value != old[0]);
            let mut of_it = tokens
                .iter()
                .filter(|token| token.keys.iter().any(|key| key.value == old[0]));
            Ok(of_it.any(was_reset))
        })
        .unwrap();
        disturb(self, &leader);
        self.simulator.clear_faults().unwrap();
        for (name, old) in names.iter().zip(old) {
            wait::until_true(PATIENCE, &format!("a new key of {name}"), || {
                Ok(self.key(name) != old)
            })
            .unwrap();
        }
        self.all_is_well();
    }

    /// Every object is Ready, every token at LaunchDarkly is known to its object, every key in a Secret works and is used by a consumer,
    /// and no consumer was ever refused.
    pub fn all_is_well(&self) {
        wait::until_ok(PATIENCE, "no token too many and none too few", || {
            let objects = self.objects()?;
            let known: BTreeSet<String> = objects
                .iter()
                .flat_map(|(_, object)| object::recorded_tokens(object))
                .collect();
            let there = self.simulator.created_tokens();
            let there = there.map_err(|error| format!("{error:?}"))?;
            let there: BTreeSet<String> = there.into_iter().map(|token| token.id).collect();
            if known == there {
                Ok(())
            } else {
                Err(format!(
                    "the objects know {known:?}, LaunchDarkly has {there:?}"
                ))
            }
        })
        .unwrap();
        for name in all_tokens() {
            assert_eq!(self.simulator.call_with_key(&self.key(name)).unwrap(), 200);
        }
        self.consumers_use_the_present_keys();
        self.nobody_was_refused();
    }
}
