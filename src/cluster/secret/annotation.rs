//! Our annotations on a Secret. Together they are the commit record of a publication.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::ids::{AccountId, Attempt, Fingerprint, RequestHash, TokenId};
use crate::domain::record::Identity;
use crate::domain::secret::{Marks, SecretLayout};

/// `<namespace>/<name>` of the AccessToken.
pub const OWNED_BY: &str = "ldtokens.dev/owned-by";
/// Its UID.
pub const UID: &str = "ldtokens.dev/uid";
/// The token whose key it holds.
pub const TOKEN_ID: &str = "ldtokens.dev/token-id";
/// The LaunchDarkly account of that token.
pub const ACCOUNT_ID: &str = "ldtokens.dev/account-id";
/// The attempt that published the key.
pub const ATTEMPT: &str = "ldtokens.dev/attempt";
/// Of the key.
pub const FINGERPRINT: &str = "ldtokens.dev/fingerprint";
/// When the key was published.
pub const ROTATED_AT: &str = "ldtokens.dev/rotated-at";
/// Until when the previous key works.
pub const PREVIOUS_EXPIRES_AT: &str = "ldtokens.dev/previous-expires-at";
/// Trigger and revoke values handled by then.
pub const HANDLED: &str = "ldtokens.dev/handled";
/// Replaced tokens by then, and when they are to be deleted.
pub const RETIRING: &str = "ldtokens.dev/retiring";
/// Which entry holds the key.
pub const KEY_ENTRY: &str = "ldtokens.dev/key-entry";
/// Which entry holds the previous key.
pub const PREVIOUS_ENTRY: &str = "ldtokens.dev/previous-entry";
/// The attempt that was given up on it.
pub const FENCE: &str = "ldtokens.dev/fence";

/// Our annotations for a Secret that says this.
pub(super) fn write(
    identity: &Identity,
    layout: &SecretLayout,
    marks: &Marks,
) -> impl Iterator<Item = (String, String)> {
    let handled: Vec<&str> = marks.handled.iter().map(RequestHash::as_str).collect();
    let retiring = marks.retiring.iter();
    let retiring: Vec<_> = retiring.map(|(id, end)| format!("{id}={end}")).collect();
    let own = [
        (OWNED_BY, Some(identity.owner_mark())),
        (UID, Some(identity.uid.to_string())),
        (TOKEN_ID, marks.token_id.as_ref().map(ToString::to_string)),
        (
            ACCOUNT_ID,
            marks.account_id.as_ref().map(ToString::to_string),
        ),
        (ATTEMPT, marks.attempt.as_ref().map(ToString::to_string)),
        (
            FINGERPRINT,
            marks.fingerprint.as_ref().map(ToString::to_string),
        ),
        (ROTATED_AT, marks.rotated_at.map(|time| time.to_string())),
        (
            PREVIOUS_EXPIRES_AT,
            marks.previous_expires_at.map(|time| time.to_string()),
        ),
        (HANDLED, (!handled.is_empty()).then(|| handled.join(","))),
        (RETIRING, (!retiring.is_empty()).then(|| retiring.join(","))),
        (KEY_ENTRY, Some(layout.key.clone())),
        (FENCE, marks.fence.as_ref().map(ToString::to_string)),
    ];
    own.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

/// What the annotations of a Secret say.
pub(super) fn read(annotations: &BTreeMap<String, String>) -> Marks {
    let text = |name: &str| annotations.get(name).filter(|text| !text.is_empty());
    let time = |name: &str| text(name).and_then(|text| text.parse::<Timestamp>().ok());
    Marks {
        owner_uid: text(UID).cloned().unwrap_or_default(),
        token_id: text(TOKEN_ID).map(TokenId::new),
        account_id: text(ACCOUNT_ID).map(AccountId::new),
        attempt: text(ATTEMPT).map(Attempt::new),
        fingerprint: text(FINGERPRINT).map(Fingerprint::new),
        rotated_at: time(ROTATED_AT),
        previous_expires_at: time(PREVIOUS_EXPIRES_AT),
        handled: text(HANDLED)
            .map(|text| text.split(',').map(RequestHash::from).collect())
            .unwrap_or_default(),
        retiring: text(RETIRING)
            .map(|text| text.split(',').filter_map(retiring).collect())
            .unwrap_or_default(),
        fence: text(FENCE).map(Attempt::new),
    }
}

fn retiring(text: &str) -> Option<(TokenId, Timestamp)> {
    let (id, end) = text.split_once('=')?;
    Some((TokenId::new(id), end.parse().ok()?))
}
