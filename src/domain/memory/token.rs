//! Tokens at LaunchDarkly: the newest of what is known about them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{ShownListing, ShownToken};
use crate::domain::desired::Desired;
use crate::domain::ids::{Fingerprint, SettingsHash, TokenId};
use crate::domain::marker;
use crate::domain::observed::{Account, Observed, Remote, RemoteFacts, Roles, Source};
use crate::domain::problem::Problem;
use crate::domain::secret::SecretState;
use crate::domain::settings::Grant;
use crate::domain::time::{minus, plus};

/// What is known about tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenMemory<T> {
    /// The last look at a token.
    pub look: Option<Look<T>>,
    /// When this process last changed the token: older looks and listings do not count.
    pub last_write: Option<Timestamp>,
    /// Tokens known to be deleted, and since when.
    pub(super) gone: BTreeMap<TokenId, Timestamp>,
    /// Tokens whose deletion failed, the longest ago first.
    pub delete_failed: Vec<TokenId>,
    /// Retiring tokens whose keys are dead though they could not be deleted.
    pub keys_ended: BTreeSet<TokenId>,
    /// Retiring tokens that got their `expiry`, or cannot.
    pub life_limited: BTreeSet<TokenId>,
    /// Those of them that LaunchDarkly refused to give one.
    pub end_refused: BTreeSet<TokenId>,
    /// A token that was not found.
    pub(super) absent: Option<Absence>,
    /// Since when the last four characters are known to differ, for a token and a key.
    mismatch: Option<(TokenId, Fingerprint, Timestamp)>,
}

impl<T> Default for TokenMemory<T> {
    fn default() -> Self {
        Self {
            look: None,
            last_write: None,
            gone: BTreeMap::new(),
            delete_failed: Vec::new(),
            keys_ended: BTreeSet::new(),
            life_limited: BTreeSet::new(),
            end_refused: BTreeSet::new(),
            absent: None,
            mismatch: None,
        }
    }
}

/// What one look at a token showed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Look<T> {
    /// The token.
    pub token: T,
    /// When the answer's request left, on the steady clock.
    pub at: Timestamp,
    /// How it was learned.
    source: Source,
    /// For the answer to a `PATCH`: the settings that were asked for with it.
    asked: Option<SettingsHash>,
}

/// A token that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Absence {
    token_id: TokenId,
    first: Timestamp,
    confirmed: bool,
}

impl<T: ShownToken> TokenMemory<T> {
    /// Notes what a token looks like.
    pub fn note_look(&mut self, token: T, at: Timestamp) {
        self.absent = None;
        self.look = Some(Look {
            token,
            at,
            source: Source::Get,
            asked: None,
        });
    }

    /// Notes what a token looks like after our own `PATCH`, which asked for these settings.
    pub fn note_patch(&mut self, token: T, at: Timestamp, asked: Option<SettingsHash>) {
        self.absent = None;
        self.last_write = Some(at);
        self.look = Some(Look {
            token,
            at,
            source: Source::Patch,
            asked,
        });
    }

    /// Notes that a token was not found: confirmed by a second time, at least `settle` after the first.
    pub fn note_absence(&mut self, token_id: &TokenId, now: Timestamp, settle: SignedDuration) {
        self.look = None;
        match &mut self.absent {
            Some(known) if known.token_id == *token_id => {
                known.confirmed |= now.duration_since(known.first) >= settle;
            }
            other => {
                *other = Some(Absence {
                    token_id: token_id.clone(),
                    first: now,
                    confirmed: false,
                });
            }
        }
    }

    /// Notes that a token is deleted.
    pub fn note_gone(&mut self, token_id: TokenId, at: Timestamp) {
        self.gone.insert(token_id, at);
    }

    /// Notes that a token could not be deleted.
    pub fn note_undeleted(&mut self, token_id: &TokenId) {
        self.delete_failed.retain(|known| known != token_id);
        self.delete_failed.push(token_id.clone());
    }

    /// Whether a look did not find this token.
    #[must_use]
    pub fn is_missed(&self, token_id: &TokenId) -> bool {
        let absent = self.absent.as_ref();
        absent.is_some_and(|absent| absent.token_id == *token_id)
    }

    /// The last look at this token.
    #[must_use]
    pub fn look_at(&self, token_id: &TokenId) -> Option<&Look<T>> {
        let look = self.look.as_ref();
        look.filter(|look| look.token.id() == token_id)
    }

    /// Keeps since when the end of the key is known not to be what LaunchDarkly shows.
    pub(super) fn remember_mismatch(&mut self, observed: &Observed) {
        let (Remote::Present(facts), SecretState::Ours(secret)) =
            (&observed.remote, &observed.secret)
        else {
            return;
        };
        let token = crate::domain::decide::token_in_question(observed).cloned();
        let since = facts.mismatch_since;
        let since = since.map(|since| observed.clocks.steadily(since));
        self.mismatch = since.and_then(|since| Some((token?, secret.key.clone()?, since)));
    }

    /// Forgets tokens that nobody asks about any more: neither recorded nor listed.
    pub(super) fn forget_tokens(
        &mut self,
        observed: &Observed,
        listing: Option<&impl ShownListing<T>>,
    ) {
        let record = &observed.record;
        self.delete_failed.retain(|id| record.claims(id));
        self.keys_ended.retain(|id| record.claims(id));
        self.life_limited.retain(|id| record.claims(id));
        self.end_refused.retain(|id| record.claims(id));
        let settled = observed.deletion.is_none() && record.pending.is_none();
        if let Some(listing) = listing.filter(|_| settled) {
            let settle = observed.timing.settle;
            self.gone.retain(|id, since| {
                let shown = listing.token(id).is_some();
                // Whatever was answered, what is shown that much later lives.
                let lives = shown && listing.known_at(id) > plus(*since, settle);
                !lives && (shown || record.claims(id))
            });
        }
    }

