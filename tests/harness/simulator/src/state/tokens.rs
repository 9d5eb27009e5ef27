//! All tokens there are and were, found by ID and by key.

use std::collections::{BTreeSet, HashMap};

use super::key::{Key, KeyValue};
use super::token::Token;

/// A time at which a token (or one of its keys) stops working.
type Deadline = (i64, usize, Option<u32>);

/// All tokens in the order of their creation; deleted ones stay, marked as such.
#[derive(Debug, Default)]
pub struct Tokens {
    all: Vec<Token>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<KeyValue, (usize, u32)>,
    deadlines: BTreeSet<Deadline>,
}

impl Tokens {
    /// Adds a token and returns its index, which never changes.
    pub fn add(&mut self, token: Token) -> usize {
        let index = self.all.len();
        self.by_id.insert(token.id.clone(), index);
        for key in &token.keys {
            self.by_key.insert(key.value.clone(), (index, key.number));
        }
        if let Some(expiry) = token.facts.expiry {
            self.deadlines.insert((expiry, index, None));
        }
        self.all.push(token);
        index
    }

    /// How many tokens there are and were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there never was a token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The token at an index that [`Tokens::add`] or a search returned.
    #[must_use]
    pub fn at(&self, index: usize) -> &Token {
        &self.all[index]
    }

    /// The same, to change it.
    pub fn at_mut(&mut self, index: usize) -> &mut Token {
        &mut self.all[index]
    }

    /// Finds a token by ID, also a deleted one.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Finds the token and the number of its key by the key's value.
    #[must_use]
    pub fn find_key(&self, value: &str) -> Option<(usize, u32)> {
        self.by_key.get(&KeyValue::new(value)).copied()
    }

    /// Every token with its index, in the order of creation.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &Token)> {
        self.all.iter().enumerate()
    }

    /// Adds a key to a token.
    pub fn add_key(&mut self, index: usize, key: Key) {
        self.by_key.insert(key.value.clone(), (index, key.number));
        self.all[index].keys.push(key);
    }

    /// Remembers to look at a token, or one of its keys, at a time.
    pub fn watch(&mut self, at: i64, index: usize, key: Option<u32>) {
        self.deadlines.insert((at, index, key));
    }

    /// Takes the earliest deadline that has come.
    pub fn due(&mut self, now: i64) -> Option<Deadline> {
        let first = *self.deadlines.first()?;
        if first.0 > now {
            return None;
        }
        self.deadlines.pop_first()
    }
}
