//! The one limiter that all calls to an account pass (I13): priorities, rate limits, pauses, and LaunchDarkly's clock.

mod circuit_breaker;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod headers;
mod priority;
mod queue;
mod registry;
mod remote_clock;
#[cfg(test)]
mod tests;
mod turns;
mod windows;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(super) use headers::RateHeaders;
pub use priority::Priority;
use queue::{Queue, Ticket, Waiter};
pub use registry::Limiters;
pub(super) use remote_clock::RemoteTime;
pub(super) use turns::Party;
pub use windows::{Family, RateLeft};

use crate::clock::{Clock, Moment};
use crate::domain::ids::Fingerprint;
use crate::domain::time::RemoteOffset;
use crate::launchdarkly::error::{ApiError, Operation};

/// How much of an account's limits this program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterOptions {
    /// Requests under way at once; at least one.
    pub in_flight: usize,
    /// The part of each account-wide window that is left to others, in percent; at most 90.
    pub headroom_percent: u8,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self {
            in_flight: 2,
            headroom_percent: 20,
        }
    }
}

/// Is told of every request, for metrics.
pub trait CallObserver: Send + Sync {
    /// A request ended, with an answer of status `code` or none. `result` is `ok` or the error's reason; `took` begins when it left
    /// the limiter.
    fn called(&self, operation: Operation, code: Option<u16>, result: &'static str, took: Duration);
}

/// Tells nobody.
impl CallObserver for () {
    fn called(&self, _: Operation, _: Option<u16>, _: &'static str, _: Duration) {}
}

/// What the answers that a limiter gets speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// One account.
    Account,
    /// Each another account: what one key is told says nothing about the next.
    Keys,
}

/// The limiter of one account, or of the keys on one host whose accounts are not known yet.
///
/// # Guarantees
/// - At most [`LimiterOptions::in_flight`] requests are under way, and none leaves while a limit it counts in is used up to
///   the headroom, or while the limiter is paused.
/// - Of those that may leave, one of the highest priority goes; of these the namespaces take turns.
/// - While LaunchDarkly fails whatever it is asked, one call finds out from time to time whether it still does, and the others
///   are turned away at once.
/// - Giving up waiting, at any point, leaves no trace.
pub struct AccountLimiter {
    counts: Counts,
    state: Mutex<Queue>,
    observer: Arc<dyn CallObserver>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for AccountLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountLimiter").finish_non_exhaustive()
    }
}

impl AccountLimiter {
    /// A limiter without calls. Accounts that are known by id take theirs from [`Limiters`].
    #[must_use]
    pub fn new(
        options: LimiterOptions,
        observer: Arc<dyn CallObserver>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Self::counting(Counts::Account, options, observer, clock)
    }

    /// A limiter for keys whose accounts are not known yet: only so many calls are under way at once.
    #[must_use]
    pub(super) fn of_newcomers(
        options: LimiterOptions,
        observer: Arc<dyn CallObserver>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Self::counting(Counts::Keys, options, observer, clock)
    }

    fn counting(
        counts: Counts,
        options: LimiterOptions,
        observer: Arc<dyn CallObserver>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            counts,
            state: Mutex::new(Queue::new(options)),
            observer,
            clock,
        })
    }

    /// What to add to the local clock to get LaunchDarkly's; zero before its first answer.
    #[must_use]
    pub fn offset(&self) -> RemoteOffset {
        self.state().clock.offset(self.moment())
    }

    /// Takes over what another limiter knows of LaunchDarkly's clock, if this one knows nothing.
    pub(super) fn learn_clock_from(&self, other: &Self) {
        let learned = other.state().clock;
        let mut state = self.state();
        if !state.clock.is_known() {
            state.clock = learned;
        }
    }

    /// LaunchDarkly's time.
    pub(super) fn remote_now(&self) -> RemoteTime {
        self.state().clock.now(self.moment())
    }

    /// This machine's time.
    pub(super) fn moment(&self) -> Moment {
        self.clock.moment()
    }

    /// A time of the monotonic clock on the wall clock.
    fn wall(&self, at: Instant) -> Timestamp {
        let ahead = at.saturating_duration_since(Instant::now());
        let wall = self.moment().wall.saturating_add(ahead);
        wall.unwrap_or(Timestamp::MAX)
    }

    /// What is left of the account's limits.
    #[must_use]
    pub fn rate_left(&self) -> Vec<RateLeft> {
        self.state().windows.left()
    }

    /// Calls that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state().waiting()
    }

    /// Lets nothing leave before `until`. Never shortens a pause.
    pub fn pause_until(self: &Arc<Self>, until: Instant) {
        self.state().pause_until(until);
        self.dispatch();
    }

    /// Waits until a call may leave.
    ///
    /// # Errors
    /// [`ApiError::Outage`] when waiting would be in vain for now.
    pub(super) async fn enter(
        self: &Arc<Self>,
        priority: Priority,
        operation: Operation,
        (party, key): (&Party, &Fingerprint),
    ) -> Result<Permit, ApiError> {
        let families = match self.counts {
            Counts::Account => Family::of(operation, key).to_vec(),
            Counts::Keys => vec![Family::Token(key.clone())],
        };
        loop {
            let (grant, granted) = oneshot::channel();
            let ticket = self.state().join(
                priority,
                party,
                Waiter {
                    families: families.clone(),
                    grant,
                },
            );
            let _place = Place {
                limiter: self,
                ticket,
            };
            self.dispatch();
            match granted.await {
                Ok(Ok(permit)) => return Ok(permit),
                Ok(Err(until)) => {
                    let until = self.wall(until);
                    return Err(ApiError::Outage { operation, until });
                }
                Err(_) => {}
            }
        }
    }

    /// Grants permits that fit the limits and schedules the next check.
    fn dispatch(self: &Arc<Self>) {
        let departures = self.state().next_to_leave(Instant::now());
        for waiter in departures.leaving {
            // If the receiver is gone the permit comes back, is dropped, and frees its place.
            drop(waiter.grant.send(Ok(Permit {
                limiter: Arc::clone(self),
                families: waiter.families,
                sent: false,
                done: false,
            })));
        }
        if let Some((turned_away, until)) = departures.turned_away {
            for waiter in turned_away {
                // Whoever gave up need not know.
                drop(waiter.grant.send(Err(until)));
            }
        }
        if let Some(at) = departures.look_again {
            self.look_again_at(at);
        }
    }

    fn look_again_at(self: &Arc<Self>, at: Instant) {
        // Without a runtime nobody can be waiting.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if !self.state().set_alarm(at) {
            return;
        }
        let limiter = Arc::downgrade(self);
        runtime.spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(limiter) = limiter.upgrade() {
                limiter.state().clear_alarm(at);
                limiter.dispatch();
            }
        });
    }

    pub(super) fn observe(
        &self,
        operation: Operation,
        code: Option<u16>,
        result: &'static str,
        took: Duration,
    ) {
        self.observer.called(operation, code, result, took);
    }

    fn state(&self) -> MutexGuard<'_, Queue> {
        self.state.lock()
    }
}

