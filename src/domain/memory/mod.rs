//! What a process remembers of one object between two looks, but for keys: what it was told, and how far it got.
//!
//! Answers are folded into it, and the [`Observed`] world is made of it. None of it is needed after a crash; all of it may be lost at
//! any moment. Its dates are on the steady clock of the process, and are shown on the local one where the observed world is made: a
//! local clock that is set delays nothing.

mod call;
mod renewal;
mod retry;
mod revoked;
mod roles;
mod secret_key;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use call::{CallMemory, CallProgress, IssuedKey};
pub use retry::{Retries, back_off};
pub use revoked::RevokedKeys;
pub use roles::RoleMemory;
pub use secret_key::SecretKeyMemory;
pub use token::{Look, TokenMemory};

use super::decide::token_in_question;
use super::desired::Desired;
use super::ids::{
    Attempt, Fingerprint, FormerHashes, ObjectUid, RequestHash, SettingsHash, TokenId,
};
use super::marker::Marker;
use super::observed::{
    Account, Deletion, FoundToken, Observed, PendingCall, Remote, SecretKeyProof, Timing,
};
use super::problem::Problem;
use super::record::{Identity, Record};
use super::secret::{SecretLayout, SecretState};
use super::settings::TokenSettings;
use super::time::Clocks;

/// A token as LaunchDarkly shows it, as far as decisions look at it.
pub trait ShownToken: Clone {
    /// Its id.
    fn id(&self) -> &TokenId;
    /// The marker at the end of its description.
    fn marker(&self) -> Option<Marker>;
    /// When it was created, on LaunchDarkly's clock.
    fn creation_time(&self) -> Option<Timestamp>;
    /// When it stops working.
    fn expiry(&self) -> Option<Timestamp>;
    /// When it was last used, on LaunchDarkly's clock; `None` for never.
    fn last_used(&self) -> Option<Timestamp>;
    /// The ids of its custom roles.
    fn custom_role_ids(&self) -> Vec<String>;
    /// Of its settings; of the default version of the API only if one is asked for.
    fn settings_hash(&self, asks_version: bool) -> SettingsHash;
    /// The fields in which it is not as asked for, whatever its marker.
    fn differs_from(&self, desired: &TokenSettings) -> Vec<&'static str>;
}

/// A listing of an account's tokens.
pub trait ShownListing<T> {
    /// When its first request left, on the steady clock: what it does not show was not there then.
    fn start_time(&self) -> Timestamp;
    /// As of when it shows this token, or does not.
    fn known_at(&self, _id: &TokenId) -> Timestamp {
        self.start_time()
    }
    /// The token of an id.
    fn token(&self, id: &TokenId) -> Option<&T>;
    /// The tokens whose marker names an object.
    fn marked_for<'a>(&'a self, object: &ObjectUid) -> impl Iterator<Item = &'a T>
    where
        T: 'a;
    /// All tokens.
    fn tokens<'a>(&'a self) -> impl Iterator<Item = &'a T>
    where
        T: 'a;
}

/// What a process remembers of one object. `T` is a token as LaunchDarkly shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory<T> {
    /// The pending call.
    pub call: CallMemory,
    /// How often LaunchDarkly refused a reset since the last publication.
    pub resets_refused: u32,
    /// Tokens at LaunchDarkly.
    pub token: TokenMemory<T>,
    /// The key in the Secret.
    pub secret_key: SecretKeyMemory,
    /// Keys that were revoked.
    pub revoked: RevokedKeys,
    /// Custom roles.
    pub roles: RoleMemory,
    /// Failures that are being waited out.
    pub retries: Retries,
    /// When the deletion was first seen.
    pub deletion_seen: Option<Timestamp>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            call: CallMemory::default(),
            resets_refused: 0,
            token: TokenMemory::default(),
            secret_key: SecretKeyMemory::default(),
            revoked: RevokedKeys::default(),
            roles: RoleMemory::default(),
            retries: Retries::default(),
            deletion_seen: None,
        }
    }
}

/// What is read around an object for one round.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Who the object is.
    pub identity: Identity,
    /// `metadata.generation`.
    pub generation: i64,
    /// Whether our finalizer is on it.
    pub finalizer: bool,
    /// Set once the object is being deleted.
    pub deletion: Option<Deletion>,
    /// Whether its namespace is being deleted.
    pub namespace_terminating: bool,
    /// How the spec lays its Secret out, where that part of it is valid, whatever the rest is.
    pub layout: Option<SecretLayout>,
    /// The revoke values that the object has, also where its spec makes no sense.
    pub revokes: Vec<RequestHash>,
    /// The values that ask for the end of every key.
    pub cut_offs: Vec<RequestHash>,
    /// What the hashes of all values that ask for something were in earlier builds.
    pub former: FormerHashes,
    /// Tokens that the user says are this object's.
    pub claims: BTreeSet<TokenId>,
    /// What was written down.
    pub record: Record,
    /// The account it belongs to.
    pub account: Account,
    /// The Secret the key belongs into.
    pub secret: SecretState,
    /// The recorded Secret, if the desired one has another name.
    pub former_secret: SecretState,
    /// The account's last good credential, which this process still has.
    pub kept_key: Option<Fingerprint>,
    /// What the clocks say.
    pub clocks: Clocks,
    /// The operator's waiting times.
    pub timing: Timing,
    /// This process, as it signs intents.
    pub holder: String,
    /// A fresh nonce.
    pub nonce: Attempt,
}

