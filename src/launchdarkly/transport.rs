//! How requests travel: timeouts and connections.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::endpoint::{Endpoint, EndpointError, Trust};
use super::error::Operation;

/// The longest time to make a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How the client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a create or a reset may take, all in all; other calls may take twice as long.
    pub request_timeout: Duration,
    /// `User-Agent`; tells LaunchDarkly's support who called.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            user_agent: concat!("launchdarkly-token-operator/", env!("CARGO_PKG_VERSION"))
                .to_owned(),
        }
    }
}

impl Options {
    pub(super) fn timeout(&self, operation: Operation) -> Duration {
        if operation.issues_key() {
            self.request_timeout
        } else {
            2 * self.request_timeout
        }
    }

    /// How long the lease must last when an effect leaves. What issues a key needs half as much again, to have time left
    /// for publishing it; what may be repeated needs little more than its own time, or a lease that is three timeouts
    /// long would rarely do.
    pub(super) fn lease_needed(&self, operation: Operation) -> Duration {
        let timeout = self.timeout(operation);
        timeout + timeout / if operation.issues_key() { 2 } else { 8 }
    }
}

/// The connections of all credentials that trust the same authorities: each client has a set-up of TLS of its own, which takes memory.
pub(super) struct Connections {
    /// For calls that may be lost without harm.
    pub(super) pooled: reqwest::Client,
    /// For create and reset: an idle connection may die just when it is used, and the outcome would be uncertain.
    pub(super) fresh: reqwest::Client,
}

impl Connections {
    pub(super) fn new(endpoint: &Endpoint, options: &Options) -> Result<Self, EndpointError> {
        Ok(Self {
            pooled: client(endpoint, options, true)?,
            fresh: client(endpoint, options, false)?,
        })
    }
}

/// Connections that are in use.
#[derive(Default)]
pub(super) struct SharedConnections(Mutex<HashMap<Trust, Weak<Connections>>>);

impl SharedConnections {
    /// Those that an address can share, or new ones.
    pub(super) fn get(
        &self,
        endpoint: &Endpoint,
        options: &Options,
    ) -> Result<Arc<Connections>, EndpointError> {
        let (trust, mut known) = (endpoint.trust(), self.0.lock());
        if let Some(shared) = known.get(&trust).and_then(Weak::upgrade) {
            return Ok(shared);
        }
        known.retain(|_, connections| connections.strong_count() > 0);
        let new = Arc::new(Connections::new(endpoint, options)?);
        known.insert(trust, Arc::downgrade(&new));
        Ok(new)
    }
}

/// No redirects, since they would carry the credential elsewhere, and no repeats but our own.
fn client(
    endpoint: &Endpoint,
    options: &Options,
    keep: bool,
) -> Result<reqwest::Client, EndpointError> {
    // reqwest panics without a provider; whoever else installs one first is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(&options.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT.min(options.request_timeout / 2));
    if !keep {
        builder = builder.pool_max_idle_per_host(0);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    if let Some(roots) = endpoint.roots() {
        builder = builder.tls_certs_only(roots.iter().cloned());
    } else if endpoint.is_plain() {
        builder = builder.tls_certs_only([]); // reading the system's takes a while
    }
    builder.build().map_err(|_| match endpoint.roots() {
        Some(_) => EndpointError::CaBundle,
        None => EndpointError::Client,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launchdarkly::AllowedHosts;

    #[test]
    fn addresses_that_trust_the_same_share_their_connections_while_they_are_used() {
        let hosts = [
            "app.launchdarkly.com",
            "app.eu.launchdarkly.com",
            "127.0.0.1:1",
        ];
        let allowed = AllowedHosts::new(hosts.map(|host| host.parse().unwrap()));
        let at = |url: &str| Endpoint::parse(url, None, &allowed).unwrap();
        let (shared, options) = (SharedConnections::default(), Options::default());
        let connect = |url: &str| shared.get(&at(url), &options).unwrap();
        let first = connect("https://app.launchdarkly.com");
        let second = connect("https://app.eu.launchdarkly.com/path");
        let local = connect("http://127.0.0.1:1");
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &local));
        drop((first, second, local));
        let _again = connect("http://127.0.0.1:1");
        assert_eq!(shared.0.lock().len(), 1);
    }
}
