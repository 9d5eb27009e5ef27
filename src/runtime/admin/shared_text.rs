//! The metrics as text, one text for many readers.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::runtime::metrics::Metrics;

/// How old the text may be that readers share: of what slow readers hold at a time there are a few texts, not one for each.
const SHARED_FOR: Duration = Duration::from_secs(5);

/// Encodes metrics for whoever asks. While somebody still reads a text that is a few seconds old, others get the same; who asks alone
/// gets what is so now. Clones share their state.
#[derive(Debug, Clone)]
pub(super) struct SharedText {
    metrics: Metrics,
    last: Arc<Mutex<Weak<Encoded>>>,
}

#[derive(Debug)]
struct Encoded {
    text: String,
    at: Instant,
}

/// Keeps the text for one reader.
struct Reader(Arc<Encoded>);

impl AsRef<[u8]> for Reader {
    fn as_ref(&self) -> &[u8] {
        self.0.text.as_bytes()
    }
}

impl SharedText {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            last: Arc::default(),
        }
    }

    /// The text for one more reader.
    ///
    /// # Errors
    /// A metric cannot be encoded.
    pub(super) fn read(&self) -> Result<Bytes, fmt::Error> {
        let mut last = self.last.lock();
        let shared = last.upgrade().filter(|one| one.at.elapsed() < SHARED_FOR);
        let encoded = match shared {
            Some(encoded) => encoded,
            None => Arc::new(Encoded {
                text: self.metrics.encode()?,
                at: Instant::now(),
            }),
        };
        *last = Arc::downgrade(&encoded);
        Ok(Bytes::from_owner(Reader(encoded)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readers_at_a_time_share_a_text_and_who_comes_alone_gets_a_new_one() {
        let text = SharedText::new(Metrics::default());
        let slow = text.read().unwrap();
        let second = text.read().unwrap();
        assert_eq!(slow.as_ptr(), second.as_ptr());
        advance(SHARED_FOR).await;
        let third = text.read().unwrap();
        assert_ne!(slow.as_ptr(), third.as_ptr());
        drop((slow, second, third));
        assert!(text.last.lock().upgrade().is_none());
    }
}
