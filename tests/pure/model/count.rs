//! What is kept beside the states: the decision in each, and how often each step was next.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use launchdarkly_token_operator::domain::step::{Step, StepKind};
use strum::IntoEnumIterator as _;

use super::observe::Seen;

/// What the leader sees and decides in a state. It follows from the state, so it is no part of what makes states differ.
#[derive(Default)]
pub struct Next {
    decided: OnceLock<Option<Box<(Seen, Step)>>>,
    undisturbed: bool,
}

impl Next {
    /// Nothing decided yet.
    pub fn undecided(undisturbed: bool) -> Self {
        Self {
            decided: OnceLock::new(),
            undisturbed,
        }
    }

    pub fn get(&self, decide: impl FnOnce() -> Option<(Seen, Step)>) -> Option<&(Seen, Step)> {
        let decided = self.decided.get_or_init(|| decide().map(Box::new));
        decided.as_deref()
    }

    /// Whether the state was first reached by a step that worked: then what comes of it also comes of the state before.
    pub fn undisturbed(&self) -> bool {
        self.undisturbed
    }
}

impl Clone for Next {
    fn clone(&self) -> Self {
        Self::undecided(self.undisturbed)
    }
}

impl PartialEq for Next {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Next {}

impl Hash for Next {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// In how many states each step was next.
#[derive(Debug)]
pub struct Counts(Vec<(StepKind, AtomicUsize)>);

impl Default for Counts {
    fn default() -> Self {
        let none = |kind| (kind, AtomicUsize::new(0));
        Self(StepKind::iter().map(none).collect())
    }
}

impl Counts {
    pub fn note(&self, kind: StepKind) {
        if let Some((_, count)) = self.0.iter().find(|(known, _)| *known == kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn of(&self, kind: StepKind) -> usize {
        let known = self.0.iter().find(|(known, _)| *known == kind);
        known.map_or(0, |(_, count)| count.load(Ordering::Relaxed))
    }
}
