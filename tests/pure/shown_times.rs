//! Times in a status: whole seconds, and never a promise cut short.

use jiff::{SignedDuration, Timestamp};
use launchdarkly_token_operator::api::AccessTokenStatus;
use launchdarkly_token_operator::api::conditions::set_condition;
use launchdarkly_token_operator::api::record;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::conditions::{ConditionStatus, ConditionType};
use launchdarkly_token_operator::domain::ids::{Attempt, Fingerprint, SettingsHash, TokenId};
use launchdarkly_token_operator::domain::reason::Reason;
use launchdarkly_token_operator::domain::record::{
    AbandonedAttempt, FormerSecret, HistoryEntry, Intent, PendingOperation, Record, RetiringToken,
    RotationRecord, SecretRecord, TokenRecord,
};
use launchdarkly_token_operator::domain::time::{end_of_second, whole_second, whole_second_up};
use launchdarkly_token_operator::launchdarkly::ApiError;
use proptest::prelude::*;
use regex::Regex;

/// Any moment of some years, to the nanosecond; whole seconds among them.
fn moment() -> impl Strategy<Value = Timestamp> {
    let fraction = prop_oneof![Just(0), Just(1), Just(999_999_999), 0..1_000_000_000_i32];
    (1_600_000_000..1_900_000_000_i64, fraction)
        .prop_map(|(second, fraction)| Timestamp::new(second, fraction).unwrap())
}

/// A record with every time that there is.
fn record_of(times: &[Timestamp]) -> Record {
    let mut times = times.iter().copied();
    let mut next = || times.next().unwrap();
    let token_id = TokenId::new("61095542756dba551110ae21");
    Record {
        unknown_tokens: Vec::new(),
        observed_generation: Some(1),
        account_id: None,
        token: Some(TokenRecord {
            id: token_id.clone(),
            name: "web".to_owned(),
            spec_hash: SettingsHash::new("v1:a"),
            observed_hash: None,
            differs: Vec::new(),
            creation_time: Some(next()),
        }),
        secret: Some(SecretRecord {
            name: "web".to_owned(),
            uid: "11111111-2222-4333-8444-555555555555".into(),
            fingerprint: Fingerprint::new("v1:f"),
            proven: true,
        }),
        former_secret: Some(FormerSecret {
            name: "former".to_owned(),
            deletion_time: next(),
        }),
        rotation: RotationRecord {
            last: Some(next()),
            next: Some(next()),
            previous_key_expiration_time: Some(next()),
            grace: None,
            handled: Vec::new(),
        },
        pending: Some(Intent {
            operation: PendingOperation::Reset,
            attempt: Attempt::new("9f8e7d6c"),
            cause: Cause::Trigger,
            start_time: next(),
            holder: "pod/x".to_owned(),
            token_id: Some(token_id.clone()),
            secret_name: "web".to_owned(),
            spec_hash: SettingsHash::new("v1:a"),
            token_name: "web".to_owned(),
            handles: Vec::new(),
            previous_key_expiration_time: Some(next()),
        }),
        abandoned: vec![AbandonedAttempt {
            attempt: Attempt::new("9f8e7d6d"),
            start_time: next(),
        }],
        retiring: vec![RetiringToken {
            token_id: token_id.clone(),
            cause: Cause::Trigger,
            retirement_time: next(),
        }],
        history: vec![HistoryEntry {
            publication_time: next(),
            cause: Cause::Trigger,
            token_id,
            previous_key_expiration_time: Some(next()),
        }],
    }
}

/// How many times [`record_of`] takes.
const TIMES: usize = 11;

fn shows_a_fraction(text: &str) -> bool {
    Regex::new(r":[0-9]{2}\.[0-9]").unwrap().is_match(text)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_time_in_a_status_has_a_fraction(times in prop::collection::vec(moment(), TIMES), now in moment()) {
        let mut status = AccessTokenStatus::default();
        record::write(&record_of(&times), &mut status);
        let limited = ApiError::RateLimited { until: now }.to_string();
        let (kind, reason) = (ConditionType::Ready, Reason::RateLimited);
        set_condition(&mut status.conditions, kind, ConditionStatus::False, reason, &limited, None, now);
        let text = serde_json::to_string(&status).unwrap();
        prop_assert_eq!(text.matches("Z\"").count(), TIMES + 2, "{}", text);
        prop_assert!(!shows_a_fraction(&text), "{}", text);
    }

    #[test]
    fn what_is_read_back_is_written_the_same_again(times in prop::collection::vec(moment(), TIMES)) {
        let (mut once, mut again) = (AccessTokenStatus::default(), AccessTokenStatus::default());
        record::write(&record_of(&times), &mut once);
        record::write(&record::read(&once), &mut again);
        prop_assert_eq!(once, again);
    }

    #[test]
    fn what_happened_is_rounded_down_and_what_is_promised_up(time in moment()) {
        let record = record_of(&[time; TIMES]);
        let mut status = AccessTokenStatus::default();
        record::write(&record, &mut status);
        let kept = record::read(&status);
        let pending = kept.pending.unwrap();
        let happened = [
            kept.token.unwrap().creation_time,
            kept.rotation.last,
            Some(pending.start_time),
            Some(kept.abandoned[0].start_time),
            Some(kept.history[0].publication_time),
        ];
        prop_assert_eq!(happened, [Some(whole_second(time)); 5]);
        let promised = [
            kept.rotation.previous_key_expiration_time,
            pending.previous_key_expiration_time,
            kept.history[0].previous_key_expiration_time,
            Some(kept.retiring[0].retirement_time),
            Some(kept.former_secret.unwrap().deletion_time),
        ];
        prop_assert_eq!(promised, [Some(whole_second_up(time)); 5]);
    }

    /// What waits for a while after a start that is kept to the second waits from no earlier than that start.
    #[test]
    fn the_end_of_a_second_is_no_earlier_than_anything_in_it(time in moment()) {
        let end = end_of_second(whole_second(time));
        prop_assert!(end > time && end <= time + SignedDuration::from_secs(1));
    }
}
