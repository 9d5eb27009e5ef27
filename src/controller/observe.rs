//! The only reader: gathers what is known around one object.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::account::{AccountKey, Entry, Session, State};
use super::memory::{Look, Memory};
use super::reconcile::Context;
use crate::api::access_token::AccountKind;
use crate::api::{AccessToken, Reason, SKIP_CLEANUP_ANNOTATION, TOKEN_FINALIZER};
use crate::cluster::{Cluster, ClusterError, status};
use crate::domain::clocks::{Clocks, minus, plus};
use crate::domain::decide::{Wish, token_to_take_over};
use crate::domain::desired::{Desired, SecretLayout};
use crate::domain::names::{Attempt, ObjectUid, TokenId};
use crate::domain::observed::{
    Account, AccountFacts, Deletion, FoundToken, Hand, Observed, Permit, Remote, RemoteFacts,
    Roles, SecretKeyProof, SecretState, Source,
};
use crate::domain::policy::{self, ResolvedRole};
use crate::domain::record::{Identity, Record};
use crate::domain::settings::{Grant, TokenSettings};
use crate::domain::{marker, validate};
use crate::launchdarkly::{Listing, Token, TokensApi};

/// A looked-up role is believed this long.
const ROLES_BELIEVED: SignedDuration = SignedDuration::from_mins(1);

/// The world around one object, with what is needed to act on it.
pub(super) struct World<L> {
    pub(super) wish: Wish,
    pub(super) observed: Observed,
    pub(super) session: Option<Session<L>>,
    pub(super) account_key: AccountKey,
    /// Where the key is and belongs, whatever the wish says now.
    pub(super) layout: SecretLayout,
}

/// Reads everything that a decision needs.
pub(super) async fn observe<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    object: &AccessToken,
    memory: &mut Memory,
) -> Result<World<L>, ClusterError> {
    let identity = identity(object);
    let record = object
        .status
        .as_ref()
        .map(status::record)
        .unwrap_or_default();
    let wish = match validate::desired(object) {
        Ok(desired) => Wish::Valid(Box::new(desired)),
        Err(mistakes) => Wish::Invalid(explain(&mistakes)),
    };
    let layout = layout(&wish, &record);
    let now = ctx.clock.now();
    let namespace = ctx.namespace(&identity.namespace).await?;
    let secret = secret_state(ctx, &identity, &record, &layout, memory).await?;
    let former_secret = former_state(ctx, &identity, &record, &layout, memory).await?;
    let account_key = account_key(object);
    let entry = ctx.accounts.get(&account_key);
    let roles = roles(&wish, memory, now);
    let deletion = deletion(object);
    let (account, session) = match entry.as_deref() {
        None => (unusable_account_missing(&account_key), None),
        Some(entry) => Asking {
            ctx,
            key: &account_key,
            identity: &identity,
            namespace_labels: &namespace.labels,
            wish: &wish,
            has_token: record.token.is_some(),
            deleting: deletion.is_some(),
            now,
        }
        .account(entry, memory),
    };
    let offset = session
        .as_ref()
        .map(|session| session.api.clock_offset())
        .unwrap_or_default();
    let clocks = Clocks {
        local: now,
        remote: plus(now, offset),
    };
    let listing = session
        .as_ref()
        .and_then(|session| session.shared.listing());
    let mut observed = Observed {
        generation: object.metadata.generation.unwrap_or_default(),
        finalizer: object
            .finalizers()
            .iter()
            .any(|name| name == TOKEN_FINALIZER),
        namespace_terminating: namespace.terminating,
        hand: record
            .pending
            .as_ref()
            .map_or(Hand::Empty, |intent| memory.hand_for(&intent.attempt)),
        remote: Remote::Unknown,
        secret_key: SecretKeyProof::Unasked,
        listed_at: listing.as_ref().map(|listing| listing.started_at),
        found: listing
            .as_ref()
            .map(|listing| found(listing, &identity.uid, &record))
            .unwrap_or_default(),
        gone: memory.gone.clone(),
        life_limited: memory.life_limited.clone(),
        setbacks: memory.setbacks.clone(),
        timing: ctx.timing,
        holder: ctx.holder.clone(),
        nonce: nonce(),
        identity,
        deletion,
        record,
        account,
        secret,
        former_secret,
        roles,
        clocks,
    };
    let subject = token_to_take_over(&observed)
        .or(observed.record.token.as_ref().map(|token| &token.id))
        .cloned();
    if let Some(token_id) = subject {
        observed.secret_key = secret_key_proof(&observed, &token_id, memory);
        observed.remote = remote(
            &wish,
            &observed,
            &token_id,
            listing.as_deref(),
            &layout,
            memory,
        );
    }
    Ok(World {
        wish,
        observed,
        session,
        account_key,
        layout,
    })
}

