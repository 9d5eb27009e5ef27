//! What LaunchDarkly, or who stands in between, can send; and where a key may go.
#![expect(clippy::panic, reason = "a broken promise ends the search")]

use http::Uri;
use jiff::Timestamp;
use reqwest::StatusCode;

use super::endpoint::{AllowedHosts, Endpoint};
use super::error::Operation;
use super::request::Call;
use super::wire;
use crate::domain::ids::TokenId;
use crate::launchdarkly::model::Overlap;
use crate::launchdarkly::rate_limit::RemoteTime;
pub use crate::launchdarkly::rate_limit::fuzzing::headers;
use crate::launchdarkly::response::classify;
use crate::redaction::Key;
use crate::redaction::text::{MAX_SHOWN, presentable, presentable_reply};

const SECRET: &str = "c0ffee00-1111-4222-8333-444455556666";

fn credential() -> Option<Key> {
    Key::from_bytes(format!("api-{SECRET}").as_bytes()).ok()
}

/// The body of an answer, to every operation and with every status.
pub fn answers(bytes: &[u8]) {
    if let Ok(token) = wire::token(bytes) {
        assert!(is_plain(token.id.as_str()));
    }
    if let Ok(issued) = wire::issued(bytes) {
        let key = issued.key.expose();
        assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
        // Shorter ones may be a part of what is printed anyway.
        let telling = key.len() >= 40 && !issued.token.id.as_str().contains(key);
        assert!(!telling || !format!("{issued:?}").contains(key));
    }
    if let Ok(page) = wire::page(bytes, Timestamp::UNIX_EPOCH) {
        assert!(page.items.len() <= page.received);
        assert!(page.items.iter().all(|token| is_plain(token.id.as_str())));
    }
    if let Ok(identity) = wire::identity(bytes) {
        assert!(identity.account_id.is_none_or(|id| is_plain(id.as_str())));
        assert!(identity.token_id.is_none_or(|id| is_plain(id.as_str())));
    }
    if let Ok(role) = wire::role(bytes) {
        assert!(is_plain(role.id.as_str()));
    }
    let Some(key) = credential() else { return };
    for status in [400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 500] {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let error = classify(Operation::Create, status, wire::refusal(bytes), &key);
        let said = error.explained();
        assert!(said.chars().count() < 2 * MAX_SHOWN + 300, "{said}");
        assert!(!said.chars().any(char::is_control), "{said:?}");
        assert!(!said.to_lowercase().contains(SECRET), "{said}");
        let certain = !matches!(status.as_u16(), 408 | 409 | 500);
        assert_eq!(error.is_definite_refusal(), certain, "{error:?}");
    }
}

fn is_plain(id: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !id.is_empty() && id.len() <= 128 && id.chars().all(good)
}

/// The lists of hosts that an address is tried with, as an operator's flags have them.
const LISTS: [&[&str]; 4] = [
    &[
        "app.launchdarkly.com",
        "app.launchdarkly.us",
        "app.eu.launchdarkly.com",
    ],
    &["proxy.example:8443", "xn--bcher-kva.example"],
    &["127.0.0.1:8080", "localhost:9", "[::1]:8080"],
    &["10.0.0.7", "[2001:db8::7]:8443", "proxy.example:443"],
];

