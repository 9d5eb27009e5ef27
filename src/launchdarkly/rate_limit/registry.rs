//! One line per host and account, whatever the number of credentials.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::ids::AccountId;
use crate::launchdarkly::rate_limit::{AccountLine, CallObserver, LineOptions};

/// All lines of this process.
pub struct Lines {
    options: LineOptions,
    observer: Arc<dyn CallObserver>,
    known: Mutex<HashMap<(String, AccountId), Arc<AccountLine>>>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Lines {
    /// No line yet; each will have these options and tell this observer.
    #[must_use]
    pub fn new(options: LineOptions, observer: Arc<dyn CallObserver>) -> Self {
        Self {
            options,
            observer,
            known: Mutex::default(),
        }
    }

    /// The line of an account on a host (as [`super::super::Endpoint::host`] names it).
    #[must_use]
    pub fn get(&self, host: &str, account: &AccountId) -> Arc<AccountLine> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let line = known.entry((host.to_owned(), account.clone()));
        Arc::clone(line.or_insert_with(|| self.unregistered()))
    }

    /// A line for the first call with a credential, whose account is not known yet.
    #[must_use]
    pub fn unregistered(&self) -> Arc<AccountLine> {
        AccountLine::new(self.options, Arc::clone(&self.observer))
    }

    /// Every registered line with its host and account, for metrics.
    #[must_use]
    pub fn all(&self) -> Vec<(String, AccountId, Arc<AccountLine>)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .map(|((host, account), line)| (host.clone(), account.clone(), Arc::clone(line)))
            .collect()
    }
}
