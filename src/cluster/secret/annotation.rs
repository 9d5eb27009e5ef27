//! The names of our annotations on a Secret. Together they are the commit record of a publication.

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
/// Until when the key before it works.
pub const PREVIOUS_EXPIRES_AT: &str = "ldtokens.dev/previous-expires-at";
/// Trigger and revoke values handled by then.
pub const HANDLED: &str = "ldtokens.dev/handled";
/// Which entry holds the key.
pub const KEY_ENTRY: &str = "ldtokens.dev/key-entry";
/// Which entry holds the previous key.
pub const PREVIOUS_ENTRY: &str = "ldtokens.dev/previous-entry";
/// The attempt that was given up on it.
pub const FENCE: &str = "ldtokens.dev/fence";