/// All mistakes of a spec in one line.
fn explain(mistakes: &[validate::Invalid]) -> String {
    mistakes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Who the object is.
pub(super) fn identity(object: &AccessToken) -> Identity {
    Identity {
        uid: ObjectUid::new(object.uid().unwrap_or_default()),
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// Which account the object names.
pub(super) fn account_key(object: &AccessToken) -> AccountKey {
    let reference = &object.spec.account_ref;
    match reference.kind {
        AccountKind::LaunchDarklyAccount => AccountKey::Namespaced {
            namespace: object.namespace().unwrap_or_default(),
            name: reference.name.clone(),
        },
        AccountKind::ClusterLaunchDarklyAccount => AccountKey::Cluster {
            name: reference.name.clone(),
        },
    }
}

fn deletion(object: &AccessToken) -> Option<Deletion> {
    let requested_at = object.metadata.deletion_timestamp.as_ref()?.0;
    let skip = object
        .annotations()
        .get(SKIP_CLEANUP_ANNOTATION)
        .is_some_and(|value| value == "true");
    Some(Deletion {
        requested_at,
        skip_cleanup: skip,
    })
}

/// The wished layout; without a valid wish, or with a call pending, under the name that is recorded.
fn layout(wish: &Wish, record: &Record) -> SecretLayout {
    let mut layout = match wish {
        Wish::Valid(desired) => desired.secret.clone(),
        Wish::Invalid(_) => SecretLayout::default(),
    };
    let recorded = record.secret.as_ref().map(|secret| &secret.name);
    let pending = record.pending.as_ref().map(|intent| &intent.secret_name);
    if let Some(name) = pending.or(recorded.filter(|_| layout.name.is_empty())) {
        layout.name.clone_from(name);
    }
    layout
}

async fn secret_state<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    identity: &Identity,
    record: &Record,
    layout: &SecretLayout,
    memory: &mut Memory,
) -> Result<SecretState, ClusterError> {
    if layout.name.is_empty() {
        return Ok(SecretState::Absent);
    }
    if memory.secret(&layout.name).is_none() {
        match ctx
            .cluster
            .read_secret(&identity.namespace, &layout.name)
            .await
        {
            Ok(snapshot) => memory.remember_secret(&layout.name, snapshot, ctx.clock.since_boot()),
            Err(ClusterError::Forbidden { message }) => {
                return Ok(SecretState::Unreadable {
                    reason: Reason::SecretAccessDenied,
                    message,
                });
            }
            Err(error) => return Err(error),
        }
    }
    let recorded = record
        .secret
        .as_ref()
        .filter(|secret| secret.name == layout.name)
        .map(|secret| &secret.uid);
    Ok(match memory.secret(&layout.name) {
        Some(Some(snapshot)) => snapshot.state(identity, recorded, layout),
        Some(None) | None => SecretState::Absent,
    })
}

/// The Secret that the key comes from, or that is left for a while, when it is not the wished one.
async fn former_state<C: Cluster, L: TokensApi>(
    ctx: &Context<C, L>,
    identity: &Identity,
    record: &Record,
    layout: &SecretLayout,
    memory: &mut Memory,
) -> Result<SecretState, ClusterError> {
    let moved = record
        .secret
        .as_ref()
        .map(|secret| secret.name.clone())
        .filter(|name| *name != layout.name);
    let Some(name) = moved.or_else(|| {
        record
            .former_secret
            .as_ref()
            .map(|former| former.name.clone())
    }) else {
        return Ok(SecretState::Absent);
    };
    let layout = SecretLayout {
        name,
        ..layout.clone()
    };
    secret_state(ctx, identity, record, &layout, memory).await
}

fn unusable_account_missing(key: &AccountKey) -> Account {
    let message = match key {
        AccountKey::Cluster { name } => {
            format!("ClusterLaunchDarklyAccount {name:?} does not exist; create it")
        }
        AccountKey::Namespaced { namespace, name } => {
            format!(
                "LaunchDarklyAccount {name:?} does not exist in namespace {namespace:?}; create it, or set spec.accountRef"
            )
        }
    };
    Account::Unusable {
        reason: Reason::AccountNotFound,
        message,
        transient: false,
    }
}

/// What an account says to an object.
struct Asking<'a, C, L> {
    ctx: &'a Context<C, L>,
    key: &'a AccountKey,
    identity: &'a Identity,
    namespace_labels: &'a BTreeMap<String, String>,
    wish: &'a Wish,
    has_token: bool,
    deleting: bool,
    now: Timestamp,
}

impl<C: Cluster, L: TokensApi> Asking<'_, C, L> {
    fn account(&self, entry: &Entry<L>, memory: &Memory) -> (Account, Option<Session<L>>) {
        let session = match &entry.state {
            State::Usable(session) => session,
            // The last good credential still serves for deletions.
            State::Unusable {
                last: Some(last), ..
            } if self.deleting => last,
            State::Unusable {
                reason,
                message,
                transient,
                ..
            } => {
                let account = Account::Unusable {
                    reason: *reason,
                    message: message.clone(),
                    transient: *transient,
                };
                return (account, None);
            }
        };
        let features = session.shared.features(self.now);
        let facts = AccountFacts {
            id: session.account_id.clone(),
            credential: session.credential.clone(),
            installation: self.ctx.accounts.installation.clone(),
            permit: self.permit(entry, memory),
            reset: features.reset,
            expiry: features.expiry,
            unasked_left: session.shared.unasked_left(self.now),
        };
        (Account::Usable(facts), Some(session.clone()))
    }

    fn permit(&self, entry: &Entry<L>, memory: &Memory) -> Permit {
        let Wish::Valid(desired) = self.wish else {
            return Permit::Granted;
        };
        let namespace = &self.identity.namespace;
        if let Some(allowed) = &entry.allowed_namespaces
            && !policy::namespace_allowed(allowed, namespace, self.namespace_labels)
        {
            return Permit::Refused {
                reason: Reason::NamespaceNotAllowed,
                message: format!(
                    "the account does not admit namespace {namespace:?}; have its spec.allowedNamespaces extended"
                ),
            };
        }
        let resolved = match resolved_roles(desired, memory, self.now) {
            Some(Ok(roles)) => roles,
            Some(Err(_)) => return Permit::Granted,
            None => return Permit::NeedsRoles,
        };
        let judgement = policy::allowed(&entry.policy, &desired.settings, &resolved)
            .and_then(|()| entry.policy.allows_interval(desired.rotation.interval))
            .and_then(|()| self.take_slot(entry));
        match judgement {
            Ok(()) => Permit::Granted,
            Err(refusal) => Permit::Refused {
                reason: Reason::NotAllowedByPolicy,
                message: refusal.to_string(),
            },
        }
    }

    fn take_slot(&self, entry: &Entry<L>) -> Result<(), policy::Refusal> {
        let accounts = &self.ctx.accounts;
        if self.deleting || self.has_token {
            accounts.occupy(self.key, &self.identity.uid);
            return Ok(());
        }
        accounts.reserve(self.key, &self.identity.uid, &entry.policy)
    }
}

