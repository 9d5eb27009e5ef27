//! How much the API server takes: what is longer it refuses as a whole.

/// An event's note has at most this many bytes.
const MAX_NOTE: usize = 1024;

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
    fn a_note_is_cut_to_what_the_api_server_takes() {
        assert_eq!(note("ä".repeat(512)), "ä".repeat(512));
        for text in ["ä".repeat(513), "x".repeat(1025), "€".repeat(1024)] {
            let cut = note(text.clone());
            assert!(cut.len() <= MAX_NOTE && cut.len() > MAX_NOTE - 4);
            assert!(cut.ends_with('…') && text.starts_with(&cut[..cut.len() - 3]));
        }
    }
}
