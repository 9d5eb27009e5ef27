//! Secrets.

use std::collections::BTreeMap;

use launchdarkly_token_operator::cluster::secret::manifest::SecretManifest;
use launchdarkly_token_operator::cluster::secret::snapshot::SecretSnapshot;
use launchdarkly_token_operator::cluster::{Cluster, ClusterError};
use launchdarkly_token_operator::domain::ids::{ResourceVersion, SecretUid};
use launchdarkly_token_operator::domain::secret::SecretRevision;
use zeroize::Zeroizing;

use crate::stage::{FOREIGN, Stage};

const NAME: &str = "key";
const ABSENT: SecretRevision = SecretRevision::Absent;

/// A Secret of ours with these entries and a label and an annotation called `ours`.
fn manifest(entries: &[(&str, &str)]) -> SecretManifest {
    let ours = || BTreeMap::from([("ours".to_owned(), "1".to_owned())]);
    SecretManifest {
        name: NAME.to_owned(),
        labels: ours(),
        annotations: ours(),
        data: entries
            .iter()
            .map(|(name, value)| {
                let value = Zeroizing::new(value.as_bytes().to_vec());
                ((*name).to_owned(), value)
            })
            .collect(),
    }
}

async fn write<S: Stage>(
    stage: &S,
    at: &SecretRevision,
    entries: &[(&str, &str)],
) -> Result<SecretSnapshot, ClusterError> {
    let cluster = stage.cluster();
    cluster
        .write_secret(stage.namespace(), at, &manifest(entries), false)
        .await
}

async fn created<S: Stage>(stage: &S) -> SecretSnapshot {
    write(stage, &ABSENT, &[("token", "one")]).await.unwrap()
}

async fn read<S: Stage>(stage: &S) -> Option<SecretSnapshot> {
    let read = stage.cluster().read_secret(stage.namespace(), NAME).await;
    read.unwrap()
}

fn entries(secret: &SecretSnapshot) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let entries = secret.data.iter();
    entries
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn is(secret: &SecretSnapshot, expected: &[(&str, &str)]) -> bool {
    let expected = expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    entries(secret) == expected.collect::<Vec<_>>()
}

fn is_conflict<T>(answer: &Result<T, ClusterError>) -> bool {
    matches!(answer, Err(ClusterError::Conflict))
}

/// The same Secret, a version further on.
async fn moved_on<S: Stage>(stage: &S) -> SecretSnapshot {
    let before = created(stage).await;
    stage.touch_secret(NAME).await;
    before
}

/// A Secret of that name was deleted and made anew: the revision of the old one, and its UID with the new one's version.
async fn made_anew<S: Stage>(stage: &S) -> (SecretRevision, SecretRevision) {
    let before = created(stage).await;
    stage.delete_secret(NAME).await;
    stage.touch_secret(NAME).await;
    let mixed = SecretRevision::Exactly {
        uid: before.uid.clone(),
        version: read(stage).await.unwrap().version,
    };
    (before.revision(), mixed)
}

async fn is_unchanged<S: Stage>(stage: &S, before: &SecretSnapshot) -> bool {
    read(stage)
        .await
        .is_some_and(|now| now.version == before.version && now.uid == before.uid)
}

pub async fn a_create_writes_what_it_was_given<S: Stage>(stage: &S) {
    let answer = created(stage).await;
    let stored = read(stage).await.unwrap();
    assert!(is(&stored, &[("token", "one")]));
    assert_eq!(stored.labels["ours"], "1");
    assert_eq!(stored.annotations["ours"], "1");
    assert_eq!(
        (answer.uid, answer.version),
        (stored.uid.clone(), stored.version.clone())
    );
    assert!(!stored.uid.as_str().is_empty() && !stored.version.as_str().is_empty());
}

pub async fn a_create_where_a_secret_exists_conflicts<S: Stage>(stage: &S) {
    stage.touch_secret(NAME).await;
    let before = read(stage).await.unwrap();
    assert!(is_conflict(
        &write(stage, &ABSENT, &[("token", "one")]).await
    ));
    assert!(is_unchanged(stage, &before).await);
}

async fn rehearse<S: Stage>(
    stage: &S,
    at: &SecretRevision,
) -> Result<SecretSnapshot, ClusterError> {
    let manifest = manifest(&[("other", "rehearsal")]);
    let cluster = stage.cluster();
    cluster
        .write_secret(stage.namespace(), at, &manifest, true)
        .await
}

