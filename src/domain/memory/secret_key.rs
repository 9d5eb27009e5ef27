//! Whether the key in the Secret was tried at LaunchDarkly.

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{Fingerprint, TokenId};
use crate::domain::observed::SecretKeyProof;
use crate::domain::record::SecretRecord;
use crate::domain::secret::SecretState;

/// What LaunchDarkly said of the key in the Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SecretKeyMemory {
    /// Whether a key was accepted for a token.
    proof: Option<(Fingerprint, TokenId, bool)>,
    /// A key that is refused, and since when.
    refused: Option<(Fingerprint, Timestamp)>,
}

impl SecretKeyMemory {
    /// Notes whether a key belongs to a token.
    pub fn note(&mut self, key: Fingerprint, token_id: TokenId, accepted: bool) {
        if accepted {
            self.refused = None;
        }
        self.proof = Some((key, token_id, accepted));
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
            Some((known, since)) if known == key => *since,
            Some(_) | None => now,
        };
        self.refused = Some((key.clone(), since));
        let counts = now.duration_since(since) >= settle;
        if counts {
            self.note(key.clone(), token_id.clone(), false);
        }
        counts
    }

    /// A key that LaunchDarkly accepted before it was published needs no further proof.
    pub(super) fn published(&mut self, secret: &SecretRecord, token_id: &TokenId) {
        self.proof = None;
        if secret.proven {
            self.note(secret.fingerprint.clone(), token_id.clone(), true);
        }
    }

    /// What is known of the key that is in the Secret now.
    pub(super) fn observed(&self, secret: &SecretState, token_id: &TokenId) -> SecretKeyProof {
        let SecretState::Ours(secret) = secret else {
            return SecretKeyProof::Unasked;
        };
        match &self.proof {
            Some((key, token, accepted))
                if Some(key) == secret.key.as_ref() && token == token_id =>
            {
                if *accepted {
                    SecretKeyProof::Accepted
                } else {
                    SecretKeyProof::Rejected
                }
            }
            Some(_) | None => SecretKeyProof::Unasked,
        }
    }
}
