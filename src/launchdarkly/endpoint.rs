//! Where LaunchDarkly is: the address, checked against the hosts that the operator may talk to.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use url::{Host, Url};

/// LaunchDarkly's commercial, federal and European instances (documented).
const LAUNCHDARKLY_HOSTS: [&str; 3] = [
    "app.launchdarkly.com",
    "app.launchdarkly.us",
    "app.eu.launchdarkly.com",
];

/// The hosts that credentials may be sent to: whoever can edit an account must not be able to send its key elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<AllowedHost>);

/// One value of `--allowed-api-host`: `host` or `host:port`; without a port the default of the scheme is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// Why an address cannot be used. Says what to change and nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
pub enum EndpointError {
    /// Not a URL at all.
    #[error("apiUrl is not a URL such as https://app.launchdarkly.com")]
    NotAUrl,
    /// Carries more than scheme, host, port and path.
    #[error("apiUrl must have no user name, password, query or fragment")]
    TooMuch,
    /// Would send keys in the clear.
    #[error("apiUrl must begin with https://; http:// is for loopback addresses only")]
    NotHttps,
    /// Not among the allowed hosts.
    #[error("apiUrl names {host}, which the operator does not allow; see --allowed-api-host")]
    HostNotAllowed {
        /// Host and port.
        host: String,
    },
    /// Not a value of `--allowed-api-host`.
    #[error("an allowed API host must be written as host or host:port")]
    NotAHost,
    /// No usable certificate in the bundle.
    #[error("caBundle has no certificate in PEM form that can be read")]
    CaBundle,
    /// The TLS set-up of this machine is broken.
    #[error("the HTTP client cannot be set up: are the system's CA certificates installed?")]
    Client,
}

impl FromStr for AllowedHost {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        // With this scheme a written port is never dropped as the default one.
        let url = Url::parse(&format!("https://{text}/"))
            .ok()
            .filter(|url| is_bare(url) && url.path() == "/");
        let url = url.ok_or(EndpointError::NotAHost)?;
        let host = url.host_str().ok_or(EndpointError::NotAHost)?;
        let written = text
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        Ok(Self {
            host: host.to_owned(),
            port: url.port().or(written),
        })
    }
}

impl AllowedHosts {
    /// Exactly these.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = AllowedHost>) -> Self {
        Self(hosts.into_iter().collect())
    }

    fn allows(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        self.0.iter().any(|allowed| {
            allowed.host == host
                && match allowed.port {
                    Some(port) => url.port_or_known_default() == Some(port),
                    None => url.port().is_none(),
                }
        })
    }
}

/// The three LaunchDarkly hosts.
impl Default for AllowedHosts {
    fn default() -> Self {
        Self::new(LAUNCHDARKLY_HOSTS.map(|host| AllowedHost {
            host: host.to_owned(),
            port: None,
        }))
    }
}

/// A checked address, and the certificates to trust there.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    /// The bundle of the only authorities that are trusted.
    roots: Option<Arc<str>>,
}

/// What connections depend on, whatever the host and the credential.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Trust {
    /// The bundle of the only authorities that are trusted; `None` for those of the system.
    roots: Option<Arc<str>>,
    is_loopback: bool,
    is_plain: bool,
}

impl Endpoint {
    /// Checks `apiUrl` and `caBundle`. With a bundle only its certificates are trusted, without one the system's.
    ///
    /// # Errors
    /// [`EndpointError`], whose text says what to change.
    pub fn parse(
        url: &str,
        ca_bundle: Option<&str>,
        allowed: &AllowedHosts,
    ) -> Result<Self, EndpointError> {
        let base = Url::parse(url).map_err(|_| EndpointError::NotAUrl)?;
        if base.host().is_none() {
            return Err(EndpointError::NotAUrl);
        }
        if !is_bare(&base) {
            return Err(EndpointError::TooMuch);
        }
        if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(&base)) {
            return Err(EndpointError::NotHttps);
        }
        if !allowed.allows(&base) {
            return Err(EndpointError::HostNotAllowed {
                host: crate::redaction::text::presentable(&host_and_port(&base), None),
            });
        }
        if let Some(pem) = ca_bundle {
            authorities(pem)?;
        }
        let roots = ca_bundle.map(Arc::from);
        Ok(Self { base, roots })
    }

    /// Host and, where it is not the default, port: accounts on different hosts have nothing in common.
    #[must_use]
    pub fn host(&self) -> String {
        host_and_port(&self.base)
    }

    /// Host and port, apart.
    pub(super) fn server(&self) -> (&str, Option<u16>) {
        let host = self.base.host_str().unwrap_or_default();
        (host, self.base.port_or_known_default())
    }

    /// The address of a resource below the base, whose own path is kept.
    pub(super) fn resource(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v2"]).extend(segments);
        }
        url
    }

    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Whether there is no TLS, which is for tests on this machine.
    pub(super) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    /// The only authorities that are trusted; `None` for those of the system.
    pub(super) fn roots(&self) -> Result<Option<Vec<reqwest::Certificate>>, EndpointError> {
        self.roots.as_deref().map(authorities).transpose()
    }

    /// Addresses that agree in this can share connections.
    pub(super) fn trust(&self) -> Trust {
        Trust {
            roots: self.roots.clone(),
            is_loopback: self.is_loopback(),
            is_plain: self.is_plain(),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint")
            .field(&self.base.as_str())
            .finish()
    }
}

fn authorities(pem: &str) -> Result<Vec<reqwest::Certificate>, EndpointError> {
    let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
    let certificates = certificates.ok().filter(|found| !found.is_empty());
    certificates.ok_or(EndpointError::CaBundle)
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests;
