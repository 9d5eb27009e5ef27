//! Anything that may be written down.

use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::{RequestHash, SettingsHash};
use launchdarkly_token_operator::domain::record::{
    AbandonedAttempt, FormerSecret, HistoryEntry, Intent, MAX_ABANDONED, MAX_HANDLED, MAX_HISTORY,
    PendingOperation, Record, RetiringToken, RotationRecord, SecretRecord, TokenRecord,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use strum::VariantArray as _;

use super::{moment, mostly};
use crate::decide_properties::worlds::{ANOTHER, Given, ME, attempt, key, revoke, token, trigger};

/// The settled record with each part left or replaced; none at all now and then, as after a lost status.
pub fn any_record(base: &Given) -> BoxedStrategy<Record> {
    let settled = base.observed.record.clone();
    let parts = (
        token_record(&settled),
        secret_record(&settled),
        rotation(&settled),
        prop_oneof![2 => Just(None), 1 => intent(base).prop_map(Some)],
        mostly(
            Vec::new(),
            prop::collection::vec(abandoned(), 0..=MAX_ABANDONED),
        ),
        mostly(Vec::new(), retiring()),
        mostly(Vec::new(), prop::collection::vec(entry(), 0..=MAX_HISTORY)),
        mostly(
            None,
            (select(vec!["web", "api", "old"]), moment()).prop_map(|seen| Some(former(seen))),
        ),
        mostly(Some("account".into()), Just(None)),
        mostly(Some(1), Just(None)),
    );
    let whole = parts.prop_map(
        |(
            token,
            secret,
            rotation,
            pending,
            abandoned,
            retiring,
            history,
            former,
            account,
            seen,
        )| {
            let former_secret = former.filter(|former: &FormerSecret| {
                secret
                    .as_ref()
                    .is_none_or(|s: &SecretRecord| s.name != former.name)
            });
            let mut record = Record {
                observed_generation: seen,
                account_id: account,
                secret: secret.filter(|_| token.is_some()),
                former_secret,
                rotation,
                pending,
                abandoned: distinct(abandoned),
                retiring,
                unknown_tokens: Vec::new(),
                history,
                token,
            };
            fit_pending(&mut record);
            record
        },
    );
    prop_oneof![12 => whole, 1 => Just(Record::default())].boxed()
}

fn former((name, deletion_time): (&str, jiff::Timestamp)) -> FormerSecret {
    FormerSecret {
        name: name.into(),
        deletion_time,
    }
}

fn distinct(mut attempts: Vec<AbandonedAttempt>) -> Vec<AbandonedAttempt> {
    attempts.sort_by(|a, b| a.attempt.cmp(&b.attempt));
    attempts.dedup_by(|a, b| a.attempt == b.attempt);
    attempts
}

/// Intents name the token in use and pin the account.
fn fit_pending(record: &mut Record) {
    let in_use = record.token.as_ref().map(|token| token.id.clone());
    if record.pending.is_some() {
        record.account_id.get_or_insert("account".into());
    }
    match &mut record.pending {
        Some(pending) if pending.operation == PendingOperation::Reset && in_use.is_none() => {
            record.pending = None;
        }
        Some(pending) => pending.token_id = in_use,
        None => {}
    }
}

fn token_record(settled: &Record) -> BoxedStrategy<Option<TokenRecord>> {
    let token = settled.token.clone();
    let other_hash = select(vec!["v1:0000.1111", "v0:0000.1111"]);
    let observed = prop_oneof![
        2 => Just(None),
        1 => Just(Some(SettingsHash::from("v1:0000.1111"))),
        1 => Just(Some(SettingsHash::from("v0:0000.1111"))),
    ];
    let changed = (other_hash, observed, any::<bool>()).prop_map({
        let token = token.clone();
        move |(spec_hash, observed_hash, differs)| {
            token.clone().map(|token| TokenRecord {
                spec_hash: spec_hash.into(),
                observed_hash,
                differs: differs.then(|| "role".to_owned()).into_iter().collect(),
                ..token
            })
        }
    });
    prop_oneof![6 => Just(token), 2 => changed, 1 => Just(None)].boxed()
}

fn secret_record(settled: &Record) -> BoxedStrategy<Option<SecretRecord>> {
    let secret = settled.secret.clone();
    let changed = (
        select(vec!["web", "api"]),
        select(vec!["secret-0", "secret-1"]),
        0..2_usize,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, uid, n, old_version, proven)| {
            Some(SecretRecord {
                name: name.into(),
                uid: uid.into(),
                fingerprint: if old_version { "v0:00".into() } else { key(n) },
                proven,
            })
        });
    prop_oneof![4 => Just(secret), 1 => changed].boxed()
}

