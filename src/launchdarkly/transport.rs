//! How requests travel: timeouts and connections.

use std::time::Duration;

use super::endpoint::{Endpoint, EndpointError};
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

/// No redirects, since they would carry the credential elsewhere, and no repeats but our own.
pub(super) fn connections(
    endpoint: &Endpoint,
    options: &Options,
    keep: bool,
) -> Result<reqwest::Client, EndpointError> {
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
