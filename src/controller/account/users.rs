//! The objects that use one account object, and how many of each namespace these are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::domain::account::budget::Population;
use crate::domain::ids::ObjectUid;
use crate::domain::record::Identity;

/// The objects that use one account object. The account's replacement budget looks at them, too, through all account objects.
#[derive(Debug, Default)]
pub(super) struct Users(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    namespace_of: HashMap<ObjectUid, Arc<str>>,
    /// The name of each namespace is kept once, and no longer than objects in it need it.
    namespaces: HashMap<Arc<str>, usize>,
}

impl Users {
    pub(super) fn len(&self) -> usize {
        self.0.lock().namespace_of.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn contains(&self, object: &ObjectUid) -> bool {
        self.0.lock().namespace_of.contains_key(object)
    }

    /// True if that is news.
    pub(super) fn insert(&self, object: &Identity) -> bool {
        let mut counted = self.0.lock();
        if counted.namespace_of.contains_key(&object.uid) {
            return false;
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
        counted.namespace_of.insert(object.uid.clone(), namespace);
        true
    }

    /// True if that is news.
    pub(super) fn remove(&self, object: &ObjectUid) -> bool {
        self.0.lock().remove(object)
    }

    pub(super) fn retain(&self, living: &HashSet<ObjectUid>) {
        let mut counted = self.0.lock();
        let gone: Vec<_> = counted
            .namespace_of
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
        let Some(namespace) = self.namespace_of.remove(object) else {
            return false;
        };
        if let Some(objects) = self.namespaces.get_mut(&namespace) {
            *objects -= 1;
            if *objects == 0 {
                self.namespaces.remove(&namespace);
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
                assert!(users.insert(&object(namespace, n)));
                assert!(!users.insert(&object(namespace, n)));
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
        assert!(users.is_empty());
    }
}
