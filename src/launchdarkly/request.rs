//! What is sent for each operation.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::endpoint::Endpoint;
use super::error::{ApiError, Operation};
use super::model::{NewToken, Overlap, PatchOp};
use super::rate_limit::RemoteTime;
use crate::domain::ids::TokenId;

/// Longer ids and role keys do not exist; LaunchDarkly's ids have 24 characters (observed).
const MAX_SEGMENT: usize = 256;

/// A call, before it is known when it leaves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call<'a> {
    Identify,
    ListPage {
        offset: usize,
        limit: usize,
    },
    Get(&'a TokenId),
    Create(&'a NewToken),
    Patch(&'a TokenId, &'a [PatchOp]),
    Delete(&'a TokenId),
    Reset {
        id: &'a TokenId,
        previous_key: Overlap,
    },
    Role(&'a str),
}

/// A request as it leaves. No part of it is secret.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Vec<u8>>,
    /// Until when the previous key was asked to live; for a reset.
    pub(super) previous_key_expiration_time: Option<Timestamp>,
}

impl Call<'_> {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Identify => Operation::Identify,
            Self::ListPage { .. } => Operation::List,
            Self::Get(_) => Operation::Get,
            Self::Create(_) => Operation::Create,
            Self::Patch(..) => Operation::Patch,
            Self::Delete(_) => Operation::Delete,
            Self::Reset { .. } => Operation::Reset,
            Self::Role(_) => Operation::Role,
        }
    }

    /// Refuses what would harm the credential in use (I6), and ids that LaunchDarkly cannot have given.
    pub(super) fn check(&self, own_token: Option<&TokenId>) -> Result<(), ApiError> {
        let operation = self.operation();
        let (id, harms) = match self {
            Self::Get(id) => (*id, false),
            Self::Delete(id) | Self::Reset { id, .. } => (*id, true),
            Self::Patch(id, changes) => {
                let expires = |change: &PatchOp| change.path() == super::model::Member::Expiry;
                (*id, changes.iter().any(expires))
            }
            Self::Role(name) => {
                return if is_role_name(name) {
                    Ok(())
                } else {
                    Err(ApiError::Malformed { operation })
                };
            }
            Self::Identify | Self::ListPage { .. } | Self::Create(_) => return Ok(()),
        };
        if !is_id(id.as_str()) {
            return Err(ApiError::Malformed { operation });
        }
        if harms && own_token == Some(id) {
            return Err(ApiError::SelfProtection { operation });
        }
        Ok(())
    }

    /// The request, given LaunchDarkly's time.
    pub(super) fn prepare(&self, endpoint: &Endpoint, there: RemoteTime) -> Wire {
        let wire = |method, segments: &[&str], body: Option<Value>| Wire {
            method,
            url: endpoint.resource(segments),
            body: body.map(|body| body.to_string().into_bytes()),
            previous_key_expiration_time: None,
        };
        match self {
            Self::Identify => wire(Method::GET, &["caller-identity"], None),
            Self::ListPage { offset, limit } => {
                let mut list = wire(Method::GET, &["tokens"], None);
                list.url
                    .query_pairs_mut()
                    .append_pair("limit", &limit.to_string())
                    .append_pair("offset", &offset.to_string());
                list
            }
            Self::Get(id) => wire(Method::GET, &["tokens", id.as_str()], None),
            Self::Create(desired) => wire(Method::POST, &["tokens"], Some(json!(desired))),
            Self::Patch(id, changes) => wire(
                Method::PATCH,
                &["tokens", id.as_str()],
                Some(json!(changes)),
            ),
            Self::Delete(id) => wire(Method::DELETE, &["tokens", id.as_str()], None),
            Self::Reset { id, previous_key } => {
                let path = ["tokens", id.as_str(), "reset"];
                let (from, lives) = match previous_key {
                    Overlap::AtLeast(lives) => (there.latest, lives),
                    Overlap::AtMost(lives) => (there.likely, lives),
                    Overlap::Nothing => return wire(Method::POST, &path, Some(json!({}))),
                };
                let until = from.saturating_add(*lives).unwrap_or(Timestamp::MAX);
                // The time goes where it is documented and where it was observed to work: query and body.
                let ms = until.as_millisecond();
                let mut reset = wire(Method::POST, &path, Some(json!({ "expiry": ms })));
                reset
                    .url
                    .query_pairs_mut()
                    .append_pair("expiry", &ms.to_string());
                reset.previous_key_expiration_time = Timestamp::from_millisecond(ms).ok();
                reset
            }
            Self::Role(name) => wire(Method::GET, &["roles", name], None),
        }
    }
}

fn is_id(text: &str) -> bool {
    (1..=MAX_SEGMENT).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Role keys may have more characters than ids, which are encoded; but none that steer a path.
fn is_role_name(text: &str) -> bool {
    (1..=MAX_SEGMENT).contains(&text.len())
        && text != "."
        && text != ".."
        && text.chars().all(|c| !c.is_control())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::launchdarkly::AllowedHosts;

    #[test]
    fn the_route_of_an_operation_is_what_is_sent() {
        let allowed = AllowedHosts::default();
        let endpoint = Endpoint::parse("https://app.launchdarkly.com", None, &allowed).unwrap();
        let id = TokenId::new("0123");
        let calls = [
            Call::Identify,
            Call::ListPage {
                offset: 0,
                limit: 1,
            },
            Call::Get(&id),
            Call::Patch(&id, &[]),
            Call::Delete(&id),
            Call::Reset {
                id: &id,
                previous_key: Overlap::AtLeast(Duration::ZERO),
            },
            Call::Role("0123"),
        ];
        let there = RemoteTime::agreed(Timestamp::UNIX_EPOCH);
        for call in calls {
            let wire = call.prepare(&endpoint, there);
            let (method, template) = call.operation().route();
            let path = template
                .replace("{id}", "0123")
                .replace("{keyOrId}", "0123");
            assert_eq!((wire.method, wire.url.path()), (method, path.as_str()));
        }
    }
}
