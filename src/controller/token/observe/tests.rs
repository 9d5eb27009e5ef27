//! The reader reads: Kubernetes and LaunchDarkly of these tests end the test at anything else.

use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::cluster::secret::ReceivedSecret;
use crate::cluster::secret::manifest::SecretManifest;
use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::cluster::{CredentialEntry, CredentialRef, Managed, NamespaceFacts, Notice};
use crate::controller::account::{Accounts, Availability, CredentialToken, Entry};
use crate::domain::account::AccountKey;
use crate::domain::account::handler::{ControllerRef, LeaseReading};
use crate::domain::ids::{AccountId, AccountUid, Fingerprint, TokenId};
use crate::domain::observed::{Account, Admission, Timing};
use crate::domain::policy::AccountPolicy;
use crate::domain::secret::SecretRevision;
use crate::domain::time::RemoteOffset;
use crate::launchdarkly::{
    Answer, ApiError, CallerIdentity, Deleted, Issued, NewToken, Overlap, Page, PatchOp, Priority,
    Reset, Role,
};
use crate::redaction::Key;
use crate::runtime::clock::SystemClock;
use crate::runtime::metrics::Metrics;

/// Kubernetes in which there are namespaces and no Secrets.
#[derive(Clone)]
struct OnlyReads;

impl Cluster for OnlyReads {
    async fn read_object<K: Managed>(
        &self,
        _: Option<&str>,
        _: &str,
    ) -> Result<Option<K>, ClusterError> {
        Ok(None)
    }

    async fn add_finalizer<K: Managed>(&self, _: &K) -> Result<K, ClusterError> {
        panic!("the reader adds a finalizer")
    }

    async fn remove_finalizer<K: Managed>(&self, _: &K) -> Result<(), ClusterError> {
        panic!("the reader removes a finalizer")
    }

    async fn replace_status<K: Managed>(&self, _: &K) -> Result<K, ClusterError> {
        panic!("the reader writes a status")
    }

    async fn read_lease(&self, _: &ControllerRef) -> Result<Option<LeaseReading>, ClusterError> {
        panic!("Leases are read for accounts")
    }

    async fn count_users(&self, _: &str) -> Result<usize, ClusterError> {
        panic!("users are counted for accounts")
    }

    async fn read_credential(&self, _: &CredentialRef) -> Result<CredentialEntry, ClusterError> {
        panic!("credentials are read for accounts")
    }

    async fn read_secret(&self, _: &str, _: &str) -> Result<Option<SecretSnapshot>, ClusterError> {
        Ok(None)
    }

    async fn write_secret(
        &self,
        _: &str,
        _: &SecretRevision,
        _: &SecretManifest,
        _: bool,
    ) -> Result<SecretSnapshot, ClusterError> {
        panic!("the reader writes a Secret")
    }

    async fn annotate_secret(
        &self,
        _: &str,
        _: &str,
        _: &SecretRevision,
        _: (&str, &str),
    ) -> Result<(), ClusterError> {
        panic!("the reader annotates a Secret")
    }

    async fn delete_secret(
        &self,
        _: &str,
        _: &str,
        _: &SecretRevision,
    ) -> Result<(), ClusterError> {
        panic!("the reader deletes a Secret")
    }

    async fn read_namespace(&self, _: &str) -> Result<NamespaceFacts, ClusterError> {
        Ok(NamespaceFacts::default())
    }

    async fn notify(&self, _: &AccessToken, _: Notice) {
        panic!("the reader tells the user something")
    }

    async fn report_left_behind(&self, _: &Identity, _: &[TokenId]) -> Result<(), ClusterError> {
        panic!("the reader reports tokens")
    }
}

/// LaunchDarkly that takes no call.
#[derive(Clone)]
struct NoCalls;

impl TokensApi for NoCalls {
    fn with_priority(&self, _: Priority) -> Self {
        Self
    }

    fn on_behalf_of(&self, _: &str) -> Self {
        Self
    }

    fn clock_offset(&self) -> RemoteOffset {
        RemoteOffset::default()
    }

    async fn identify(&self) -> Result<CallerIdentity, ApiError> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn identify_with(&self, _: &Key) -> Answer<CallerIdentity> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn list_page(&self, _: usize, _: usize) -> Result<Page, ApiError> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn get(&self, _: &TokenId) -> Answer<Token> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn create(&self, _: &NewToken) -> Result<Issued, ApiError> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn patch(&self, _: &TokenId, _: &[PatchOp]) -> Answer<Token> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn delete(&self, _: &TokenId) -> Result<Deleted, ApiError> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn reset(&self, _: &TokenId, _: Overlap) -> Result<Reset, ApiError> {
        panic!("the reader calls LaunchDarkly")
    }

    async fn role(&self, _: &str) -> Answer<Role> {
        panic!("the reader calls LaunchDarkly")
    }
}

fn account() -> AccountKey {
    AccountKey::Namespaced {
        namespace: "team-a".into(),
        name: "default".into(),
    }
}

