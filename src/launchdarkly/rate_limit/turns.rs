//! In which round each waiting call leaves: within one priority the namespaces take turns (I13).

use std::collections::HashMap;
use std::sync::Arc;

use crate::launchdarkly::rate_limit::Priority;

/// On whose behalf calls are made: a namespace, or empty for the operator itself.
pub(in crate::launchdarkly) type Party = Arc<str>;

/// The rounds of each priority. A party's next call waits a round longer than its last one, so that one call of each leaves in a round.
#[derive(Debug, Default)]
pub(super) struct Turns(HashMap<Priority, Lane>);

#[derive(Debug, Default)]
struct Lane {
    /// The round of the last call that left.
    round: u64,
    /// The round of the last call of each party that is not behind.
    last: HashMap<Party, u64>,
}

impl Turns {
    /// The round in which a party's next call leaves.
    pub(super) fn join(&mut self, priority: Priority, party: &Party) -> u64 {
        let lane = self.0.entry(priority).or_default();
        let after = lane.last.get(party).map_or(0, |last| last + 1);
        let round = after.max(lane.round);
        lane.last.insert(Arc::clone(party), round);
        round
    }

    /// A call left in its round.
    pub(super) fn leave(&mut self, priority: Priority, round: u64) {
        let lane = self.0.entry(priority).or_default();
        if round > lane.round {
            lane.round = round;
            lane.last.retain(|_, last| *last >= round);
        }
    }

    /// Nobody waits: all begin anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
