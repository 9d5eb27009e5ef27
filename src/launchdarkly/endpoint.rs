//! Where LaunchDarkly is: the address, checked against the hosts that the operator may talk to.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

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
    roots: Option<Vec<reqwest::Certificate>>,
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
        let roots = ca_bundle.map(certificates).transpose()?;
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

    pub(super) fn roots(&self) -> Option<&[reqwest::Certificate]> {
        self.roots.as_deref()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint")
            .field(&self.base.as_str())
            .finish()
    }
}

fn certificates(pem: &str) -> Result<Vec<reqwest::Certificate>, EndpointError> {
    reqwest::Certificate::from_pem_bundle(pem.as_bytes())
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or(EndpointError::CaBundle)
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
mod tests {
    use super::*;

    fn allowing(hosts: &[&str]) -> AllowedHosts {
        AllowedHosts::new(hosts.iter().map(|host| host.parse().unwrap()))
    }

    fn parse(url: &str, hosts: &[&str]) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(url, None, &allowing(hosts))
    }

    #[test]
    fn the_three_launchdarkly_hosts_are_allowed_by_default() {
        for host in LAUNCHDARKLY_HOSTS {
            let url = format!("https://{host}");
            assert!(Endpoint::parse(&url, None, &AllowedHosts::default()).is_ok());
            let elsewhere = format!("https://{host}:8443");
            assert!(Endpoint::parse(&elsewhere, None, &AllowedHosts::default()).is_err());
        }
    }

    #[test]
    fn a_path_before_the_api_is_kept() {
        for url in ["https://proxy.example/ld", "https://proxy.example/ld/"] {
            let endpoint = parse(url, &["proxy.example"]).unwrap();
            assert_eq!(
                endpoint.resource(&["tokens", "a/../b"]).as_str(),
                "https://proxy.example/ld/api/v2/tokens/a%2F..%2Fb"
            );
        }
    }

    #[test]
    fn a_host_that_is_not_listed_is_refused_and_named() {
        assert_eq!(
            parse("https://evil.example:444/x", &["proxy.example"]).err(),
            Some(EndpointError::HostNotAllowed {
                host: "evil.example:444".to_owned()
            })
        );
        for lookalike in [
            "https://app.launchdarkly.com.evil.example",
            "https://app.launchdarkly.com.",
            "https://evil.example/app.launchdarkly.com",
            "https://127.0.0.1",
        ] {
            assert!(Endpoint::parse(lookalike, None, &AllowedHosts::default()).is_err());
        }
    }

    #[test]
    fn no_way_of_writing_an_address_leads_to_a_host_that_is_not_listed() {
        let refused = [
            // Another host behind what looks like a listed one.
            "https://app.launchdarkly.com@evil.example",
            "https://app.launchdarkly.com:443@evil.example",
            "https://app.launchdarkly.com%40evil.example",
            "https://evil.example\\@app.launchdarkly.com",
            "https://evil.example#@app.launchdarkly.com",
            "https://evil.example?@app.launchdarkly.com",
            "https://app.launchdarkly.com%2eevil.example",
            "https://app.launchdarkly.co\u{43c}",
            "https://xn--app-launchdarkly-com.example",
            "//app.launchdarkly.com",
            // The cloud's metadata, the API server, this machine: in every notation of an address.
            "https://169.254.169.254/latest",
            "https://2852039166/",
            "https://0xA9FEA9FE/",
            "https://0251.0376.0251.0376/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://kubernetes.default.svc/",
            "https://10.96.0.1:443/",
            "http://127.1/",
            "http://0/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost./",
        ];
        for url in refused {
            let endpoint = Endpoint::parse(url, None, &AllowedHosts::default());
            assert!(endpoint.is_err(), "{url}: {endpoint:?}");
        }
        // The same host, however it is written.
        for url in [
            "HTTPS://APP.LaunchDarkly.com:443/",
            "https:\\\\app.launchdarkly.com",
            "https://app%2Elaunchdarkly.com",
            "https://app.launchdarkly.com/a/%2e%2e/../..//.",
        ] {
            let endpoint = Endpoint::parse(url, None, &AllowedHosts::default()).unwrap();
            assert_eq!(endpoint.host(), "app.launchdarkly.com", "{url}");
            let asked = endpoint.resource(&["tokens"]);
            assert!(asked.path().ends_with("/api/v2/tokens"), "{asked}");
        }
    }

    #[test]
    fn plain_http_is_for_listed_loopback_addresses_only() {
        let loopback = ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"];
        for host in loopback {
            let url = format!("http://{host}");
            assert!(parse(&url, &loopback).is_ok(), "{url}");
            assert!(parse(&url, &["app.launchdarkly.com"]).is_err(), "{url}");
        }
        assert_eq!(
            parse("http://proxy.example", &["proxy.example"]).err(),
            Some(EndpointError::NotHttps)
        );
        assert_eq!(
            parse("ftp://127.0.0.1:8080", &["127.0.0.1:8080"]).err(),
            Some(EndpointError::NotHttps)
        );
    }

    #[test]
    fn a_port_is_part_of_the_permission() {
        assert!(parse("https://proxy.example:8443", &["proxy.example:8443"]).is_ok());
        assert!(parse("https://proxy.example", &["proxy.example:443"]).is_ok());
        assert!(parse("https://proxy.example:443", &["proxy.example"]).is_ok());
        assert!(parse("https://proxy.example:8443", &["proxy.example"]).is_err());
        assert!(parse("https://proxy.example", &["proxy.example:8443"]).is_err());
        assert!(parse("http://127.0.0.1", &["127.0.0.1:443"]).is_err());
    }

    #[test]
    fn addresses_with_more_than_an_address_are_refused() {
        for url in [
            "https://me@app.launchdarkly.com",
            "https://me:secret@app.launchdarkly.com",
            "https://app.launchdarkly.com/?a=b",
            "https://app.launchdarkly.com/#a",
        ] {
            let error = Endpoint::parse(url, None, &AllowedHosts::default()).err();
            assert_eq!(error, Some(EndpointError::TooMuch), "{url}");
        }
        for url in ["", "app.launchdarkly.com", "https://", "data:text/plain,x"] {
            let error = Endpoint::parse(url, None, &AllowedHosts::default()).err();
            assert_eq!(error, Some(EndpointError::NotAUrl), "{url}");
        }
    }

    #[test]
    fn what_is_not_a_host_cannot_be_allowed() {
        for text in [
            "",
            "https://a.example",
            "a.example/path",
            "me@a.example",
            "a b",
            "a:port",
            "a?b",
        ] {
            assert_eq!(
                text.parse::<AllowedHost>().err(),
                Some(EndpointError::NotAHost),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let url = "https://app.launchdarkly.com";
        for pem in [
            "",
            "not PEM",
            "-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----",
        ] {
            let error = Endpoint::parse(url, Some(pem), &AllowedHosts::default()).err();
            assert_eq!(error, Some(EndpointError::CaBundle), "{pem}");
        }
    }
}
