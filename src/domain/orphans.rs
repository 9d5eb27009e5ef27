//! Tokens that carry this cluster's marker and have no owner: what is left if an object goes without cleaning up.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::marker::{Hold, Marker};
use crate::domain::account::AccountKey;
use crate::domain::ids::{Installation, ObjectUid, TokenId};
use crate::domain::time::plus;

/// A token that was made or used this recently may belong to an object that is not seen yet.
const QUIET_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A token as a listing shows it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its id.
    pub id: &'a TokenId,
    /// With the marker, if it has one.
    pub description: &'a str,
    /// When it was created.
    pub creation_time: Option<Timestamp>,
    /// When it was last used, if ever.
    pub last_used: Option<Timestamp>,
}

/// Who lives in this cluster, and what they answer for.
#[derive(Debug, Default)]
pub struct Living {
    /// Every `AccessToken` of the cluster.
    pub objects: HashSet<ObjectUid>,
    /// Every token that one of them records.
    pub claimed: BTreeSet<TokenId>,
}

/// Whether an account object is to tell of an orphan: the one that it was made through; and those whose readers may know of all tokens, of
/// the whole cluster and of the operator's namespace, where nobody knows that any more.
#[must_use]
pub fn is_told_by(account: &AccountKey, maker: Option<&AccountKey>, own_namespace: &str) -> bool {
    match (maker, account) {
        (Some(maker), _) => maker == account,
        (None, AccountKey::Cluster { .. }) => true,
        (None, AccountKey::Namespaced { namespace, .. }) => namespace == own_namespace,
    }
}

/// The tokens of a listing that carry this installation's marker, were left neither on purpose nor a short while ago,
/// and that no living object answers for.
///
/// One such listing is no proof: a token is an orphan when the next one says the same.
#[must_use]
pub fn suspects<'a>(
    listed: impl Iterator<Item = Listed<'a>>,
    installation: &Installation,
    living: &Living,
    now: Timestamp,
) -> BTreeSet<TokenId> {
    let forsaken = |token: &Listed<'_>| {
        Marker::parse(token.description).is_some_and(|marker| {
            marker.installation == *installation
                && !matches!(marker.hold, Hold::Retained(_))
                && !living.objects.contains(&marker.object)
        }) && !living.claimed.contains(token.id)
    };
    let quiet = |token: &Listed<'_>| {
        let last_sign = token.creation_time.max(token.last_used);
        last_sign.is_some_and(|at| plus(at, QUIET_FOR) <= now)
    };
    listed
        .filter(|token| forsaken(token) && quiet(token))
        .map(|token| token.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Attempt;

    fn marked(installation: &str, object: &str, hold: Hold) -> String {
        let marker = Marker {
            installation: Installation::new(installation),
            object: ObjectUid::new(object),
            hold,
        };
        format!("Deploys flags {}", marker.render())
    }

    fn found(description: &str, hours_ago: i64, living: &Living) -> bool {
        let now = plus(Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1_000));
        let id = TokenId::new("61095542756dba551110ae21");
        let listed = Listed {
            id: &id,
            description,
            creation_time: Some(Timestamp::UNIX_EPOCH),
            last_used: Some(plus(now, -SignedDuration::from_hours(hours_ago))),
        };
        let installation = Installation::new("0123abcd");
        !suspects(std::iter::once(listed), &installation, living, now).is_empty()
    }

    fn ours() -> String {
        marked("0123abcd", "gone", Hold::Attempt(Attempt::new("00000001")))
    }

    #[test]
    fn a_token_of_an_object_that_is_gone_is_an_orphan_after_a_quiet_day() {
        assert!(found(&ours(), 25, &Living::default()));
        assert!(!found(&ours(), 23, &Living::default()));
    }

    #[test]
    fn tokens_of_living_objects_are_none() {
        let lives = Living {
            objects: [ObjectUid::new("gone")].into(),
            ..Living::default()
        };
        assert!(!found(&ours(), 25, &lives));
        let claimed = Living {
            claimed: [TokenId::new("61095542756dba551110ae21")].into(),
            ..Living::default()
        };
        assert!(!found(&ours(), 25, &claimed));
    }

    #[test]
    fn what_was_left_on_purpose_or_is_of_another_cluster_is_none() {
        let retained = marked("0123abcd", "gone", Hold::Retained(None));
        let other = marked("ffffffff", "gone", Hold::Attempt(Attempt::new("00000001")));
        for description in [retained.as_str(), other.as_str(), "Deploys flags"] {
            assert!(!found(description, 25, &Living::default()), "{description}");
        }
    }
}
