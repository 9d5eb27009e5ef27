//! Accounts of both kinds: status, finalizer and credential.

use std::time::Duration;

use kube::ResourceExt;
use kube::core::ObjectMeta;
use launchdarkly_token_operator::api::access_token::{AccessTokenSpec, AccountKind, AccountRef};
use launchdarkly_token_operator::api::account::{
    AccountSpec, ClusterAccountSpec, CredentialsSecretRef,
};
use launchdarkly_token_operator::api::{
    ACCOUNT_FINALIZER, AccessToken, ClusterLaunchDarklyAccount, LaunchDarklyAccount,
};
use launchdarkly_token_operator::cluster::{Cluster, ClusterError, CredentialEntry, CredentialRef};
use launchdarkly_token_operator::domain::account::handler::ControllerRef;
use launchdarkly_token_operator::domain::ids::AccountId;
use launchdarkly_token_operator::domain::settings::BaseRole;

use crate::stage::{AnyAccount, FOREIGN, Stage};

const KEY: &str = "api-00000000-0000-4000-8000-000000000000";

fn spec() -> AccountSpec {
    AccountSpec {
        credentials_secret_ref: CredentialsSecretRef {
            name: "managing-key".to_owned(),
            key: None,
        },
        ..AccountSpec::default()
    }
}