/// An account with room for one object, and nothing remembered.
fn context() -> Context<OnlyReads, NoCalls> {
    let accounts = Accounts::new("0a1b2c3d".into());
    let account_id = AccountId::from("account");
    let session = Session {
        api: NoCalls,
        credential: CredentialToken::Named(TokenId::new("61095542756dba551110ae20")),
        key: Fingerprint::of(b"api-1"),
        managing_key: Key::from_bytes(b"api-1").unwrap(),
        state: accounts.account_state("launchdarkly", &account_id),
        account_id,
    };
    let policy = AccountPolicy {
        max_tokens: Some(1),
        ..AccountPolicy::open()
    };
    let entry = Entry {
        state: Availability::Usable(session),
        policy,
        allowed_namespaces: None,
    };
    accounts.put(&account(), &AccountUid::new("account"), entry);
    let timing = Timing {
        settle: SignedDuration::from_secs(60),
        lease: SignedDuration::from_secs(30),
        publication_margin: SignedDuration::from_mins(5),
        give_up: SignedDuration::from_mins(10),
        give_up_transient: SignedDuration::from_hours(24),
    };
    Context::new(
        OnlyReads,
        Arc::new(accounts),
        Arc::new(SystemClock),
        Metrics::default(),
        timing,
        "operator-1".to_owned(),
    )
}

fn object(uid: &str, status: Option<serde_json::Value>) -> AccessToken {
    let mut object: AccessToken = serde_json::from_value(json!({
        "apiVersion": "ldtokens.dev/v1alpha1",
        "kind": "AccessToken",
        "metadata": {"namespace": "team-a", "name": uid, "uid": uid, "generation": 1},
        "spec": {"role": "reader"},
    }))
    .unwrap();
    object.status = status.map(|status| serde_json::from_value(status).unwrap());
    object
}

/// A status with a token and a replacement that nobody asked for.
fn settled() -> serde_json::Value {
    let now = jiff::Timestamp::now();
    json!({
        "token": {"id": "61095542756dba551110ae21", "name": "web", "specHash": "v1:0.0"},
        "history": [{
            "publicationTime": now, "cause": "SecretDeleted", "previousKey": "None",
            "tokenId": "61095542756dba551110ae21",
        }],
    })
}

#[tokio::test]
async fn the_reader_takes_no_slot_claims_no_token_and_counts_nothing() {
    let ctx = context();
    let mut deleted = object("deleted", Some(settled()));
    deleted.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::now()));
    deleted.metadata.finalizers = Some(vec![crate::api::TOKEN_FINALIZER.to_owned()]);
    for object in [
        object("new", None),
        object("settled", Some(settled())),
        deleted,
    ] {
        let world = observe(&ctx, &object, &mut ObjectMemory::default())
            .await
            .unwrap();
        let Account::Usable(facts) = &world.observed.account else {
            panic!("the account is not usable");
        };
        assert_eq!(facts.held_by_budget, None);
        let token = TokenId::from("61095542756dba551110ae21");
        let other = stranger();
        assert_eq!(ctx.accounts.claims.other(&token, &other), None);
        assert_eq!(ctx.accounts.users(&account()), 0);
    }
}

/// What a spec with these labels has the Secret get, where the account allows `example.com/` and the Secret has the labels of `has`.
async fn labels(has: Option<&[(&str, &str)]>) -> (Admission, Vec<(String, String)>) {
    let ctx = context();
    let entry = ctx.accounts.get(&account()).unwrap();
    let policy = AccountPolicy {
        secret_metadata: Some(vec!["example.com/".to_owned()]),
        ..AccountPolicy::open()
    };
    let entry = Entry {
        state: entry.state.clone(),
        policy,
        allowed_namespaces: None,
    };
    ctx.accounts
        .put(&account(), &AccountUid::new("account"), entry);
    let mut object = object("web", Some(settled()));
    object.spec.secret = serde_json::from_value(json!({"template": {"metadata": {
        "labels": {"example.com/tier": "new", "team": "new", "grafana": "new"},
    }}}))
    .unwrap();
    let mut memory = ObjectMemory::default();
    let snapshot = has.map(|labels| {
        let labels: std::collections::BTreeMap<_, _> = labels.iter().copied().collect();
        let metadata = json!({"name": "web", "uid": "1", "resourceVersion": "1", "labels": labels});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
        let secret = serde_json::from_value::<ReceivedSecret>(secret).unwrap();
        SecretSnapshot::try_from(secret).unwrap()
    });
    memory.remember_secret("web", snapshot, ctx.clock.since_boot());
    let world = observe(&ctx, &object, &mut memory).await.unwrap();
    let Account::Usable(facts) = world.observed.account else {
        panic!("the account is not usable");
    };
    assert_eq!(world.layout, world.desired.as_ref().unwrap().secret);
    (facts.admission, world.layout.labels.into_iter().collect())
}

#[tokio::test]
async fn a_template_that_the_policy_refuses_never_reaches_the_secret() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let (admission, labels_of_a_new_one) = labels(None).await;
    let Admission::Refused(problem) = admission else {
        panic!("it is granted");
    };
    assert_eq!(problem.reason, Reason::NotAllowedByPolicy);
    assert_eq!(
        problem.message,
        "spec.secret.template.metadata.labels: the account does not allow the key grafana, only keys that begin with example.com/"
    );
    assert_eq!(labels_of_a_new_one, [pair("example.com/tier", "new")]);
    // Nor does an edit; what was there before the account became stricter stays.
    let (_, kept) = labels(Some(&[("team", "old"), ("foreign", "x")])).await;
    assert_eq!(kept, [pair("example.com/tier", "new"), pair("team", "old")]);
}

fn stranger() -> Identity {
    Identity {
        uid: "stranger".into(),
        namespace: "team-b".into(),
        name: "stranger".into(),
    }
}
