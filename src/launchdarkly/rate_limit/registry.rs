//! One limiter per host and account, whatever the number of credentials.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::launchdarkly::rate_limit::{AccountLimiter, CallObserver, LimiterOptions};

/// All limiters of this process.
pub struct Limiters {
    options: LimiterOptions,
    observer: Arc<dyn CallObserver>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<(String, AccountId), Arc<AccountLimiter>>>,
    newcomers: Mutex<HashMap<String, Arc<AccountLimiter>>>,
}

impl fmt::Debug for Limiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiters").finish_non_exhaustive()
    }
}

impl Limiters {
    /// No limiter yet; each will have these options, tell this observer and read this clock.
    #[must_use]
    pub fn new(
        options: LimiterOptions,
        observer: Arc<dyn CallObserver>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            options,
            observer,
            clock,
            known: Mutex::default(),
            newcomers: Mutex::default(),
        }
    }

    /// The limiter of an account on a host (as [`super::super::Endpoint::host`] names it).
    #[must_use]
    pub fn get(&self, host: &str, account: &AccountId) -> Arc<AccountLimiter> {
        let mut known = self.known.lock();
        let limiter = known.entry((host.to_owned(), account.clone()));
        Arc::clone(limiter.or_insert_with(|| {
            let (observer, clock) = (Arc::clone(&self.observer), Arc::clone(&self.clock));
            AccountLimiter::new(self.options, observer, clock)
        }))
    }

    /// The limiter of all credentials on a host whose accounts are not known yet.
    #[must_use]
    pub fn of_newcomers(&self, host: &str) -> Arc<AccountLimiter> {
        let mut newcomers = self.newcomers.lock();
        let limiter = newcomers.entry(host.to_owned());
        Arc::clone(limiter.or_insert_with(|| {
            let (observer, clock) = (Arc::clone(&self.observer), Arc::clone(&self.clock));
            AccountLimiter::of_newcomers(self.options, observer, clock)
        }))
    }

    /// Every registered limiter with its host and account, for metrics.
    #[must_use]
    pub fn all(&self) -> Vec<(String, AccountId, Arc<AccountLimiter>)> {
        let known = self.known.lock();
        known
            .iter()
            .map(|((host, account), limiter)| (host.clone(), account.clone(), Arc::clone(limiter)))
            .collect()
    }
}