/// Takes a waiter out of the queue when its caller gives up.
struct Place<'a> {
    limiter: &'a Arc<AccountLimiter>,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.limiter.state().leave(&self.ticket);
    }
}

/// The right to send one request, and the duty to report what its answer said.
#[derive(Debug)]
pub(super) struct Permit {
    limiter: Arc<AccountLimiter>,
    families: Vec<Family>,
    sent: bool,
    done: bool,
}

impl Permit {
    /// From now on the request counts, answered or not.
    pub(super) fn sending(&mut self) {
        self.sent = true;
    }

    /// Learns from the headers of an answer to what left at that moment.
    pub(super) fn answered(&mut self, headers: &RateHeaders, sent: Moment) {
        let (now, read) = (Instant::now(), self.limiter.moment());
        let mut state = self.limiter.state();
        if let Some(date) = headers.date {
            state.clock.learn(date, sent, read);
        }
        if !std::mem::replace(&mut self.done, true) {
            state.arrive(&self.families, Some(headers), (now, read));
        }
    }

    /// Learns from a 429 and says, on the local clock, when to ask again. Call after [`Permit::answered`].
    pub(super) fn refused(&mut self, headers: &RateHeaders) -> Timestamp {
        let (now, read) = (Instant::now(), self.limiter.moment());
        let mut state = self.limiter.state();
        let wait = with_jitter(state.wait_after_refusal(headers, read));
        let closed = state.windows.close(&self.families, headers, now + wait);
        let is_for_all = headers.retry_after.is_some() && !headers.only_the_key_is_used_up();
        match self.limiter.counts {
            Counts::Account if is_for_all || !closed => state.pause_until(now + wait),
            Counts::Account | Counts::Keys => {}
        }
        read.wall.saturating_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Learns from the outcome whether LaunchDarkly answers at all.
    pub(super) fn ended<T>(&mut self, outcome: &Result<T, ApiError>) {
        let mut state = self.limiter.state();
        match outcome {
            Err(error)
                if error.is_failure_of_service() && self.limiter.counts == Counts::Account =>
            {
                state.circuit_breaker.failed(Instant::now(), with_jitter);
            }
            _ => state.circuit_breaker.over(),
        }
    }

    /// Notes that the answer was not a 429.
    pub(super) fn accepted(&mut self) {
        self.limiter.state().refusals = 0;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = (Instant::now(), self.limiter.moment());
        let mut state = self.limiter.state();
        match (self.done, self.sent) {
            (true, _) => {}
            (false, true) => state.arrive(&self.families, None, now),
            (false, false) => state.windows.turn_back(&self.families),
        }
        state.under_way = state.under_way.saturating_sub(1);
        drop(state);
        self.limiter.dispatch();
    }
}

/// Up to a second and up to a fifth more, so that those who were refused together do not come back together.
fn with_jitter(wait: Duration) -> Duration {
    let most = Duration::from_secs(1) + wait / 5;
    // A hasher's random seed is randomness enough here.
    let part = RandomState::new().hash_one(()) % 1_000;
    wait + most * u32::try_from(part).unwrap_or_default() / 1_000
}
