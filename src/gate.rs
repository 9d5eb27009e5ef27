//! The question that comes right before every effect: may this process still act?

use std::time::Duration;

/// Why an effect was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease does not last long enough to begin this call")]
pub struct GateClosed;

/// Guards effects: asked after every wait, right before a request leaves (I5).
pub trait Gate: Send + Sync {
    /// Passes when this process leads and will still lead after `needed`.
    ///
    /// # Errors
    /// [`GateClosed`] when it does not; nothing was sent then.
    fn pass(&self, needed: Duration) -> Result<(), GateClosed>;
}

/// A gate for tests and for commands that lead by definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysOpen;

impl Gate for AlwaysOpen {
    fn pass(&self, _needed: Duration) -> Result<(), GateClosed> {
        Ok(())
    }
}