impl<T: ShownToken> Memory<T> {
    /// The world around an object: what was read of it, what is remembered, and what the newest listing of its account shows.
    ///
    /// `key_matches` tells whether LaunchDarkly shows the end of the key that is in the Secret, where both are known.
    #[must_use]
    pub fn observed(
        &self,
        desired: &Result<Desired, Problem>,
        read: Surroundings,
        listing: Option<&impl ShownListing<T>>,
        key_matches: impl Fn(&T) -> Option<bool>,
    ) -> Observed {
        let read = renewal::renewed(read);
        let (record, clocks) = (&read.record, read.clocks);
        let call = record.pending.as_ref();
        let mut observed = Observed {
            call: call.map_or(PendingCall::Empty, |intent| {
                self.call.pending(&intent.attempt, clocks)
            }),
            remote: Remote::Unknown,
            secret_key: SecretKeyProof::Unasked,
            secret_key_asked_at: None,
            // Of an earlier process's calls only their intents tell: counting from our own start would put the end of a
            // deletion off with every restart.
            calls_ended_by: self
                .call
                .unanswered_at
                .map_or(Timestamp::MIN, |at| clocks.shown(at)),
            resets_refused: self.resets_refused,
            revoked_keys: self.revoked.shown(clocks),
            kept_key: read.kept_key,
            roles: self.roles.observed(desired, clocks.steady),
            roles_seen_at: self.roles.seen_at().map(|at| clocks.shown(at)),
            claimed_by: None,
            listed_at: listing.map(|listing| clocks.shown(listing.start_time())),
            found: listing
                .map(|listing| found(listing, &read.identity.uid, record))
                .unwrap_or_default(),
            gone: self.token.gone.keys().cloned().collect(),
            delete_failed: self.token.delete_failed.clone(),
            keys_ended: self.token.keys_ended.clone(),
            life_limited: self.token.life_limited.clone(),
            end_refused: self.token.end_refused.clone(),
            retries: self.retries.shown(clocks),
            identity: read.identity,
            generation: read.generation,
            finalizer: read.finalizer,
            deletion: read.deletion,
            namespace_terminating: read.namespace_terminating,
            layout: read.layout,
            revokes: read.revokes,
            cut_offs: read.cut_offs,
            claims: read.claims,
            record: read.record,
            account: read.account,
            secret: read.secret,
            former_secret: read.former_secret,
            clocks: read.clocks,
            timing: read.timing,
            holder: read.holder,
            nonce: read.nonce,
        };
        if let Some(token_id) = token_in_question(&observed).cloned() {
            let (proof, at) = self.secret_key.observed(&observed.secret, &token_id);
            observed.secret_key = proof;
            observed.secret_key_asked_at = at.map(|at| clocks.shown(at));
            observed.remote =
                self.token
                    .observed(desired, &observed, &token_id, listing, key_matches);
        }
        observed
    }

    /// Keeps what the observed world says for the first time, and forgets tokens that are neither recorded nor listed any more.
    pub fn keep_up_with(&mut self, observed: &Observed, listing: Option<&impl ShownListing<T>>) {
        self.token.remember_mismatch(observed);
        self.token.forget_tokens(observed, listing);
        if observed.deletion.is_some() {
            self.deletion_seen.get_or_insert(observed.clocks.steady);
        }
    }

    /// LaunchDarkly answered the pending call with a key.
    pub fn receive(&mut self, attempt: &Attempt, issued: IssuedKey) {
        self.token.last_write = Some(issued.since);
        self.token.look = None;
        self.call
            .progress(attempt, CallProgress::Answered(Box::new(issued)));
    }

    /// The pending call is recorded as published: nothing of it needs to be remembered.
    pub fn published(&mut self, record: &Record) {
        self.call.forget();
        self.resets_refused = 0;
        self.token.absent = None;
        // Previous keys may have been promised more time.
        self.token.life_limited.clear();
        if let (Some(secret), Some(token)) = (&record.secret, &record.token) {
            self.secret_key.published(secret, &token.id);
        }
    }
}

/// Tokens whose marker names this object and that it does not record.
fn found<T: ShownToken>(
    listing: &impl ShownListing<T>,
    uid: &ObjectUid,
    record: &Record,
) -> Vec<FoundToken> {
    let ours = |token: &T| {
        let marker = token.marker()?;
        let attempt = marker.attempt().filter(|_| marker.object == *uid)?.clone();
        Some(FoundToken {
            id: token.id().clone(),
            attempt,
            creation_time: token.creation_time(),
            last_used: token.last_used(),
        })
    };
    let marked = listing.marked_for(uid);
    let unrecorded = marked.filter(|token| !record.claims(token.id()));
    unrecorded.filter_map(ours).collect()
}
