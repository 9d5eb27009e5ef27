//! The marker: our machine-readable tail in the description of a remote token.
//!
//! LaunchDarkly has no idempotency key and names are not unique there, so the description is the only place
//! that can say which object, and which attempt of it, a token was made for. Ownership and recovery match the object
//! and the attempt; the installation only scopes the search for orphans.

use crate::domain::ids::{AccountMark, Attempt, Installation, ObjectUid};

/// What every marker begins with; a user's description must not contain it.
pub const OPENING: &str = "[ldtokens ";

/// The longest description that is sent, in characters: 200 of the user's, a blank and the marker.
pub const LONGEST_DESCRIPTION: usize = 300;

/// No marker is longer, in characters.
pub const MAX_LENGTH: usize = 99;

const HEX_LENGTH: usize = 8;
const MAX_UID_LENGTH: usize = 36;

/// Says for whom a remote token was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The cluster.
    pub installation: Installation,
    /// The `AccessToken` object.
    pub object: ObjectUid,
    /// Whether it is in use or was left behind on purpose.
    pub hold: Hold,
}

/// Whether a marked token is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// Made by this attempt.
    Attempt(Attempt),
    /// Kept by `deletionPolicy: Retain`, and counted by the account object that it was made through; nobody's orphan.
    Retained(Option<AccountMark>),
}

impl Marker {
    /// The marker as text: printable ASCII, at most [`MAX_LENGTH`] characters.
    #[must_use]
    pub fn render(&self) -> String {
        let Self {
            installation,
            object,
            hold,
        } = self;
        match hold {
            Hold::Attempt(attempt) => format!("{OPENING}i={installation} o={object} a={attempt}]"),
            Hold::Retained(None) => format!("{OPENING}i={installation} o={object} retained]"),
            Hold::Retained(Some(account)) => {
                format!("{OPENING}i={installation} o={object} k={account} retained]")
            }
        }
    }

    /// The marker at the very end of a description; anywhere else it does not count.
    #[must_use]
    pub fn parse(description: &str) -> Option<Self> {
        split(description).1
    }

    /// The attempt, unless the token is retained.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        match &self.hold {
            Hold::Attempt(attempt) => Some(attempt),
            Hold::Retained(_) => None,
        }
    }

    /// The same marker for a token that is left behind on purpose, made through this account object.
    #[must_use]
    pub fn retained(&self, account: AccountMark) -> Self {
        Self {
            hold: Hold::Retained(Some(account)),
            ..self.clone()
        }
    }

    fn parse_exact(text: &str) -> Option<Self> {
        let inner = text.strip_prefix(OPENING)?.strip_suffix(']')?;
        let (installation, rest) = inner.strip_prefix("i=")?.split_once(" o=")?;
        let (object, hold) = rest.split_once(' ')?;
        let hold = match (hold.strip_prefix("a="), hold.strip_prefix("k=")) {
            (Some(attempt), _) => Hold::Attempt(Attempt::new(hex(attempt)?)),
            (None, Some(account)) => {
                let account = hex(account.strip_suffix(" retained")?)?;
                Hold::Retained(Some(AccountMark::new(account)))
            }
            (None, None) if hold == "retained" => Hold::Retained(None),
            (None, None) => return None,
        };
        Some(Self {
            installation: Installation::new(hex(installation)?),
            object: ObjectUid::new(uid(object)?),
            hold,
        })
    }
}

/// Takes a description apart into the user's part and the marker at its very end.
#[must_use]
pub fn split(description: &str) -> (&str, Option<Marker>) {
    let text = description.trim_end();
    let found = text
        .rfind(OPENING)
        .and_then(|at| Some((at, Marker::parse_exact(&text[at..])?)));
    match found {
        Some((at, marker)) => {
            let user_part = &text[..at];
            (
                user_part.strip_suffix(' ').unwrap_or(user_part),
                Some(marker),
            )
        }
        None => (description, None),
    }
}

/// The user's part followed by the marker, in at most `limit` characters.
///
/// What does not fit is cut from the user's part, never from the marker.
#[must_use]
pub fn with_marker(user_part: &str, marker: &Marker, limit: usize) -> String {
    let marker = marker.render();
    let room = limit.saturating_sub(marker.len() + 1);
    let user_part = match user_part.char_indices().nth(room) {
        Some((end, _)) => user_part[..end].trim_end(),
        None => user_part,
    };
    if user_part.is_empty() {
        marker
    } else {
        format!("{user_part} {marker}")
    }
}

