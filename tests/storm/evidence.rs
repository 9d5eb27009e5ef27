//! What the judge is shown: everything that happened, as plain data, so that a history can also be forged.

use std::fmt;

/// Wall clock of this machine, in milliseconds since 1970.
pub type Millis = i64;

/// Tells keys apart without being a part of one: the fingerprint.
pub type KeyName = String;

/// The whole history of a storm.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Every object from its creation to its end; one that was created again is another one.
    pub lives: Vec<Life>,
    /// Every token that LaunchDarkly ever gave out, those of interrupted probes included.
    pub tokens: Vec<RemoteToken>,
    /// Every call that a consumer made.
    pub calls: Vec<Call>,
    /// Every reset that was sent to LaunchDarkly, by the token's ID, whatever came of it.
    pub resets_sent: Vec<String>,
    /// Secrets of objects that are gone.
    pub secrets_left: Vec<String>,
    /// When everything had come to rest.
    pub ended_at: Millis,
}

/// One `AccessToken` object.
#[derive(Debug, Clone)]
pub struct Life {
    /// `<namespace>/<name>`, which is also the name of its tokens.
    pub name: String,
    pub uid: String,
    /// How long a key that was replaced goes on working.
    pub grace: Millis,
    /// The time between scheduled rotations, if there are any.
    pub interval: Option<Millis>,
    /// What the user did to it, in order; the creation comes first.
    pub asks: Vec<Ask>,
    /// Every key that came into its Secret, in order.
    pub publications: Vec<Publication>,
    /// Every intent that its status ever showed, in order.
    pub intents: Vec<Intent>,
    /// When its deletion was asked for.
    pub deletion_asked: Option<Millis>,
    /// What its user waited for in vain.
    pub gave_up: Option<String>,
    /// What it shows at the end; `None` when it is gone.
    pub at_rest: Option<AtRest>,
}

/// What was asked of it and what it did, in the order of time.
impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self
            .asks
            .iter()
            .map(|it| (it.at, format!("asked for {:?}", it.what)));
        let begun = self.intents.iter().map(|it| {
            let Intent {
                at,
                attempt,
                why,
                resets,
            } = it;
            (*at, format!("intent {attempt}: {why}, resets {resets:?}"))
        });
        let published = self
            .publications
            .iter()
            .map(|it| (it.at, format!("published {}", it.key)));
        let mut all: Vec<_> = asked.chain(begun).chain(published).collect();
        all.sort();
        writeln!(f, "{} ({})", self.name, self.uid)?;
        for (at, what) in all {
            writeln!(f, "  {at} {what}")?;
        }
        Ok(())
    }
}

/// Something that the user asked for and that changes the key once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Right before it was asked.
    pub at: Millis,
    pub what: Wanted,
    /// Whether the object said that it was done.
    pub done: bool,
}

/// What changes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The object was created.
    Creation,
    /// It got a new trigger value.
    Trigger,
    /// It got a new revoke value.
    Revocation,
    /// Its role was changed, which a service token cannot follow.
    Role,
    /// Its Secret was deleted.
    NewSecret,
}

/// A key came into a Secret.
#[derive(Debug, Clone)]
pub struct Publication {
    /// When the API server showed it.
    pub at: Millis,
    pub key: KeyName,
}

/// An intent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// When the API server showed it.
    pub at: Millis,
    pub attempt: String,
    /// Why, and which requests it handles.
    pub why: String,
    /// The token to be reset; `None` for a create.
    pub resets: Option<String>,
}

/// What a living object shows when everything rests.
#[derive(Debug, Clone, Default)]
pub struct AtRest {
    /// Why it is not settled, if it is not.
    pub unsettled: Option<String>,
    /// The tokens that its status answers for.
    pub tokens: Vec<String>,
    /// The key in its Secret.
    pub key: Option<KeyName>,
}

/// A token at LaunchDarkly.
#[derive(Debug, Clone)]
pub struct RemoteToken {
    pub id: String,
    pub name: String,
    pub description: String,
    pub deleted: bool,
    /// Oldest first.
    pub keys: Vec<RemoteKey>,
}

/// A key of such a token.
#[derive(Debug, Clone)]
pub struct RemoteKey {
    pub key: KeyName,
    pub issued: Millis,
    pub died: Option<Millis>,
}

/// A call with a key that a Secret held.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was answered.
    pub at: Millis,
    /// The object whose Secret held the key.
    pub uid: String,
    pub key: KeyName,
    /// Whether the key was still the one in the Secret when the call was made.
    pub current: bool,
    pub answer: Answer,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Accepted,
    Refused,
    /// No answer, or none about the key.
    Other,
}
