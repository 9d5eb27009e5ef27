//! Looks for keys where none may be: whole, in part, and encoded (I7).
//!
//! A search proves something only if it would find what it looks for: plant a key first.

use std::collections::HashMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::{ControlPlane, Operator, RigError, mask};

/// A part of a key of this many characters counts as the key.
pub const PART: usize = 12;

/// Pieces of text that give a key away, to be looked for in all that others can read.
#[derive(Debug)]
pub struct Canary {
    /// What is looked for as it is.
    exact: Windows,
    /// What is looked for in small letters.
    folded: Windows,
    keys: Vec<String>,
}

/// How a key shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// [`PART`] characters or more of it, in small or capital letters.
    Plain,
    /// The base64, of either alphabet, of [`PART`] bytes or more of it, wherever it stands in what was encoded.
    Base64,
    /// The hexadecimal of [`PART`] bytes or more of it.
    Hex,
}

/// A text that may hold no key.
#[derive(Debug)]
pub struct Place {
    /// What it is, for people.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// A key that shows where none may. Its text has the key masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The place.
    pub place: String,
    /// How the key shows.
    pub form: Form,
    /// Which key it is, as it was given.
    key: usize,
    masked: String,
    before: String,
}

impl Canary {
    /// Looks for these keys, which begin with `api-` or not; what follows that is secret.
    ///
    /// # Errors
    /// A key is too short to be told from other text.
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self, RigError> {
        let mut canary = Self {
            exact: Windows::default(),
            folded: Windows::default(),
            keys: keys
                .into_iter()
                .map(|key| key.as_ref().to_owned())
                .collect(),
        };
        canary.keys.sort();
        canary.keys.dedup();
        for (number, key) in canary.keys.iter().enumerate() {
            let secret = key.strip_prefix("api-").unwrap_or(key);
            if secret.len() < PART || !secret.is_ascii() {
                return Err(RigError::Unexpected(format!(
                    "a key of {} bytes cannot be looked for",
                    secret.len()
                )));
            }
            let folded = secret.to_ascii_lowercase();
            canary.folded.add(&folded, PART, (number, Form::Plain));
            canary
                .folded
                .add(&hex(secret), 2 * PART, (number, Form::Hex));
            for text in base64_forms(secret) {
                // Three whole groups, of which any part of twelve bytes has as many wherever it begins.
                canary.exact.add(&text, PART, (number, Form::Base64));
            }
        }
        Ok(canary)
    }

    /// How many keys are looked for.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Every key and form that shows in a place, once each.
    #[must_use]
    pub fn search(&self, place: &Place) -> Vec<Sighting> {
        let mut found = HashMap::new();
        self.exact.search(place.text.as_bytes(), &mut found);
        let folded = place.text.to_ascii_lowercase();
        self.folded.search(folded.as_bytes(), &mut found);
        let mut sightings: Vec<_> = found
            .into_iter()
            .map(|((key, form), at)| Sighting {
                place: place.name.clone(),
                form,
                key,
                masked: mask(&self.keys[key]),
                before: self.context(&place.text, at),
            })
            .collect();
        sightings.sort_by_key(|sighting| (sighting.key, sighting.form));
        sightings
    }

    /// What stands before a sighting, up to the line's beginning, without any key.
    fn context(&self, text: &str, at: usize) -> String {
        let from = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = &text[from..at];
        let line = line
            .char_indices()
            .rev()
            .nth(160)
            .map_or(line, |(start, _)| &line[start..]);
        let shows_a_key = self
            .keys
            .iter()
            .any(|key| line.contains(key.strip_prefix("api-").unwrap_or(key)));
        if shows_a_key {
            "(after another key)".to_owned()
        } else {
            line.to_owned()
        }
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {:?} of {} after: {}",
            self.place, self.form, self.masked, self.before
        )
    }
}

