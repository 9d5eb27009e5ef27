//! The judge: what must hold of the whole history of a storm, whatever was killed when.
//!
//! All times are this machine's: the API server, the simulators and the consumers run on it. What the API server shows
//! reaches the storm a moment later; [`SLACK`] is how much later it may count.
//!
//! - **I1**: at rest every token at LaunchDarkly is in the status of exactly one living object, and every token in a status
//!   exists; no Secret outlives its object. There is no exception: what a killed probe or a lost create left behind must have been cleaned up.
//! - **I2**: at rest every object is settled and its Secret holds a key that works. Before, no call with the key that a
//!   Secret holds is refused, unless the object is being deleted.
//! - **I3**: a key that was in a Secret lives at least for the grace after its successor came into the Secret. Only two things
//!   cut it short: the deletion of the object, from when it was asked for; and a revocation, which kills keys that were
//!   already replaced from when it was asked for, and the one in the Secret once its successor is there. A refused call
//!   is excused by these two things alone.
//! - **I4**: what a user asks for changes the key in the Secret exactly once, lost calls included: a key that was lost before
//!   it came into the Secret was never a change, and the replacement of a lost one *is* the change that was asked for.
//!   Users let a change finish before they ask for the next, so the changes between two requests are counted: one. (None
//!   or one after a request that the object's deletion overtook.) Scheduled rotations come one interval apart, less the
//!   tenth by which they may come early: sooner would be twice for one due time, much later would be none.
//! - **I5**: at no time there were more creates than intents to create, nor more resets of a token than intents to reset it,
//!   counted at LaunchDarkly whether they were answered or not; no token is reset while a previous key of it is in its grace.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Answer, Evidence, Life, Millis, RemoteKey, RemoteToken, Wanted};

/// How late the API server's news may have reached us.
pub const SLACK: Millis = 2_000;
/// How long a rotation that is due may take while the operator is killed again and again.
const PATIENCE: Millis = 30_000;

/// Everything that is wrong; nothing if all is well.
pub fn judge(evidence: &Evidence) -> Vec<String> {
    [
        no_leak(evidence),
        settled(evidence),
        no_refusal(evidence),
        no_outage(evidence),
        once(evidence),
        never_blind(evidence),
    ]
    .concat()
}

/// I1.
fn no_leak(evidence: &Evidence) -> Vec<String> {
    let mut complaints = Vec::new();
    let resting: Vec<_> = evidence
        .lives
        .iter()
        .filter_map(|life| Some((life, life.at_rest.as_ref()?)))
        .collect();
    let living: Vec<_> = evidence
        .tokens
        .iter()
        .filter(|token| !token.deleted)
        .collect();
    for token in &living {
        let claims = resting
            .iter()
            .flat_map(|(_, rest)| &rest.tokens)
            .filter(|id| **id == token.id)
            .count();
        if claims != 1 {
            complaints.push(format!(
                "I1: leaked: {claims} objects answer for token {} ({}: {})",
                token.id, token.name, token.description
            ));
        }
    }
    for (life, rest) in &resting {
        for id in &rest.tokens {
            if living.iter().all(|token| token.id != *id) {
                complaints.push(format!(
                    "I1: {} answers for token {id}, which does not exist",
                    told(life)
                ));
            }
        }
    }
    let left = evidence.secrets_left.iter();
    complaints.extend(left.map(|name| format!("I1: Secret {name} outlived its object")));
    complaints
}

/// I2, at rest.
fn settled(evidence: &Evidence) -> Vec<String> {
    let working: BTreeSet<&str> = evidence
        .tokens
        .iter()
        .filter(|token| !token.deleted)
        .flat_map(|token| &token.keys)
        .filter(|key| key.died.is_none())
        .map(|key| key.key.as_str())
        .collect();
    let mut complaints = Vec::new();
    for life in &evidence.lives {
        if let Some(why) = &life.gave_up {
            complaints.push(format!("I2: the user of {} gave up: {why}", told(life)));
        }
        match &life.at_rest {
            None if life.deletion_asked.is_none() => {
                complaints.push(format!(
                    "I2: {} is gone though nobody deleted it",
                    told(life)
                ));
            }
            None => {}
            Some(rest) => {
                if let Some(why) = &rest.unsettled {
                    complaints.push(format!("I2: {} is not settled: {why}", told(life)));
                }
                if !rest.key.as_deref().is_some_and(|key| working.contains(key)) {
                    complaints.push(format!(
                        "I2: no working key in the Secret of {}",
                        told(life)
                    ));
                }
            }
        }
    }
    complaints
}

