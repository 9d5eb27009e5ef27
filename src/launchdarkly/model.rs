//! What is asked of LaunchDarkly and what it answers, in this program's types.
//!
//! Reading is in [`super::wire`]: these types are what is left after unknown fields, nulls and odd forms are gone.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::domain::ids::{AccountId, AccountMark, ObjectUid, RoleId, TokenId};
use crate::domain::marker::{Hold, Marker};
use crate::domain::settings::{BaseRole, Statement};
use crate::redaction::{Key, LastFour};

/// A token as LaunchDarkly describes it; never its key.
///
/// A field that is missing, null or empty in an answer is empty here: LaunchDarkly does not tell these apart (documented
/// for most fields, inferred for the lists).
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// `_id`.
    pub id: TokenId,
    /// Not unique; may be empty.
    pub name: String,
    /// With the marker, if it has one.
    pub description: String,
    /// Missing means false (documented).
    pub service_token: bool,
    /// A base role; absent when custom roles or an inline role are used (observed).
    pub role: Option<String>,
    /// Ids of custom roles, in no order.
    pub custom_role_ids: Vec<RoleId>,
    /// The inline policy, in no order.
    pub inline_role: Vec<Statement>,
    /// The API version of calls that do not name one.
    pub default_api_version: Option<i64>,
    /// When it was created, on LaunchDarkly's clock.
    pub creation_time: Option<Timestamp>,
    /// When it last called the REST API; other uses do not count (documented). `None` for never.
    pub last_used: Option<Timestamp>,
    /// When it stops working. Unknown to some instances, which drop it without an error (documented).
    pub expiry: Option<Timestamp>,
    /// The end of its key, to tell whether somebody else reset it.
    pub last_four: Option<LastFour>,
}

/// Leaves out the texts that others control.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .field("service_token", &self.service_token)
            .field("creation_time", &self.creation_time)
            .field("last_used", &self.last_used)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

/// The body of a create: a token as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Not unique at LaunchDarkly.
    pub name: String,
    /// With the marker at its end.
    pub description: String,
    /// What it may do.
    pub grant: ResolvedGrant,
    /// A service token's permissions can never be changed (documented).
    pub service_token: bool,
    /// `None` leaves the choice to LaunchDarkly.
    pub default_api_version: Option<i64>,
    /// When it is to stop working, on LaunchDarkly's clock.
    pub expiry: Option<Timestamp>,
}

/// What a token may do, with custom roles by id: answers and patches name them by id only (observed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedGrant {
    /// A base role.
    Role(BaseRole),
    /// Custom roles.
    CustomRoles(BTreeSet<RoleId>),
    /// An inline policy.
    Inline(Vec<Statement>),
}

/// Leaves out what is empty: an unused half of a statement's pair must not be sent (inferred).
impl Serialize for NewToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        body.serialize_entry("name", &self.name)?;
        if !self.description.is_empty() {
            body.serialize_entry("description", &self.description)?;
        }
        match &self.grant {
            ResolvedGrant::Role(role) => {
                body.serialize_entry("role", <&'static str>::from(role))?;
            }
            ResolvedGrant::CustomRoles(ids) => body.serialize_entry("customRoleIds", ids)?,
            ResolvedGrant::Inline(statements) => {
                let statements: Vec<_> = statements.iter().map(WireStatement::from).collect();
                body.serialize_entry("inlineRole", &statements)?;
            }
        }
        body.serialize_entry("serviceToken", &self.service_token)?;
        if let Some(version) = self.default_api_version {
            body.serialize_entry("defaultApiVersion", &version)?;
        }
        if let Some(expiry) = self.expiry {
            body.serialize_entry("expiry", &expiry.as_millisecond())?;
        }
        body.end()
    }
}

/// A statement as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireStatement<'a> {
    effect: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    resources: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_resources: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    actions: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_actions: &'a [String],
}

impl<'a> From<&'a Statement> for WireStatement<'a> {
    fn from(statement: &'a Statement) -> Self {
        Self {
            effect: statement.effect.into(),
            resources: &statement.resources,
            not_resources: &statement.not_resources,
            actions: &statement.actions,
            not_actions: &statement.not_actions,
        }
    }
}

/// A token and its key: the only answer that has one, and LaunchDarkly gives it once.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The token.
    pub token: Token,
    /// Its key, which is in this value and nowhere else.
    pub key: Key,
}

/// How long the previous key is to live after a reset, from when the request leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Consumers need it so long: counted by whichever clock is later.
    AtLeast(Duration),
    /// It leaked, and must not live longer: counted by LaunchDarkly's clock.
    AtMost(Duration),
    /// Not at all: without a time the previous key dies at once (documented).
    Nothing,
}

