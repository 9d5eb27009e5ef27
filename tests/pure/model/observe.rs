//! What the leading operator sees. The world is read here; what is made of it and of memory is production code.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::decide::heard;
use launchdarkly_token_operator::domain::desired::{DeletionPolicy, Desired, secret_layout};
use launchdarkly_token_operator::domain::ids::{SettingsHash, TokenId};
use launchdarkly_token_operator::domain::marker::{Hold, Marker};
use launchdarkly_token_operator::domain::memory::{ShownListing, ShownToken, Surroundings};
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, Admission, Deletion, Feature, Observed, OwnToken,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::secret::{SecretFacts, SecretState, other_name};
use launchdarkly_token_operator::domain::settings::TokenSettings;
use launchdarkly_token_operator::domain::time::{Clocks, RemoteOffset};

use super::desired::ROLE_ID;
use super::world::{Core, Listing, Memory, Object, Role, Spec, TIMING, Token, UID, nonce};

/// Which cluster our tokens are marked with.
const INSTALLATION: &str = "0a1b2c3d";

/// A look at the world, with the version of the object that was read.
#[derive(Debug, Clone)]
pub struct Seen {
    pub desired: Result<Desired, Problem>,
    pub observed: Observed,
    pub revision: u32,
}

/// What the leader sees; nothing once the object is gone.
pub fn observe(core: &Core, offset: SignedDuration) -> Option<Seen> {
    let object = core.object.as_ref()?;
    let memory = &core.leader.memory;
    let desired = Ok(object.spec.desired());
    let layout = secret_layout(&heard(&desired, &object.record), None, &object.record);
    let secret = secret_state(core, &layout.name);
    let former = other_name(&object.record, &layout);
    let key = match &secret {
        SecretState::Ours(secret) => secret.key.clone(),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let read = Surroundings {
        claims: std::collections::BTreeSet::new(),
        layout: None,
        revokes: Vec::new(),
        cut_offs: object.spec.cut_offs(),
        former: launchdarkly_token_operator::domain::ids::FormerHashes::default(),
        identity: Identity {
            uid: UID.into(),
            namespace: "team-a".into(),
            name: "web".into(),
        },
        generation: object.generation,
        finalizer: object.finalizer,
        deletion: deletion(core, object),
        namespace_terminating: false,
        record: object.record.clone(),
        account: account(core),
        secret,
        former_secret: former.map_or(SecretState::Absent, |name| secret_state(core, &name)),
        kept_key: None,
        clocks: Clocks::new(core.clock, core.clock, RemoteOffset::certain(offset)),
        timing: TIMING,
        holder: format!("operator-{}", core.leader.name),
        nonce: nonce(core),
    };
    let key_matches = |token: &Token| Some(Some(key.as_ref()?) == token.shown_key());
    let listing = memory.listing.as_ref();
    let observed = memory.facts.observed(&desired, read, listing, key_matches);
    Some(Seen {
        desired,
        observed,
        revision: object.revision,
    })
}

/// Remembers what is seen.
pub fn keep_up(memory: &mut Memory, seen: &Seen) {
    let listing = memory.listing.as_ref();
    memory.facts.keep_up_with(&seen.observed, listing);
}

fn deletion(core: &Core, object: &Object) -> Option<Deletion> {
    Some(Deletion {
        requested_at: object.deleted_at?,
        tried_since: core.leader.memory.facts.deletion_seen.unwrap_or(core.clock),
        policy: if object.spec.retains {
            DeletionPolicy::Retain
        } else {
            DeletionPolicy::Delete
        },
        skip_cleanup: false,
    })
}

fn account(core: &Core) -> Account {
    Account::Usable(AccountFacts {
        id: "account".into(),
        credential: OwnToken::elsewhere(),
        installation: INSTALLATION.into(),
        admission: Admission::Granted,
        reset: match (core.reset_known, core.leader.memory.probed) {
            (true, _) => Feature::Available,
            (false, true) => core.reset_shown,
            (false, false) => Feature::Unknown,
        },
        expiry: Feature::Available,
        longest_description: 300,
        max_rotation_interval: None,
        held_by_budget: None,
    })
}

fn secret_state(core: &Core, name: &str) -> SecretState {
    let Some(secret) = core.secrets.get(name) else {
        return SecretState::Absent;
    };
    if !secret.ours {
        return SecretState::Foreign { owner: None };
    }
    SecretState::Ours(Box::new(SecretFacts {
        uid: format!("secret-{}", secret.uid).as_str().into(),
        version: secret.revision.to_string().as_str().into(),
        marks: secret.marks.clone(),
        key: Some(secret.key.clone()),
        previous: None,
        intact: secret.intact,
    }))
}

impl ShownToken for Token {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn marker(&self) -> Option<Marker> {
        Some(Marker {
            installation: INSTALLATION.into(),
            object: UID.into(),
            hold: Hold::Attempt(self.attempt.clone()?),
        })
    }

    fn creation_time(&self) -> Option<Timestamp> {
        Some(self.creation_time)
    }

    fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    fn last_used(&self) -> Option<Timestamp> {
        self.used.then_some(self.creation_time)
    }

    fn custom_role_ids(&self) -> Vec<String> {
        let custom = (self.role == Role::Custom).then(|| ROLE_ID.to_owned());
        custom.into_iter().collect()
    }

    fn settings_hash(&self, _: bool) -> SettingsHash {
        shown_hash(self)
    }

    fn differs_from(&self, desired: &TokenSettings) -> Vec<&'static str> {
        let shown = shown(self);
        let fields = [
            ("description", shown.description != desired.description),
            ("role", shown.grant != desired.grant),
        ];
        let differing = fields.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(field, _)| field).collect()
    }
}

impl ShownListing<Token> for Listing {
    fn start_time(&self) -> Timestamp {
        self.at
    }

    fn token(&self, id: &TokenId) -> Option<&Token> {
        self.tokens.get(id)
    }

    fn marked_for<'a>(
        &'a self,
        object: &launchdarkly_token_operator::domain::ids::ObjectUid,
    ) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        let marked = object.as_str() == UID;
        self.tokens()
            .filter(move |token| marked && token.attempt.is_some())
    }

    fn tokens<'a>(&'a self) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        self.tokens.values()
    }
}

/// What LaunchDarkly shows of a token's settings.
fn shown(token: &Token) -> TokenSettings {
    Spec::settings(token.role, token.description, ROLE_ID)
}

/// The hash of it, worked out once for all states.
pub fn shown_hash(token: &Token) -> SettingsHash {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<(Role, u8), SettingsHash>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        let shows = (token.role, token.description);
        let hash = known.entry(shows).or_insert_with(|| shown(token).hash());
        hash.clone()
    })
}
