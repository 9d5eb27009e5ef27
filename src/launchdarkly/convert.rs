//! Between the settings that are decided on and what LaunchDarkly is sent and shows. Nothing else translates them.

use jiff::Timestamp;

use super::differences::differences;
use super::model::{Listing, NewToken, ResolvedGrant, Token};
use crate::domain::ids::{ObjectUid, RoleId, SettingsHash, TokenId};
use crate::domain::marker::{self, Marker};
use crate::domain::memory::{ShownListing, ShownToken};
use crate::domain::settings::{Grant, TokenSettings};

impl From<&TokenSettings> for NewToken {
    /// Custom roles must be ids: what `decide` makes of a spec is resolved already.
    fn from(settings: &TokenSettings) -> Self {
        Self {
            name: settings.name.clone(),
            description: settings.description.clone(),
            grant: match &settings.grant {
                Grant::Role(role) => ResolvedGrant::Role(*role),
                Grant::CustomRoles(ids) => {
                    ResolvedGrant::CustomRoles(ids.iter().map(RoleId::new).collect())
                }
                Grant::Inline(statements) => ResolvedGrant::Inline(statements.clone()),
            },
            service_token: settings.service_token,
            default_api_version: settings.default_api_version,
            expiry: None,
        }
    }
}

impl Token {
    /// What it may do.
    #[must_use]
    pub fn grant(&self) -> ResolvedGrant {
        if !self.custom_role_ids.is_empty() {
            ResolvedGrant::CustomRoles(self.custom_role_ids.iter().cloned().collect())
        } else if let Some(role) = self.role.as_ref().and_then(|role| role.parse().ok()) {
            ResolvedGrant::Role(role)
        } else {
            ResolvedGrant::Inline(self.inline_role.clone())
        }
    }

    /// Its settings as LaunchDarkly shows them: roles as ids, the description without the marker, and the default version of the API only
    /// if one is asked for.
    #[must_use]
    pub fn settings(&self, asks_version: bool) -> TokenSettings {
        TokenSettings {
            name: self.name.clone(),
            description: marker::split(&self.description).0.to_owned(),
            service_token: self.service_token,
            grant: match self.grant() {
                ResolvedGrant::Role(role) => Grant::Role(role),
                ResolvedGrant::CustomRoles(ids) => {
                    Grant::CustomRoles(ids.iter().map(ToString::to_string).collect())
                }
                ResolvedGrant::Inline(statements) => Grant::Inline(statements),
            },
            default_api_version: self.default_api_version.filter(|_| asks_version),
        }
    }
}

impl ShownToken for Token {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn marker(&self) -> Option<Marker> {
        Marker::parse(&self.description)
    }

    fn creation_time(&self) -> Option<Timestamp> {
        self.creation_time
    }

    fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    fn last_used(&self) -> Option<Timestamp> {
        self.last_used
    }

    fn custom_role_ids(&self) -> Vec<String> {
        self.custom_role_ids
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn settings_hash(&self, asks_version: bool) -> SettingsHash {
        self.settings(asks_version).hash()
    }

    fn differs_from(&self, desired: &TokenSettings) -> Vec<&'static str> {
        let shown = Self {
            description: marker::split(&self.description).0.to_owned(),
            expiry: None,
            ..self.clone()
        };
        differences(&NewToken::from(desired), &shown)
    }
}

impl ShownListing<Token> for Listing {
    fn start_time(&self) -> Timestamp {
        self.started_at
    }

    fn token(&self, id: &TokenId) -> Option<&Token> {
        self.tokens.iter().find(|token| token.id == *id)
    }

    fn marked_for<'a>(&'a self, object: &ObjectUid) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        let places = self.marked(object).iter();
        places.filter_map(|place| self.tokens.get(*place))
    }

    fn tokens<'a>(&'a self) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        self.tokens.iter()
    }
}