/// The answer to a reset.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The token, whose id may have changed (unknown), and its new key.
    pub issued: Issued,
    /// Until when the previous key was asked to live, on LaunchDarkly's clock.
    pub previous_key_expiration_time: Timestamp,
}

/// How a token came to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// By this call.
    Deleted,
    /// It was not there any more: as good.
    AlreadyGone,
}

/// Who a key belongs to. Every part may be missing (documented).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallerIdentity {
    /// The account.
    pub account_id: Option<AccountId>,
    /// The token. Not shown to real service tokens (observed).
    pub token_id: Option<TokenId>,
    /// The token's name.
    pub token_name: Option<String>,
    /// Whether it is a service token; only a personal one can create personal tokens.
    pub service_token: Option<bool>,
}

/// A custom role; found by key or id, and editing it changes every token that uses it (documented).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `_id`.
    pub id: RoleId,
    /// The key that people write.
    pub key: String,
}

/// One page of the list of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Those that could be read.
    pub items: Vec<Token>,
    /// How many came, readable or not.
    pub received: usize,
    /// How many of them came after the last that could be read.
    pub unread_at_end: usize,
    /// `totalCount`: the number over all pages, or of this one (both observed).
    pub total: Option<usize>,
    /// Whether the links name a next page; `None` without links.
    pub has_next: Option<bool>,
    /// When the request left, on the steady clock.
    pub asked_at: Timestamp,
}

/// The whole list of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Each token once. One that was there all the time is missing only if tokens before it were deleted during each of three passes.
    pub tokens: Vec<Token>,
    /// When the first request left, on the steady clock: what happened later may be missing.
    pub started_at: Timestamp,
    /// Where the tokens are whose markers name an object.
    by_object: HashMap<ObjectUid, Vec<usize>>,
    /// Where those are that were retained, by the account objects that they were made through.
    retained: HashMap<AccountMark, Vec<usize>>,
}

impl Listing {
    /// A listing that began then. Its markers are read here, once for all objects.
    #[must_use]
    pub fn new(tokens: Vec<Token>, started_at: Timestamp) -> Self {
        let mut by_object: HashMap<ObjectUid, Vec<usize>> = HashMap::new();
        let mut retained: HashMap<AccountMark, Vec<usize>> = HashMap::new();
        for (place, token) in tokens.iter().enumerate() {
            if let Some(marker) = Marker::parse(&token.description) {
                if let Hold::Retained(Some(account)) = marker.hold {
                    retained.entry(account).or_default().push(place);
                }
                by_object.entry(marker.object).or_default().push(place);
            }
        }
        Self {
            tokens,
            started_at,
            by_object,
            retained,
        }
    }

    /// The tokens that were retained, of those made through this account object.
    pub fn retained(&self, account: &AccountMark) -> impl Iterator<Item = &Token> {
        let places = self.retained.get(account).into_iter().flatten();
        places.filter_map(|place| self.tokens.get(*place))
    }

    /// The places of the tokens whose markers name this object.
    #[must_use]
    pub fn marked(&self, object: &ObjectUid) -> &[usize] {
        self.by_object.get(object).map_or(&[], Vec::as_slice)
    }
}

/// One operation of a JSON Patch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOp {
    /// Sets a member, whether it is there or not (observed).
    Replace {
        /// Which.
        path: Member,
        /// To what.
        value: serde_json::Value,
    },
    /// Removes a member; refused with 422 when it is not there (observed).
    Remove {
        /// Which.
        path: Member,
    },
}

impl PatchOp {
    /// Sets when a token stops working, on LaunchDarkly's clock. It can never be taken back (assumed).
    #[must_use]
    pub fn expire_at(at: Timestamp) -> Self {
        Self::Replace {
            path: Member::Expiry,
            value: at.as_millisecond().into(),
        }
    }

    /// Sets the description, marker included.
    #[must_use]
    pub fn describe(description: &str) -> Self {
        Self::Replace {
            path: Member::Description,
            value: description.into(),
        }
    }

    /// The member it is about.
    #[must_use]
    pub fn path(&self) -> Member {
        match self {
            Self::Replace { path, .. } | Self::Remove { path } => *path,
        }
    }
}

/// What of a token can be patched. The three permission members only on personal tokens (documented).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Member {
    /// `name` (observed).
    #[serde(rename = "/name")]
    Name,
    /// `description` (inferred: a permission for it exists).
    #[serde(rename = "/description")]
    Description,
    /// `role` (documented).
    #[serde(rename = "/role")]
    Role,
    /// `customRoleIds` (observed).
    #[serde(rename = "/customRoleIds")]
    CustomRoleIds,
    /// `inlineRole` (observed).
    #[serde(rename = "/inlineRole")]
    InlineRole,
    /// `expiry` (documented since October 2026).
    #[serde(rename = "/expiry")]
    Expiry,
}
