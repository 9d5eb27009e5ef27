//! The small world: one object, its Secrets, the tokens at LaunchDarkly, one leading operator and at most one paused
//! predecessor.

use std::collections::BTreeMap;

pub use fakes::TIMING;
use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, TokenId};
use launchdarkly_token_operator::domain::memory;
use launchdarkly_token_operator::domain::observed::Feature;
use launchdarkly_token_operator::domain::record::Record;
use launchdarkly_token_operator::domain::secret::Marks;
use launchdarkly_token_operator::domain::step::Step;

/// When every story begins.
pub const START: Timestamp = Timestamp::constant(1_795_348_800, 0);
/// How long previous keys live on.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// Time between scheduled rotations, where there are any.
pub const INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// Tokens that fit into an account in which there is room.
pub const ROOM: usize = 20;
/// The object's UID.
pub const UID: &str = "11111111-2222-4333-8444-555555555555";

/// Everything that decides what happens next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Core {
    pub clock: Timestamp,
    pub object: Option<Object>,
    pub secrets: BTreeMap<String, Secret>,
    pub tokens: BTreeMap<TokenId, Token>,
    /// Calls that left and have not arrived.
    pub flights: Vec<Flight>,
    /// How many tokens the account has room for.
    pub room: usize,
    /// Whether the managing key may delete tokens.
    pub deletable: bool,
    /// Whether it is known from the beginning that a reset leaves the previous key alive.
    pub reset_known: bool,
    /// What a throw-away token shows of that.
    pub reset_shown: Feature,
    pub leader: Operator,
    /// A predecessor that was paused between deciding and acting.
    pub paused: Option<Box<Paused>>,
    /// Numbers keys, tokens, attempts, processes and UIDs.
    pub serial: u32,
}

/// The `AccessToken`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    pub revision: u32,
    pub generation: i64,
    pub finalizer: bool,
    pub deleted_at: Option<Timestamp>,
    pub spec: Spec,
    pub record: Record,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Reader,
    Writer,
    /// A role of the account's own, whose id has to be asked for.
    Custom,
}

/// What the user asks for, as far as it varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spec {
    pub role: Role,
    pub description: u8,
    pub secret: &'static str,
    pub replaces: bool,
    pub scheduled: bool,
    pub triggers: u8,
    pub revokes: u8,
    pub cut_offs: u8,
    pub retains: bool,
}

/// A Secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Secret {
    pub uid: u32,
    pub revision: u32,
    pub ours: bool,
    pub key: Fingerprint,
    pub marks: Marks,
    /// Whether labels and annotations are as we wrote them.
    pub intact: bool,
}

/// A token at LaunchDarkly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    pub id: TokenId,
    /// Somebody else's, whatever it is called.
    pub foreign: bool,
    /// The attempt in its marker; `None` once it is retained.
    pub attempt: Option<Attempt>,
    pub role: Role,
    pub description: u8,
    /// The newest last; each with its end on LaunchDarkly's clock.
    pub keys: Vec<(Fingerprint, Option<Timestamp>)>,
    pub expiry: Option<Timestamp>,
    pub creation_time: Timestamp,
    pub used: bool,
}

/// A call on its way; its sender does not wait any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flight {
    pub call: Call,
    /// It arrives by then.
    pub lands_by: Timestamp,
}

/// A call that must not be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    Create {
        attempt: Attempt,
        role: Role,
        description: u8,
    },
    Reset {
        token_id: TokenId,
        previous_key_lives: SignedDuration,
    },
}

/// A process that leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operator {
    pub name: u32,
    /// When it began.
    pub since: Timestamp,
    pub memory: Memory,
}

/// A process that stopped between deciding and acting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    pub step: Step,
    pub revision: u32,
    pub memory: Memory,
    pub cause: Option<Cause>,
}

/// What a process remembers: what production remembers of an object, and what it keeps of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Memory {
    pub facts: memory::Memory<Token>,
    pub listing: Option<Listing>,
    /// Whether a reset was tried on a throw-away token.
    pub probed: bool,
}

/// A listing of the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listing {
    pub at: Timestamp,
    pub tokens: BTreeMap<TokenId, Token>,
}

impl std::hash::Hash for Paused {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        format!("{:?}", self.step).hash(state);
        self.revision.hash(state);
        self.memory.hash(state);
    }
}

impl Token {
    /// Whether LaunchDarkly accepts this key of the token.
    pub fn accepts(&self, key: &Fingerprint, remote_now: Timestamp) -> bool {
        let alive = |end: Option<Timestamp>| end.is_none_or(|end| end > remote_now);
        alive(self.expiry)
            && self
                .keys
                .iter()
                .any(|(known, end)| known == key && alive(*end))
    }

    /// The key whose last four characters LaunchDarkly shows.
    pub fn shown_key(&self) -> Option<&Fingerprint> {
        self.keys.last().map(|(key, _)| key)
    }
}

impl Core {
    /// The next number.
    pub fn next(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    /// Another process begins to lead.
    pub fn restart(&mut self) {
        let name = self.next();
        self.leader = Operator {
            name,
            since: self.clock,
            memory: Memory::default(),
        };
    }

    /// Whether LaunchDarkly accepts a key, of whatever token.
    pub fn accepts(&self, key: &Fingerprint, remote_now: Timestamp) -> bool {
        self.tokens.values().any(|t| t.accepts(key, remote_now))
    }
}

/// The nonce that the next attempt will have.
pub fn nonce(core: &Core) -> Attempt {
    Attempt::new(format!("{:08x}", core.serial + 1))
}

/// A key; nothing but its fingerprint is needed.
pub fn new_key(number: u32) -> Fingerprint {
    Fingerprint::from(format!("v1:{number}").as_str())
}