pub async fn a_rehearsed_create_changes_nothing<S: Stage>(stage: &S) {
    rehearse(stage, &ABSENT).await.unwrap();
    assert!(read(stage).await.is_none());
}

pub async fn a_rehearsed_create_where_a_secret_exists_conflicts<S: Stage>(stage: &S) {
    created(stage).await;
    assert!(is_conflict(&rehearse(stage, &ABSENT).await));
}

pub async fn a_rehearsed_apply_changes_nothing<S: Stage>(stage: &S) {
    let before = created(stage).await;
    rehearse(stage, &before.revision()).await.unwrap();
    assert!(is_unchanged(stage, &before).await);
    stage.touch_secret(NAME).await;
    assert!(is_conflict(&rehearse(stage, &before.revision()).await));
}

pub async fn an_apply_replaces_our_parts<S: Stage>(stage: &S) {
    let before = created(stage).await;
    let answer = write(stage, &before.revision(), &[("token", "two")]).await;
    let answer = answer.unwrap();
    let stored = read(stage).await.unwrap();
    assert!(is(&stored, &[("token", "two")]) && is(&answer, &[("token", "two")]));
    assert_eq!(answer.version, stored.version);
    assert_eq!(stored.uid, before.uid);
    assert_ne!(stored.version, before.version);
}

pub async fn an_apply_on_an_old_version_conflicts<S: Stage>(stage: &S) {
    let before = moved_on(stage).await;
    let now = read(stage).await.unwrap();
    let answer = write(stage, &before.revision(), &[("token", "two")]).await;
    assert!(is_conflict(&answer));
    assert!(is_unchanged(stage, &now).await);
}

pub async fn an_apply_on_another_secret_of_that_name_conflicts<S: Stage>(stage: &S) {
    let (old, mixed) = made_anew(stage).await;
    let now = read(stage).await.unwrap();
    // Versions are never used twice: with an old UID comes an old version.
    let answer = write(stage, &old, &[("token", "two")]).await;
    assert!(is_conflict(&answer));
    assert!(write(stage, &mixed, &[("token", "two")]).await.is_err());
    assert!(is_unchanged(stage, &now).await);
}

pub async fn an_apply_on_a_secret_that_is_gone_conflicts<S: Stage>(stage: &S) {
    let before = created(stage).await;
    stage.delete_secret(NAME).await;
    let answer = write(stage, &before.revision(), &[("token", "two")]).await;
    assert!(is_conflict(&answer));
    assert!(read(stage).await.is_none());
}

pub async fn an_apply_leaves_what_others_wrote<S: Stage>(stage: &S) {
    created(stage).await;
    stage.touch_secret(NAME).await;
    let before = read(stage).await.unwrap();
    let written = write(stage, &before.revision(), &[("token", "two")]).await;
    written.unwrap();
    let stored = read(stage).await.unwrap();
    assert!(is(&stored, &[FOREIGN, ("token", "two")]));
    assert_eq!(stored.labels[FOREIGN.0], FOREIGN.1);
    assert_eq!(stored.annotations[FOREIGN.0], FOREIGN.1);
}

pub async fn an_apply_without_a_change_keeps_the_version<S: Stage>(stage: &S) {
    let first = created(stage).await;
    let second = write(stage, &first.revision(), &[("token", "two")]).await;
    let second = second.unwrap();
    let third = write(stage, &second.revision(), &[("token", "two")]).await;
    assert_eq!(third.unwrap().version, second.version);
}

pub async fn a_renamed_entry_takes_the_place_of_the_old_one<S: Stage>(stage: &S) {
    let mut secret = created(stage).await;
    // The first was created, the second applied.
    for name in ["second", "third"] {
        let answer = write(stage, &secret.revision(), &[(name, "one")]).await;
        secret = answer.unwrap();
        assert!(is(&secret, &[(name, "one")]));
        assert!(is(&read(stage).await.unwrap(), &[(name, "one")]));
    }
}

pub async fn a_previous_entry_goes_when_it_is_no_longer_applied<S: Stage>(stage: &S) {
    let both = [("previous", "one"), ("token", "two")];
    let first = write(stage, &ABSENT, &both).await.unwrap();
    let second = write(stage, &first.revision(), &[("token", "two")]).await;
    let second = second.unwrap();
    assert!(is(&second, &[("token", "two")]));
    let third = write(stage, &second.revision(), &both).await.unwrap();
    assert!(is(&third, &both));
    let fourth = write(stage, &third.revision(), &[("token", "two")]).await;
    assert!(is(&fourth.unwrap(), &[("token", "two")]));
}

