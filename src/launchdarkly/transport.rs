//! How requests travel: timeouts and connections.

use std::collections::{HashMap, VecDeque};
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

/// The connections that were used last, of those that somebody may use.
#[derive(Default)]
pub(super) struct SharedConnections(Mutex<Shared>);

#[derive(Default)]
struct Shared {
    kept: VecDeque<(Trust, Arc<Connections>)>,
    /// How many credentials share them.
    users: HashMap<Trust, usize>,
}

/// A credential's part in connections. Those that no credential has a part in any more are closed: what was sent last is in their memory.
pub(super) struct Lease {
    all: Arc<SharedConnections>,
    endpoint: Endpoint,
    options: Options,
}

impl Lease {
    /// A part in the connections that an address can share.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn new(
        all: Arc<SharedConnections>,
        endpoint: Endpoint,
        options: Options,
    ) -> Result<Self, EndpointError> {
        *all.0.lock().users.entry(endpoint.trust()).or_default() += 1;
        let lease = Self {
            all,
            endpoint,
            options,
        };
        lease.get()?;
        Ok(lease)
    }

    /// The connections; they are made anew if others were used more.
    ///
    /// # Errors
    /// [`EndpointError::CaBundle`] and [`EndpointError::Client`].
    pub(super) fn get(&self) -> Result<Arc<Connections>, EndpointError> {
        let trust = self.endpoint.trust();
        // Making them takes a while, in which nobody else waits.
        let connections = match self.all.find(&trust) {
            Some(connections) => connections,
            None => Arc::new(Connections::new(&self.endpoint, &self.options)?),
        };
        let mut shared = self.all.0.lock();
        shared.kept.retain(|(other, _)| *other != trust);
        shared.kept.push_front((trust, Arc::clone(&connections)));
        shared.kept.truncate(KEPT);
        Ok(connections)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let trust = self.endpoint.trust();
        let mut shared = self.all.0.lock();
        let users = shared.users.get(&trust).copied().unwrap_or_default();
        if users > 1 {
            shared.users.insert(trust, users - 1);
            return;
        }
        shared.users.remove(&trust);
        shared.kept.retain(|(other, _)| *other != trust);
    }
}

impl SharedConnections {
    fn find(&self, trust: &Trust) -> Option<Arc<Connections>> {
        let shared = self.0.lock();
        let found = shared.kept.iter().find(|(known, _)| known == trust);
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

    fn lease(all: &Arc<SharedConnections>, endpoint: Endpoint) -> Lease {
        Lease::new(Arc::clone(all), endpoint, Options::default()).unwrap()
    }

    #[test]
    fn addresses_that_trust_the_same_share_their_connections_while_they_are_used() {
        let hosts = [
            "app.launchdarkly.com",
            "app.eu.launchdarkly.com",
            "127.0.0.1:1",
        ];
        let allowed = AllowedHosts::new(hosts.map(|host| host.parse().unwrap()));
        let all = Arc::default();
        let at = |url: &str| lease(&all, Endpoint::parse(url, None, &allowed).unwrap());
        let first = at("https://app.launchdarkly.com");
        let second = at("https://app.eu.launchdarkly.com/path");
        let local = at("http://127.0.0.1:1");
        let connections = first.get().unwrap();
        assert!(Arc::ptr_eq(&connections, &second.get().unwrap()));
        assert!(!Arc::ptr_eq(&connections, &local.get().unwrap()));
        drop(first);
        assert!(Arc::ptr_eq(&connections, &second.get().unwrap()));
        drop((second, local));
        assert_eq!(Arc::strong_count(&connections), 1);
        assert!(all.0.lock().kept.is_empty() && all.0.lock().users.is_empty());
    }

    #[test]
    fn connections_are_kept_for_few_authorities_and_for_those_that_are_used() {
        let all = Arc::default();
        let by_authority = |number: usize| {
            let key = rcgen::KeyPair::generate().unwrap();
            let name = format!("authority-{number}");
            let params = rcgen::CertificateParams::new([name]).unwrap();
            let bundle = params.self_signed(&key).unwrap().pem();
            let url = "https://app.launchdarkly.com";
            let endpoint = Endpoint::parse(url, Some(&bundle), &AllowedHosts::default());
            lease(&all, endpoint.unwrap())
        };
        let ours = by_authority(0);
        let connections = ours.get().unwrap();
        let strangers: Vec<Lease> = (1..=2 * KEPT)
            .map(|number| {
                let stranger = by_authority(number);
                assert!(!Arc::ptr_eq(&connections, &stranger.get().unwrap()));
                assert!(Arc::ptr_eq(&connections, &ours.get().unwrap()));
                stranger
            })
            .collect();
        assert_eq!(all.0.lock().kept.len(), KEPT);
        // Who was left out gets new ones.
        strangers[0].get().unwrap();
        assert_eq!(all.0.lock().kept.len(), KEPT);
    }
}
