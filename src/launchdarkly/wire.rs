//! Reads answers leniently: unknown fields are ignored, null, missing and empty are the same, and a number may be written
//! as text (observed in the documentation's examples). Only what nothing works without is insisted on.
//!
//! What may have any form is kept as the text that it is until its form is known: as a tree a hostile answer could take a
//! hundred times its size.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Operation;
use super::model::{CallerIdentity, Issued, Page, Role, Token};
use crate::domain::ids::{AccountId, RoleId, TokenId};
use crate::domain::settings::{Effect, Statement};
use crate::redaction::{Key, LastFour};

/// Ids are short and plain; anything else is not one.
const MAX_ID: usize = 128;

/// No page has more tokens, whatever was asked for.
const MAX_ITEMS: usize = 20_000;

/// What is wrong with an answer.
pub(super) type Why = &'static str;

pub(super) fn token(body: &[u8]) -> Result<Token, Why> {
    read::<RawToken>(body)?.into_token().map(|(token, _)| token)
}

/// A token and its whole key; without the key the call succeeded and the key is lost.
pub(super) fn issued(body: &[u8]) -> Result<Issued, Why> {
    let (token, key) = read::<RawToken>(body)?.into_token()?;
    let key = key
        .filter(Key::is_whole)
        .ok_or("does not contain the token's key")?;
    Ok(Issued { token, key })
}

pub(super) fn page(body: &[u8], asked_at: Timestamp) -> Result<Page, Why> {
    let raw: RawPage = read(body)?;
    let Items {
        tokens,
        received,
        unread_at_end,
    } = raw.items.ok_or("has no list of tokens")?;
    Ok(Page {
        items: tokens,
        received,
        unread_at_end,
        total: raw.total.0.and_then(|total| usize::try_from(total).ok()),
        has_next: raw.links.map(|links| links.next.is_some()),
        asked_at,
    })
}

pub(super) fn identity(body: &[u8]) -> Result<CallerIdentity, Why> {
    let raw: RawIdentity = read(body)?;
    Ok(CallerIdentity {
        account_id: raw.account_id.and_then(id).map(AccountId::new),
        token_id: raw.token_id.and_then(id).map(TokenId::new),
        token_name: raw.token_name,
        service_token: raw.service_token,
    })
}

pub(super) fn role(body: &[u8]) -> Result<Role, Why> {
    let raw: RawRole = read(body)?;
    let id = raw
        .id
        .and_then(id)
        .ok_or("does not contain the role's id")?;
    Ok(Role {
        id: RoleId::new(id),
        key: raw.key.unwrap_or_default(),
    })
}

/// The parts of an error answer that are used. Real ones may be empty, HTML, or lack any part (observed).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    #[serde(deserialize_with = "lenient")]
    pub(super) code: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) access: Option<AccessObject>,
}

/// What a 403 says is missing (observed).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AccessObject {
    #[serde(deserialize_with = "lenient")]
    pub(super) action: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) resource: Option<String>,
}

pub(super) fn refusal(body: &[u8]) -> ErrorBody {
    serde_json::from_slice(body).unwrap_or_default()
}

