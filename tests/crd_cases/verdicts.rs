//! What kube-cel and the operator say about a case, in a form to compare.

use std::collections::BTreeSet;

use launchdarkly_token_operator::api::validate;
use launchdarkly_token_operator::api::validate::Invalid;
use launchdarkly_token_operator::api::{
    AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount,
};
use serde_json::Value;

use super::Case;
use super::objects::Kind;

/// Places and messages.
pub type Verdict = BTreeSet<(String, String)>;

/// What the case says, without the values that the API server puts before a message.
pub fn expected(case: &Case) -> Verdict {
    case.says
        .lines()
        .map(|line| {
            let (place, says) = line.split_once(": Invalid value: ").unwrap();
            // The value ends where the message begins, and every message begins like this.
            let message = &says[says.find("must ").unwrap()..];
            (place.to_owned(), message.to_owned())
        })
        .collect()
}

/// What kube-cel says.
pub fn cel(case: &Case) -> Verdict {
    let validator = kube_cel::Validator::new();
    match validator.validate(case.kind.schema(), &case.object, case.before.as_ref()) {
        Ok(()) => Verdict::new(),
        Err(errors) => errors
            .into_iter()
            .map(|error| (error.field_path, error.message))
            .collect(),
    }
}

/// What the operator says; `(type)` when the object cannot even be read.
pub fn own(case: &Case) -> Verdict {
    let found = match case.kind {
        Kind::AccessToken => read::<AccessToken>(&case.object)
            .and_then(|object| validate::desired(&object).map(drop)),
        Kind::Account => read::<LaunchDarklyAccount>(&case.object)
            .and_then(|object| validate::account(&object.spec).map(drop)),
        Kind::ClusterAccount => read::<ClusterLaunchDarklyAccount>(&case.object)
            .and_then(|object| validate::cluster_account(&object.spec).map(drop)),
    };
    found
        .err()
        .into_iter()
        .flatten()
        .map(|invalid| (invalid.field, invalid.message))
        .collect()
}

fn read<T: serde::de::DeserializeOwned>(object: &Value) -> Result<T, Vec<Invalid>> {
    serde_json::from_value(object.clone()).map_err(|error| {
        vec![Invalid {
            field: "(type)".into(),
            message: error.to_string(),
        }]
    })
}

/// The field that a message is about: of an item that is there twice, the list.
pub fn field(says: &str) -> String {
    let place = says.split(": ").next().unwrap_or_default();
    if says.contains("Duplicate value")
        && let Some((list, _)) = place.rsplit_once('[')
    {
        return list.to_owned();
    }
    place.to_owned()
}