pub async fn labels_and_annotations_that_a_create_wrote_go_when_they_are_no_longer_wanted<
    S: Stage,
>(
    stage: &S,
) {
    let secret = created(stage).await;
    let mut bare = manifest(&[("token", "one")]);
    (bare.labels, bare.annotations) = (BTreeMap::new(), BTreeMap::new());
    let cluster = stage.cluster();
    let written = cluster
        .write_secret(stage.namespace(), &secret.revision(), &bare, false)
        .await
        .unwrap();
    for secret in [written, read(stage).await.unwrap()] {
        assert!(!secret.labels.contains_key("ours"));
        assert!(!secret.annotations.contains_key("ours"));
    }
}

async fn annotate<S: Stage>(stage: &S, at: &SecretRevision) -> Result<(), ClusterError> {
    let cluster = stage.cluster();
    cluster
        .annotate_secret(stage.namespace(), NAME, at, ("fence", "up"))
        .await
}

pub async fn an_annotation_is_set_beside_the_others<S: Stage>(stage: &S) {
    let before = created(stage).await;
    annotate(stage, &before.revision()).await.unwrap();
    let stored = read(stage).await.unwrap();
    assert_eq!(stored.annotations["fence"], "up");
    assert_eq!(stored.annotations["ours"], "1");
    assert!(is(&stored, &[("token", "one")]));
    assert_ne!(stored.version, before.version);
}

pub async fn an_annotation_on_an_old_version_conflicts<S: Stage>(stage: &S) {
    let before = moved_on(stage).await;
    assert!(is_conflict(&annotate(stage, &before.revision()).await));
}

pub async fn an_annotation_on_another_secret_of_that_name_is_refused<S: Stage>(stage: &S) {
    let (old, mixed) = made_anew(stage).await;
    let now = read(stage).await.unwrap();
    assert!(is_conflict(&annotate(stage, &old).await));
    assert!(annotate(stage, &mixed).await.is_err());
    assert!(is_unchanged(stage, &now).await);
}

pub async fn an_annotation_on_a_secret_that_is_gone_says_so<S: Stage>(stage: &S) {
    let before = created(stage).await;
    stage.delete_secret(NAME).await;
    let answer = annotate(stage, &before.revision()).await;
    assert!(matches!(answer, Err(ClusterError::NotFound)), "{answer:?}");
}

pub async fn an_annotation_goes_with_the_next_apply<S: Stage>(stage: &S) {
    let before = created(stage).await;
    annotate(stage, &before.revision()).await.unwrap();
    let now = read(stage).await.unwrap();
    let written = write(stage, &now.revision(), &[("token", "two")]).await;
    assert!(!written.unwrap().annotations.contains_key("fence"));
}

async fn delete<S: Stage>(stage: &S, at: &SecretRevision) -> Result<(), ClusterError> {
    let cluster = stage.cluster();
    cluster.delete_secret(stage.namespace(), NAME, at).await
}

pub async fn a_delete_removes_the_secret_it_was_decided_on<S: Stage>(stage: &S) {
    let secret = created(stage).await;
    delete(stage, &secret.revision()).await.unwrap();
    assert!(read(stage).await.is_none());
}

pub async fn a_delete_on_an_old_version_conflicts<S: Stage>(stage: &S) {
    let before = moved_on(stage).await;
    assert!(is_conflict(&delete(stage, &before.revision()).await));
    assert!(read(stage).await.is_some());
}

pub async fn a_delete_of_another_secret_of_that_name_conflicts<S: Stage>(stage: &S) {
    let (old, mixed) = made_anew(stage).await;
    assert!(is_conflict(&delete(stage, &old).await));
    assert!(is_conflict(&delete(stage, &mixed).await));
    assert!(read(stage).await.is_some());
}

pub async fn a_delete_of_a_secret_that_is_gone_is_done<S: Stage>(stage: &S) {
    let before = created(stage).await;
    stage.delete_secret(NAME).await;
    delete(stage, &before.revision()).await.unwrap();
    let never = SecretRevision::Exactly {
        uid: SecretUid::new("00000000-0000-4000-8000-000000000000"),
        version: ResourceVersion::new("1"),
    };
    delete(stage, &never).await.unwrap();
    delete(stage, &ABSENT).await.unwrap();
}
