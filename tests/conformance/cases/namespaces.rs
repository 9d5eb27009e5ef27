//! Namespaces and rights.

use std::collections::BTreeMap;

use launchdarkly_token_operator::api::LaunchDarklyAccount;
use launchdarkly_token_operator::api::access_token::{AccessToken, AccessTokenSpec};
use launchdarkly_token_operator::cluster::secret::manifest::SecretManifest;
use launchdarkly_token_operator::cluster::{Cluster, ClusterError, CredentialRef};
use launchdarkly_token_operator::domain::account::handler::ControllerRef;
use launchdarkly_token_operator::domain::ids::{ResourceVersion, SecretUid};
use launchdarkly_token_operator::domain::secret::SecretRevision;
use launchdarkly_token_operator::domain::settings::BaseRole;

use crate::stage::Stage;

fn empty(name: &str) -> SecretManifest {
    SecretManifest {
        name: name.to_owned(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        data: BTreeMap::new(),
    }
}

async fn object<S: Stage>(stage: &S) -> AccessToken {
    let spec = AccessTokenSpec {
        role: Some(BaseRole::Reader),
        ..AccessTokenSpec::default()
    };
    let mut object = AccessToken::new("ci", spec);
    object.metadata.namespace = Some(stage.namespace().to_owned());
    stage.create_object(object).await
}

pub async fn a_terminating_namespace_takes_no_new_secret_but_lets_objects_go<S: Stage>(stage: &S) {
    let object = object(stage).await;
    let held = stage.cluster().add_finalizer(&object).await.unwrap();
    stage.terminate_namespace().await;
    let namespace = stage.namespace();
    let facts = stage.cluster().read_namespace(namespace).await.unwrap();
    assert!(facts.terminating);
    for rehearse in [true, false] {
        let answer = stage
            .cluster()
            .write_secret(namespace, &SecretRevision::Absent, &empty("key"), rehearse)
            .await;
        let refused = matches!(answer, Err(ClusterError::NamespaceTerminating));
        assert!(refused, "{answer:?}");
    }
    let name = held.metadata.name.as_deref().unwrap();
    let now: Option<AccessToken> = stage
        .cluster()
        .read_object(Some(namespace), name)
        .await
        .unwrap();
    stage
        .cluster()
        .remove_finalizer(&now.unwrap())
        .await
        .unwrap();
}

pub async fn a_namespace_tells_its_labels_and_one_that_is_missing_is_not_found<S: Stage>(
    stage: &S,
) {
    stage.label_namespace("tier", "front").await;
    let facts = stage.cluster().read_namespace(stage.namespace()).await;
    let facts = facts.unwrap();
    assert_eq!(
        (facts.labels["tier"].as_str(), facts.terminating),
        ("front", false)
    );
    let answer = stage.cluster().read_namespace("nowhere").await;
    assert!(matches!(answer, Err(ClusterError::NotFound)), "{answer:?}");
}

pub async fn who_may_do_nothing_is_told_so<S: Stage>(stage: &S) {
    let object = object(stage).await;
    let (stranger, namespace) = (stage.without_rights(), stage.namespace());
    let at = SecretRevision::Exactly {
        uid: SecretUid::new("00000000-0000-4000-8000-000000000000"),
        version: ResourceVersion::new("1"),
    };
    let absent = SecretRevision::Absent;
    let secret = empty("key");
    let credential = CredentialRef {
        namespace: namespace.to_owned(),
        name: "managing-key".to_owned(),
        entry: "token".to_owned(),
        by_consent: false,
    };
    let lease = ControllerRef {
        namespace: namespace.to_owned(),
        name: "operator".to_owned(),
    };
    let answers = [
        stranger
            .read_object::<AccessToken>(Some(namespace), "ci")
            .await
            .map(drop),
        stranger
            .read_object::<LaunchDarklyAccount>(Some(namespace), "default")
            .await
            .map(drop),
        stranger.read_credential(&credential).await.map(drop),
        stranger.read_lease(&lease).await.map(drop),
        stranger.count_users("default").await.map(drop),
        stranger.add_finalizer(&object).await.map(drop),
        stranger.remove_finalizer(&object).await,
        stranger.replace_status(&object).await.map(drop),
        stranger.read_secret(namespace, "key").await.map(drop),
        stranger
            .write_secret(namespace, &absent, &secret, false)
            .await
            .map(drop),
        stranger
            .write_secret(namespace, &at, &secret, false)
            .await
            .map(drop),
        stranger
            .annotate_secret(namespace, "key", &at, ("a", "b"))
            .await,
        stranger.delete_secret(namespace, "key", &at).await,
        stranger.read_namespace(namespace).await.map(drop),
    ];
    for (index, answer) in answers.iter().enumerate() {
        let forbidden = matches!(answer, Err(ClusterError::Forbidden { .. }));
        assert!(forbidden, "call {index}: {answer:?}");
    }
}