/// The base64 of a text, for planting.
#[must_use]
pub fn encoded(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

/// The base64 of a text as it shows whatever stands before and after it in what was encoded: without the characters that its
/// neighbours have a part in.
fn base64_forms(secret: &str) -> Vec<String> {
    let shifted = (0..3).map(|shift| {
        let bytes = [&vec![0; shift], secret.as_bytes()].concat();
        let whole = bytes.len() / 3 * 3;
        (bytes[..whole].to_vec(), if shift == 0 { 0 } else { 4 })
    });
    shifted
        .flat_map(|(bytes, skip)| {
            [&BASE64_STANDARD, &BASE64_URL_SAFE]
                .map(|alphabet| alphabet.encode(&bytes)[skip..].to_owned())
        })
        .collect()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Texts of two lengths at most, found in one pass each.
#[derive(Debug, Default)]
struct Windows(HashMap<usize, Table>);

/// Texts of one length, behind a filter that spares most look-ups.
#[derive(Debug)]
struct Table {
    filter: Vec<bool>,
    texts: HashMap<Vec<u8>, (usize, Form)>,
}

impl Windows {
    fn add(&mut self, text: &str, length: usize, whose: (usize, Form)) {
        let table = self.0.entry(length).or_insert_with(|| Table {
            filter: vec![false; 1 << 16],
            texts: HashMap::new(),
        });
        for window in text.as_bytes().windows(length) {
            table.filter[slot(window)] = true;
            table.texts.insert(window.to_vec(), whose);
        }
    }

    fn search(&self, text: &[u8], found: &mut HashMap<(usize, Form), usize>) {
        for (length, table) in &self.0 {
            for (at, window) in text.windows(*length).enumerate() {
                if table.filter[slot(window)]
                    && let Some(whose) = table.texts.get(window)
                {
                    found.entry(*whose).or_insert(at);
                }
            }
        }
    }
}

/// Where the filter keeps a text, by its first four bytes.
fn slot(window: &[u8]) -> usize {
    let start = window
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    (start.wrapping_mul(0x9E37_79B1) >> 16) as usize
}

/// All that others can read of an operator's work: its log over all its runs, what it serves, events, its objects with status and
/// managed fields, `ConfigMaps`, Leases, Secrets without their data, and the audit log.
///
/// # Errors
/// Something cannot be read.
pub fn places(plane: &ControlPlane, operator: &Operator) -> Result<Vec<Place>, RigError> {
    let of = |name: &str, text: String| Place {
        name: name.to_owned(),
        text,
    };
    let mut places = vec![
        of("log", operator.logs()),
        of("/metrics", operator.metrics()?),
        of("/readyz", operator.page("/readyz?verbose")?),
        of("/livez", operator.page("/livez")?),
        of("audit log", plane.audit_text()?),
    ];
    for kind in [
        "events",
        "events.events.k8s.io",
        "accesstokens",
        "launchdarklyaccounts",
        "clusterlaunchdarklyaccounts",
        "configmaps",
        "leases",
    ] {
        let yaml = plane.kubectl(&[
            "get",
            kind,
            "--all-namespaces",
            "--show-managed-fields",
            "--output=yaml",
        ])?;
        places.push(of(kind, yaml));
    }
    let mut secrets = plane.client().json(&[
        "get",
        "secrets",
        "--all-namespaces",
        "--show-managed-fields",
    ])?;
    for secret in secrets["items"].as_array_mut().into_iter().flatten() {
        if let Some(secret) = secret.as_object_mut() {
            secret.remove("data");
        }
    }
    places.push(of("secrets without their data", secrets.to_string()));
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "api-3f0b3c52-6a1d-4a57-9d0e-5c2f9b7e1a2b";
    const OTHER: &str = "api-77777777-7777-4777-8777-777777777777";

    fn forms(text: &str) -> Vec<Form> {
        let canary = Canary::new([KEY, OTHER]).unwrap();
        let place = Place {
            name: "here".to_owned(),
            text: text.to_owned(),
        };
        let found = canary.search(&place);
        assert!(found.iter().all(|sighting| sighting.key == 0), "{found:?}");
        found.iter().map(|sighting| sighting.form).collect()
    }

    #[test]
    fn a_key_is_found_whole_in_capitals_and_in_any_part_of_twelve_characters() {
        assert_eq!(forms(&format!("token={KEY};")), [Form::Plain]);
        assert_eq!(forms(&KEY.to_uppercase()), [Form::Plain]);
        let secret = &KEY[4..];
        for start in 0..=secret.len() - PART {
            let part = &secret[start..start + PART];
            assert_eq!(forms(&format!("x{part}y")), [Form::Plain], "{part}");
            assert_eq!(forms(&part[1..]), [], "{part}");
        }
    }

    #[test]
    fn its_base64_is_found_in_both_alphabets_whatever_stands_around_it() {
        for before in [
            "",
            "a",
            "ab",
            "abc",
            "Basic ",
            "{\"key\":\"",
            "\u{fb}\u{ff}",
        ] {
            for after in ["", "\"", "}}", "...."] {
                let text = format!("{before}{KEY}{after}");
                assert_eq!(forms(&BASE64_STANDARD.encode(&text)), [Form::Base64]);
                assert_eq!(forms(&BASE64_URL_SAFE.encode(&text)), [Form::Base64]);
            }
        }
        for start in 4..=KEY.len() - PART {
            for before in ["", "-", "--"] {
                let part = format!("{before}{}--", &KEY[start..start + PART]);
                assert_eq!(
                    forms(&BASE64_STANDARD.encode(&part)),
                    [Form::Base64],
                    "{part}"
                );
            }
        }
    }

    #[test]
    fn its_hexadecimal_is_found() {
        assert_eq!(forms(&hex(KEY)), [Form::Hex]);
        assert_eq!(forms(&hex(KEY).to_uppercase()), [Form::Hex]);
    }

    #[test]
    fn other_text_is_no_key() {
        assert_eq!(forms("api-…1a2b, 3f0b3c52, 5c2f9b7e1a2c and 6a1d-4a57"), []);
        assert_eq!(forms(""), []);
        assert!(Canary::new(["short"]).is_err());
    }

    #[test]
    fn a_sighting_tells_where_and_shows_no_key() {
        let canary = Canary::new([KEY]).unwrap();
        let place = Place {
            name: "log".to_owned(),
            text: format!("first line\nfailed with {KEY} twice {KEY}"),
        };
        let found = canary.search(&place);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "log: Plain of api-…1a2b after: failed with api-"
        );
    }
}
