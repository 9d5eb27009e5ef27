//! Values that ask for something once: which were handled when, and which came back to no effect (I15).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::api::status::HandledRequest;
use crate::api::validate::{RequestKind, asked};
use crate::api::{AccessToken, AccessTokenStatus};
use crate::domain::ids::RequestHash;
use crate::domain::record::Record;
use crate::domain::time::whole_second;
use crate::redaction::text::presentable;

/// Notes in a status the values that its record has handled since `before`, in clear, for users to read and to wait on. One that looks like
/// a key is not shown.
pub(super) fn note_handled(
    object: &AccessToken,
    before: &[RequestHash],
    status: &mut AccessTokenStatus,
    now: Timestamp,
) {
    let Some(rotation) = &mut status.rotation else {
        return;
    };
    let last = object
        .status
        .as_ref()
        .and_then(|status| status.rotation.as_ref());
    if let Some(last) = last {
        rotation
            .last_handled_trigger
            .clone_from(&last.last_handled_trigger);
        rotation
            .last_handled_revoke
            .clone_from(&last.last_handled_revoke);
    }
    for request in asked(object) {
        let is_new = rotation.handled.contains(&request.hash) && !before.contains(&request.hash);
        let place = match request.kind {
            RequestKind::Trigger => &mut rotation.last_handled_trigger,
            RequestKind::Revoke => &mut rotation.last_handled_revoke,
            RequestKind::CutOff => continue,
        };
        if is_new {
            let shown = presentable(request.value, None);
            *place = Some(HandledRequest {
                value: if shown == request.value {
                    shown
                } else {
                    request.hash.to_string()
                },
                time: whole_second(now),
            });
        }
    }
}

/// The values that were not there at the last look and were handled before: they do nothing. `seen` are those that were there then.
pub(super) fn come_back(
    seen: &mut Option<BTreeSet<RequestHash>>,
    object: &AccessToken,
    record: &Record,
) -> Vec<RequestKind> {
    let asked = asked(object);
    let present = asked.iter().map(|request| request.hash.clone()).collect();
    let Some(before) = seen.replace(present) else {
        return Vec::new();
    };
    let mut back = asked;
    back.retain(|it| !before.contains(&it.hash) && record.rotation.handled.contains(&it.hash));
    back.into_iter().map(|request| request.kind).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{REVOKE_ANNOTATION, ROTATE_ANNOTATION};

    fn object(annotation: &str, value: &str) -> AccessToken {
        serde_json::from_value(json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
            "metadata": {"namespace": "team-a", "name": "web", "annotations": {annotation: value}},
            "spec": {"role": "reader"},
        }))
        .unwrap()
    }

    fn handled(values: &[&str]) -> Record {
        let mut record = Record::default();
        let hashes: Vec<_> = values
            .iter()
            .map(|it| RequestHash::of("revoke", it))
            .collect();
        record.remember_handled(&hashes);
        record
    }

    #[test]
    fn i15_a_value_that_was_handled_and_comes_back_is_told_of() {
        let mut seen = None;
        let mut told = |value: &str, record: &Record| {
            come_back(&mut seen, &object(REVOKE_ANNOTATION, value), record)
        };
        // What is there when the process starts is no news.
        assert!(told("leak-1", &handled(&["leak-1"])).is_empty());
        assert!(told("leak-2", &handled(&["leak-1"])).is_empty());
        let both = handled(&["leak-1", "leak-2"]);
        assert!(told("leak-2", &both).is_empty());
        assert_eq!(told("leak-1", &both), [RequestKind::Revoke]);
        assert!(told("leak-1", &both).is_empty());
        // Also after its removal.
        assert!(told("", &both).is_empty());
        assert_eq!(told("leak-1", &both), [RequestKind::Revoke]);
    }

    #[test]
    fn the_last_handled_value_is_shown_in_clear_unless_it_looks_like_a_key_i7() {
        let now = Timestamp::UNIX_EPOCH;
        let key = "api-00000000-0000-4000-8000-0000000000aa";
        for (value, shown) in [("1764400000", true), (key, false)] {
            let object = object(ROTATE_ANNOTATION, value);
            let hash = RequestHash::of("trigger", value);
            let mut status = AccessTokenStatus::default();
            status.rotation.get_or_insert_default().handled = vec![hash.clone()];
            note_handled(&object, &[], &mut status, now);
            let last = status.rotation.unwrap().last_handled_trigger.unwrap();
            let expected = if shown { value } else { hash.as_str() };
            assert_eq!((last.value.as_str(), last.time), (expected, now));
        }
    }
}
