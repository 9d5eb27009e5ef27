//! What the user asks for, as the operator understands it.

use std::collections::BTreeMap;

use launchdarkly_token_operator::domain::desired::{Desired, DriftPolicy, Rotation, Strategy};
use launchdarkly_token_operator::domain::ids::{FormerHashes, RequestHash};
use launchdarkly_token_operator::domain::secret::SecretLayout;
use launchdarkly_token_operator::domain::settings::{BaseRole, Grant, TokenSettings};

use super::world::{GRACE, INTERVAL, Role, Spec};

/// The id of the only custom role.
pub const ROLE_ID: &str = "role-1";

impl Spec {
    /// The settings of a token.
    ///
    /// A spec names custom roles by their keys, LaunchDarkly by their ids.
    pub fn settings(role: Role, description: u8, custom: &str) -> TokenSettings {
        TokenSettings {
            name: "web".into(),
            description: format!("version {description}"),
            service_token: true,
            grant: match role {
                Role::Reader => Grant::Role(BaseRole::Reader),
                Role::Writer => Grant::Role(BaseRole::Writer),
                Role::Custom => Grant::CustomRoles([custom.to_owned()].into()),
            },
            default_api_version: None,
        }
    }

    /// The spec, validated.
    pub fn desired(&self) -> Desired {
        let requests = |kind: &str, count: u8| {
            let newest = count.checked_sub(1);
            let hash = |n: u8| RequestHash::from(format!("v1:{kind}-{n}").as_str());
            newest.map(hash).into_iter().collect()
        };
        Desired {
            settings: Self::settings(self.role, self.description, "deployer"),
            secret: SecretLayout {
                name: self.secret.into(),
                key: "token".into(),
                previous_key: None,
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            },
            rotation: Rotation {
                strategy: if self.replaces {
                    Strategy::Replace
                } else {
                    Strategy::Reset
                },
                interval: self.scheduled.then_some(INTERVAL),
                grace: GRACE,
                triggers: requests("trigger", self.triggers),
                revokes: requests("revoke", self.revokes),
                former: FormerHashes::default(),
            },
            drift_policy: DriftPolicy::Correct,
            suspend: false,
        }
    }
}
