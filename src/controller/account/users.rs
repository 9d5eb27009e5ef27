//! The objects that use one account object, and how many of each namespace these are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::account::budget::Population;
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::record::{Identity, PendingOperation, Record};

/// The objects that use one account object. The account's replacement budget looks at them, too, through all account objects.
#[derive(Debug, Default)]
pub(super) struct Users(Mutex<Counted>);

/// What one object has at the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// How many tokens it answers for. One that is about to make its first has one already.
    tokens: usize,
    /// The tokens with its marker that it does not know.
    unknown: Vec<TokenId>,
}

/// Of an object that is about to make its first token.
impl Default for Usage {
    fn default() -> Self {
        Self {
            tokens: 1,
            unknown: Vec::new(),
        }
    }
}

impl Usage {
    /// What an object's record says.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let known: BTreeSet<_> = record.token_ids().collect();
        let pending = record.pending.as_ref();
        let begun = pending.is_some_and(|it| it.operation == PendingOperation::Create);
        Self {
            tokens: (known.len() + usize::from(begun)).max(1),
            unknown: record.unknown_tokens.clone(),
        }
    }
}

/// One object that uses the account.
#[derive(Debug)]
struct User {
    namespace: Arc<str>,
    usage: Usage,
}

#[derive(Debug, Default)]
struct Counted {
    users: HashMap<ObjectUid, User>,
    /// How many tokens all of them answer for.
    tokens: usize,
    /// The name of each namespace is kept once, and no longer than objects in it need it.
    namespaces: HashMap<Arc<str>, usize>,
}

impl Users {
    pub(super) fn len(&self) -> usize {
        self.0.lock().users.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn contains(&self, object: &ObjectUid) -> bool {
        self.0.lock().users.contains_key(object)
    }

    /// How many tokens these objects answer for.
    pub(super) fn tokens(&self) -> usize {
        self.0.lock().tokens
    }

    /// The tokens with these objects' markers that they do not know.
    pub(super) fn unknown(&self) -> BTreeSet<TokenId> {
        let counted = self.0.lock();
        let unknown = counted.users.values().flat_map(|it| &it.usage.unknown);
        unknown.cloned().collect()
    }

    /// True if it is news that the object uses the account, or which tokens it does not know.
    pub(super) fn insert(&self, object: &Identity, usage: Usage) -> bool {
        let mut counted = self.0.lock();
        counted.tokens += usage.tokens;
        if let Some(user) = counted.users.get_mut(&object.uid) {
            let before = std::mem::replace(&mut user.usage, usage);
            let news = before.unknown != user.usage.unknown;
            counted.tokens -= before.tokens;
            return news;
        }
        let known = counted.namespaces.get_key_value(object.namespace.as_str());
        let namespace = known.map_or_else(
            || Arc::from(object.namespace.as_str()),
            |(n, _)| Arc::clone(n),
        );
        *counted
            .namespaces
            .entry(Arc::clone(&namespace))
            .or_default() += 1;
        let user = User { namespace, usage };
        counted.users.insert(object.uid.clone(), user);
        true
    }

    /// True if that is news.
    pub(super) fn remove(&self, object: &ObjectUid) -> bool {
        self.0.lock().remove(object)
    }

    pub(super) fn retain(&self, living: &HashSet<ObjectUid>) {
        let mut counted = self.0.lock();
        let gone: Vec<_> = counted
            .users
            .keys()
            .filter(|object| !living.contains(object))
            .cloned()
            .collect();
        for object in gone {
            counted.remove(&object);
        }
    }

    pub(super) fn add_to(&self, population: &mut Population) {
        for (namespace, objects) in &self.0.lock().namespaces {
            population.add(namespace, *objects);
        }
    }
}

impl Counted {
    fn remove(&mut self, object: &ObjectUid) -> bool {
        let Some(user) = self.users.remove(object) else {
            return false;
        };
        self.tokens -= user.usage.tokens;
        if let Some(objects) = self.namespaces.get_mut(&user.namespace) {
            *objects -= 1;
            if *objects == 0 {
                self.namespaces.remove(&user.namespace);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(namespace: &str, n: usize) -> Identity {
        Identity {
            uid: ObjectUid::new(format!("{namespace}-{n}")),
            namespace: namespace.to_owned(),
            name: format!("t{n}"),
        }
    }

    fn population(users: &Users) -> Population {
        let mut population = Population::default();
        users.add_to(&mut population);
        population
    }

    #[test]
    fn an_object_counts_once_and_a_namespace_as_long_as_it_has_one_i14() {
        let users = Users::default();
        let mut expected = Population::default();
        for (namespace, objects) in [("a", 2), ("b", 1)] {
            for n in 0..objects {
                assert!(users.insert(&object(namespace, n), Usage::default()));
                assert!(!users.insert(&object(namespace, n), Usage::default()));
            }
            expected.add(&namespace.into(), objects);
        }
        assert_eq!(population(&users), expected);
        assert!(users.remove(&object("b", 0).uid));
        assert!(!users.remove(&object("b", 0).uid));
        users.retain(&HashSet::from([object("a", 1).uid]));
        let mut expected = Population::default();
        expected.add(&"a".into(), 1);
        assert_eq!((population(&users), users.len()), (expected, 1));
        users.retain(&HashSet::new());
        assert_eq!(population(&users), Population::default());
        assert!(users.is_empty() && users.tokens() == 0);
    }

    #[test]
    fn an_object_counts_with_each_token_that_it_answers_for_i9() {
        let users = Users::default();
        let usage = |tokens, unknown: &[&str]| Usage {
            tokens,
            unknown: unknown.iter().copied().map(TokenId::new).collect(),
        };
        assert!(users.insert(&object("a", 0), Usage::default()));
        assert!(!users.insert(&object("a", 0), usage(3, &[])));
        assert!(users.insert(&object("a", 1), usage(2, &["x"])));
        assert_eq!(users.tokens(), 5);
        assert!(users.insert(&object("a", 0), usage(1, &["y"])), "unknown");
        assert_eq!(users.tokens(), 3);
        assert_eq!(users.unknown(), ["x", "y"].map(TokenId::new).into());
        assert!(users.remove(&object("a", 1).uid));
        assert_eq!(users.tokens(), 1);
    }
}