/// When a key may die before the end of its grace, if ever.
fn may_die_early(life: &Life, position: usize) -> Option<Millis> {
    let replaced = life.publications.get(position + 1).map(|next| next.at);
    let revoked = life
        .asks
        .iter()
        .filter(|ask| ask.what == Wanted::Revocation && ask.at >= life.publications[position].at)
        .filter_map(|ask| match replaced {
            Some(replaced) if replaced <= ask.at => Some(ask.at),
            other => other,
        });
    revoked.chain(life.deletion_asked).min()
}

/// I2 and I3 as consumers see them.
fn no_refusal(evidence: &Evidence) -> Vec<String> {
    let lives: BTreeMap<&str, &Life> = evidence
        .lives
        .iter()
        .map(|life| (life.uid.as_str(), life))
        .collect();
    let mut complaints = Vec::new();
    for call in &evidence.calls {
        if call.answer != Answer::Refused {
            continue;
        }
        let life = lives.get(call.uid.as_str());
        let excuse = life.and_then(|life| {
            let held = life.publications.iter().position(|p| p.key == call.key)?;
            may_die_early(life, held)
        });
        if excuse.is_none_or(|from| call.at + SLACK < from) {
            complaints.push(format!(
                "{}: refused: a consumer of {} at {} with key {} ({})",
                if call.current { "I2" } else { "I3" },
                life.map_or(call.uid.clone(), |life| told(life)),
                call.at,
                call.key,
                if call.current {
                    "in the Secret"
                } else {
                    "in its grace"
                },
            ));
        }
    }
    complaints
}

/// I3, by what happened to the keys themselves.
fn no_outage(evidence: &Evidence) -> Vec<String> {
    let keys: BTreeMap<&str, &RemoteKey> = evidence
        .tokens
        .iter()
        .flat_map(|token| &token.keys)
        .map(|key| (key.key.as_str(), key))
        .collect();
    let mut complaints = Vec::new();
    for life in &evidence.lives {
        for (position, publication) in life.publications.iter().enumerate() {
            let Some(key) = keys.get(publication.key.as_str()) else {
                complaints.push(format!(
                    "I2: {} published key {}, which LaunchDarkly never issued",
                    told(life),
                    publication.key
                ));
                continue;
            };
            let Some(died) = key.died else { continue };
            let replaced = life.publications.get(position + 1);
            let grace_over = replaced.map(|next| next.at + life.grace);
            let allowed = grace_over
                .into_iter()
                .chain(may_die_early(life, position))
                .min();
            if allowed.is_none_or(|from| died + SLACK < from) {
                complaints.push(format!(
                    "I3: key {} of {} died at {died}, and may not die before {allowed:?}",
                    publication.key,
                    told(life)
                ));
            }
        }
    }
    complaints
}

/// I4.
fn once(evidence: &Evidence) -> Vec<String> {
    let mut complaints = Vec::new();
    for life in &evidence.lives {
        let mut seen = BTreeSet::new();
        if let Some(twice) = life.publications.iter().find(|p| !seen.insert(&p.key)) {
            complaints.push(format!("I4: key {} came back to {}", twice.key, told(life)));
        }
        complaints.extend(match life.interval {
            None => once_each(life),
            Some(interval) => on_schedule(life, interval, evidence.ended_at),
        });
    }
    complaints
}

fn once_each(life: &Life) -> Vec<String> {
    let mut complaints = Vec::new();
    for (position, ask) in life.asks.iter().enumerate() {
        let until = life
            .asks
            .get(position + 1)
            .map_or(Millis::MAX, |next| next.at);
        let changes = life
            .publications
            .iter()
            .filter(|p| p.at >= ask.at && p.at < until)
            .count();
        let expected = if ask.done { 1..=1 } else { 0..=1 };
        if !expected.contains(&changes) {
            complaints.push(format!(
                "I4: {changes} changes of the key of {} for one {:?} at {}",
                told(life),
                ask.what,
                ask.at
            ));
        }
    }
    complaints
}

