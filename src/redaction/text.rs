//! Makes text that LaunchDarkly controls fit to be shown: short, one line, and without anything that looks like a key.

use super::Key;

/// The longest reply of the API server that is ever shown, in characters.
const MAX_REPLY: usize = 400;

/// The longest piece of remote text that is ever shown, in characters.
pub const MAX_SHOWN: usize = 200;

const REDACTED: &str = "[redacted]";

/// What keys of any kind begin with (observed); only `api-` is for the REST API.
const KEY_PREFIXES: [&str; 4] = ["api-", "sdk-", "mob-", "rel-"];

/// `text` without control characters and keys, in at most [`MAX_SHOWN`] characters.
///
/// `credential` is cut out in whatever form it has, since the format of keys may change (unknown).
pub fn presentable(text: &str, credential: Option<&Key>) -> String {
    let mut text = one_line(text);
    if let Some(key) = credential {
        text = text.replace(key.expose(), REDACTED);
    }
    shorten(redact_words(&text, looks_like_key).trim(), MAX_SHOWN)
}

/// The same for what the API server or a webhook says, which names objects whose names look like many things.
pub fn presentable_reply(text: &str) -> String {
    shorten(
        redact_words(&one_line(text), may_hold_key).trim(),
        MAX_REPLY,
    )
}

/// Without control characters and what cannot be seen.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect()
}

/// Replaces every word that looks like a key, wherever the word stands.
fn redact_words(text: &str, is_key: impl Fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        shown.push_str(if is_key(word) { REDACTED } else { word });
        let next = tail.find(is_word).unwrap_or(tail.len());
        shown.push_str(&tail[..next]);
        rest = &tail[next..];
    }
    shown
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Zero-width and direction-changing characters: they could hide a key from [`looks_like_key`] or garble a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A prefix of a key followed by something with a digit, or 20 and more characters that have the dashes of a UUID.
fn looks_like_key(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    has_key_prefix(&word)
        || (word.len() >= 20 && word.matches('-').count() >= 3 && has_digit(&word))
}

/// A prefix of a key followed by something with a digit, or so long a mixture of letters and digits that it may be base64.
fn may_hold_key(word: &str) -> bool {
    let mixed = word.len() >= 16
        && has_digit(word)
        && word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().any(|byte| byte.is_ascii_lowercase());
    mixed || has_uuid(word) || has_key_prefix(&word.to_ascii_lowercase())
}

/// The secret part of a key has this form, and so have UIDs, which nobody misses. What stands around it may be a rest of a prefix.
fn has_uuid(word: &str) -> bool {
    let is_uuid = |part: &[u8]| {
        let mut bytes = part.iter().enumerate();
        bytes.all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    word.as_bytes().windows(36).any(is_uuid)
}

fn has_key_prefix(word: &str) -> bool {
    KEY_PREFIXES.iter().any(|prefix| {
        word.split_once(prefix)
            .is_some_and(|(_, tail)| tail.len() >= 4 && has_digit(tail))
    })
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "api-3f0b3c52-6a1d-4a57-9d0e-5c2f9b7e1a2b";

    #[test]
    fn ordinary_text_stays_as_it_is() {
        let text = "Invalid role on service-token/61095542756dba551110ae21 for \"ci\"";
        assert_eq!(presentable(text, None), text);
    }

    #[test]
    fn keys_are_cut_out_wherever_they_stand() {
        for text in [
            KEY.to_owned(),
            format!("token={KEY}; again \"{}\"", KEY.to_uppercase()),
            format!("x{KEY}x"),
            KEY.replacen("api-", "", 1),
            KEY.replacen("api", "sdk", 1),
            KEY.replacen("api-", "api\u{200b}-", 1),
        ] {
            let shown = presentable(&text, None).to_lowercase();
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(
                !shown.contains("4a57") && !shown.contains("5c2f9b7e1a2b"),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_credential_is_cut_out_whatever_its_form() {
        let key = Key::from_bytes(b"ld~v9~opaque~text").unwrap();
        assert_eq!(
            presentable("no access for ld~v9~opaque~text here", Some(&key)),
            "no access for [redacted] here"
        );
    }

    #[test]
    fn a_key_at_the_cut_is_not_half_shown() {
        let text = format!("{}{KEY}", "é ".repeat(95));
        assert!(!presentable(&text, None).contains("3f0b"));
    }

    #[test]
    fn a_reply_names_objects_and_holds_no_key() {
        let name = "secrets \"web-1-2-3-launchdarkly-credentials\" is forbidden";
        assert_eq!(presentable_reply(name), name);
        let base64 = "YXBpLTNmMGIzYzUyLTZhMWQtNGE1Nw==";
        let without_prefix = format!("xpi-{}x", &KEY[4..]);
        for text in [
            format!("value {KEY}"),
            format!("invalid: \"{base64}\""),
            without_prefix,
        ] {
            let shown = presentable_reply(&text);
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(
                !shown.contains("YXBpLT") && !shown.contains("3f0b3c52"),
                "{shown}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_short_and_on_one_line(text in "(.|\\PC|\n){0,600}") {
            let shown = presentable(&text, None);
            prop_assert!(shown.chars().count() <= MAX_SHOWN);
            prop_assert!(!shown.chars().any(char::is_control));
        }

        #[test]
        fn no_key_gets_through(before in "\\PC{0,30}", uuid in "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", after in "\\PC{0,30}") {
            let shown = presentable(&format!("{before}api-{uuid}{after}"), None);
            prop_assert!(!shown.contains(&uuid));
            prop_assert!(!shown.contains(&uuid[24..]));
        }
    }
}
