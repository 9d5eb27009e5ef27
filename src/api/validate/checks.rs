//! Collects mistakes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::api::validate::Invalid;
use crate::domain::limits;
use crate::domain::syntax::{self, Syntax};

/// Keys of labels and annotations that no Secret gets from a template.
pub(super) static REFUSED_KEYS: [&Syntax; 2] = [&syntax::RESERVED_KEY, &syntax::SPREADING_KEY];

/// A smallest and a largest number.
pub(super) type Bounds = (usize, usize);

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    found: Vec<Invalid>,
}

impl Checks {
    /// The value, unless there are mistakes.
    pub(super) fn done<T>(self, value: T) -> Result<T, Vec<Invalid>> {
        if self.found.is_empty() {
            Ok(value)
        } else {
            Err(self.found)
        }
    }

    /// Notes a mistake unless something holds.
    pub(super) fn require(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.found.push(Invalid {
                field: field.into(),
                message: message.into(),
            });
        }
    }

    /// A text has between `min` and `max` characters.
    pub(super) fn length(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        self.require(
            (min..=max).contains(&length),
            field,
            format!("must have between {min} and {max} characters, not {length}"),
        );
    }

    /// A list or map has between `min` and `max` entries.
    pub(super) fn count(&mut self, field: &str, count: usize, min: usize, max: usize) {
        self.require(
            (min..=max).contains(&count),
            field,
            format!("must have between {min} and {max} entries, not {count}"),
        );
    }

    /// A number lies between two others.
    pub(super) fn range(&mut self, field: &str, number: i64, min: i64, max: i64) {
        self.require(
            (min..=max).contains(&number),
            field,
            format!("must be between {min} and {max}, not {number}"),
        );
    }

    /// A text has a form.
    pub(super) fn form(&mut self, field: &str, text: &str, syntax: &Syntax) {
        self.require(syntax.matches(text), field, syntax.message);
    }

    /// A bounded text has a form.
    pub(super) fn text(&mut self, field: &str, text: &str, max: usize, syntax: &Syntax) {
        self.length(field, text, 0, max);
        self.form(field, text, syntax);
    }

    /// A bounded list of bounded texts.
    pub(super) fn list(&mut self, field: &str, items: &[String], count: Bounds, length: Bounds) {
        self.count(field, items.len(), count.0, count.1);
        for (index, item) in items.iter().enumerate() {
            self.length(&format!("{field}[{index}]"), item, length.0, length.1);
        }
    }

    /// A bounded list of bounded texts, none of them twice.
    pub(super) fn set(&mut self, field: &str, items: &[String], count: Bounds, length: Bounds) {
        self.list(field, items, count, length);
        self.distinct(field, items);
    }

    /// Every text of a list has a form.
    pub(super) fn forms(&mut self, field: &str, items: &[String], syntax: &Syntax) {
        for (index, item) in items.iter().enumerate() {
            self.form(&format!("{field}[{index}]"), item, syntax);
        }
    }

    /// No item is there twice.
    pub(super) fn distinct<T: Ord + Display>(&mut self, field: &str, items: &[T]) {
        let mut seen = BTreeSet::new();
        for item in items {
            self.require(
                seen.insert(item),
                field,
                format!("must have {item} only once"),
            );
        }
    }

    /// Labels: valid keys and values.
    pub(super) fn labels(&mut self, field: &str, labels: &BTreeMap<String, String>) {
        self.keys(field, labels, limits::LABEL);
        self.require(
            labels
                .values()
                .all(|value| syntax::LABEL_VALUE.matches(value)),
            field,
            syntax::LABEL_VALUE.message,
        );
    }

    /// A bounded map with valid keys of labels.
    pub(super) fn keys(&mut self, field: &str, map: &BTreeMap<String, String>, length: usize) {
        self.count(field, map.len(), 0, limits::LABELS);
        for (key, value) in map {
            self.length(&format!("{field}.{key}"), value, 0, length);
        }
        self.require(
            map.keys()
                .all(|key| key.len() <= limits::LABEL_KEY && syntax::LABEL_KEY.matches(key)),
            field,
            syntax::LABEL_KEY.message,
        );
    }

    /// No key is one that other controllers act on.
    pub(super) fn not_refused(&mut self, field: &str, map: &BTreeMap<String, String>) {
        for refused in REFUSED_KEYS {
            let none = !map.keys().any(|key| refused.matches(key));
            self.require(none, field, refused.message);
        }
    }
}
