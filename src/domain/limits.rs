//! How much a user may say: the bounds of the schema, checked by the operator too.

/// Characters in the name of a Kubernetes object or of an entry of a Secret.
pub const NAME: usize = 253;
/// Characters in the name of a namespace, or in the value of a label.
pub const LABEL: usize = 63;
/// Characters in the key of a label: a name, a slash, a label.
pub const LABEL_KEY: usize = 317;
/// Characters in the value of an annotation.
pub const ANNOTATION: usize = 4096;
/// Labels, or annotations, in one place.
pub const LABELS: usize = 32;
/// Characters in a token's name at LaunchDarkly.
pub const TOKEN_NAME: usize = 256;
/// Characters in a token's description, without the operator's marker. LaunchDarkly's own limit is unknown.
pub const DESCRIPTION: usize = 200;
/// Characters in a duration.
pub const DURATION: usize = 22;
/// Characters in a trigger or revoke value.
pub const REQUEST: usize = 256;
/// Roles of a token, statements of an inline policy, entries of a statement's list, values of a label expression.
pub const ENTRIES: usize = 50;
/// Characters in the key or ID of a custom role.
pub const ROLE: usize = 256;
/// Characters in a resource specifier.
pub const RESOURCE: usize = 512;
/// Characters in the name of an action.
pub const ACTION: usize = 128;
/// Globs in one list of a policy.
pub const GLOBS: usize = 100;
/// Prefixes of labels and annotations in a policy.
pub const KEY_PREFIXES: usize = 32;
/// Base roles in a policy.
pub const BASE_ROLES: usize = 3;
/// Namespaces that an account names.
pub const NAMESPACES: usize = 200;
/// Label expressions in a selector.
pub const EXPRESSIONS: usize = 16;
/// Characters in an API URL.
pub const URL: usize = 512;
/// Characters in a bundle of certificates.
pub const CA_BUNDLE: usize = 65_536;
/// The smallest and the largest number that can be an API version: a date.
pub const API_VERSION: (i64, i64) = (20_160_426, 99_991_231);
/// The largest `maxTokens`.
pub const MAX_TOKENS: i64 = 100_000;
