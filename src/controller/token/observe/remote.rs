//! The tokens at LaunchDarkly: the newest of what is known about them.

use jiff::{SignedDuration, Timestamp};

use crate::controller::token::memory::{Look, Memory};
use crate::controller::token::world::asks_version;
use crate::domain::desired::Desired;
use crate::domain::ids::{ObjectUid, TokenId};
use crate::domain::marker;
use crate::domain::observed::{
    Account, FoundToken, Observed, Remote, RemoteFacts, Roles, SecretKeyProof, Source,
};
use crate::domain::problem::Problem;
use crate::domain::record::Record;
use crate::domain::secret::SecretLayout;
use crate::domain::secret::SecretState;
use crate::domain::settings::Grant;
use crate::domain::time::{minus, plus};
use crate::launchdarkly::{Listing, NewToken, Token};

/// Tokens whose marker names this object and that it does not record.
pub(in crate::controller) fn found(
    listing: &Listing,
    uid: &ObjectUid,
    record: &Record,
) -> Vec<FoundToken> {
    let unrecorded = |token: &&Token| !record.claims(&token.id);
    let ours = |token: &Token| {
        let marker = marker::Marker::parse(&token.description)?;
        let attempt = marker.attempt().filter(|_| marker.object == *uid)?.clone();
        Some(FoundToken {
            id: token.id.clone(),
            attempt,
            creation_time: token.creation_time,
            used: token.last_used.is_some(),
        })
    };
    listing
        .tokens
        .iter()
        .filter(unrecorded)
        .filter_map(ours)
        .collect()
}

pub(in crate::controller) fn secret_key_proof(
    observed: &Observed,
    token_id: &TokenId,
    memory: &Memory,
) -> SecretKeyProof {
    let SecretState::Ours(secret) = &observed.secret else {
        return SecretKeyProof::Unasked;
    };
    match &memory.secret_proof {
        Some((fingerprint, token, accepted))
            if Some(fingerprint) == secret.key.as_ref() && token == token_id =>
        {
            if *accepted {
                SecretKeyProof::Accepted
            } else {
                SecretKeyProof::Rejected
            }
        }
        Some(_) | None => SecretKeyProof::Unasked,
    }
}

/// The newest of what is known about a token: a look of its own, or the account's listing.
pub(in crate::controller) fn remote(
    wish: &Result<Desired, Problem>,
    observed: &Observed,
    token_id: &TokenId,
    listing: Option<&Listing>,
    layout: &SecretLayout,
    memory: &mut Memory,
) -> Remote {
    let settle = observed.timing.settle;
    let since = memory.last_write;
    let listed = listing.filter(|listing| since.is_none_or(|write| listing.started_at > write));
    let look = memory
        .look
        .as_ref()
        .filter(|look| look.token.id == *token_id)
        .cloned();
    if let Some(absent) = memory
        .absent
        .as_ref()
        .filter(|absent| absent.token_id == *token_id)
    {
        let seen_again = listed.is_some_and(|l| {
            l.started_at > absent.first && l.tokens.iter().any(|t| t.id == *token_id)
        });
        if !seen_again {
            return Remote::Absent {
                confirmed: absent.confirmed,
                first: absent.first,
            };
        }
    }
    let newer = listed.filter(|listing| {
        look.as_ref()
            .is_none_or(|look| listing.started_at > look.at)
    });
    let look = match newer {
        None => look,
        Some(listing) => match listing.tokens.iter().find(|token| token.id == *token_id) {
            Some(token) => Some(Look {
                token: token.clone(),
                at: listing.started_at,
                source: Source::Listing,
                asked: None,
            }),
            // A token that we made a moment ago may not be listed yet; an empty list proves nothing.
            None if !shows(listing, observed, settle) => look,
            None => {
                return Remote::Absent {
                    confirmed: false,
                    first: minus(listing.started_at, settle),
                };
            }
        },
    };
    look.map_or(Remote::Unknown, |look| {
        Remote::Present(Box::new(facts(wish, observed, &look, layout, memory)))
    })
}

