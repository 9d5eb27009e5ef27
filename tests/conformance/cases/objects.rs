//! Objects: status and finalizers.

use kube::ResourceExt;
use launchdarkly_token_operator::api::TOKEN_FINALIZER;
use launchdarkly_token_operator::api::access_token::{AccessToken, AccessTokenSpec};
use launchdarkly_token_operator::cluster::{Cluster, ClusterError};
use launchdarkly_token_operator::domain::settings::BaseRole;

use crate::stage::Stage;

const NAME: &str = "ci";

async fn created<S: Stage>(stage: &S) -> AccessToken {
    let spec = AccessTokenSpec {
        role: Some(BaseRole::Reader),
        ..AccessTokenSpec::default()
    };
    let mut object = AccessToken::new(NAME, spec);
    object.metadata.namespace = Some(stage.namespace().to_owned());
    stage.create_object(object).await
}

async fn read<S: Stage>(stage: &S) -> Option<AccessToken> {
    let read = stage
        .cluster()
        .read_object(Some(stage.namespace()), NAME)
        .await;
    read.unwrap()
}

/// The object with a status that says it was seen.
fn seen(object: &AccessToken) -> AccessToken {
    let mut seen = object.clone();
    let generation = object.metadata.generation;
    seen.status.get_or_insert_default().observed_generation = generation;
    seen
}

fn is_conflict<T>(answer: &Result<T, ClusterError>) -> bool {
    matches!(answer, Err(ClusterError::Conflict))
}

/// The object was deleted and made anew under its name.
async fn made_anew<S: Stage>(stage: &S) -> AccessToken {
    let mut before = created(stage).await;
    stage.delete_object(NAME).await;
    let now = created(stage).await;
    assert_ne!(before.uid(), now.uid());
    // Even with the right version: the UID is what tells.
    before.metadata.resource_version = now.resource_version();
    before
}

pub async fn a_status_is_replaced_on_the_version_that_was_read<S: Stage>(stage: &S) {
    let object = created(stage).await;
    let status = object.status.clone().unwrap_or_default();
    assert_eq!(status.observed_generation, Some(-1));
    let answer = stage.cluster().replace_status(&seen(&object)).await;
    let answer = answer.unwrap();
    let stored = read(stage).await.unwrap();
    assert_eq!(answer.resource_version(), stored.resource_version());
    assert_ne!(stored.resource_version(), object.resource_version());
    assert_eq!(stored.status.unwrap().observed_generation, Some(1));
    assert_eq!(stored.metadata.generation, Some(1));
}

pub async fn a_status_on_an_old_version_conflicts<S: Stage>(stage: &S) {
    let object = created(stage).await;
    stage.hold_object(NAME).await;
    let answer = stage.cluster().replace_status(&seen(&object)).await;
    assert!(is_conflict(&answer));
    let status = read(stage).await.unwrap().status.unwrap();
    assert_eq!(status.observed_generation, Some(-1));
}

pub async fn a_status_of_another_object_of_that_name_conflicts<S: Stage>(stage: &S) {
    let before = made_anew(stage).await;
    let answer = stage.cluster().replace_status(&seen(&before)).await;
    assert!(is_conflict(&answer));
}

pub async fn a_status_of_an_object_that_is_gone_says_so<S: Stage>(stage: &S) {
    let object = created(stage).await;
    stage.delete_object(NAME).await;
    let answer = stage.cluster().replace_status(&seen(&object)).await;
    assert!(matches!(answer, Err(ClusterError::NotFound)), "{answer:?}");
}

pub async fn a_status_without_a_change_keeps_the_version<S: Stage>(stage: &S) {
    let object = created(stage).await;
    let first = stage.cluster().replace_status(&seen(&object)).await;
    let first = first.unwrap();
    let second = stage.cluster().replace_status(&first).await.unwrap();
    assert_eq!(first.resource_version(), second.resource_version());
}

pub async fn a_spec_in_a_status_write_is_ignored<S: Stage>(stage: &S) {
    let object = created(stage).await;
    let mut next = seen(&object);
    next.spec.role = Some(BaseRole::Admin);
    next.metadata.finalizers = Some(vec!["example.com/smuggled".to_owned()]);
    stage.cluster().replace_status(&next).await.unwrap();
    let stored = read(stage).await.unwrap();
    assert_eq!(stored.spec.role, Some(BaseRole::Reader));
    assert!(stored.finalizers().is_empty());
    assert_eq!(stored.status.unwrap().observed_generation, Some(1));
}

pub async fn the_finalizer_keeps_an_object_until_it_is_removed<S: Stage>(stage: &S) {
    let object = created(stage).await;
    let held = stage.cluster().add_finalizer(&object).await.unwrap();
    assert_eq!(held.finalizers(), [TOKEN_FINALIZER]);
    stage.delete_object(NAME).await;
    let dying = read(stage).await.unwrap();
    assert!(dying.metadata.deletion_timestamp.is_some());
    assert_eq!(dying.metadata.generation, Some(2));
    let dying = stage.cluster().replace_status(&seen(&dying)).await;
    stage
        .cluster()
        .remove_finalizer(&dying.unwrap())
        .await
        .unwrap();
    assert!(read(stage).await.is_none());
}

pub async fn the_finalizer_on_an_old_version_conflicts<S: Stage>(stage: &S) {
    let object = created(stage).await;
    stage.hold_object(NAME).await;
    assert!(is_conflict(&stage.cluster().add_finalizer(&object).await));
    let held = read(stage).await.unwrap();
    let held = stage.cluster().add_finalizer(&held).await.unwrap();
    stage.cluster().replace_status(&seen(&held)).await.unwrap();
    assert!(is_conflict(&stage.cluster().remove_finalizer(&held).await));
    assert_eq!(read(stage).await.unwrap().finalizers().len(), 2);
}

pub async fn no_finalizer_is_added_to_an_object_that_is_being_deleted<S: Stage>(stage: &S) {
    created(stage).await;
    stage.hold_object(NAME).await;
    stage.delete_object(NAME).await;
    let dying = read(stage).await.unwrap();
    let answer = stage.cluster().add_finalizer(&dying).await;
    assert!(
        matches!(answer, Err(ClusterError::Invalid { .. })),
        "{answer:?}"
    );
}

pub async fn the_finalizer_of_an_object_that_is_gone_is_removed<S: Stage>(stage: &S) {
    let object = created(stage).await;
    stage.delete_object(NAME).await;
    stage.cluster().remove_finalizer(&object).await.unwrap();
}

pub async fn other_finalizers_stay<S: Stage>(stage: &S) {
    created(stage).await;
    let held = stage.hold_object(NAME).await;
    let held = stage.cluster().add_finalizer(&held).await.unwrap();
    assert_eq!(held.finalizers(), ["example.com/theirs", TOKEN_FINALIZER]);
    stage.cluster().remove_finalizer(&held).await.unwrap();
    assert_eq!(
        read(stage).await.unwrap().finalizers(),
        ["example.com/theirs"]
    );
}
