//! The managing key: where it is read, and whose it is (I10).

use crate::api::validate::Invalid;
use crate::cluster::{Cluster, ClusterError, CredentialEntry, CredentialRef};
use crate::controller::account::context::AccountContext;
use crate::controller::account::registry::{CredentialToken, Session};
use crate::domain::account::desired::DesiredAccount;
use crate::domain::account::finding::{Behind, in_pinned_account};
use crate::domain::ids::AccountId;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::{AllowedHosts, Connect, Endpoint, EndpointError, TokensApi};
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
pub(in crate::controller) async fn read<C: Cluster>(
    cluster: &C,
    at: &CredentialRef,
) -> Result<Key, Problem> {
    let CredentialRef {
        namespace,
        name,
        entry,
        ..
    } = at;
    let user = |reason, message| Err(Problem::user(reason, message));
    match cluster.read_credential(at).await {
        Ok(CredentialEntry::Key(key)) => Ok(key),
        Ok(CredentialEntry::NoSecret) => user(
            Reason::CredentialMissing,
            format!(
                "Secret {name:?} does not exist in namespace {namespace:?}; create it with the managing key in entry {entry:?}"
            ),
        ),
        Ok(CredentialEntry::NoEntry) => user(
            Reason::CredentialInvalid,
            format!(
                "Secret {name:?} in namespace {namespace:?} has no entry {entry:?}; put the managing key there, or set spec.credentialsSecretRef.key"
            ),
        ),
        Ok(CredentialEntry::NoKey(error)) => user(
            Reason::CredentialInvalid,
            format!("entry {entry:?} of Secret {name:?} is no access token: {error}"),
        ),
        Err(ClusterError::NotOptedIn { advice }) => user(Reason::SecretAccessDenied, advice),
        Err(ClusterError::Forbidden { .. }) => user(
            Reason::SecretAccessDenied,
            format!(
                "the operator may not read Secret {name:?} in namespace {namespace:?}; grant it get on that Secret"
            ),
        ),
        Err(error @ ClusterError::TooManyParts) => {
            user(Reason::SecretAccessDenied, error.to_string())
        }
        Err(_) => {
            let message = format!("Secret {name:?} in namespace {namespace:?} could not be read");
            Err(Problem::retry(Reason::CredentialMissing, message))
        }
    }
}

/// Asks LaunchDarkly whose the key is. Everything later is done with these very bytes.
pub(in crate::controller) async fn check<C: Cluster, D: Connect>(
    ctx: &AccountContext<C, D>,
    endpoint: &Endpoint,
    key: Key,
    (namespace, pinned): (Option<&str>, Option<&AccountId>),
) -> Result<(Behind, Session<D::Api>), Problem> {
    let fingerprint = key.fingerprint();
    let client = ctx
        .connect
        .connect(endpoint, key.clone())
        .map_err(|error| unusable_address(&error))?;
    let client = client.on_behalf_of(namespace.unwrap_or_default());
    let since = ctx.clock.steady();
    let identity = client
        .identify()
        .await
        .map_err(|error| Problem::from(&error))?;
    let credential = CredentialToken::new(&key, &identity, since);
    let (Some(account_id), token) = (identity.account_id, identity.token_id) else {
        let message =
            "LaunchDarkly does not say which account the credential belongs to; check spec.apiUrl";
        return Err(Problem::user(Reason::UnexpectedAnswer, message));
    };
    let behind = Behind { account_id };
    in_pinned_account(&behind, pinned)?;
    let host = endpoint.host();
    let state = ctx.accounts.account_state(&host, &behind.account_id);
    let session = Session {
        api: ctx
            .connect
            .identified(&client, &host, &behind.account_id, token),
        account_id: behind.account_id.clone(),
        credential,
        key: fingerprint,
        managing_key: key,
        state,
    };
    Ok((behind, session))
}