/// `apiUrl`: a key goes nowhere but to a listed host, told by another parser from the address that is asked in the end.
pub fn endpoint(bytes: &[u8]) {
    let url = String::from_utf8_lossy(bytes);
    for list in LISTS {
        let hosts = list.iter().filter_map(|host| host.parse().ok());
        let Ok(endpoint) = Endpoint::parse(&url, None, &AllowedHosts::new(hosts)) else {
            continue;
        };
        let asked = endpoint.resource(&["tokens", "6a1f0c4be4b0a1c3d5e6f708"]);
        let Ok(asked) = asked.as_str().parse::<Uri>() else {
            panic!("{url:?} becomes {asked}, which is no address");
        };
        let secure = asked.scheme_str() == Some("https");
        let authority = asked.authority().map_or("", http::uri::Authority::as_str);
        let loopback = ["127.0.0.1", "localhost", "[::1]"];
        let host = asked.host().unwrap_or_default();
        assert!(
            secure || (asked.scheme_str() == Some("http") && loopback.contains(&host)),
            "{asked}"
        );
        let default_port = if secure { 443 } else { 80 };
        let port = asked.port_u16().unwrap_or(default_port);
        let listed = list.iter().any(|allowed| {
            let bare = allowed
                .rsplit_once(':')
                .filter(|(_, port)| port.parse::<u16>().is_ok());
            match bare {
                Some((name, number)) => name == host && number.parse() == Ok(port),
                None => *allowed == host && port == default_port,
            }
        });
        assert!(listed, "{url:?} leads to {asked}, which is not in {list:?}");
        assert!(
            !authority.contains('@') && asked.query().is_none(),
            "{asked}"
        );
        assert!(
            asked
                .path()
                .ends_with("/api/v2/tokens/6a1f0c4be4b0a1c3d5e6f708"),
            "{asked}"
        );
        assert!(
            asked
                .path()
                .split('/')
                .all(|segment| segment != "." && segment != ".."),
            "{asked}"
        );
    }
    if let Ok(host) = url.parse() {
        // What can be allowed can be used.
        let own = Endpoint::parse(&format!("https://{url}"), None, &AllowedHosts::new([host]));
        assert!(own.is_ok(), "{url:?}: {own:?}");
    }
}

/// IDs and keys of roles, which become a segment of a path: they stay in their place, and mean there what they were.
pub fn path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let hosts = ["app.launchdarkly.com".parse()].into_iter().flatten();
    let base = "https://app.launchdarkly.com/below";
    let Ok(endpoint) = Endpoint::parse(base, None, &AllowedHosts::new(hosts)) else {
        panic!("{base} is refused");
    };
    let id = TokenId::new(text.clone());
    let calls = [
        (Call::Role(&text), "/below/api/v2/roles/", ""),
        (Call::Get(&id), "/below/api/v2/tokens/", ""),
        (Call::Delete(&id), "/below/api/v2/tokens/", ""),
        (Call::Patch(&id, &[]), "/below/api/v2/tokens/", ""),
        (
            Call::Reset {
                id: &id,
                previous_key: Overlap::AtLeast(std::time::Duration::MAX),
            },
            "/below/api/v2/tokens/",
            "/reset",
        ),
    ];
    for (call, before, after) in calls {
        if call.check(None).is_err() {
            continue;
        }
        let url = call
            .prepare(&endpoint, RemoteTime::agreed(Timestamp::MAX))
            .url;
        let Ok(asked) = url.as_str().parse::<Uri>() else {
            panic!("{url} is no address");
        };
        assert_eq!(asked.host(), Some("app.launchdarkly.com"));
        let segment = asked
            .path()
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        let Some(segment) = segment else {
            panic!("{text:?} leads to {asked}");
        };
        assert!(
            !segment.contains(['/', '?', '#']) && segment != "." && segment != "..",
            "{asked}"
        );
        assert_eq!(decoded(segment), text.as_bytes(), "{asked}");
        assert!(harmless(&decoded(segment)), "{text:?}");
    }
}

/// Who decodes a segment once more than they should must not leave its place either.
fn harmless(segment: &[u8]) -> bool {
    segment != b"." && segment != b".." && !segment.is_empty()
}

fn decoded(segment: &str) -> Vec<u8> {
    let mut parts = segment.split('%');
    let mut text = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        text.extend(u8::from_str_radix(digits, 16));
        text.extend(rest.bytes());
    }
    text
}

/// Foreign text with a key in its middle, made fit to be shown.
pub fn text(bytes: &[u8]) {
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let (before, after) = (
        String::from_utf8_lossy(before),
        String::from_utf8_lossy(after),
    );
    let whole = format!("{before}api-{SECRET}{after}");
    let shown = presentable(&whole, None);
    assert!(shown.chars().count() <= MAX_SHOWN);
    for shown in [
        shown,
        presentable(&whole, credential().as_ref()),
        presentable_reply(&whole),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}
