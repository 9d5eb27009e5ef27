//! Trying on a throw-away token whether a reset leaves the previous key alive, before any key in use is reset.

use std::fmt::Write as _;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use sha2::{Digest, Sha256};

use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::domain::account::AccountKey;
use crate::domain::ids::{Attempt, Installation, ObjectUid, TokenId};
use crate::domain::marker::{Hold, Marker};
use crate::domain::memory::ShownListing as _;
use crate::domain::observed::Feature;
use crate::domain::settings::BaseRole;
use crate::launchdarkly::{ApiError, Deleted, Issued, NewToken, Overlap, ResolvedGrant, TokensApi};
use crate::redaction::Key;
use crate::runtime::clock::Moment;

/// How long the previous key of the throw-away token is to live: longer than both keys are asked for, one after the other.
fn previous_key_lives(patience: Duration) -> Duration {
    let asked_for = patience.saturating_mul(2);
    asked_for.saturating_add(Duration::from_secs(60))
}

/// Who throw-away tokens are marked with, in the place of an object's UID: what is found with it is deleted on sight.
#[must_use]
pub(in crate::controller) fn prober(key: &AccountKey) -> ObjectUid {
    let name = match key {
        AccountKey::Namespaced { namespace, name } => format!("{namespace}/{name}"),
        AccountKey::Cluster { name } => name.clone(),
    };
    let digest = Sha256::digest(name.as_bytes());
    let mut uid = "probe-".to_owned();
    for byte in digest.iter().take(8) {
        let _ = write!(uid, "{byte:02x}");
    }
    ObjectUid::new(uid)
}

/// Why rotations go by replacement from now on.
pub(in crate::controller) enum Lack {
    /// A reset does not do what it should.
    Reset,
    /// Nobody can know: the throw-away token, or its reset, was refused.
    ThrowAway(ApiError),
}

/// Creates a token, resets it, asks with both keys for up to `patience` each, and deletes it. One at a time an account. What it
/// found lacking, if that is news.
pub(in crate::controller) async fn probe<L: TokensApi>(
    session: &Session<L>,
    installation: &Installation,
    key: &AccountKey,
    service_token: bool,
    now: Moment,
    patience: Duration,
) -> Result<Option<Lack>, Failure> {
    // Whoever comes second looks again when the first is done.
    let Ok(_turn) = session.state.probe_turn.try_lock() else {
        return Err(Failure::unsettled(
            "the account's reset is being tried on a throw-away token",
        ));
    };
    if session.features(now.steady()).reset != Feature::Unknown {
        return Ok(None);
    }
    let uid = prober(key);
    sweep(session, installation, &uid).await?;
    let desired = throw_away(installation, &uid, service_token);
    let issued = match session.api.create(&desired).await {
        Ok(issued) => issued,
        Err(refusal) if is_refused(&refusal) => {
            let mut found_out = session.state.found_out();
            found_out.refuse_reset(&session.key, Feature::Untried, now);
            return Ok(Some(Lack::ThrowAway(refusal)));
        }
        Err(error) => return Err(error.into()),
    };
    let trial = try_reset(session, &issued, patience).await;
    let deleted = session.api.delete(&issued.token.id).await;
    let trial = trial?;
    // Another operator may sweep what it takes for a leftover of its own, such as that of a clone of this cluster.
    if deleted? == Deleted::AlreadyGone && trial == Trial::Fails {
        return Err(Failure::unsettled(
            "the token on which a reset is tried was deleted meanwhile",
        ));
    }
    let (mut found_out, key) = (session.state.found_out(), &session.key);
    match &trial {
        Trial::Works => found_out.learn_reset(key, Feature::Available, now),
        Trial::Fails => found_out.learn_reset(key, Feature::Unavailable, now),
        Trial::Refused => found_out.refuse_reset(key, Feature::Unavailable, now),
        Trial::Untried(refusal) => {
            found_out.refuse_reset(key, Feature::Untried, now);
            return Ok(Some(Lack::ThrowAway(refusal.clone())));
        }
    };
    Ok((trial != Trial::Works).then_some(Lack::Reset))
}

/// What became of a reset on trial.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trial {
    /// Both keys work.
    Works,
    /// They do not: so it is for every credential.
    Fails,
    /// This credential may not reset; others may (I13).
    Refused,
    /// This reset was refused twice for a reason of its own.
    Untried(ApiError),
}

/// Whether LaunchDarkly will not make this token, whoever asks how often. A 401 is about the managing key, and where there is
/// no such route nothing can be made at all: these stay failures, as does every answer after which the token may be there.
fn is_refused(error: &ApiError) -> bool {
    matches!(error, ApiError::Forbidden { .. } | ApiError::Invalid { .. })
}

/// The name of a throw-away token.
const NAME: &str = "launchdarkly-token-operator probe";