    /// The newest of what is known about a token: a look of its own, or the account's listing.
    pub(super) fn observed(
        &self,
        desired: &Result<Desired, Problem>,
        observed: &Observed,
        token_id: &TokenId,
        listing: Option<&impl ShownListing<T>>,
        key_matches: impl Fn(&T) -> Option<bool>,
    ) -> Remote {
        let settle = observed.timing.settle;
        let counts = |start: Timestamp| self.last_write.is_none_or(|write| start > write);
        let listed = listing.filter(|listing| counts(listing.known_at(token_id)));
        let absent = self.absent.as_ref();
        if let Some(absent) = absent.filter(|absent| absent.token_id == *token_id) {
            let seen_again = listed.is_some_and(|listing| {
                listing.known_at(token_id) > absent.first && listing.token(token_id).is_some()
            });
            if !seen_again {
                return Remote::Absent {
                    confirmed: absent.confirmed,
                    first: observed.clocks.shown(absent.first),
                };
            }
        }
        let look = self.look_at(token_id);
        let newer =
            listed.filter(|listing| look.is_none_or(|look| listing.known_at(token_id) > look.at));
        let shown = match newer {
            None => look.cloned(),
            Some(listing) => match listing.token(token_id) {
                Some(token) => Some(Look {
                    token: token.clone(),
                    at: listing.known_at(token_id),
                    source: Source::Listing,
                    asked: None,
                }),
                // A token that we made a moment ago may not be listed yet; an empty list proves nothing.
                None if !must_show(listing, token_id, observed) => look.cloned(),
                None => {
                    return Remote::Absent {
                        confirmed: false,
                        first: minus(observed.clocks.shown(listing.known_at(token_id)), settle),
                    };
                }
            },
        };
        shown.map_or(Remote::Unknown, |look| {
            let matches = key_matches(&look.token);
            Remote::Present(Box::new(self.facts(desired, observed, &look, matches)))
        })
    }

    fn facts(
        &self,
        desired: &Result<Desired, Problem>,
        observed: &Observed,
        look: &Look<T>,
        key_matches: Option<bool>,
    ) -> RemoteFacts {
        let token = &look.token;
        let uid = &observed.identity.uid;
        let marker = token.marker().filter(|marker| marker.object == *uid);
        let attempt = marker.and_then(|marker| marker.attempt().cloned());
        let asks_version = desired
            .as_ref()
            .is_ok_and(|desired| desired.settings.default_api_version.is_some());
        RemoteFacts {
            seen_at: observed.clocks.shown(look.at),
            // The answer to a patch that asked for other settings is a look like any other.
            source: match (look.source, desired) {
                (Source::Patch, Ok(desired))
                    if look.asked.as_ref() != Some(&desired.settings.hash()) =>
                {
                    Source::Get
                }
                (source, _) => source,
            },
            hash: token.settings_hash(asks_version),
            differs: differs(desired, observed, token, attempt.is_some()),
            attempt,
            key_matches,
            mismatch_since: self.mismatch_since(observed, look, key_matches),
            expiry: token.expiry(),
            creation_time: token.creation_time(),
        }
    }

    fn mismatch_since(
        &self,
        observed: &Observed,
        look: &Look<T>,
        key_matches: Option<bool>,
    ) -> Option<Timestamp> {
        let SecretState::Ours(secret) = &observed.secret else {
            return None;
        };
        let key = secret.key.as_ref()?;
        if key_matches != Some(false) {
            return None;
        }
        match &self.mismatch {
            Some((id, known, since)) if id == look.token.id() && known == key => {
                Some(observed.clocks.shown(*since))
            }
            Some(_) | None => Some(observed.clocks.shown(look.at)),
        }
    }
}

/// Whether a listing had to show the token, had it been there: it began well after the token was made and its key published.
fn must_show<T>(listing: &impl ShownListing<T>, token_id: &TokenId, observed: &Observed) -> bool {
    let token = observed.record.token.as_ref();
    let created = token.and_then(|token| token.creation_time);
    let created = created.map(|time| observed.clocks.to_local(time));
    let published = match &observed.secret {
        SecretState::Ours(secret) => secret.marks.rotated_at,
        SecretState::Absent | SecretState::Foreign { .. } | SecretState::Unreadable(_) => None,
    };
    let mut known = [created, published, observed.record.rotation.last]
        .into_iter()
        .flatten();
    let settle = observed.timing.settle;
    let known_at = observed.clocks.shown(listing.known_at(token_id));
    // What comes from the future was dated by a clock that stood wrong, and is as old as can be.
    let latest = plus(observed.clocks.local, settle);
    known.all(|time| time > latest || known_at >= plus(time, settle))
        && listing.tokens().next().is_some()
}

/// The fields of the spec in which a token is not what is asked for.
fn differs<T: ShownToken>(
    desired: &Result<Desired, Problem>,
    observed: &Observed,
    token: &T,
    marked: bool,
) -> Vec<String> {
    let Ok(desired) = desired else {
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
            Roles::Unknown | Roles::Missing(_) => token.custom_role_ids().into_iter().collect(),
        });
    }
    let mut fields: Vec<String> = token
        .differs_from(&settings)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if !marked && !fields.iter().any(|field| field == "description") {
        fields.push("description".to_owned());
    }
    fields
}
