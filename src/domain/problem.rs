//! What is in the way: the one shape from an error of LaunchDarkly or Kubernetes, or a rule of our own, to a condition.

use super::reason::Reason;

/// Something that keeps an object from being as its spec asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    /// As conditions, events and metrics say it.
    pub reason: Reason,
    /// What happened and what to change, fit to be shown.
    pub message: String,
    /// Who has to act.
    pub recovery: Recovery,
}

/// Who has to act before a problem can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// The operator, which tries again: waiting alone may help.
    Retry,
    /// A user: the same attempt cannot end otherwise before something is changed.
    User,
    /// Another process: this one must not act any more.
    Never,
}

impl Problem {
    /// A problem that may pass by itself.
    #[must_use]
    pub fn retry(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            recovery: Recovery::Retry,
        }
    }

    /// A problem that lasts until a user changes something.
    #[must_use]
    pub fn user(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            recovery: Recovery::User,
        }
    }

    /// The same problem, which may pass by itself if `passes`.
    #[must_use]
    pub fn passing_if(self, passes: bool) -> Self {
        Self {
            recovery: if passes {
                Recovery::Retry
            } else {
                self.recovery
            },
            ..self
        }
    }

    /// Whether only a change by a user helps.
    #[must_use]
    pub fn needs_user(&self) -> bool {
        self.recovery == Recovery::User
    }
}
