//! How requests travel: timeouts and connections.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::endpoint::{Endpoint, EndpointError, Trust};
use super::error::Operation;

/// For this many groups connections are kept ready. Each takes memory, and an edit of an account is enough to make another group.
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

/// The groups that credentials are in, and which of them made calls last.
#[derive(Default)]
pub(super) struct Groups(Mutex<Known>);

#[derive(Default)]
struct Known {
    all: HashMap<Trust, Weak<Group>>,
    /// Those whose connections are kept ready, the one that was used last first.
    ready: VecDeque<Weak<Group>>,
}

/// The credentials that trust the same authorities. They share connections, which are closed with the last credential: what was sent
/// last is in their memory.
pub(super) struct Group {
    groups: Arc<Groups>,
    endpoint: Endpoint,
    options: Options,
    connections: Mutex<Option<Arc<Connections>>>,
}

impl Groups {
    /// The group of an address. Its connections are made now, so that an error is known now.
    ///
    /// # Errors
    /// As [`Group::connections`].
    pub(super) fn join(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        options: &Options,
    ) -> Result<Arc<Group>, EndpointError> {
        let group = self.group(endpoint, options);
        group.connections()?;
        Ok(group)
    }

    fn group(self: &Arc<Self>, endpoint: &Endpoint, options: &Options) -> Arc<Group> {
        let (trust, mut known) = (endpoint.trust(), self.0.lock());
        if let Some(group) = known.all.get(&trust).and_then(Weak::upgrade) {
            return group;
        }
        known.all.retain(|_, group| group.strong_count() > 0);
        let group = Arc::new(Group {
            groups: Arc::clone(self),
            endpoint: endpoint.clone(),
            options: options.clone(),
            connections: Mutex::default(),
        });
        known.all.insert(trust, Arc::downgrade(&group));
        group
    }

    /// Keeps the connections of a group ready, and those of the groups that were used before it, as long as there are few.
    fn keep_ready(&self, group: &Arc<Group>) {
        let used = Arc::downgrade(group);
        let mut known = self.0.lock();
        let others = |other: &Weak<Group>| !other.ptr_eq(&used) && other.strong_count() > 0;
        known.ready.retain(others);
        known.ready.push_front(used);
        let few = known.ready.len().min(KEPT);
        let dropped = known.ready.split_off(few);
        drop(known);
        for group in dropped.iter().filter_map(Weak::upgrade) {
            *group.connections.lock() = None;
        }
    }
}

impl Group {
    /// The connections; they are made anew if other groups were used more.
    ///
    /// # Errors
    /// [`EndpointError::CaBundle`] and [`EndpointError::Client`].
    pub(super) fn connections(self: &Arc<Self>) -> Result<Arc<Connections>, EndpointError> {
        let connections = self.made()?;
        self.groups.keep_ready(self);
        Ok(connections)
    }

    /// Only this group waits while they are made.
    fn made(&self) -> Result<Arc<Connections>, EndpointError> {
        let mut made = self.connections.lock();
        if let Some(connections) = &*made {
            return Ok(Arc::clone(connections));
        }
        let new = Arc::new(Connections::new(&self.endpoint, &self.options)?);
        Ok(Arc::clone(made.insert(new)))
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
    let unfit = match &roots {
        Some(_) => EndpointError::CaBundle,
        None => EndpointError::Client,
    };
    if let Some(roots) = roots {
        builder = builder.tls_certs_only(roots);
    } else if endpoint.is_plain() {
        builder = builder.tls_certs_only([]); // reading the system's takes a while
    }
    builder.build().map_err(|_| unfit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launchdarkly::AllowedHosts;

    fn join(groups: &Arc<Groups>, endpoint: &Endpoint) -> Arc<Group> {
        groups.join(endpoint, &Options::default()).unwrap()
    }

    /// How many groups have their connections ready.
    fn ready(groups: &[Arc<Group>]) -> usize {
        let ready = |group: &&Arc<Group>| group.connections.lock().is_some();
        groups.iter().filter(ready).count()
    }

    #[test]
    fn addresses_that_trust_the_same_share_their_connections_while_they_are_used() {
        let hosts = [
            "app.launchdarkly.com",
            "app.eu.launchdarkly.com",
            "127.0.0.1:1",
        ];
        let allowed = AllowedHosts::new(hosts.map(|host| host.parse().unwrap()));
        let groups = Arc::default();
        let at = |url: &str| join(&groups, &Endpoint::parse(url, None, &allowed).unwrap());
        let first = at("https://app.launchdarkly.com");
        let second = at("https://app.eu.launchdarkly.com/path");
        let local = at("http://127.0.0.1:1");
        let connections = first.connections().unwrap();
        assert!(Arc::ptr_eq(&connections, &second.connections().unwrap()));
        assert!(!Arc::ptr_eq(&connections, &local.connections().unwrap()));
        drop(first);
        assert!(Arc::ptr_eq(&connections, &second.connections().unwrap()));
        drop((second, local));
        assert_eq!(Arc::strong_count(&connections), 1);
        let _again = at("http://127.0.0.1:1");
        let known = groups.0.lock();
        assert_eq!((known.all.len(), known.ready.len()), (1, 1));
    }

    #[test]
    fn connections_are_kept_for_few_authorities_and_for_those_that_are_used() {
        let groups = Arc::default();
        let by_authority = |number: usize| {
            let key = rcgen::KeyPair::generate().unwrap();
            let name = format!("authority-{number}");
            let params = rcgen::CertificateParams::new([name]).unwrap();
            let bundle = params.self_signed(&key).unwrap().pem();
            let url = "https://app.launchdarkly.com";
            let endpoint = Endpoint::parse(url, Some(&bundle), &AllowedHosts::default());
            join(&groups, &endpoint.unwrap())
        };
        let ours = by_authority(0);
        let connections = ours.connections().unwrap();
        let strangers: Vec<Arc<Group>> = (1..=2 * KEPT)
            .map(|number| {
                let stranger = by_authority(number);
                assert!(!Arc::ptr_eq(&connections, &stranger.connections().unwrap()));
                assert!(Arc::ptr_eq(&connections, &ours.connections().unwrap()));
                stranger
            })
            .collect();
        // Ours besides.
        assert_eq!(ready(&strangers), KEPT - 1);
        // A group that was left out gets new ones.
        assert!(strangers[0].connections.lock().is_none());
        strangers[0].connections().unwrap();
        assert_eq!(ready(&strangers), KEPT - 1);
        assert!(strangers[0].connections.lock().is_some());
    }
}
