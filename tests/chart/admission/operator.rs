//! What the operator decides about a case, by its own functions, as `controller/token/observe/account.rs` asks them.

use std::collections::BTreeMap;

use launchdarkly_token_operator::api::access_token::AccountKind;
use launchdarkly_token_operator::api::validate;
use launchdarkly_token_operator::api::{
    AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount,
};
use launchdarkly_token_operator::domain::account::desired::DesiredAccount;
use launchdarkly_token_operator::domain::namespaces::is_admitted;
use launchdarkly_token_operator::domain::policy::{self, ResolvedRole};
use launchdarkly_token_operator::domain::settings::Grant;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cases::{NAMESPACES, ROLES};

fn read<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap()
}

fn desired(kind: AccountKind, account: &Value) -> DesiredAccount {
    match kind {
        AccountKind::LaunchDarklyAccount => {
            validate::account(&read::<LaunchDarklyAccount>(account).spec)
        }
        AccountKind::ClusterLaunchDarklyAccount => {
            validate::cluster_account(&read::<ClusterLaunchDarklyAccount>(account).spec)
        }
    }
    .unwrap()
}

/// Why a token may not be had from an account that `others` use too.
///
/// # Errors
/// The refusal.
pub fn judge(
    kind: AccountKind,
    account: Option<&Value>,
    asked: &Value,
    others: usize,
) -> Result<(), String> {
    let token = read::<AccessToken>(asked);
    let wish = validate::desired(&token).unwrap();
    let deletion = token.spec.deletion_policy.unwrap_or_default();
    let account = desired(kind, account.ok_or("the account does not exist")?);
    let namespace = asked["metadata"]["namespace"].as_str().unwrap();
    if let Some(allowed) = &account.allowed_namespaces {
        let known = NAMESPACES.iter().find(|one| one.0 == namespace).unwrap();
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let labels: BTreeMap<_, _> = known.1.iter().map(own).collect();
        if !is_admitted(allowed, namespace, &labels) {
            return Err(format!(
                "the account does not admit namespace {namespace:?}; have its spec.allowedNamespaces extended"
            ));
        }
    }
    let roles = match &wish.settings.grant {
        Grant::CustomRoles(asked) => asked.iter().map(|asked| resolve(asked)).collect(),
        Grant::Role(_) | Grant::Inline(_) => Ok(Vec::new()),
    }?;
    policy::allowed(&account.policy, &wish.settings, &roles)
        .and_then(|()| account.policy.allows_interval(wish.rotation.interval))
        .and_then(|()| account.policy.allows_metadata(&wish.secret))
        .and_then(|()| account.policy.allows_deletion(deletion))
        .and_then(|()| account.policy.has_room(others))
        .map_err(|refusal| refusal.to_string())
}

fn resolve(asked: &str) -> Result<ResolvedRole, String> {
    let found = ROLES.iter().find(|(key, id)| [*key, *id].contains(&asked));
    let (key, id) = found.ok_or(format!("there is no custom role {asked}"))?;
    Ok(ResolvedRole {
        id: (*id).into(),
        key: (*key).into(),
    })
}
