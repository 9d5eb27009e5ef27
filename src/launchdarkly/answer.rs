//! What became of a call, and when it left.

use jiff::Timestamp;

use super::error::ApiError;
use crate::clock::Moment;

/// When a request left the limiter, on the steady clock: what it shows was so no earlier, however long it had waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// By the steady clock.
    pub at: Timestamp,
}

impl Sent {
    /// It leaves at this moment.
    pub(super) fn at(moment: Moment) -> Self {
        Self {
            at: moment.steady(),
        }
    }
}

/// What became of a call, and when its last request left: that nothing is there, or that a key is refused, is known as of then too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// When the request left; where none did, when that was known.
    pub sent: Sent,
    /// What came of it.
    pub outcome: Result<T, ApiError>,
}

impl<T> Answer<T> {
    /// Nothing left.
    pub(super) fn unsent(error: ApiError, moment: Moment) -> Self {
        Self {
            sent: Sent::at(moment),
            outcome: Err(error),
        }
    }
}