fn on_schedule(life: &Life, interval: Millis, ended_at: Millis) -> Vec<String> {
    let times = life.publications.iter().map(|p| p.at);
    let ends = times.clone().skip(1).map(|at| (at, true));
    let apart = times.zip(ends.chain([(life.deletion_asked.unwrap_or(ended_at), false)]));
    let mut complaints = Vec::new();
    for (before, (after, rotated)) in apart {
        let passed = after - before;
        // The tenth by which a rotation may come early counts from when it was decided, a moment before it was seen.
        if rotated && passed < interval - interval / 10 - SLACK {
            complaints.push(format!(
                "I4: {} rotated twice within {passed} ms by an interval of {interval} ms",
                told(life)
            ));
        }
        if passed > interval + PATIENCE {
            complaints.push(format!(
                "I4: {} missed a rotation: {passed} ms without one",
                told(life)
            ));
        }
    }
    complaints
}

/// I5.
fn never_blind(evidence: &Evidence) -> Vec<String> {
    let mut complaints = Vec::new();
    let names: BTreeSet<&str> = evidence
        .lives
        .iter()
        .map(|life| life.name.as_str())
        .collect();
    for name in names {
        let lives = evidence.lives.iter().filter(|life| life.name == name);
        let intents = lives
            .flat_map(|life| &life.intents)
            .filter(|intent| intent.resets.is_none());
        let created = evidence.tokens.iter().filter(|token| token.name == name);
        let times = created.filter_map(|token| Some(token.keys.first()?.issued));
        let shown: Vec<Millis> = intents.map(|intent| intent.at).collect();
        if let Some(at) = unannounced(times.collect(), &shown) {
            complaints.push(format!(
                "I5: a token {name:?} was created at {at} without an intent"
            ));
        }
    }
    let probe = |token: &RemoteToken| evidence.lives.iter().all(|life| life.name != token.name);
    for token in &evidence.tokens {
        let intents = evidence
            .lives
            .iter()
            .flat_map(|life| &life.intents)
            .filter(|intent| intent.resets.as_ref() == Some(&token.id));
        let intended: Vec<Millis> = intents.map(|intent| intent.at).collect();
        let sent = evidence.resets_sent.iter();
        let sent = sent.filter(|id| **id == token.id).count();
        let done = token.keys.iter().skip(1).map(|key| key.issued).collect();
        let allowed = intended.len().max(usize::from(probe(token)));
        if sent > allowed || (!probe(token) && unannounced(done, &intended).is_some()) {
            complaints.push(format!(
                "I5: token {} ({}) was reset by {sent} calls for {allowed} intents",
                token.id, token.name
            ));
        }
        if cuts_a_grace_short(token) {
            complaints.push(format!(
                "I5: token {} ({}) was reset while a previous key was in its grace",
                token.id, token.name
            ));
        }
    }
    complaints
}

/// The first of these times by which there were not as many intents as there were effects.
fn unannounced(mut effects: Vec<Millis>, intents: &[Millis]) -> Option<Millis> {
    effects.sort_unstable();
    let announced = |at: Millis| {
        intents
            .iter()
            .filter(|intent| **intent <= at + SLACK)
            .count()
    };
    let mut counted = (1..).zip(effects);
    let found = counted.find(|(number, at)| announced(*at) < *number)?;
    Some(found.1)
}

/// Whether a key was made by a reset while one older than the one it replaced still worked.
fn cuts_a_grace_short(token: &RemoteToken) -> bool {
    let resets = token.keys.iter().enumerate().skip(2);
    resets.into_iter().any(|(number, made)| {
        let mut older = token.keys[..number - 1].iter();
        older.any(|old| old.died.is_none_or(|died| died >= made.issued))
    })
}

fn told(life: &Life) -> String {
    format!("{} ({})", life.name, life.uid)
}

#[cfg(test)]
mod tests;
