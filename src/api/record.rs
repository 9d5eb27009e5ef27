//! Between the status that users read and the record that decisions are made on.

use crate::api::status::{
    Abandoned, AccessTokenStatus, FormerSecretStatus, HistoryStatus, Pending, PreviousKeyState,
    Retiring, RotationStatus, SecretStatus, TokenStatus,
};
use crate::domain::cause::Cause;
use crate::domain::durations;
use crate::domain::record::{
    AbandonedAttempt, FormerSecret, HistoryEntry, Intent, Record, RetiringToken, RotationRecord,
    SecretRecord, TokenRecord,
};
use crate::domain::time::{whole_second, whole_second_up};

/// Reads the record from a status.
#[must_use]
pub fn read(status: &AccessTokenStatus) -> Record {
    let rotation = status.rotation.clone().unwrap_or_default();
    Record {
        observed_generation: status
            .observed_generation
            .filter(|generation| *generation >= 0),
        account_id: status.account_id.clone(),
        token: status.token.as_ref().map(token_record),
        secret: status.secret.as_ref().and_then(secret_record),
        former_secret: status
            .secret
            .as_ref()
            .and_then(|secret| secret.former.as_ref())
            .map(|former| FormerSecret {
                name: former.name.clone(),
                deletion_time: former.deletion_time,
            }),
        rotation: RotationRecord {
            last: rotation.last_rotation_time,
            next: rotation.next_rotation_time,
            previous_key_expiration_time: rotation.previous_key_expiration_time,
            grace: rotation.grace_period.as_deref().and_then(durations::parse),
            handled: rotation.handled,
        },
        pending: status.pending.as_ref().map(intent),
        abandoned: status
            .abandoned
            .iter()
            .map(|a| AbandonedAttempt {
                attempt: a.attempt.clone(),
                start_time: a.start_time,
            })
            .collect(),
        retiring: status
            .retiring
            .iter()
            .map(|r| RetiringToken {
                token_id: r.token_id.clone(),
                cause: r.cause,
                retirement_time: r.retirement_time,
            })
            .collect(),
        unknown_tokens: status.unknown_tokens.clone(),
        history: status
            .history
            .iter()
            .map(|h| HistoryEntry {
                publication_time: h.publication_time,
                cause: h.cause,
                token_id: h.token_id.clone(),
                previous_key_expiration_time: h.previous_key_expiration_time,
            })
            .collect(),
    }
}

/// Writes the record into a status, beside its conditions. Times are kept to the second, as the API server keeps its own.
pub fn write(record: &Record, status: &mut AccessTokenStatus) {
    status.observed_generation = record.observed_generation;
    status.account_id.clone_from(&record.account_id);
    status.token = record.token.as_ref().map(|token| TokenStatus {
        id: token.id.clone(),
        name: token.name.clone(),
        spec_hash: token.spec_hash.clone(),
        observed_hash: token.observed_hash.clone(),
        creation_time: token.creation_time.map(whole_second),
        differs: token.differs.clone(),
    });
    status.secret = record.secret.as_ref().map(|secret| SecretStatus {
        name: secret.name.clone(),
        uid: Some(secret.uid.clone()),
        fingerprint: Some(secret.fingerprint.clone()),
        unproven: !secret.proven,
        former: record
            .former_secret
            .as_ref()
            .map(|former| FormerSecretStatus {
                name: former.name.clone(),
                deletion_time: whole_second_up(former.deletion_time),
            }),
    });
    let rotation = &record.rotation;
    let rotation = RotationStatus {
        last_rotation_time: rotation.last.map(whole_second),
        next_rotation_time: rotation.next.map(whole_second),
        previous_key_expiration_time: rotation.previous_key_expiration_time.map(whole_second_up),
        grace_period: rotation.grace.map(durations::format),
        handled: rotation.handled.clone(),
        ..RotationStatus::default()
    };
    status.rotation = (rotation != RotationStatus::default()).then_some(rotation);
    status.pending = record.pending.as_ref().map(pending);
    status.abandoned = record
        .abandoned
        .iter()
        .map(|a| Abandoned {
            attempt: a.attempt.clone(),
            start_time: whole_second(a.start_time),
        })
        .collect();
    status.retiring = record
        .retiring
        .iter()
        .map(|r| Retiring {
            token_id: r.token_id.clone(),
            cause: r.cause,
            retirement_time: whole_second_up(r.retirement_time),
        })
        .collect();
    status.unknown_tokens.clone_from(&record.unknown_tokens);
    status.history = record.history.iter().map(history).collect();
}

fn token_record(token: &TokenStatus) -> TokenRecord {
    TokenRecord {
        id: token.id.clone(),
        name: token.name.clone(),
        spec_hash: token.spec_hash.clone(),
        observed_hash: token.observed_hash.clone(),
        differs: token.differs.clone(),
        creation_time: token.creation_time,
    }
}

fn secret_record(secret: &SecretStatus) -> Option<SecretRecord> {
    Some(SecretRecord {
        name: secret.name.clone(),
        uid: secret.uid.clone()?,
        fingerprint: secret.fingerprint.clone()?,
        proven: !secret.unproven,
    })
}

fn intent(pending: &Pending) -> Intent {
    Intent {
        operation: pending.operation,
        attempt: pending.attempt.clone(),
        cause: pending.cause,
        start_time: pending.start_time,
        holder: pending.holder.clone(),
        token_id: pending.token_id.clone(),
        secret_name: pending.secret_name.clone(),
        spec_hash: pending.spec_hash.clone(),
        token_name: pending.token_name.clone(),
        handles: pending.handles.clone(),
        previous_key_expiration_time: pending.previous_key_expiration_time,
    }
}

fn pending(intent: &Intent) -> Pending {
    Pending {
        operation: intent.operation,
        attempt: intent.attempt.clone(),
        cause: intent.cause,
        start_time: whole_second(intent.start_time),
        holder: intent.holder.clone(),
        token_id: intent.token_id.clone(),
        secret_name: intent.secret_name.clone(),
        spec_hash: intent.spec_hash.clone(),
        token_name: intent.token_name.clone(),
        handles: intent.handles.clone(),
        previous_key_expiration_time: intent.previous_key_expiration_time.map(whole_second_up),
    }
}

fn history(entry: &HistoryEntry) -> HistoryStatus {
    HistoryStatus {
        publication_time: whole_second(entry.publication_time),
        cause: entry.cause,
        token_id: entry.token_id.clone(),
        previous_key: match (entry.cause, entry.previous_key_expiration_time) {
            (Cause::Revoke, _) => PreviousKeyState::Revoked,
            (Cause::TokenMissing, _) => PreviousKeyState::Gone,
            (_, Some(_)) => PreviousKeyState::Grace,
            (_, None) => PreviousKeyState::None,
        },
        previous_key_expiration_time: entry.previous_key_expiration_time.map(whole_second_up),
    }
}
