//! Which addresses may be used.

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