fn requests() -> BoxedStrategy<Vec<RequestHash>> {
    let mut values: Vec<_> = ["a", "b", "c", "d"].into_iter().map(trigger).collect();
    values.extend(["a", "b", "c", "d", "all of it"].into_iter().map(revoke));
    subsequence(values, 0..=MAX_HANDLED).boxed()
}

fn rotation(settled: &Record) -> BoxedStrategy<RotationRecord> {
    let grace = settled.rotation.grace;
    (
        prop::option::weighted(0.9, moment()),
        prop::option::of(moment()),
        mostly(None, moment().prop_map(Some)),
        mostly(Vec::new(), requests()),
    )
        .prop_map(
            move |(last, next, previous_key_expiration_time, handled)| RotationRecord {
                last,
                next,
                previous_key_expiration_time,
                grace,
                handled,
            },
        )
        .boxed()
}

fn intent(base: &Given) -> BoxedStrategy<Intent> {
    let desired = base.desired().clone();
    (
        select(vec![PendingOperation::Create, PendingOperation::Reset]),
        select(Cause::VARIANTS),
        moment(),
        mostly(ME, Just(ANOTHER)),
        mostly(desired.secret.name.clone(), Just("web".to_owned())),
        any::<bool>(),
        mostly(Vec::new(), requests()),
        prop::option::of(moment()),
    )
        .prop_map(
            move |(operation, cause, start_time, holder, secret_name, same, handles, until)| {
                let cause = match (operation, cause) {
                    (PendingOperation::Create, _)
                    | (PendingOperation::Reset, Cause::Trigger | Cause::Revoke) => cause,
                    (PendingOperation::Reset, _) => Cause::Schedule,
                };
                Intent {
                    operation,
                    attempt: attempt(1),
                    cause,
                    start_time,
                    holder: holder.into(),
                    token_id: None,
                    secret_name,
                    spec_hash: if same {
                        desired.settings.hash()
                    } else {
                        "v1:2222.3333".into()
                    },
                    token_name: desired.settings.name.clone(),
                    handles,
                    previous_key_expiration_time: until.or_else(|| {
                        (operation == PendingOperation::Reset)
                            .then_some(crate::decide_properties::worlds::NOW)
                    }),
                }
            },
        )
        .boxed()
}

fn abandoned() -> BoxedStrategy<AbandonedAttempt> {
    (1..12_usize, moment())
        .prop_map(|(n, start_time)| AbandonedAttempt {
            attempt: attempt(n),
            start_time,
        })
        .boxed()
}

fn retiring() -> BoxedStrategy<Vec<RetiringToken>> {
    (1..=3_usize, moment(), moment(), select(Cause::VARIANTS))
        .prop_map(|(count, first, others, cause)| {
            (0..count)
                .map(|n| RetiringToken {
                    token_id: token(20 + n),
                    cause,
                    retirement_time: if n == 0 { first } else { others },
                })
                .collect()
        })
        .boxed()
}

fn entry() -> BoxedStrategy<HistoryEntry> {
    (moment(), select(Cause::VARIANTS))
        .prop_map(|(publication_time, cause)| HistoryEntry {
            publication_time,
            cause,
            token_id: token(20),
            previous_key_expiration_time: None,
        })
        .boxed()
}
