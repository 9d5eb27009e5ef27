//! How much the API server takes: what is longer it refuses as a whole.

use crate::domain::record::Identity;

/// An event's note has at most this many bytes.
const MAX_NOTE: usize = 1024;

/// Name of an object's entry in the `ConfigMap` of what was left behind: at most 253 characters, which the object's name may have
/// alone. The UID tells objects apart.
pub(super) fn left_behind_key(object: &Identity) -> String {
    let name: String = object.name.chars().take(150).collect();
    format!("{}.{name}.{}", object.namespace, object.uid)
}

/// The note of an event, cut where the API server would refuse it.
pub(super) fn note(mut note: String) -> String {
    if note.len() > MAX_NOTE {
        let mut end = MAX_NOTE - '…'.len_utf8();
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit_into_the_name_of_an_entry() {
        let object = Identity {
            namespace: "n".repeat(63),
            name: "o".repeat(253),
            uid: "11111111-2222-4333-8444-555555555555".into(),
        };
        let key = left_behind_key(&object);
        assert!(key.len() <= 253, "{key}");
        assert!(key.ends_with(object.uid.as_str()), "{key}");
    }

    #[test]
    fn a_note_is_cut_to_what_the_api_server_takes() {
        assert_eq!(note("ä".repeat(512)), "ä".repeat(512));
        for text in ["ä".repeat(513), "x".repeat(1025), "€".repeat(1024)] {
            let cut = note(text.clone());
            assert!(cut.len() <= MAX_NOTE && cut.len() > MAX_NOTE - 4);
            assert!(cut.ends_with('…') && text.starts_with(&cut[..cut.len() - 3]));
        }
    }
}
