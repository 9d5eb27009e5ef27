//! The secret value of a token: held, compared and handed on, never printed (I7).

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::domain::ids::Fingerprint;

/// How much of a key LaunchDarkly shows after its creation (documented).
const SHOWN: usize = 4;

/// Longer values are no keys; real ones have 40 characters (observed), and the format may change (unknown).
const MAX_LENGTH: usize = 1_024;

/// The secret value of a LaunchDarkly access token.
///
/// An opaque printable ASCII text. It is wiped from memory when dropped, has no `Display` and no `Serialize`, and its
/// `Debug` says nothing: the only way to its text is [`Key::expose`].
#[derive(Clone)]
pub struct Key(SecretString);

/// Why a text is not a key. Says nothing about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is there.
    #[error("the key is empty")]
    Empty,
    /// Too long for an `Authorization` header.
    #[error("the key is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// Could not be sent in a header.
    #[error("the key has characters that are not printable ASCII")]
    NotPrintable,
}

impl Key {
    /// Takes the bytes as they are, as a consumer of a Secret would.
    ///
    /// # Errors
    /// [`KeyError`] when they could not be a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.is_empty() {
            return Err(KeyError::Empty);
        }
        if bytes.len() > MAX_LENGTH {
            return Err(KeyError::TooLong);
        }
        let text = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(KeyError::NotPrintable)?;
        Ok(Self(text.into()))
    }

    /// Takes a managing key from a Secret that a human filled: white space around it, such as the newline that
    /// `echo` adds, is dropped.
    ///
    /// # Errors
    /// [`KeyError`] when the rest could not be a key.
    pub fn from_credential(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(bytes.trim_ascii())
    }

    /// The text itself: for the `Authorization` header and for the Secret, nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Tells this key from others without being a part of it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.expose().as_bytes())
    }

    /// What LaunchDarkly shows of this key after its creation; only for comparing.
    #[must_use]
    pub fn last_four(&self) -> LastFour {
        LastFour::of(self.expose())
    }

    /// Whether the text is long enough to be a whole key, not only what LaunchDarkly shows of one.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.expose().len() > SHOWN
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The last four characters of a key: can be compared, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct LastFour(Zeroizing<String>);

impl LastFour {
    /// The end of a key, or the end that LaunchDarkly shows.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let start = text
            .char_indices()
            .rev()
            .nth(SHOWN - 1)
            .map_or(0, |(at, _)| at);
        Self(Zeroizing::new(text[start..].to_owned()))
    }
}

impl fmt::Debug for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastFour(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "api-3f0b3c52-6a1d-4a57-9d0e-5c2f9b7e1a2b";

    #[test]
    fn debug_says_nothing() {
        let key = Key::from_bytes(TEXT.as_bytes()).unwrap();
        assert_eq!(
            format!("{key:?} {:?}", key.last_four()),
            "Key(..) LastFour(..)"
        );
    }

    #[test]
    fn the_shown_end_matches_its_key_only() {
        let key = Key::from_bytes(TEXT.as_bytes()).unwrap();
        assert_eq!(key.last_four(), LastFour::of("1a2b"));
        assert_ne!(key.last_four(), LastFour::of("1a2c"));
        assert_ne!(key.last_four(), LastFour::of(""));
    }

    #[test]
    fn only_a_credential_may_have_white_space_around_it() {
        let with_newline = format!("{TEXT}\n");
        assert_eq!(
            Key::from_bytes(with_newline.as_bytes()).err(),
            Some(KeyError::NotPrintable)
        );
        let key = Key::from_credential(with_newline.as_bytes()).unwrap();
        assert_eq!(key.expose(), TEXT);
    }

    #[test]
    fn what_cannot_be_sent_in_a_header_is_no_key() {
        for (bytes, error) in [
            (b"".as_slice(), KeyError::Empty),
            (b"a b", KeyError::NotPrintable),
            (b"a\0b", KeyError::NotPrintable),
            ("schlüssel".as_bytes(), KeyError::NotPrintable),
            (b"\xff\xfe", KeyError::NotPrintable),
            (&[b'x'; MAX_LENGTH + 1], KeyError::TooLong),
        ] {
            assert_eq!(Key::from_bytes(bytes).err(), Some(error));
        }
    }
}
