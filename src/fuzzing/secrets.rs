//! A Secret as it is found: whoever may write Secrets decides what is in it.
#![expect(clippy::panic, reason = "a broken promise ends the search")]

use crate::cluster::secret::annotation;
use crate::cluster::secret::manifest::{KeySource, SecretManifest};
use crate::cluster::secret::snapshot::SecretSnapshot;
use crate::cluster::secret::{ReceivedSecret, Recorded};
use crate::domain::ids::{ObjectUid, SecretUid};
use crate::domain::record::Identity;
use crate::domain::secret::SecretLayout;
use crate::domain::secret::SecretState;
use crate::domain::secret::{PreviousKey, SecretPlan, SecretRevision};

/// A Secret, read for the object `team-a/web`.
pub(super) fn secret(bytes: &[u8]) {
    let Ok(secret) = serde_json::from_slice::<ReceivedSecret>(bytes) else {
        return;
    };
    let Ok(found) = SecretSnapshot::try_from(secret) else {
        return;
    };
    assert_eq!(
        format!("{found:?}"),
        format!(
            "SecretSnapshot {{ uid: {:?}, version: {:?}, .. }}",
            found.uid, found.version
        )
    );
    let identity = Identity {
        uid: ObjectUid::from("11111111-2222-4333-8444-555555555555"),
        namespace: "team-a".into(),
        name: "web".into(),
    };
    let recorded = SecretUid::from("recorded");
    for (key, previous) in [
        ("token", None),
        ("token", Some("previous")),
        ("renamed", Some("token")),
    ] {
        let layout = SecretLayout {
            name: "web".into(),
            key: key.into(),
            previous_key: previous.map(Into::into),
            ..SecretLayout::default()
        };
        for recorded in [None, Some(&recorded)] {
            judge(&found, &identity, recorded, &layout);
        }
    }
}

/// Ours is what says so, or what is recorded and says nothing (I6); and what is written then is ours alone.
fn judge(
    found: &SecretSnapshot,
    identity: &Identity,
    recorded: Option<&SecretUid>,
    layout: &SecretLayout,
) {
    let mark = found.annotations.get(annotation::OWNED_BY);
    let ours = match mark {
        Some(mark) => mark == "team-a/web",
        None => recorded == Some(&found.uid),
    };
    let recorded = Recorded {
        uid: recorded,
        fingerprint: None,
    };
    let facts = match found.state(identity, recorded, layout) {
        SecretState::Ours(facts) => facts,
        SecretState::Foreign { owner } => {
            assert!(!ours && owner.is_none_or(|owner| owner.chars().count() <= 320));
            return;
        }
        state @ (SecretState::Absent | SecretState::Unreadable(_)) => panic!("{state:?}"),
    };
    assert!(ours, "{found:?}");
    let Some(fingerprint) = &facts.key else {
        return;
    };
    for previous in [
        PreviousKey::Drop,
        PreviousKey::TakeCurrent,
        PreviousKey::Keep,
    ] {
        let plan = SecretPlan {
            at: SecretRevision::Absent,
            layout: layout.clone(),
            marks: facts.marks.clone(),
            previous,
        };
        let source = KeySource::Held {
            by: found,
            fingerprint,
        };
        let Some(manifest) = SecretManifest::render(identity, &plan, source, Some(found)) else {
            panic!("the key is in the Secret");
        };
        let written = manifest.to_secret("team-a");
        assert_eq!((written.type_, written.immutable), (None, None));
        assert_eq!(written.metadata.owner_references, None);
        assert_eq!(manifest.annotations[annotation::OWNED_BY], "team-a/web");
        let known =
            |entry: &String| *entry == layout.key || Some(entry) == layout.previous_key.as_ref();
        assert!(manifest.data.contains_key(&layout.key) && manifest.data.keys().all(known));
    }
}
