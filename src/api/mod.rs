//! The custom resources: what users write and read.
//!
//! The types here are the single source of the CRD files in `crds/` and of the reference in `docs/reference.md`.

pub mod access_token;
pub mod account;
pub mod conditions;
pub mod crds;
pub mod record;
mod rules;
mod schema;
pub mod status;
pub mod validate;

pub use access_token::{AccessToken, AccessTokenSpec};
pub use account::{
    AccountSpec, AccountStatus, ClusterAccountSpec, ClusterLaunchDarklyAccount, LaunchDarklyAccount,
};
pub use status::AccessTokenStatus;

/// The API group of all kinds.
pub const GROUP: &str = "ldtokens.dev";
/// The one version.
pub const VERSION: &str = "v1alpha1";

/// The name under which our fields are owned.
pub const FIELD_MANAGER: &str = "launchdarkly-token-operator";

/// Keeps an `AccessToken` until its remote tokens and its Secret are dealt with.
pub const TOKEN_FINALIZER: &str = "ldtokens.dev/token-cleanup";
/// Keeps an account while `AccessToken` objects refer to it.
pub const ACCOUNT_FINALIZER: &str = "ldtokens.dev/account-in-use";

/// A value never seen before rotates once, like `spec.rotation.trigger`.
pub const ROTATE_ANNOTATION: &str = "ldtokens.dev/rotate";
/// A value never seen before revokes once, like `spec.rotation.revoke`.
pub const REVOKE_ANNOTATION: &str = "ldtokens.dev/revoke";
/// A value never seen before ends every key of the object at once, without a successor: for leaks that are worse than an outage.
pub const CUT_OFF_ANNOTATION: &str = "ldtokens.dev/cut-off";
/// IDs of unknown tokens, separated by blanks: these, and nothing else, are this object's and retire with grace.
pub const CLAIM_ANNOTATION: &str = "ldtokens.dev/claim";
/// Set to `"true"`: the object goes at once, whatever stays behind at LaunchDarkly.
pub const SKIP_CLEANUP_ANNOTATION: &str = "ldtokens.dev/skip-cleanup";
