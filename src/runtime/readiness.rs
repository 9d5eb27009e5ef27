//! Who is not ready yet, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// The parts that this process waits for. Cloned around; all clones speak of the same process.
///
/// A standby is ready: being ready means that this process could take over, not that it leads. One that leads is ready once it
/// has checked every account. Whether LaunchDarkly answers is no part of it, nor how long it takes to: an outage there must not
/// take the probes of a healthy process down.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Readiness {
    /// Makes readiness wait for `part` until the handle says that it is ready.
    ///
    /// A handle that is dropped unready stays unready for good: its part has died.
    #[must_use = "readiness waits for the handle"]
    pub fn expect(&self, part: &'static str) -> Part {
        let part = Part {
            part,
            readiness: self.clone(),
        };
        part.waits("starting");
        part
    }

    /// What is missing, one line each; empty when the process is ready.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.entries()
            .iter()
            .map(|(part, why)| format!("{part}: {why}"))
            .collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock()
    }
}

/// One part that readiness waits for.
#[derive(Debug)]
pub struct Part {
    part: &'static str,
    readiness: Readiness,
}

impl Part {
    /// Says that the part is ready.
    pub fn is_ready(&self) {
        self.readiness.entries().remove(self.part);
    }

    /// Says that the part is not ready (any more), and what it waits for.
    pub fn waits(&self, why: impl Into<String>) {
        self.readiness.entries().insert(self.part, why.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_all_its_parts_are() {
        let readiness = Readiness::default();
        let (schema, cache) = (readiness.expect("schema"), readiness.expect("cache"));
        assert_eq!(readiness.missing(), ["cache: starting", "schema: starting"]);
        schema.waits("accesstokens is missing");
        cache.is_ready();
        assert_eq!(readiness.missing(), ["schema: accesstokens is missing"]);
        schema.is_ready();
        assert!(readiness.missing().is_empty());
    }

    #[test]
    fn a_part_that_died_on_the_way_stays_missing() {
        let readiness = Readiness::default();
        drop(readiness.expect("cache"));
        assert_eq!(readiness.missing(), ["cache: starting"]);
    }
}
