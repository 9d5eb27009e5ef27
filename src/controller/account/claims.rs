//! Which object answers for which token: no two ever answer for the same one (I1, I6).

use std::collections::{HashMap, HashSet};

use parking_lot::{Mutex, MutexGuard};

use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::record::{Identity, Record};

/// The tokens that objects of this cluster record, as far as they were reconciled.
#[derive(Debug, Default)]
pub(in crate::controller) struct Claims(Mutex<HashMap<TokenId, Identity>>);

impl Claims {
    /// Notes what an object records; who came first keeps what two of them record.
    pub(in crate::controller) fn note(&self, object: &Identity, record: &Record) {
        let mut claims = self.lock();
        for token_id in record.token_ids() {
            if other_in(&claims, token_id, object).is_none() {
                claims.insert(token_id.clone(), object.clone());
            }
        }
    }

    /// Claims a token for an object, unless another one has it.
    pub(in crate::controller) fn take(&self, token_id: &TokenId, object: &Identity) -> bool {
        let mut claims = self.lock();
        let free = other_in(&claims, token_id, object).is_none();
        if free {
            claims.insert(token_id.clone(), object.clone());
        }
        free
    }

    /// The other object that answers for a token, as namespace and name.
    pub(in crate::controller) fn other(
        &self,
        token_id: &TokenId,
        object: &Identity,
    ) -> Option<String> {
        other_in(&self.lock(), token_id, object)
    }

    /// Forgets the tokens that an object does not record any more.
    pub(in crate::controller) fn release(&self, before: &Record, after: &Record) {
        let mut claims = self.lock();
        for token_id in before.token_ids().filter(|id| !after.claims(id)) {
            claims.remove(token_id);
        }
    }

    /// Forgets what objects recorded that are gone.
    pub(in crate::controller) fn retain(&self, living: &HashSet<ObjectUid>) {
        self.lock().retain(|_, object| living.contains(&object.uid));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, Identity>> {
        self.0.lock()
    }
}

/// An object that was created again under the same name takes over from itself.
fn other_in(
    claims: &HashMap<TokenId, Identity>,
    token_id: &TokenId,
    object: &Identity,
) -> Option<String> {
    let holder = claims.get(token_id)?;
    (holder.owner_mark() != object.owner_mark()).then(|| holder.owner_mark())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, uid: &str) -> Identity {
        Identity {
            uid: ObjectUid::new(uid),
            namespace: "team-a".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_token_has_one_owner() {
        let claims = Claims::default();
        let token = TokenId::new("61095542756dba551110ae21");
        assert!(claims.take(&token, &object("web", "1")));
        assert!(!claims.take(&token, &object("copy", "2")));
        let other = claims.other(&token, &object("copy", "2"));
        assert_eq!(other.as_deref(), Some("team-a/web"));
    }

    #[test]
    fn an_object_created_again_takes_over_from_itself() {
        let claims = Claims::default();
        let token = TokenId::new("61095542756dba551110ae21");
        assert!(claims.take(&token, &object("web", "1")));
        assert!(claims.take(&token, &object("web", "2")));
    }

    #[test]
    fn what_is_gone_claims_nothing() {
        let claims = Claims::default();
        let token = TokenId::new("61095542756dba551110ae21");
        assert!(claims.take(&token, &object("web", "1")));
        claims.retain(&HashSet::new());
        assert!(claims.take(&token, &object("copy", "2")));
    }
}