/// Whether a listing had to show the token, had it been there: it began well after the token was made and its key published.
fn shows(listing: &Listing, observed: &Observed, settle: SignedDuration) -> bool {
    let created = observed
        .record
        .token
        .as_ref()
        .and_then(|token| token.creation_time);
    let published = match &observed.secret {
        SecretState::Ours(secret) => secret.marks.rotated_at,
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let known = [created, published, observed.record.rotation.last];
    let late_enough = known
        .into_iter()
        .flatten()
        .all(|time| listing.started_at >= plus(time, settle));
    late_enough && !listing.tokens.is_empty()
}

pub(in crate::controller) fn facts(
    wish: &Result<Desired, Problem>,
    observed: &Observed,
    look: &Look,
    layout: &SecretLayout,
    memory: &mut Memory,
) -> RemoteFacts {
    let token = &look.token;
    let (user_part, found) = marker::split(&token.description);
    let marked = found
        .is_some_and(|found| found.object == observed.identity.uid && found.attempt().is_some());
    let key_matches = key_matches(observed, token, layout, memory);
    RemoteFacts {
        seen_at: look.at,
        // The answer to a patch that asked for other settings is a look like any other.
        source: match (look.source, wish) {
            (Source::Patch, Ok(desired))
                if look.asked.as_ref() != Some(&desired.settings.hash()) =>
            {
                Source::Get
            }
            (source, _) => source,
        },
        hash: token.settings(asks_version(wish)).hash(),
        differs: differs(wish, observed, token, user_part, marked),
        marked,
        key_matches,
        mismatch_since: mismatch_since(observed, token, look.at, key_matches, memory),
        expiry: token.expiry,
        creation_time: token.creation_time,
    }
}

/// Whether LaunchDarkly shows the end of the key that is in the Secret; only said of a key that is recorded.
pub(in crate::controller) fn key_matches(
    observed: &Observed,
    token: &Token,
    layout: &SecretLayout,
    memory: &Memory,
) -> Option<bool> {
    let SecretState::Ours(secret) = &observed.secret else {
        return None;
    };
    let fingerprint = secret.key.as_ref()?;
    let snapshot = memory.secret(&layout.name)?.as_ref()?;
    let entry = snapshot.entry_of(fingerprint)?;
    Some(snapshot.last_four(entry)? == *token.last_four.as_ref()?)
}

pub(in crate::controller) fn mismatch_since(
    observed: &Observed,
    token: &Token,
    at: Timestamp,
    key_matches: Option<bool>,
    memory: &mut Memory,
) -> Option<Timestamp> {
    let SecretState::Ours(secret) = &observed.secret else {
        return None;
    };
    let key = secret.key.clone()?;
    if key_matches != Some(false) {
        memory.mismatch = None;
        return None;
    }
    match &memory.mismatch {
        Some((id, known, since)) if *id == token.id && *known == key => Some(*since),
        Some(_) | None => {
            memory.mismatch = Some((token.id.clone(), key, at));
            Some(at)
        }
    }
}

/// The fields of the spec in which a token is not what is wished.
pub(in crate::controller) fn differs(
    wish: &Result<Desired, Problem>,
    observed: &Observed,
    token: &Token,
    user_part: &str,
    marked: bool,
) -> Vec<String> {
    let Ok(desired) = wish else {
        return Vec::new();
    };
    let mut settings = desired.settings.clone();
    if let Account::Usable(account) = &observed.account {
        let tail = marker::Marker {
            installation: account.installation.clone(),
            object: observed.identity.uid.clone(),
            hold: marker::Hold::Attempt(observed.nonce.clone()),
        };
        let limit = account.longest_description;
        settings.description = marker::fitted(&settings.description, &tail, limit);
    }
    if let Grant::CustomRoles(_) = settings.grant {
        // Unresolved roles cannot be compared; whoever acts on a difference resolves them first.
        settings.grant = Grant::CustomRoles(match &observed.roles {
            Roles::Resolved(ids) => ids.iter().map(ToString::to_string).collect(),
            Roles::Unknown | Roles::Missing(_) => token
                .custom_role_ids
                .iter()
                .map(ToString::to_string)
                .collect(),
        });
    }
    let wished = NewToken::from(&settings);
    let shown = Token {
        description: user_part.to_owned(),
        expiry: None,
        ..token.clone()
    };
    let mut fields: Vec<String> = crate::launchdarkly::differences(&wished, &shown)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if !marked && !fields.iter().any(|field| field == "description") {
        fields.push("description".to_owned());
    }
    fields
}
