//! What the leading operator sees, gathered the way the operator gathers it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::domain::decide::{heard, token_in_question};
use launchdarkly_token_operator::domain::desired::{DeletionPolicy, Desired};
use launchdarkly_token_operator::domain::ids::{SettingsHash, TokenId};
use launchdarkly_token_operator::domain::observed::{
    Account, AccountFacts, Admission, Deletion, Feature, FoundToken, Observed, PendingCall, Remote,
    RemoteFacts, Retry, Roles, SecretKeyProof, Source,
};
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::Identity;
use launchdarkly_token_operator::domain::secret::{SecretFacts, SecretState};
use launchdarkly_token_operator::domain::settings::{Grant, TokenSettings};
use launchdarkly_token_operator::domain::time::{Clocks, minus, plus};

use super::wish::ROLE_ID;
use super::world::{CallState, Core, Look, Memory, Object, Role, Spec, TIMING, Token, UID, nonce};

/// A look at the world, with the version of the object that was read.
#[derive(Debug, Clone)]
pub struct Seen {
    pub wish: Result<Desired, Problem>,
    pub observed: Observed,
    pub revision: u32,
}

/// What the leader sees, and the mismatch that it remembers from now on; nothing once the object is gone.
pub fn observe(core: &Core, offset: SignedDuration) -> Option<Seen> {
    let object = core.object.as_ref()?;
    let memory = &core.leader.memory;
    let wish = Ok(object.spec.desired());
    let Ok(desired) = heard(&wish, &object.record).into_owned() else {
        return None;
    };
    let pending = object.record.pending.as_ref();
    let name = pending.map_or(&desired.secret.name, |pending| &pending.secret_name);
    let recorded = object.record.secret.as_ref().map(|secret| &secret.name);
    let former = recorded.filter(|recorded| *recorded != name).or(object
        .record
        .former_secret
        .as_ref()
        .map(|f| &f.name));
    let clocks = Clocks {
        local: core.clock,
        remote: plus(core.clock, offset),
    };
    let mut observed = Observed {
        identity: Identity {
            uid: UID.into(),
            namespace: "team-a".into(),
            name: "web".into(),
        },
        generation: object.generation,
        finalizer: object.finalizer,
        deletion: object.deleted_at.map(|requested_at| Deletion {
            requested_at,
            tried_since: requested_at.max(core.leader.since),
            policy: if object.spec.retains {
                DeletionPolicy::Retain
            } else {
                DeletionPolicy::Delete
            },
            skip_cleanup: false,
        }),
        namespace_terminating: false,
        record: object.record.clone(),
        account: account(core),
        secret: secret_state(core, name),
        former_secret: former.map_or(SecretState::Absent, |name| secret_state(core, name)),
        call: call(object, memory),
        remote: Remote::Unknown,
        secret_key: SecretKeyProof::Unasked,
        calls_ended_by: memory
            .unanswered_at
            .max(Some(core.leader.since))
            .unwrap_or(core.clock),
        listed_at: memory.listing.as_ref().map(|(at, _)| *at),
        found: found(object, memory),
        gone: memory.gone.clone(),
        life_limited: memory.limited.clone(),
        roles: roles(&desired, memory),
        roles_seen_at: memory.roles.then_some(core.clock),
        claimed_by: None,
        retries: retries(object, memory),
        clocks,
        timing: TIMING,
        holder: format!("operator-{}", core.leader.name),
        nonce: nonce(core),
    };
    let subject = token_in_question(&observed).cloned();
    if let Some(id) = subject {
        observed.secret_key = secret_key_proof(&observed, &id, memory);
        observed.remote = remote(&observed, &object.spec, &id, memory);
    }
    Some(Seen {
        wish,
        observed,
        revision: object.revision,
    })
}

fn account(core: &Core) -> Account {
    Account::Usable(AccountFacts {
        id: "account".into(),
        credential: None,
        installation: "0a1b2c3d".into(),
        admission: Admission::Granted,
        reset: match (core.reset_known, core.leader.memory.probed) {
            (true, _) => Feature::Available,
            (false, true) => core.reset_shown,
            (false, false) => Feature::Unknown,
        },
        expiry: Feature::Available,
        longest_description: 300,
        unasked_left: 3,
    })
}

