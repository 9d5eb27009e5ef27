//! What is said about mistakes, by the API server and by the operator alike.

use crate::domain::syntax;

/// None or several of the ways to say what a token may do.
pub const ONE_GRANT: &str = "must have exactly one of role, customRoles and inlineRole";
/// None or both of a pair.
pub const RESOURCES: &str = "must have exactly one of resources and notResources";
/// None or both of a pair.
pub const ACTIONS: &str = "must have exactly one of actions and notActions";
/// Our marker in the user's text.
pub const MARKER: &str =
    "must not contain \"[ldtokens \", with which the operator's own marker begins";
/// An interval out of bounds.
pub const INTERVAL: &str = "must be at least 1m and at most 43800h";
/// A grace period out of bounds.
pub const GRACE: &str = "must be at most 43800h";
/// The same entry of the Secret for two keys.
pub const DISTINCT_KEYS: &str = "must differ from secret.key";
/// Certificates in another form.
pub const PEM: &str =
    "must be certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
/// A private key among certificates.
pub const PRIVATE_KEY: &str = "must have certificates only, not a private key";
/// How much of a wrong text is repeated.
const SHOWN: usize = 64;

/// A resource specifier that is none.
pub(super) fn specifier(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{}, not {shown:?}", syntax::SPECIFIER.message)
}

/// Resources of several kinds in one statement.
pub(super) fn mixed_kinds(kinds: &[&str]) -> String {
    let kinds = kinds.join(", ");
    format!("must be of one kind, not of {kinds}; write a statement for each kind")
}

/// A selector without content.
pub const EMPTY_SELECTOR: &str = "must have matchLabels or matchExpressions; to allow every namespace use the expression {key: kubernetes.io/metadata.name, operator: Exists}";
/// An empty list of what an account allows.
pub const EMPTY_LIST: &str = "must have at least one item; to allow none of them, leave the list out and name what is allowed in another one; to allow nothing, set maxTokens to 0";
/// An empty list of the keys that an account allows.
pub const EMPTY_PREFIXES: &str = "must have at least one item; to allow no labels and annotations, name a prefix that nobody uses, such as none.invalid/";
/// Values and operator do not fit.
pub const VALUES: &str =
    "must have values with In and NotIn, and none with Exists and DoesNotExist";

/// How a certificate in PEM begins.
pub const PEM_BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// How a certificate in PEM ends.
pub const PEM_END: &str = "-----END CERTIFICATE-----";
/// What every kind of private key has in its PEM header.
pub const PEM_PRIVATE: &str = "PRIVATE KEY-----";
