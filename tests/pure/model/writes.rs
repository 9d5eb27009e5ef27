//! What Kubernetes does with writes: each names what its sender read, and is refused if that has changed.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint};
use launchdarkly_token_operator::domain::record::Record;
use launchdarkly_token_operator::domain::secret::Arrangement;
use launchdarkly_token_operator::domain::secret::{SecretPlan, SecretRevision};
use launchdarkly_token_operator::domain::time::Clocks;

use super::execute::Act;
use super::ledger::Breach;
use super::world::{Object, Secret};

impl Act<'_> {
    /// The object, if it may be written.
    fn object(&mut self) -> Option<&mut Object> {
        let (fenced, read) = (self.physics.fenced, self.revision);
        let object = self.core.object.as_mut()?;
        (!fenced || object.revision == read).then_some(object)
    }

    pub fn add_finalizer(&mut self) {
        if let Some(object) = self.object() {
            object.finalizer = true;
            object.revision += 1;
        }
    }

    pub fn remove_finalizer(&mut self) {
        if self.object().is_some() {
            self.core.object = None;
        }
    }

    /// Whether it was written.
    pub fn write_record(&mut self, record: &Record) -> bool {
        let Some(object) = self.object() else {
            return false;
        };
        object.record = record.clone();
        object.revision += 1;
        self.ledger.writes(record);
        true
    }

    /// From now on this process may make the call that is announced.
    pub fn arm(&mut self, record: &Record, arrangement: &Arrangement) {
        let Some(intent) = &record.pending else {
            return;
        };
        let arrangement = Box::new(arrangement.clone());
        self.memory
            .facts
            .call
            .arm(intent, arrangement, Clocks::agreeing(self.core.clock));
    }

    /// Whether a Secret of this name is what its writer read.
    fn is_at(&self, name: &str, at: &SecretRevision) -> bool {
        if !self.physics.fenced {
            return true;
        }
        match (self.core.secrets.get(name), at) {
            (None, SecretRevision::Absent) => true,
            (Some(secret), SecretRevision::Exactly { uid, version }) => {
                format!("secret-{}", secret.uid) == uid.as_str()
                    && secret.revision.to_string() == version.as_str()
            }
            (None, SecretRevision::Exactly { .. }) | (Some(_), SecretRevision::Absent) => false,
        }
    }

    pub fn may_write(&self, plan: &SecretPlan) -> bool {
        self.is_at(&plan.layout.name, &plan.at)
    }

    pub fn publish(&mut self, attempt: &Attempt, plan: &SecretPlan) {
        if !self.may_write(plan) {
            return;
        }
        let Some(held) = self.memory.facts.call.key(attempt) else {
            return;
        };
        let (key, token_id) = (held.fingerprint.clone(), held.token_id.clone());
        let now = self.remote_now();
        // A Secret that is not there cannot be fenced: into it a paused predecessor may write what nobody waits for.
        let unfenced = self.late && !self.core.secrets.contains_key(&plan.layout.name);
        let object = self.core.object.as_ref();
        let wanted = object.is_some_and(|object| object.deleted_at.is_none());
        if wanted && !unfenced {
            self.ledger
                .publishes(self.core, &key, &token_id, self.cause, now);
        }
        if self.cause == Some(Cause::Revoke) {
            self.keep_revoked();
        }
        self.write_secret(plan, key);
        if let Some(token) = self.core.tokens.get_mut(&token_id) {
            token.used = true;
        }
    }

    /// Renders a key that a Secret holds already.
    pub fn rewrite(&mut self, from: &str, plan: &SecretPlan) {
        let Some(key) = self.core.secrets.get(from).map(|s| s.key.clone()) else {
            return;
        };
        if self.may_write(plan) {
            self.write_secret(plan, key);
        }
    }

    fn write_secret(&mut self, plan: &SecretPlan, key: Fingerprint) {
        let name = plan.layout.name.clone();
        let before = self.core.secrets.get(&name);
        if before.is_some_and(|secret| !secret.ours) {
            self.ledger.notes(Breach::Foreign);
        }
        let before = before.map(|secret| (secret.uid, secret.revision));
        let (uid, revision) = before.unwrap_or_else(|| (self.core.next(), 0));
        let secret = Secret {
            uid,
            revision: revision + 1,
            ours: true,
            key,
            marks: plan.marks.clone(),
            intact: true,
        };
        self.core.secrets.insert(name, secret);
    }

    pub fn fence(&mut self, name: &str, at: &SecretRevision, attempt: &Attempt) {
        if !self.is_at(name, at) {
            return;
        }
        let Some(secret) = self.core.secrets.get_mut(name) else {
            return;
        };
        if !secret.ours {
            self.ledger.notes(Breach::Foreign);
        }
        secret.marks.fence = Some(attempt.clone());
        secret.revision += 1;
    }

    pub fn delete_secret(&mut self, name: &str, at: &SecretRevision) {
        if self.is_at(name, at) {
            self.ledger.deletes_secret(self.core, name);
            self.core.secrets.remove(name);
        }
    }

    /// The recorded key is to end: the process that has it asks later whether it did.
    pub fn keep_revoked(&mut self) {
        let object = self.core.object.as_ref();
        let recorded = object.and_then(|object| object.record.secret.as_ref());
        if let Some(secret) = recorded {
            let key = secret.fingerprint.clone();
            self.memory.facts.revoked.note(key);
        }
    }
}