fn asked_roles(desired: &Desired) -> Vec<String> {
    match &desired.settings.grant {
        Grant::CustomRoles(roles) => roles.iter().cloned().collect(),
        Grant::Role(_) | Grant::Inline(_) => Vec::new(),
    }
}

fn resolved_roles(
    desired: &Desired,
    memory: &Memory,
    now: Timestamp,
) -> Option<Result<Vec<ResolvedRole>, String>> {
    let asked = asked_roles(desired);
    if asked.is_empty() {
        return Some(Ok(Vec::new()));
    }
    let known = memory.roles.as_ref().filter(|known| known.asked == asked)?;
    // A missing role is looked for again soon; one that was found stays known for what is settled.
    match &known.answer {
        Ok(roles) => Some(Ok(roles
            .iter()
            .map(|(id, key)| ResolvedRole {
                id: id.clone(),
                key: key.clone(),
            })
            .collect())),
        Err(missing) if now.duration_since(known.at) < ROLES_BELIEVED => Some(Err(missing.clone())),
        Err(_) => None,
    }
}

fn roles(wish: &Wish, memory: &Memory, now: Timestamp) -> Roles {
    let Wish::Valid(desired) = wish else {
        return Roles::Unknown;
    };
    match resolved_roles(desired, memory, now) {
        None => Roles::Unknown,
        Some(Err(missing)) => Roles::Missing(missing),
        Some(Ok(roles)) => Roles::Resolved(roles.into_iter().map(|role| role.id).collect()),
    }
}

