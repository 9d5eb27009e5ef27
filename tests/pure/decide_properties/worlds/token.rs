//! What users ask for, in few words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use launchdarkly_token_operator::domain::desired::{Desired, DriftPolicy, Rotation, Strategy};
use launchdarkly_token_operator::domain::ids::FormerHashes;
use launchdarkly_token_operator::domain::secret::SecretLayout;
use launchdarkly_token_operator::domain::settings::{BaseRole, Grant, TokenSettings};

use super::names::{hours, revoke, trigger};

/// A spec under construction.
#[derive(Debug, Clone)]
pub struct DesiredToken(pub Desired);

/// A service token that reads, its key in Secret `web`, never rotated.
pub fn a_token() -> DesiredToken {
    DesiredToken(Desired {
        settings: TokenSettings {
            name: "team-a/web".into(),
            description: "Reads flags".into(),
            service_token: true,
            grant: Grant::Role(BaseRole::Reader),
            default_api_version: None,
        },
        secret: SecretLayout {
            name: "web".into(),
            key: "token".into(),
            previous_key: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        },
        rotation: Rotation {
            strategy: Strategy::Reset,
            interval: None,
            grace: hours(6),
            triggers: Vec::new(),
            revokes: Vec::new(),
            former: FormerHashes::default(),
        },
        drift_policy: DriftPolicy::Correct,
        suspend: false,
    })
}

impl DesiredToken {
    fn with(mut self, change: impl FnOnce(&mut Desired)) -> Self {
        change(&mut self.0);
        self
    }

    pub fn rotating_every(self, interval: SignedDuration) -> Self {
        self.with(|desired| desired.rotation.interval = Some(interval))
    }

    pub fn with_grace(self, grace: SignedDuration) -> Self {
        self.with(|desired| desired.rotation.grace = grace)
    }

    pub fn by_replacement(self) -> Self {
        self.with(|desired| desired.rotation.strategy = Strategy::Replace)
    }

    pub fn triggered_by(self, value: &str) -> Self {
        self.with(|desired| desired.rotation.triggers.push(trigger(value)))
    }

    pub fn revoked_by(self, value: &str) -> Self {
        self.with(|desired| desired.rotation.revokes.push(revoke(value)))
    }

    pub fn with_role(self, role: BaseRole) -> Self {
        self.with(|desired| desired.settings.grant = Grant::Role(role))
    }

    pub fn with_custom_role(self, role: &str) -> Self {
        let roles = BTreeSet::from([role.to_owned()]);
        self.with(|desired| desired.settings.grant = Grant::CustomRoles(roles))
    }

    pub fn described_as(self, text: &str) -> Self {
        self.with(|desired| text.clone_into(&mut desired.settings.description))
    }

    pub fn in_secret(self, name: &str) -> Self {
        self.with(|desired| name.clone_into(&mut desired.secret.name))
    }

    pub fn showing_the_previous_key(self) -> Self {
        self.with(|desired| desired.secret.previous_key = Some("previous".into()))
    }

    pub fn warning_of_drift(self) -> Self {
        self.with(|desired| desired.drift_policy = DriftPolicy::Report)
    }

    pub fn suspended(self) -> Self {
        self.with(|desired| desired.suspend = true)
    }
}
