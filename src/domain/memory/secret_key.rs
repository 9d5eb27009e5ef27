//! Whether the key in the Secret was tried at LaunchDarkly.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{Fingerprint, TokenId};
use crate::domain::observed::SecretKeyProof;
use crate::domain::record::SecretRecord;
use crate::domain::secret::SecretState;

/// What LaunchDarkly said of the key in the Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SecretKeyMemory {
    /// Whether a key was accepted for a token, and when that was asked.
    proof: Option<(Fingerprint, TokenId, bool, Timestamp)>,
    /// A key that is refused, since when, and when it was asked about last.
    refused: Option<(Fingerprint, Timestamp, Timestamp)>,
}

impl SecretKeyMemory {
    /// Notes whether a key belongs to a token, as was asked at `at`.
    pub fn note(&mut self, key: Fingerprint, token_id: TokenId, accepted: bool, at: Timestamp) {
        if accepted {
            self.refused = None;
        }
        self.proof = Some((key, token_id, accepted, at));
    }

    /// Notes that a key was refused while the managing key was accepted. One refusal alone proves nothing (documented): it counts once
    /// another comes a settle time later. Whether it counts.
    pub fn note_refusal(
        &mut self,
        key: &Fingerprint,
        token_id: &TokenId,
        now: Timestamp,
        settle: SignedDuration,
    ) -> bool {
        let since = match &self.refused {
            Some((known, since, _)) if known == key => *since,
            Some(_) | None => now,
        };
        self.refused = Some((key.clone(), since, now));
        let counts = now.duration_since(since) >= settle;
        // What was accepted before is in doubt.
        self.proof.take_if(|(known, ..)| known == key);
        if counts {
            self.note(key.clone(), token_id.clone(), false, now);
        }
        counts
    }

    /// A key that LaunchDarkly accepted before it was published needs no further proof.
    pub(super) fn published(&mut self, secret: &SecretRecord, token_id: &TokenId) {
        self.proof = None;
        if secret.proven {
            let long_ago = Timestamp::MIN;
            self.note(secret.fingerprint.clone(), token_id.clone(), true, long_ago);
        }
    }

    /// What is known of the key that is in the Secret now, and when it was asked.
    pub(super) fn observed(
        &self,
        secret: &SecretState,
        token_id: &TokenId,
    ) -> (SecretKeyProof, Option<Timestamp>) {
        let SecretState::Ours(secret) = secret else {
            return (SecretKeyProof::Unasked, None);
        };
        match &self.proof {
            Some((key, token, accepted, at))
                if Some(key) == secret.key.as_ref() && token == token_id =>
            {
                let proof = if *accepted {
                    SecretKeyProof::Accepted
                } else {
                    SecretKeyProof::Rejected
                };
                (proof, Some(*at))
            }
            Some(_) | None => {
                let refused = self.refused.as_ref();
                let refused = refused.filter(|(key, ..)| Some(key) == secret.key.as_ref());
                (SecretKeyProof::Unasked, refused.map(|(_, _, at)| *at))
            }
        }
    }
}
