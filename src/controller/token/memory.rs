//! What this process remembers of one object between two looks: what it was told, the key in hand, and its Secrets.
//!
//! None of it is needed after a crash; all of it may be lost at any moment.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::domain::ids::{Attempt, Fingerprint, RequestHash};
use crate::domain::memory::Memory;
use crate::domain::record::{Intent, Record};
use crate::domain::secret::Arrangement;
use crate::domain::time::Clocks;
use crate::launchdarkly::Token;
use crate::redaction::{Key, LastFour};

/// How large a Secret may be that is remembered until the next look, in bytes. One of ours has two keys and a few annotations; one with the
/// longest template is read again at each look.
const KEPT_SECRET: usize = 16 << 10;

/// What this process remembers of one object.
#[derive(Debug, Default)]
pub(in crate::controller) struct ObjectMemory {
    /// All that may be shown.
    pub(in crate::controller) facts: Memory<Token>,
    /// The key that an attempt was answered with.
    key: Option<(Attempt, Key)>,
    /// Keys that were revoked and may not be dead.
    revoked: Vec<Key>,
    /// The Secrets as last read or written, by name.
    pub(in crate::controller) secrets: Vec<KnownSecret>,
    /// The values that the object had at the last look and that ask for something once.
    pub(in crate::controller) requests: Option<BTreeSet<RequestHash>>,
    /// The newest version of the object that this process wrote.
    pub(in crate::controller) written_version: Option<u128>,
}

/// A Secret as last read or written.
#[derive(Debug)]
pub(in crate::controller) struct KnownSecret {
    pub(in crate::controller) name: String,
    /// `None` for absent.
    pub(in crate::controller) snapshot: Option<SecretSnapshot>,
    /// Since boot.
    pub(in crate::controller) read_at: Duration,
}

impl ObjectMemory {
    /// A call is about to be made; the key of an earlier one is needed no more.
    pub(in crate::controller) fn begin_call(
        &mut self,
        intent: &Intent,
        arrangement: Box<Arrangement>,
        clocks: Clocks,
    ) {
        self.key = None;
        self.facts.call.arm(intent, arrangement, clocks);
    }

    /// Keeps the key that a call was answered with.
    pub(in crate::controller) fn take_key(&mut self, attempt: &Attempt, key: Key) {
        self.key = Some((attempt.clone(), key));
    }

    /// The key in hand for an attempt.
    pub(in crate::controller) fn key(&self, attempt: &Attempt) -> Option<&Key> {
        let (known, key) = self.key.as_ref()?;
        (known == attempt && self.facts.call.key(attempt).is_some()).then_some(key)
    }

    /// The key with this fingerprint, where the Secret of that name holds it.
    pub(in crate::controller) fn key_in(&self, secret: &str, key: &Fingerprint) -> Option<Key> {
        let snapshot = self.secret(secret)?.as_ref()?;
        snapshot.key(snapshot.entry_of(key)?)
    }

    /// Keeps keys that are to die, to ask whether they did.
    pub(in crate::controller) fn keep_revoked(&mut self, keys: Vec<Key>) {
        for key in keys {
            self.forget_revoked(&key.fingerprint());
            self.facts.revoked.note(key.fingerprint());
            self.revoked.push(key);
        }
    }

    /// Every key is to end: none is in hand, and ends that were given with a grace are too late now.
    pub(in crate::controller) fn cut_off(&mut self, keys: Vec<Key>) {
        self.keep_revoked(keys);
        self.forget_call();
        self.facts.token.life_limited.clear();
    }

    /// A key that was revoked.
    pub(in crate::controller) fn revoked(&self, fingerprint: &Fingerprint) -> Option<&Key> {
        let mut keys = self.revoked.iter();
        keys.find(|key| key.fingerprint() == *fingerprint)
    }

    /// Forgets a key that was revoked: it is dead, or another object's.
    pub(in crate::controller) fn forget_revoked(&mut self, fingerprint: &Fingerprint) {
        self.facts.revoked.forget(fingerprint);
        self.revoked.retain(|key| key.fingerprint() != *fingerprint);
    }

    /// The call is settled: its key is needed no more.
    pub(in crate::controller) fn forget_call(&mut self) {
        self.facts.call.forget();
        self.key = None;
    }

    /// The pending call is recorded as published.
    pub(in crate::controller) fn published(&mut self, record: &Record) {
        self.key = None;
        self.facts.published(record);
    }

    /// Whether a key is in hand that is not published yet.
    pub(in crate::controller) fn holds_key(&self) -> bool {
        self.facts.call.holds_key()
    }

    /// The Secret as last read or written, if this process knows.
    pub(in crate::controller) fn secret(&self, name: &str) -> Option<&Option<SecretSnapshot>> {
        self.secrets
            .iter()
            .find(|known| known.name == name)
            .map(|known| &known.snapshot)
    }

    /// The end of the key with this fingerprint that a Secret holds.
    pub(in crate::controller) fn last_four(
        &self,
        name: &str,
        key: &Fingerprint,
    ) -> Option<LastFour> {
        let snapshot = self.secret(name)?.as_ref()?;
        snapshot.last_four(snapshot.entry_of(key)?)
    }

    /// Remembers a Secret as read or written at this time since boot.
    pub(in crate::controller) fn remember_secret(
        &mut self,
        name: &str,
        snapshot: Option<SecretSnapshot>,
        read_at: Duration,
    ) {
        self.forget_secret(name);
        self.secrets.push(KnownSecret {
            name: name.to_owned(),
            snapshot,
            read_at,
        });
    }

    /// Forgets Secrets that hold more than one of ours does: whoever puts so much into them must not have this process hold it too.
    pub(in crate::controller) fn forget_large_secrets(&mut self) {
        let is_small = |snapshot: &SecretSnapshot| snapshot.size() <= KEPT_SECRET;
        self.secrets
            .retain(|known| known.snapshot.as_ref().is_none_or(is_small));
    }

    /// Forgets a Secret, so that it is read again.
    pub(in crate::controller) fn forget_secret(&mut self, name: &str) {
        self.secrets.retain(|known| known.name != name);
    }
}
