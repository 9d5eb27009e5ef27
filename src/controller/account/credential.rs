//! The managing key: where it is read, and whose it is (I10).

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;

use crate::api::validate::{DesiredAccount, Invalid};
use crate::cluster::OptIn;
use crate::controller::account::context::AccountContext;
use crate::controller::account::registry::Session;
use crate::domain::ids::AccountId;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::{AllowedHosts, Endpoint, EndpointError, HttpClient, TokensApi};
use crate::redaction::Key;

/// A spec with mistakes.
pub(in crate::controller) fn invalid(mistakes: &[Invalid]) -> Problem {
    let text: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Problem::user(Reason::InvalidSpec, text.join("; "))
}

/// Where the account is; only listed hosts get to see a key.
pub(in crate::controller) fn endpoint(
    desired: &DesiredAccount,
    allowed: &AllowedHosts,
) -> Result<Endpoint, Problem> {
    Endpoint::parse(&desired.api_url, desired.ca_bundle.as_deref(), allowed)
        .map_err(|error| unusable_address(&error))
}

fn unusable_address(error: &EndpointError) -> Problem {
    let reason = match error {
        EndpointError::HostNotAllowed { .. } | EndpointError::NotHttps => Reason::HostNotAllowed,
        EndpointError::NotAUrl
        | EndpointError::TooMuch
        | EndpointError::NotAHost
        | EndpointError::CaBundle
        | EndpointError::Client => Reason::InvalidSpec,
    };
    let field = match error {
        EndpointError::Client => "",
        _ => "spec.",
    };
    Problem::user(reason, format!("{field}{error}"))
}

/// The managing key, read by name from its Secret.
pub(in crate::controller) async fn read(
    client: &Client,
    namespace: &str,
    desired: &DesiredAccount,
    opt_in: Option<&OptIn>,
) -> Result<Key, Problem> {
    let (name, entry) = (&desired.credentials_name, &desired.credentials_key);
    let secret = match Api::<Secret>::namespaced(client.clone(), namespace)
        .get_opt(name)
        .await
    {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            let message = format!(
                "Secret {name:?} does not exist in namespace {namespace:?}; create it with the managing key in entry {entry:?}"
            );
            return Err(Problem::user(Reason::CredentialMissing, message));
        }
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            let message = match opt_in {
                Some(opt_in) => opt_in.advice(namespace, &status.message),
                None => format!(
                    "the operator may not read Secret {name:?} in namespace {namespace:?}; grant it get on that Secret"
                ),
            };
            return Err(Problem::user(Reason::SecretAccessDenied, message));
        }
        Err(_) => {
            let message = format!("Secret {name:?} in namespace {namespace:?} could not be read");
            return Err(Problem::retry(Reason::CredentialMissing, message));
        }
    };
    let bytes = secret
        .data
        .as_ref()
        .and_then(|data| data.get(entry.as_str()));
    let Some(bytes) = bytes else {
        let message = format!(
            "Secret {name:?} in namespace {namespace:?} has no entry {entry:?}; put the managing key there, or set spec.credentialsSecretRef.key"
        );
        return Err(Problem::user(Reason::CredentialInvalid, message));
    };
    Key::from_credential(&bytes.0).map_err(|error| {
        let message = format!("entry {entry:?} of Secret {name:?} is no access token: {error}");
        Problem::user(Reason::CredentialInvalid, message)
    })
}

/// Asks LaunchDarkly whose the key is. Everything later is done with these very bytes.
pub(in crate::controller) async fn check(
    ctx: &AccountContext,
    endpoint: &Endpoint,
    key: Key,
    pinned: Option<&AccountId>,
) -> Result<Session<HttpClient>, Problem> {
    let line = ctx.lines.unregistered();
    let client = HttpClient::new(
        endpoint.clone(),
        key,
        None,
        line,
        ctx.options.clone(),
        ctx.gate.clone(),
    )
    .map_err(|error| unusable_address(&error))?;
    let identity = client
        .identify()
        .await
        .map_err(|error| Problem::from(&error))?;
    let (Some(account_id), credential) = (identity.account_id, identity.token_id) else {
        let message =
            "LaunchDarkly does not say which account the credential belongs to; check spec.apiUrl";
        return Err(Problem::user(Reason::UnexpectedAnswer, message));
    };
    if let Some(pinned) = pinned.filter(|pinned| **pinned != account_id) {
        let message = format!(
            "the credential belongs to LaunchDarkly account {account_id}, but this object is bound to account {pinned}; put back a \
             credential of account {pinned}, or create another account object"
        );
        return Err(Problem::user(Reason::AccountMismatch, message));
    }
    let host = endpoint.host();
    let line = ctx.lines.get(&host, &account_id);
    let state = ctx.accounts.account_state(&host, &account_id);
    Ok(Session {
        api: client.identified(line, credential.clone()),
        account_id,
        credential,
        state,
    })
}