fn namespaced<S: Stage>(stage: &S) -> LaunchDarklyAccount {
    LaunchDarklyAccount {
        metadata: ObjectMeta {
            name: Some("default".to_owned()),
            namespace: Some(stage.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        spec: spec(),
        status: None,
    }
}

/// Named after the namespace, which is the case's own.
fn of_the_cluster<S: Stage>(stage: &S) -> ClusterLaunchDarklyAccount {
    let spec = ClusterAccountSpec {
        account: spec(),
        allowed_namespaces: None,
    };
    ClusterLaunchDarklyAccount::new(stage.namespace(), spec)
}

async fn read<S: Stage, K: AnyAccount>(stage: &S, account: &K) -> Option<K> {
    let namespace = account.namespace();
    let read = stage
        .cluster()
        .read_object(namespace.as_deref(), &account.name_any())
        .await;
    read.unwrap()
}

/// The account with a status that says which account it is.
fn known<K: AnyAccount>(account: &K) -> K {
    let mut known = account.clone();
    let status = known.status_mut().get_or_insert_default();
    status.account_id = Some(AccountId::new("569f"));
    status.observed_generation = account.meta().generation;
    known
}

pub async fn a_status_of_an_account_is_replaced_on_the_version_that_was_read<S: Stage>(stage: &S) {
    replaced(stage, namespaced(stage)).await;
    replaced(stage, of_the_cluster(stage)).await;
}

async fn replaced<S: Stage, K: AnyAccount>(stage: &S, account: K) {
    let account = stage.create_account(account).await;
    let written = stage.cluster().replace_status(&known(&account)).await;
    let written = written.unwrap();
    let stored = read(stage, &account).await.unwrap();
    assert_eq!(written.resource_version(), stored.resource_version());
    let status = stored.status().unwrap();
    assert_eq!(status.account_id, Some(AccountId::new("569f")));
    let again = stage.cluster().replace_status(&account).await;
    assert!(matches!(again, Err(ClusterError::Conflict)), "{again:?}");
}

pub async fn a_status_of_another_account_of_that_name_conflicts<S: Stage>(stage: &S) {
    let mut before = stage.create_account(namespaced(stage)).await;
    stage
        .delete_account::<LaunchDarklyAccount>(&before.name_any())
        .await;
    let now = stage.create_account(namespaced(stage)).await;
    assert_ne!(before.uid(), now.uid());
    // Even with the right version: the UID is what tells.
    before.metadata.resource_version = now.resource_version();
    let answer = stage.cluster().replace_status(&known(&before)).await;
    assert!(matches!(answer, Err(ClusterError::Conflict)), "{answer:?}");
    // A patch that changes a UID is refused as such.
    assert!(stage.cluster().add_finalizer(&before).await.is_err());
    let stored = read(stage, &now).await.unwrap();
    assert!(stored.finalizers().is_empty());
}

pub async fn the_finalizer_keeps_an_account_until_it_is_removed<S: Stage>(stage: &S) {
    kept(stage, namespaced(stage)).await;
    kept(stage, of_the_cluster(stage)).await;
}

async fn kept<S: Stage, K: AnyAccount>(stage: &S, account: K) {
    let account = stage.create_account(account).await;
    let held = stage.cluster().add_finalizer(&account).await.unwrap();
    assert_eq!(held.finalizers(), [ACCOUNT_FINALIZER]);
    stage.delete_account::<K>(&account.name_any()).await;
    let dying = read(stage, &account).await.unwrap();
    assert!(dying.meta().deletion_timestamp.is_some());
    let old = stage.cluster().remove_finalizer(&held).await;
    assert!(matches!(old, Err(ClusterError::Conflict)), "{old:?}");
    stage.cluster().remove_finalizer(&dying).await.unwrap();
    assert!(read(stage, &account).await.is_none());
    stage.cluster().remove_finalizer(&dying).await.unwrap();
}

pub async fn a_credential_is_the_entry_that_is_named<S: Stage>(stage: &S) {
    stage
        .put_credential("managing-key", &format!("{KEY}\n"))
        .await;
    stage.touch_secret("managing-key").await;
    let read = async |name: &str, entry: &str| {
        let at = CredentialRef {
            namespace: stage.namespace().to_owned(),
            name: name.to_owned(),
            entry: entry.to_owned(),
            by_consent: false,
        };
        stage.cluster().read_credential(&at).await.unwrap()
    };
    let found = read("managing-key", "token").await;
    assert!(
        matches!(&found, CredentialEntry::Key(key) if key.expose() == KEY),
        "{found:?}"
    );
    let found = read("managing-key", FOREIGN.0).await;
    assert!(matches!(found, CredentialEntry::Key(_)), "{found:?}");
    let found = read("managing-key", "other").await;
    assert!(matches!(found, CredentialEntry::NoEntry), "{found:?}");
    let found = read("other", "token").await;
    assert!(matches!(found, CredentialEntry::NoSecret), "{found:?}");
    stage.put_credential("no-key", "two words").await;
    let found = read("no-key", "token").await;
    assert!(matches!(found, CredentialEntry::NoKey(_)), "{found:?}");
}

pub async fn users_of_an_account_of_the_cluster_are_counted_wherever_they_are<S: Stage>(stage: &S) {
    let account = stage.namespace();
    assert_eq!(count(stage, account).await, 0);
    for (name, kind, of, held) in [
        (
            "one",
            AccountKind::ClusterLaunchDarklyAccount,
            account,
            true,
        ),
        (
            "two",
            AccountKind::ClusterLaunchDarklyAccount,
            account,
            true,
        ),
        (
            "waits",
            AccountKind::ClusterLaunchDarklyAccount,
            account,
            false,
        ),
        ("namesake", AccountKind::LaunchDarklyAccount, account, true),
        (
            "other",
            AccountKind::ClusterLaunchDarklyAccount,
            "other",
            true,
        ),
    ] {
        let spec = AccessTokenSpec {
            account_ref: AccountRef {
                kind,
                name: of.to_owned(),
            },
            role: Some(BaseRole::Reader),
            ..AccessTokenSpec::default()
        };
        let mut token = AccessToken::new(name, spec);
        token.metadata.namespace = Some(stage.namespace().to_owned());
        let token = stage.create_object(token).await;
        if held {
            stage.cluster().add_finalizer(&token).await.unwrap();
        }
    }
    assert_eq!(count(stage, account).await, 2);
}

/// Right after a kind was made known its lists are refused for a while.
async fn count<S: Stage>(stage: &S, account: &str) -> usize {
    let mut counted = stage.cluster().count_users(account).await;
    for _ in 0..100 {
        if !matches!(counted, Err(ClusterError::Unavailable(_))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        counted = stage.cluster().count_users(account).await;
    }
    counted.unwrap()
}

pub async fn a_lease_is_read_as_its_holder_left_it<S: Stage>(stage: &S) {
    let read = async |name: &str| {
        let at = ControllerRef {
            namespace: stage.namespace().to_owned(),
            name: name.to_owned(),
        };
        stage.cluster().read_lease(&at).await.unwrap()
    };
    assert_eq!(read("operator").await, None);
    stage.put_lease("operator", None).await;
    let free = read("operator").await.unwrap();
    assert_eq!(free.duration, None);
    assert_eq!(read("operator").await.as_ref(), Some(&free));
    stage.put_lease("operator", Some(30)).await;
    let held = read("operator").await.unwrap();
    assert_eq!(held.duration, Some(Duration::from_secs(30)));
    assert_eq!(held.uid, free.uid);
    assert_ne!(held.version, free.version);
}