/// Tokens whose marker names this object and that it does not record.
fn found(listing: &Listing, uid: &ObjectUid, record: &Record) -> Vec<FoundToken> {
    let unrecorded = |token: &&Token| !record.claims(&token.id);
    let ours = |token: &Token| {
        let marker = marker::Marker::parse(&token.description)?;
        let attempt = marker.attempt().filter(|_| marker.object == *uid)?.clone();
        Some(FoundToken {
            id: token.id.clone(),
            attempt,
            created_at: token.created_at,
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

fn secret_key_proof(observed: &Observed, token_id: &TokenId, memory: &Memory) -> SecretKeyProof {
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
fn remote(
    wish: &Wish,
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
            }),
            // A token that we made a moment ago may not be listed yet; an empty list proves nothing.
            None if is_young(observed, settle) || listing.tokens.is_empty() => look,
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

fn is_young(observed: &Observed, settle: SignedDuration) -> bool {
    let created = observed
        .record
        .token
        .as_ref()
        .and_then(|token| token.created_at);
    created.is_some_and(|created| observed.clocks.remote.duration_since(created) < settle)
}

fn facts(
    wish: &Wish,
    observed: &Observed,
    look: &Look,
    layout: &SecretLayout,
    memory: &mut Memory,
) -> RemoteFacts {
    let token = &look.token;
    let (user_part, marker) = marker::split(&token.description);
    let marked = marker
        .is_some_and(|marker| marker.object == observed.identity.uid && marker.attempt().is_some());
    let key_matches = key_matches(observed, token, layout, memory);
    RemoteFacts {
        seen_at: look.at,
        source: look.source,
        hash: hash_of(token, user_part, wish),
        differs: differs(wish, &observed.roles, token, user_part, marked),
        marked,
        key_matches,
        mismatch_since: mismatch_since(observed, token, look.at, key_matches, memory),
        expiry: token.expiry,
        created_at: token.created_at,
    }
}

/// Whether LaunchDarkly shows the end of the key that is in the Secret; only said of a key that is recorded.
fn key_matches(
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

fn mismatch_since(
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

/// Hashes what LaunchDarkly shows, over the fields that are asked for.
pub(super) fn hash_of(
    token: &Token,
    user_part: &str,
    wish: &Wish,
) -> crate::domain::names::SettingsHash {
    let asks_version =
        matches!(wish, Wish::Valid(desired) if desired.settings.default_api_version.is_some());
    settings_of(token, user_part, asks_version).hash()
}

fn settings_of(token: &Token, user_part: &str, asks_version: bool) -> TokenSettings {
    let grant = if !token.custom_role_ids.is_empty() {
        Grant::CustomRoles(
            token
                .custom_role_ids
                .iter()
                .map(ToString::to_string)
                .collect(),
        )
    } else if let Some(role) = token.role.as_ref().and_then(|role| role.parse().ok()) {
        Grant::Role(role)
    } else {
        Grant::Inline(token.inline_role.clone())
    };
    TokenSettings {
        name: token.name.clone(),
        description: user_part.to_owned(),
        service_token: token.service_token,
        grant,
        default_api_version: token.default_api_version.filter(|_| asks_version),
    }
}

/// The fields of the spec in which a token is not what is wished.
fn differs(
    wish: &Wish,
    roles: &Roles,
    token: &Token,
    user_part: &str,
    marked: bool,
) -> Vec<String> {
    let Wish::Valid(desired) = wish else {
        return Vec::new();
    };
    let mut settings = desired.settings.clone();
    if let Grant::CustomRoles(_) = settings.grant {
        // Unresolved roles cannot be compared; whoever acts on a difference resolves them first.
        settings.grant = Grant::CustomRoles(match roles {
            Roles::Resolved(ids) => ids.iter().map(ToString::to_string).collect(),
            Roles::Unknown | Roles::Missing(_) => token
                .custom_role_ids
                .iter()
                .map(ToString::to_string)
                .collect(),
        });
    }
    let wished = super::execute::wire_settings(&settings);
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

fn nonce() -> Attempt {
    let random = uuid::Uuid::new_v4().simple().to_string();
    Attempt::new(random.chars().take(8).collect::<String>())
}
