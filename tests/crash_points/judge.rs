//! The invariants, judged on everything that happened to the Secret and at LaunchDarkly.

use std::collections::BTreeMap;

use fakes::{Author, Part, StoredSecret, Thing, Verb, Write};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use launchdarkly_simulator::{EventKind, TokenSnapshot};
use launchdarkly_token_operator::api::conditions::find_condition;
use launchdarkly_token_operator::api::{AccessToken, AccessTokenStatus, TOKEN_FINALIZER};
use launchdarkly_token_operator::cluster::secret::annotation;
use launchdarkly_token_operator::domain::conditions::ConditionType;
use launchdarkly_token_operator::domain::ids::{Fingerprint, TokenId};
use launchdarkly_token_operator::domain::marker;
use launchdarkly_token_operator::redaction::Key;

use crate::scenarios::{Mercy, Scenario};
use crate::world::{MANAGING, NAMESPACE, World};

/// The grace of every scenario.
const GRACE: SignedDuration = SignedDuration::from_mins(10);
/// Times are kept to the second, and the two clocks run side by side.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// Everything that is wrong with a world that came to rest; `since` is where the story began in the cluster's log.
pub fn judge(world: &World, scenario: &Scenario, since: usize) -> Vec<String> {
    let mut complaints = world.warden.complaints.lock().unwrap().clone();
    let log = world.cluster.log();
    let published = publications(world, &log);
    let told = [
        no_leak(world, scenario.unknown),
        the_secret_works(world),
        no_outage(world, &published, scenario.mercy),
        once(&published, log.get(since).map(|write| write.at), scenario),
        former_secrets_stay_a_while(&log, scenario.mercy),
        whole_seconds(world, &log),
    ];
    complaints.extend(told.into_iter().flatten());
    complaints
}

/// Every time that users are shown is whole seconds, in statuses and in events.
fn whole_seconds(world: &World, log: &[Write]) -> Vec<String> {
    let fraction = regex::Regex::new(r":[0-9]{2}\.[0-9]").unwrap();
    let by_us = log.iter().filter(|write| write.author == Author::Operator);
    let statuses = by_us.filter_map(|write| match &write.thing {
        Thing::Object { after, .. } => after.as_ref()?.status.as_ref(),
        Thing::Secret { .. } | Thing::Account { .. } => None,
    });
    let notes = world.cluster.notices().into_iter();
    statuses
        .map(|status| serde_json::to_string(status).unwrap())
        .chain(notes.map(|(_, notice)| notice.note))
        .filter(|text| fraction.is_match(text))
        .map(|text| format!("a fraction of a second is shown: {text}"))
        .collect()
}

fn status(world: &World) -> Option<AccessTokenStatus> {
    Some(world.object()?.status.unwrap_or_default())
}

fn marked_tokens(world: &World) -> Vec<TokenSnapshot> {
    let mut tokens = world.simulator().tokens();
    tokens.retain(|token| token.id != world.managing_token().as_str() && token.name != MANAGING);
    tokens
}

/// I1: every token is recorded by the object, or told as unknown, or retained.
fn no_leak(world: &World, unknown: usize) -> Vec<String> {
    let status = status(world).unwrap_or_default();
    let token = status.token.iter().map(|token| token.id.as_str());
    let retiring = status
        .retiring
        .iter()
        .map(|retiring| retiring.token_id.as_str());
    let recorded: Vec<&str> = token.chain(retiring).collect();
    let mut complaints = Vec::new();
    if status.unknown_tokens.len() > unknown {
        complaints.push(format!("I1: {:?} are unknown", status.unknown_tokens));
    }
    let told: Vec<&str> = status.unknown_tokens.iter().map(TokenId::as_str).collect();
    for token in marked_tokens(world) {
        if told.contains(&token.id.as_str()) {
            continue;
        }
        let retained = token.description.ends_with(" retained]");
        // A replaced token of an object that is gone ends by itself.
        let ends = world.object().is_none() && token.expiry.is_some();
        if !retained && !ends && !recorded.contains(&token.id.as_str()) {
            complaints.push(format!("I1: {} is left: {}", token.id, token.description));
        }
    }
    for id in recorded {
        if marked_tokens(world).iter().all(|token| token.id != id) {
            complaints.push(format!("I1: {id} is recorded and does not exist"));
        }
    }
    let named = status.secret.as_ref().map(|secret| secret.name.as_str());
    let retained = world.object().is_none()
        && marked_tokens(world)
            .iter()
            .any(|token| token.description.ends_with(" retained]"));
    for name in world.cluster.secret_names(NAMESPACE) {
        if Some(name.as_str()) != named && !retained {
            complaints.push(format!("I1: Secret {name} is left"));
        }
    }
    // Else its deletion would leave the token behind.
    let held = |object: AccessToken| {
        object
            .finalizers()
            .iter()
            .any(|name| name == TOKEN_FINALIZER)
    };
    if status.token.is_some() && !world.object().is_some_and(held) {
        complaints.push("I1: the object has a token and no finalizer".to_owned());
    }
    complaints
}

