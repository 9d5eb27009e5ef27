//! How requests travel: timeouts and connections.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::endpoint::{Endpoint, EndpointError, Trust};
use super::error::Operation;

/// For this many groups of authorities connections are kept ready. Each takes memory, and who edits an account names what is trusted.
const KEPT: usize = 16;

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

/// The connections that were used last.
#[derive(Default)]
pub(super) struct SharedConnections(Mutex<VecDeque<(Trust, Arc<Connections>)>>);

impl SharedConnections {
    /// Those that an address can share, or new ones.
    ///
    /// # Errors
    /// [`EndpointError::CaBundle`] and [`EndpointError::Client`].
    pub(super) fn get(
        &self,
        endpoint: &Endpoint,
        options: &Options,
    ) -> Result<Arc<Connections>, EndpointError> {
        let trust = endpoint.trust();
        // Making them takes a while, in which nobody else waits.
        let connections = match self.find(&trust) {
            Some(connections) => connections,
            None => Arc::new(Connections::new(endpoint, options)?),
        };
        let mut kept = self.0.lock();
        kept.retain(|(other, _)| *other != trust);
        kept.push_front((trust, Arc::clone(&connections)));
        kept.truncate(KEPT);
        Ok(connections)
    }

    fn find(&self, trust: &Trust) -> Option<Arc<Connections>> {
        let kept = self.0.lock();
        let found = kept.iter().find(|(known, _)| known == trust);
        found.map(|(_, connections)| Arc::clone(connections))
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
    let roots = endpoint.roots()?;
    let own = roots.is_some();
    if let Some(roots) = roots {
        builder = builder.tls_certs_only(roots);
    } else if endpoint.is_plain() {
        builder = builder.tls_certs_only([]); // reading the system's takes a while
    }
    builder.build().map_err(|_| {
        if own {
            EndpointError::CaBundle
        } else {
            EndpointError::Client
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launchdarkly::AllowedHosts;

    #[test]
    fn addresses_that_trust_the_same_share_their_connections() {
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
        assert_eq!(shared.0.lock().len(), 2);
    }

    #[test]
    fn connections_are_kept_for_few_authorities_and_for_those_that_are_used() {
        let (shared, options) = (SharedConnections::default(), Options::default());
        let bundle = |number: usize| {
            let key = rcgen::KeyPair::generate().unwrap();
            let name = format!("authority-{number}");
            let params = rcgen::CertificateParams::new([name]).unwrap();
            params.self_signed(&key).unwrap().pem()
        };
        let endpoint = |bundle: &str| {
            let url = "https://app.launchdarkly.com";
            Endpoint::parse(url, Some(bundle), &AllowedHosts::default()).unwrap()
        };
        let ours = endpoint(&bundle(0));
        let first = shared.get(&ours, &options).unwrap();
        for number in 1..=2 * KEPT {
            let stranger = endpoint(&bundle(number));
            let theirs = shared.get(&stranger, &options).unwrap();
            assert!(!Arc::ptr_eq(&first, &theirs));
            assert!(Arc::ptr_eq(&first, &shared.get(&ours, &options).unwrap()));
        }
        assert_eq!(shared.0.lock().len(), KEPT);
    }
}