/// Deletes what an interrupted probe left. A marker can be copied: what is deleted has the name and the rights of a throw-away token too.
pub(in crate::controller) async fn sweep<L: TokensApi>(
    session: &Session<L>,
    installation: &Installation,
    uid: &ObjectUid,
) -> Result<(), Failure> {
    let Some(listing) = session.listing() else {
        return Ok(());
    };
    for token in listing.marked_for(uid) {
        let marker = Marker::parse(&token.description);
        let ours = marker.is_some_and(|marker| marker.installation == *installation);
        let alike = token.name == NAME && token.role.as_deref() == Some(BaseRole::Reader.into());
        if ours && alike {
            session.api.delete(&token.id).await?;
        }
    }
    Ok(())
}

/// A token of the least rights.
fn throw_away(installation: &Installation, uid: &ObjectUid, service_token: bool) -> NewToken {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let marker = Marker {
        installation: installation.clone(),
        object: uid.clone(),
        hold: Hold::Attempt(Attempt::new(random.chars().take(8).collect::<String>())),
    };
    NewToken {
        name: NAME.to_owned(),
        description: crate::domain::marker::with_marker(
            "Deleted at once; tries whether keys can be reset.",
            &marker,
            300,
        ),
        grant: ResolvedGrant::Role(BaseRole::Reader),
        service_token,
        default_api_version: None,
        expiry: None,
    }
}

/// Whether both keys work after a reset, on the same token, whose own life is unchanged.
async fn try_reset<L: TokensApi>(
    session: &Session<L>,
    before: &Issued,
    patience: Duration,
) -> Result<Trial, Failure> {
    let previous_key_lives = previous_key_lives(patience);
    let after = match session
        .api
        .reset(&before.token.id, Overlap::AtLeast(previous_key_lives))
        .await
    {
        Ok(reset) => reset.issued,
        Err(error)
            if error.is_not_offered()
                && session.state.found_out().note_reset_refusal(&session.key) =>
        {
            return Ok(Trial::Refused);
        }
        Err(error)
            if !error.is_not_offered()
                && error.is_lasting_refusal()
                && session.state.found_out().note_trial_refusal(&session.key) =>
        {
            return Ok(Trial::Untried(error));
        }
        Err(error) => return Err(error.into()),
    };
    let unchanged = after.token.id == before.token.id && after.token.expiry == before.token.expiry;
    for key in [&before.key, &after.key] {
        if !answers(session, key, &before.token.id, patience).await? {
            return Ok(Trial::Fails);
        }
    }
    Ok(if unchanged {
        Trial::Works
    } else {
        Trial::Fails
    })
}

/// Whether a key is accepted as this token's. A new one may take a while (unknown), and one refusal proves nothing.
async fn answers<L: TokensApi>(
    session: &Session<L>,
    key: &Key,
    token_id: &TokenId,
    patience: Duration,
) -> Result<bool, Failure> {
    let asked = || async {
        match session.api.identify_with(key).await.outcome {
            Ok(identity) => Ok(identity.token_id.is_none_or(|id| id == *token_id)),
            Err(error) => Err(error),
        }
    };
    let waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(5))
        .with_total_delay(Some(patience))
        .without_max_times();
    let answer = asked
        .retry(waits)
        .when(|error| *error == ApiError::Unauthorized)
        .await;
    match answer {
        Ok(same) => Ok(same),
        // Counts only while the managing key is accepted.
        Err(ApiError::Unauthorized) => Ok(session.api.identify().await.map(|_| false)?),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launchdarkly::{Operation, TransportError, TransportKind};

    const CREATE: Operation = Operation::Create;

    #[test]
    fn the_previous_key_outlives_all_that_is_asked_with_both_keys() {
        for patience in [0, 60, 3_600].map(Duration::from_secs) {
            assert!(previous_key_lives(patience) > patience * 2);
        }
    }

    fn invalid(status: u16) -> ApiError {
        ApiError::Invalid {
            operation: CREATE,
            status,
            code: "invalid_request".into(),
            message: "no service tokens here".into(),
        }
    }

    #[test]
    fn a_refusal_of_the_token_itself_is_one() {
        let forbidden = ApiError::Forbidden {
            action: "createAccessToken".into(),
            resource: "service-token/*".into(),
        };
        for refusal in [forbidden, invalid(400), invalid(422)] {
            assert!(is_refused(&refusal), "{refusal}");
        }
    }

    #[test]
    fn what_says_nothing_of_the_token_is_no_refusal_of_it() {
        let source = TransportError::new(TransportKind::Timeout, &"10 s");
        let until = jiff::Timestamp::UNIX_EPOCH;
        for failure in [
            ApiError::Unauthorized,
            ApiError::NotFound { operation: CREATE },
            ApiError::MethodGone {
                operation: CREATE,
                status: 405,
            },
            ApiError::Conflict {
                operation: CREATE,
                message: "there is one".into(),
            },
            ApiError::RateLimited { until },
            ApiError::Server {
                operation: CREATE,
                status: 503,
            },
            ApiError::Uncertain {
                operation: CREATE,
                source: source.clone(),
            },
            ApiError::NotSent {
                operation: CREATE,
                source,
            },
            ApiError::Outage {
                operation: CREATE,
                until,
            },
            ApiError::NotLeading { operation: CREATE },
        ] {
            assert!(!is_refused(&failure), "{failure}");
        }
    }
}