/// I2, I12: Ready, and the Secret holds a working key of the recorded token.
pub fn the_secret_works(world: &World) -> Vec<String> {
    let Some(status) = status(world) else {
        return Vec::new();
    };
    let mut complaints = Vec::new();
    let ready = find_condition(&status.conditions, ConditionType::Ready);
    if ready.is_none_or(|ready| ready.status != "True") {
        complaints.push(format!("I2: not ready: {ready:?}"));
    }
    let Some((secret, token)) = status.secret.zip(status.token) else {
        complaints.push("I2: no Secret or no token is recorded".to_owned());
        return complaints;
    };
    let Some(stored) = world.cluster.secret(NAMESPACE, &secret.name) else {
        complaints.push(format!("I2: there is no Secret {}", secret.name));
        return complaints;
    };
    let snapshot = stored.snapshot();
    let mark = |name: &str| snapshot.annotations.get(name).map(String::as_str);
    let entry = mark(annotation::KEY_ENTRY).unwrap_or_default();
    let key = snapshot.key(entry);
    let fingerprint = key.as_ref().map(Key::fingerprint);
    if fingerprint.is_none() || fingerprint != secret.fingerprint {
        complaints.push("I2: the Secret's key is not the recorded one".to_owned());
    }
    if mark(annotation::FINGERPRINT) != fingerprint.as_ref().map(Fingerprint::as_str) {
        complaints.push("I2: the Secret's mark is not its key's".to_owned());
    }
    if mark(annotation::TOKEN_ID) != Some(token.id.as_str()) {
        complaints.push("I2: the Secret names another token".to_owned());
    }
    let tokens = marked_tokens(world);
    let owner = tokens.iter().find(|known| known.id == token.id.as_str());
    let works = owner.is_some_and(|owner| {
        let ours = key.as_ref().map(Key::expose);
        let mut keys = owner.keys.iter();
        keys.any(|known| known.valid && Some(known.value.as_str()) == ours)
    });
    if !works {
        complaints.push("I2: the Secret's key does not work".to_owned());
    }
    complaints
}

/// A key that came into the Secret.
pub struct Publication {
    pub at: Timestamp,
    pub token: String,
    pub number: u32,
}

/// Every time that another key of ours came into the Secret.
pub fn publications(world: &World, log: &[Write]) -> Vec<Publication> {
    let mut owners = BTreeMap::new();
    for token in world.simulator().tokens_ever() {
        for key in token.keys {
            owners.insert(
                key.value.as_str().to_owned(),
                (token.id.clone(), key.number),
            );
        }
    }
    let mut found: Vec<Publication> = Vec::new();
    for write in log {
        let Some((token, number)) = current_key(write).and_then(|key| owners.get(&key)) else {
            continue;
        };
        let known = |p: &Publication| p.token == *token && p.number == *number;
        if !found.iter().any(known) {
            found.push(Publication {
                at: write.at,
                token: token.clone(),
                number: *number,
            });
        }
    }
    found
}

fn current_key(write: &Write) -> Option<String> {
    let Thing::Secret { after, .. } = &write.thing else {
        return None;
    };
    let secret = after.as_ref()?;
    secret.entry(&mark(secret, annotation::KEY_ENTRY)?)
}

fn mark(secret: &StoredSecret, name: &str) -> Option<String> {
    let field = (Part::Annotation, name.to_owned());
    String::from_utf8(secret.contents.get(&field)?.clone()).ok()
}

