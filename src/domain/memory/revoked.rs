//! Keys that this process revoked and still has, to ask LaunchDarkly whether they are dead.

use jiff::Timestamp;

use crate::domain::ids::Fingerprint;
use crate::domain::observed::RevokedKey;
use crate::domain::time::Clocks;

/// The revoked keys that are not known to be dead; when one was accepted is on the steady clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RevokedKeys(Vec<RevokedKey>);

impl RevokedKeys {
    /// Notes that a key is to be dead soon.
    pub fn note(&mut self, fingerprint: Fingerprint) {
        self.forget(&fingerprint);
        self.0.push(RevokedKey {
            fingerprint,
            accepted_at: None,
        });
    }

    /// Notes that LaunchDarkly still accepted a key.
    pub fn note_accepted(&mut self, fingerprint: &Fingerprint, at: Timestamp) {
        let mut known = self.0.iter_mut();
        if let Some(key) = known.find(|it| it.fingerprint == *fingerprint) {
            key.accepted_at = Some(at);
        }
    }

    /// Forgets a key: it is dead, or another object's.
    pub fn forget(&mut self, fingerprint: &Fingerprint) {
        self.0.retain(|it| it.fingerprint != *fingerprint);
    }

    /// All of them, as the local clock shows their times.
    pub(super) fn shown(&self, clocks: Clocks) -> Vec<RevokedKey> {
        let shown = |key: &RevokedKey| RevokedKey {
            fingerprint: key.fingerprint.clone(),
            accepted_at: key.accepted_at.map(|at| clocks.shown(at)),
        };
        self.0.iter().map(shown).collect()
    }
}