fn roles(desired: &Desired, memory: &Memory) -> Roles {
    match desired.settings.grant {
        Grant::CustomRoles(_) if memory.roles => Roles::Resolved(vec![ROLE_ID.into()]),
        Grant::CustomRoles(_) => Roles::Unknown,
        Grant::Role(_) | Grant::Inline(_) => Roles::Resolved(Vec::new()),
    }
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

fn call(object: &Object, memory: &Memory) -> PendingCall {
    let pending = object.record.pending.as_ref();
    let Some(call) = memory
        .call
        .as_ref()
        .filter(|call| pending.is_some_and(|pending| pending.attempt == call.attempt))
    else {
        return PendingCall::Empty;
    };
    let arrangement = Box::new(call.arrangement.clone());
    match &call.state {
        CallState::Armed => PendingCall::Armed(arrangement),
        CallState::Refused => PendingCall::Refused(arrangement),
        CallState::Uncertain => PendingCall::Empty,
        CallState::Held {
            token_id,
            key,
            previous_key_expiration_time,
            observed,
            creation_time,
            since,
            proof,
        } => PendingCall::Held {
            arrangement,
            token_id: token_id.clone(),
            fingerprint: key.clone(),
            creation_time: Some(*creation_time),
            observed_hash: observed.clone(),
            differs: Vec::new(),
            previous_key_expiration_time: *previous_key_expiration_time,
            since: *since,
            proof: *proof,
        },
    }
}

fn found(object: &Object, memory: &Memory) -> Vec<FoundToken> {
    let tokens = memory.listing.iter().flat_map(|(_, tokens)| tokens);
    tokens
        .filter(|(id, _)| !object.record.claims(id))
        .filter_map(|(id, token)| {
            Some(FoundToken {
                id: id.clone(),
                attempt: token.attempt.clone()?,
                creation_time: Some(token.creation_time),
                used: token.used,
            })
        })
        .collect()
}

fn retries(object: &Object, memory: &Memory) -> Vec<Retry> {
    let retry = memory.retry.iter().map(|(step, until)| Retry {
        step: *step,
        problem: Problem::user(Reason::Forbidden, "no room for another token"),
        until: *until,
        generation: object.generation,
        times: 1,
    });
    retry.collect()
}

fn secret_key_proof(observed: &Observed, id: &TokenId, memory: &Memory) -> SecretKeyProof {
    let SecretState::Ours(secret) = &observed.secret else {
        return SecretKeyProof::Unasked;
    };
    match &memory.proof {
        Some((key, token, accepted)) if Some(key) == secret.key.as_ref() && token == id => {
            if *accepted {
                SecretKeyProof::Accepted
            } else {
                SecretKeyProof::Rejected
            }
        }
        Some(_) | None => SecretKeyProof::Unasked,
    }
}

fn remote(observed: &Observed, spec: &Spec, id: &TokenId, memory: &Memory) -> Remote {
    let since = memory.last_write;
    let listed = memory
        .listing
        .as_ref()
        .filter(|(at, _)| since.is_none_or(|write| *at > write));
    let look = memory.look.as_ref().filter(|look| look.id == *id).cloned();
    if let Some((_, first, confirmed)) = memory.absent.as_ref().filter(|(absent, ..)| absent == id)
    {
        let seen_again = listed.is_some_and(|(at, tokens)| at > first && tokens.contains_key(id));
        if !seen_again {
            return Remote::Absent {
                confirmed: *confirmed,
                first: *first,
            };
        }
    }
    let newer = listed.filter(|(at, _)| look.as_ref().is_none_or(|look| *at > look.at));
    let look = match newer {
        None => look,
        Some((at, tokens)) => match tokens.get(id) {
            Some(token) => Some(Look {
                id: id.clone(),
                token: token.clone(),
                at: *at,
                source: Source::Listing,
                asked: None,
            }),
            None if !shows(*at, observed) => look,
            None => {
                return Remote::Absent {
                    confirmed: false,
                    first: minus(*at, TIMING.settle),
                };
            }
        },
    };
    look.map_or(Remote::Unknown, |look| {
        Remote::Present(Box::new(facts(observed, spec, &look, memory)))
    })
}

/// Whether a listing had to show the token, had it been there. It is never empty: the operator's own token is in it.
fn shows(at: Timestamp, observed: &Observed) -> bool {
    let token = observed.record.token.as_ref();
    let created = token.and_then(|token| token.creation_time);
    let published = match &observed.secret {
        SecretState::Ours(secret) => secret.marks.rotated_at,
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let known = [created, published, observed.record.rotation.last];
    known
        .into_iter()
        .flatten()
        .all(|time| at >= plus(time, TIMING.settle))
}

fn facts(observed: &Observed, spec: &Spec, look: &Look, memory: &Memory) -> RemoteFacts {
    let token = &look.token;
    let key_matches = match &observed.secret {
        SecretState::Ours(secret) => Some(secret.key.as_ref() == token.shown_key()),
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    RemoteFacts {
        seen_at: look.at,
        // The answer to a patch that asked for other settings is a look like any other.
        source: match look.source {
            Source::Patch if look.asked != Some((spec.role, spec.description)) => Source::Get,
            source => source,
        },
        hash: shown_hash(token),
        differs: differences(spec, token),
        marked: token.attempt.is_some(),
        key_matches,
        mismatch_since: mismatch_since(observed, look, key_matches, memory),
        expiry: token.expiry,
        creation_time: Some(token.creation_time),
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

fn differences(spec: &Spec, token: &Token) -> Vec<String> {
    let wished = Spec::settings(spec.role, spec.description, ROLE_ID);
    let shown = shown(token);
    let mut fields = BTreeSet::new();
    if shown.description != wished.description || token.attempt.is_none() {
        fields.insert("description".to_owned());
    }
    if shown.grant != wished.grant {
        fields.insert("role".to_owned());
    }
    fields.into_iter().collect()
}

fn mismatch_since(
    observed: &Observed,
    look: &Look,
    key_matches: Option<bool>,
    memory: &Memory,
) -> Option<Timestamp> {
    let SecretState::Ours(secret) = &observed.secret else {
        return None;
    };
    if key_matches != Some(false) {
        return None;
    }
    match &memory.mismatch {
        Some((id, key, since)) if *id == look.id && Some(key) == secret.key.as_ref() => {
            Some(*since)
        }
        Some(_) | None => Some(look.at),
    }
}