/// What [`with_marker`] leaves of the user's part.
#[must_use]
pub fn fitted(user_part: &str, marker: &Marker, limit: usize) -> String {
    let text = with_marker(user_part, marker, limit);
    split(&text).0.to_owned()
}

fn hex(text: &str) -> Option<&str> {
    let good = text.len() == HEX_LENGTH
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    good.then_some(text)
}

fn uid(text: &str) -> Option<&str> {
    let good = (1..=MAX_UID_LENGTH).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    good.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_marker() -> impl Strategy<Value = Marker> {
        let hold = prop_oneof![
            "[0-9a-f]{8}".prop_map(|attempt| Hold::Attempt(Attempt::new(attempt))),
            Just(Hold::Retained(None)),
            "[0-9a-f]{8}".prop_map(|account| Hold::Retained(Some(AccountMark::new(account)))),
        ];
        (
            "[0-9a-f]{8}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            hold,
        )
            .prop_map(|(installation, object, hold)| Marker {
                installation: Installation::new(installation),
                object: ObjectUid::new(object),
                hold,
            })
    }

    proptest! {
        #[test]
        fn a_marker_is_short_ascii_and_reads_back(marker in any_marker()) {
            let text = marker.render();
            prop_assert!(text.len() <= MAX_LENGTH);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
            prop_assert_eq!(Marker::parse(&text), Some(marker));
        }

        #[test]
        fn the_users_part_survives_when_it_fits(
            user_part in "\\PC{0,200}",
            marker in any_marker(),
        ) {
            let text = with_marker(&user_part, &marker, 1_000);
            prop_assert_eq!(split(&text), (user_part.as_str(), Some(marker)));
        }

        #[test]
        fn a_limit_shortens_the_users_part_and_never_the_marker(
            user_part in "\\PC{0,300}",
            marker in any_marker(),
            limit in 0_usize..300,
        ) {
            let text = with_marker(&user_part, &marker, limit);
            let (kept, found) = split(&text);
            prop_assert!(user_part.starts_with(kept));
            prop_assert!(text.chars().count() <= limit.max(marker.render().len()));
            prop_assert_eq!(found, Some(marker));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,40}(\\[ldtokens )?\\PC{0,60}\\]?") {
            let (user_part, marker) = split(&text);
            prop_assert!(text.starts_with(user_part));
            prop_assert!(marker.is_some() || user_part == text);
        }
    }

    fn marker() -> Marker {
        Marker {
            installation: "0a1b2c3d".into(),
            object: "11111111-2222-4333-8444-555555555555".into(),
            hold: Hold::Attempt("9f8e7d6c".into()),
        }
    }

    #[test]
    fn the_text_is_what_the_documentation_says() {
        assert_eq!(
            marker().render(),
            "[ldtokens i=0a1b2c3d o=11111111-2222-4333-8444-555555555555 a=9f8e7d6c]"
        );
        assert_eq!(
            marker().retained("4c5d6e7f".into()).render(),
            "[ldtokens i=0a1b2c3d o=11111111-2222-4333-8444-555555555555 k=4c5d6e7f retained]"
        );
    }

    #[test]
    fn a_marker_that_is_not_at_the_end_does_not_count() {
        assert_eq!(
            Marker::parse(&format!("{} and more", marker().render())),
            None
        );
    }

    #[test]
    fn white_space_after_the_marker_is_tolerated() {
        assert_eq!(
            Marker::parse(&format!("deploys {}\n", marker().render())),
            Some(marker())
        );
    }

    #[test]
    fn a_damaged_marker_is_no_marker() {
        for damaged in [
            "[ldtokens i=0a1b2c3d o=x a=9f8e7d6]",
            "[ldtokens i=0A1B2C3D o=x a=9f8e7d6c]",
            "[ldtokens i=0a1b2c3d o= a=9f8e7d6c]",
            "[ldtokens i=0a1b2c3d o=x y a=9f8e7d6c]",
            "[ldtokens i=0a1b2c3d o=x kept]",
            "[ldtokens i=0a1b2c3d o=x k=4c5d6e7f]",
            "[ldtokens i=0a1b2c3d o=x k=4c5d retained]",
            "[ldtokens ]",
        ] {
            assert_eq!(Marker::parse(damaged), None, "{damaged}");
        }
    }
}