/// I3: a key works until a newer one has been in the Secret for the grace.
pub fn no_outage(world: &World, published: &[Publication], mercy: Mercy) -> Vec<String> {
    let mut complaints = Vec::new();
    let history = world.simulator().history(0);
    for (index, key) in published.iter().enumerate() {
        let death = history.iter().enumerate().find(|(_, event)| {
            event.kind == EventKind::KeyDied
                && event.token_id == key.token
                && event.key == Some(key.number)
        });
        let Some((number, death)) = death.filter(|(_, death)| death.by.as_deref() != Some("admin"))
        else {
            continue;
        };
        let wrong = match *world.far_clock_set.lock() {
            Some((events, by_ms)) if number >= events => by_ms,
            Some(_) | None => 0,
        };
        let died = Timestamp::from_millisecond(death.at - wrong).unwrap();
        let next = published.get(index + 1).map(|next| next.at);
        let owed = match (mercy, next) {
            (Mercy::Deleted, None) | (Mercy::CutOff, _) => continue,
            (Mercy::Revoked | Mercy::Deleted, Some(next)) => Some(next),
            (Mercy::Grace, Some(next)) => Some(next + GRACE),
            (Mercy::Grace | Mercy::Revoked, None) => None,
        };
        if owed.is_none_or(|owed| died < owed - TOLERANCE) {
            complaints.push(format!(
                "I3: key {} of {} died at {died} ({:?}); a newer one came {next:?}",
                key.number, key.token, death.cause
            ));
        }
    }
    complaints
}

/// I4: the story publishes as many keys as it has causes, whatever happens in between.
fn once(published: &[Publication], since: Option<Timestamp>, scenario: &Scenario) -> Vec<String> {
    let new = published
        .iter()
        .filter(|key| since.is_some_and(|since| key.at >= since))
        .count();
    if new == scenario.keys {
        return Vec::new();
    }
    vec![format!(
        "I4: {new} keys were published instead of {}",
        scenario.keys
    )]
}

/// I3: a Secret that was left for another one stays through the grace.
fn former_secrets_stay_a_while(log: &[Write], mercy: Mercy) -> Vec<String> {
    let deleted = log.iter().filter_map(|write| match &write.thing {
        Thing::Secret { name, after: None } if write.author == Author::Operator => {
            Some((name, write.at))
        }
        Thing::Secret { .. } | Thing::Object { .. } | Thing::Account { .. } => None,
    });
    let mut complaints = Vec::new();
    for (name, at) in deleted.filter(|_| mercy != Mercy::Deleted) {
        let successor = log.iter().find(|write| {
            matches!(&write.thing, Thing::Secret { name: other, .. } if other != name)
                && write.verb == Verb::CreateSecret
        });
        if successor.is_none_or(|successor| at < successor.at + GRACE - TOLERANCE) {
            complaints.push(format!("I3: Secret {name} was deleted too early"));
        }
    }
    complaints
}

/// What a world looks like at rest, without ids, times and chance: the same whatever happened on the way.
pub fn at_rest(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for token in marked_tokens(world) {
        let (description, found) = marker::split(&token.description);
        let attempt = found.is_some_and(|found| found.attempt().is_some());
        lines.push(format!(
            "token {:?} {description:?} {:?} service {} marked {attempt} expires {}",
            token.name,
            token.role,
            token.service_token,
            token.expiry.is_some()
        ));
    }
    for name in world.cluster.secret_names(NAMESPACE) {
        let snapshot = world.cluster.secret(NAMESPACE, &name).unwrap().snapshot();
        let entries: Vec<_> = snapshot.data.keys().collect();
        let mut annotations: Vec<_> = snapshot.annotations.keys().collect();
        // Traces of what happened on the way, and of what is long over.
        annotations.retain(|name| {
            ![
                annotation::FENCE,
                annotation::PREVIOUS_EXPIRES_AT,
                annotation::RETIRING,
            ]
            .contains(&name.as_str())
        });
        let handled = snapshot.annotations.get(annotation::HANDLED);
        lines.push(format!(
            "Secret {name} {entries:?} {:?} {annotations:?} handled {handled:?}",
            snapshot.labels
        ));
    }
    let Some(status) = status(world) else {
        return lines;
    };
    for condition in &status.conditions {
        let (kind, holds, reason) = (&condition.type_, &condition.status, &condition.reason);
        lines.push(format!("{kind} {holds} {reason}"));
    }
    let token = status.token.as_ref().map(|token| {
        (
            &token.name,
            &token.spec_hash,
            &token.differs,
            token.observed_hash.is_some(),
            token.creation_time.is_some(),
        )
    });
    let secret = status
        .secret
        .as_ref()
        .map(|secret| (&secret.name, secret.unproven, &secret.former));
    let rotation = status.rotation.unwrap_or_default();
    lines.push(format!("token {token:?}"));
    lines.push(format!("secret {secret:?}"));
    lines.push(format!(
        "handled {:?} next {} previous {}",
        rotation.handled,
        rotation.next_rotation_time.is_some(),
        rotation.previous_key_expiration_time.is_some()
    ));
    lines.push(format!(
        "generation {:?} pending {} retiring {} history {}",
        status.observed_generation,
        status.pending.is_some(),
        status.retiring.len(),
        status.history.len()
    ));
    lines
}