/// How large an answer may be, in bytes.
pub(super) fn size_limit(operation: Operation) -> usize {
    const MIB: usize = 1 << 20;
    if operation == Operation::List {
        8 * MIB
    } else {
        MIB
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Why> {
    const NOT_EXPECTED: Why = "is not the JSON that was expected";
    // Serde would take an array for an object whose fields may all be missing.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(NOT_EXPECTED);
    }
    // The error's text may quote the body, so it goes no further.
    serde_json::from_slice(body).map_err(|_| NOT_EXPECTED)
}

fn id(text: String) -> Option<String> {
    let good = (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    good.then_some(text)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawToken {
    #[serde(rename = "_id", deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    description: Option<String>,
    #[serde(deserialize_with = "lenient")]
    service_token: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    role: Option<String>,
    #[serde(deserialize_with = "strict_or_null")]
    custom_role_ids: Option<Vec<String>>,
    #[serde(deserialize_with = "strict_or_null")]
    inline_role: Option<Vec<RawStatement>>,
    default_api_version: Number,
    creation_date: Number,
    last_used: Number,
    expiry: Number,
    token: Secret,
}

impl RawToken {
    fn into_token(self) -> Result<(Token, Option<Key>), Why> {
        let key = self.token.0;
        let token = Token {
            id: TokenId::new(
                self.id
                    .and_then(id)
                    .ok_or("does not contain the token's id")?,
            ),
            name: self.name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            service_token: self.service_token.unwrap_or_default(),
            role: self.role.filter(|role| !role.is_empty()),
            custom_role_ids: self
                .custom_role_ids
                .unwrap_or_default()
                .into_iter()
                .map(RoleId::new)
                .collect(),
            inline_role: self
                .inline_role
                .unwrap_or_default()
                .into_iter()
                .map(Statement::from)
                .collect(),
            default_api_version: self.default_api_version.0,
            creation_time: self.creation_date.time(),
            last_used: self.last_used.time(),
            expiry: self.expiry.time(),
            last_four: key.as_ref().map(|key| LastFour::of(key.expose())),
        };
        Ok((token, key))
    }
}

/// Permissions are read strictly: half an understood policy would be taken for another one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatement {
    effect: RawEffect,
    #[serde(default, deserialize_with = "strict_or_null")]
    resources: Option<Vec<String>>,
    #[serde(default, deserialize_with = "strict_or_null")]
    not_resources: Option<Vec<String>>,
    #[serde(default, deserialize_with = "strict_or_null")]
    actions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "strict_or_null")]
    not_actions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawEffect {
    Allow,
    Deny,
}

impl From<RawStatement> for Statement {
    fn from(raw: RawStatement) -> Self {
        Self {
            effect: match raw.effect {
                RawEffect::Allow => Effect::Allow,
                RawEffect::Deny => Effect::Deny,
            },
            resources: raw.resources.unwrap_or_default(),
            not_resources: raw.not_resources.unwrap_or_default(),
            actions: raw.actions.unwrap_or_default(),
            not_actions: raw.not_actions.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
struct RawPage {
    items: Option<Items>,
    #[serde(default, rename = "totalCount")]
    total: Number,
    #[serde(default, rename = "_links", deserialize_with = "lenient")]
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    next: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawIdentity {
    #[serde(deserialize_with = "lenient")]
    account_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    token_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    token_name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    service_token: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRole {
    #[serde(rename = "_id", deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    key: Option<String>,
}

/// The tokens of a page that can be read, and how many there were.
#[derive(Default)]
struct Items {
    tokens: Vec<Token>,
    received: usize,
    unread_at_end: usize,
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tokens")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items, A::Error> {
                let mut items = Items::default();
                while let Some(item) = list.next_element::<&RawValue>()? {
                    items.received += 1;
                    if items.received > MAX_ITEMS {
                        return Err(A::Error::custom("too many tokens"));
                    }
                    let token = understood::<RawToken>(item).and_then(|raw| raw.into_token().ok());
                    match token {
                        Some((token, _)) => {
                            items.tokens.push(token);
                            items.unread_at_end = 0;
                        }
                        None => items.unread_at_end += 1,
                    }
                }
                Ok(items)
            }
        }
        from.deserialize_seq(ItemsVisitor)
    }
}

/// A value of the expected form; nothing for any other.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    <&RawValue>::deserialize(from).map(understood)
}

fn understood<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

fn strict_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// A whole number, also as a text; anything else is none.
#[derive(Default)]
struct Number(Option<i64>);

impl Number {
    /// Milliseconds since 1970; zero is "never" (documented).
    fn time(&self) -> Option<Timestamp> {
        self.0
            .filter(|ms| *ms != 0)
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(from)?;
        let text = || understood::<String>(value).and_then(|text| text.trim().parse().ok());
        Ok(Self(understood(value).or_else(text)))
    }
}

/// The `token` field, straight into a [`Key`]: the text is copied nowhere else on the way.
#[derive(Default)]
struct Secret(Option<Key>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        impl Visitor<'_> for SecretVisitor {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key or nothing")
            }

            fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(Key::from_bytes(text.as_bytes()).ok()))
            }

            fn visit_unit<E>(self) -> Result<Secret, E> {
                Ok(Secret(None))
            }
        }
        from.deserialize_any(SecretVisitor)
    }
}
