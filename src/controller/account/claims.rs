//! Which object answers for which token: no two ever answer for the same one (I1, I6).

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::record::{Identity, Record};

/// The tokens that objects of this cluster record, as far as they were reconciled.
#[derive(Debug, Default)]
pub(in crate::controller) struct Claims(Mutex<Claimed>);

#[derive(Debug, Default)]
struct Claimed {
    holder_of: HashMap<TokenId, ObjectUid>,
    holders: HashMap<ObjectUid, Holder>,
}

/// An object, and what it answers for.
#[derive(Debug)]
struct Holder {
    object: Identity,
    tokens: Vec<TokenId>,
}

impl Claims {
    /// Notes what an object records; who came first keeps what two of them record.
    pub(in crate::controller) fn note(&self, object: &Identity, record: &Record) {
        let mut claimed = self.0.lock();
        for token_id in record.token_ids() {
            claimed.take(token_id, object);
        }
    }

    /// Claims a token for an object, unless another one has it.
    pub(in crate::controller) fn take(&self, token_id: &TokenId, object: &Identity) -> bool {
        self.0.lock().take(token_id, object)
    }

    /// The other object that answers for a token, as namespace and name.
    pub(in crate::controller) fn other(
        &self,
        token_id: &TokenId,
        object: &Identity,
    ) -> Option<String> {
        let claimed = self.0.lock();
        claimed.other(token_id, object).map(Identity::owner_mark)
    }

    /// Whether an object answers for a token.
    pub(in crate::controller) fn is_claimed(&self, token_id: &TokenId) -> bool {
        self.0.lock().holder_of.contains_key(token_id)
    }

    /// Forgets the tokens that an object does not record any more.
    pub(in crate::controller) fn release(&self, before: &Record, after: &Record) {
        let mut claimed = self.0.lock();
        for token_id in before.token_ids().filter(|id| !after.claims(id)) {
            claimed.drop_token(token_id);
        }
    }

    /// Forgets what an object recorded that is gone; returns what that was.
    pub(in crate::controller) fn forget(&self, object: &ObjectUid) -> Vec<TokenId> {
        self.0.lock().forget(object)
    }

    /// The objects that answer for tokens and are not among these.
    pub(in crate::controller) fn gone(&self, living: &HashSet<ObjectUid>) -> Vec<ObjectUid> {
        let claimed = self.0.lock();
        let gone = claimed.holders.keys().filter(|uid| !living.contains(uid));
        gone.cloned().collect()
    }
}

impl Claimed {
    /// An object that was created again under the same name takes over from itself.
    fn other(&self, token_id: &TokenId, object: &Identity) -> Option<&Identity> {
        let holder = self.holders.get(self.holder_of.get(token_id)?)?;
        let is_other =
            (&holder.object.namespace, &holder.object.name) != (&object.namespace, &object.name);
        is_other.then_some(&holder.object)
    }

    fn take(&mut self, token_id: &TokenId, object: &Identity) -> bool {
        if self.other(token_id, object).is_some() {
            return false;
        }
        if self.holder_of.get(token_id) == Some(&object.uid) {
            return true;
        }
        self.drop_token(token_id);
        self.holder_of.insert(token_id.clone(), object.uid.clone());
        let holder = self.holders.entry(object.uid.clone());
        let holder = holder.or_insert_with(|| Holder {
            object: object.clone(),
            tokens: Vec::new(),
        });
        holder.tokens.push(token_id.clone());
        true
    }

    fn drop_token(&mut self, token_id: &TokenId) {
        let Some(uid) = self.holder_of.remove(token_id) else {
            return;
        };
        if let Some(holder) = self.holders.get_mut(&uid) {
            holder.tokens.retain(|id| id != token_id);
            if holder.tokens.is_empty() {
                self.holders.remove(&uid);
            }
        }
    }

    fn forget(&mut self, object: &ObjectUid) -> Vec<TokenId> {
        let tokens = self.holders.remove(object).map(|holder| holder.tokens);
        let tokens = tokens.unwrap_or_default();
        for token_id in &tokens {
            self.holder_of.remove(token_id);
        }
        tokens
    }
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
        assert_eq!(claims.forget(&"1".into()), []);
        assert!(claims.is_claimed(&token));
    }

    #[test]
    fn what_is_gone_claims_nothing() {
        let claims = Claims::default();
        let token = TokenId::new("61095542756dba551110ae21");
        assert!(claims.take(&token, &object("web", "1")));
        assert_eq!(claims.gone(&HashSet::from(["1".into()])), []);
        assert_eq!(claims.gone(&HashSet::new()), ["1".into()]);
        assert_eq!(claims.forget(&"1".into()), std::slice::from_ref(&token));
        assert!(!claims.is_claimed(&token) && claims.gone(&HashSet::new()).is_empty());
        assert!(claims.take(&token, &object("copy", "2")));
    }
}
