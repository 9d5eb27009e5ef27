//! An account as access tokens find it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::controller::account::features::Features;
use crate::controller::account::listings::View;
use crate::controller::account::state::AccountState;
use crate::domain::ids::{AccountId, Fingerprint, TokenId};
use crate::domain::memory::ShownListing;
use crate::domain::namespaces::AdmittedNamespaces;
use crate::domain::observed::OwnToken;
use crate::domain::policy::AccountPolicy;
use crate::domain::problem::Problem;
use crate::domain::reason::Reason;
use crate::launchdarkly::{CallerIdentity, Token, TokensApi};
use crate::redaction::{Key, LastFour};

/// An account object as the controllers use it.
#[derive(Debug, Clone)]
pub struct Entry<L> {
    /// Whether calls can be made.
    pub state: Availability<L>,
    /// What may be asked for.
    pub policy: AccountPolicy,
    /// Who may ask; `None` for a namespaced account, which serves its own namespace.
    pub allowed_namespaces: Option<AdmittedNamespaces>,
}

/// Whether calls can be made on an account.
#[derive(Debug, Clone)]
pub enum Availability<L> {
    /// Yes.
    Usable(Session<L>),
    /// No.
    Unusable {
        /// Why, as its objects say it.
        problem: Problem,
        /// Why, as it says itself.
        own_reason: Reason,
        /// The last credential that worked: deletions still use it while it does.
        last: Option<Session<L>>,
    },
}

impl<L> Availability<L> {
    /// The newest credential that worked.
    pub(in crate::controller) fn newest_session(&self) -> Option<&Session<L>> {
        match self {
            Self::Usable(session) => Some(session),
            Self::Unusable { last, .. } => last.as_ref(),
        }
    }
}

/// The token that a credential is (I6).
#[derive(Debug, Clone)]
pub enum CredentialToken {
    /// LaunchDarkly names it.
    Named(TokenId),
    /// LaunchDarkly does not name it (observed of service tokens): its listing shows it with these.
    Described {
        /// Its name, where LaunchDarkly says it.
        name: Option<String>,
        /// The end of its key.
        last_four: LastFour,
        /// When LaunchDarkly was asked, on the steady clock: an older listing may show the end of an older key.
        since: Timestamp,
    },
}

impl CredentialToken {
    /// What LaunchDarkly said of a key that it was asked about at `since`.
    pub(super) fn new(key: &Key, identity: &CallerIdentity, since: Timestamp) -> Self {
        match &identity.token_id {
            Some(id) => Self::Named(id.clone()),
            None => Self::Described {
                name: identity.token_name.clone(),
                last_four: key.last_four(),
                since,
            },
        }
    }

    /// The tokens of a listing that look like it; none where the listing is too old to tell. The end of the key tells best; a name tells
    /// among several, and where no key ends like that, since the token may have been reset since.
    pub(in crate::controller) fn alike(&self, listing: &impl ShownListing<Token>) -> Vec<TokenId> {
        let (name, last_four, since) = match self {
            Self::Named(id) => {
                return listing
                    .token(id)
                    .map(|it| it.id.clone())
                    .into_iter()
                    .collect();
            }
            Self::Described {
                name,
                last_four,
                since,
            } => (name, last_four, *since),
        };
        let has_name = |token: &&Token| name.as_ref().is_some_and(|name| token.name == *name);
        let has_end = |token: &&Token| token.last_four.as_ref().is_none_or(|end| end == last_four);
        let fresh = listing
            .tokens()
            .filter(|it| listing.known_at(&it.id) >= since);
        let fresh: Vec<&Token> = fresh.collect();
        let of = |alike: &dyn Fn(&&Token) -> bool| -> Vec<TokenId> {
            let alike = fresh.iter().copied().filter(|it| alike(it));
            alike.map(|token| token.id.clone()).collect()
        };
        let both = of(&|it| has_end(it) && has_name(it));
        let end = of(&has_end);
        [both, end, of(&has_name)]
            .into_iter()
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// What is known of it to an object that has to do with these tokens.
    pub(in crate::controller) fn own_token<'a>(
        &self,
        listing: Option<&impl ShownListing<Token>>,
        concerned: impl Iterator<Item = &'a TokenId>,
    ) -> OwnToken {
        let since = match self {
            Self::Named(id) => return OwnToken::Named(id.clone()),
            Self::Described { since, .. } => *since,
        };
        let Some(listing) = listing.filter(|listing| listing.start_time() >= since) else {
            return OwnToken::Unlisted { since };
        };
        let alike = self.alike(listing);
        // While it is not found it may be any.
        let may_be = |id: &&TokenId| alike.is_empty() || alike.contains(id);
        OwnToken::OneOf(concerned.filter(may_be).cloned().collect())
    }
}

impl<L: TokensApi> Session<L> {
    /// The same, for calls that an object of a namespace needs.
    #[must_use]
    pub(in crate::controller) fn on_behalf_of(self, namespace: &str) -> Self {
        Self {
            api: self.api.on_behalf_of(namespace),
            ..self
        }
    }
}

impl<L> Session<L> {
    /// What all credentials listed, as the objects of this one see it.
    pub(in crate::controller) fn listing(&self) -> Option<Arc<View>> {
        self.state.listings().view(&self.key)
    }

    /// What was found out about the instance, as it is for this credential.
    pub(in crate::controller) fn features(&self, now: Timestamp) -> Features {
        self.state.found_out().features(&self.key, now)
    }
}

/// A credential whose identity was checked, and the account behind it (I10).
#[derive(Debug, Clone)]
pub struct Session<L> {
    /// Calls with these very credential bytes.
    pub api: L,
    /// The account behind the credential.
    pub account_id: AccountId,
    /// The token that the credential is.
    pub credential: CredentialToken,
    /// The credential, as what is known of it alone is kept by.
    pub key: Fingerprint,
    /// The credential itself: its own Secret may have to be written again.
    pub managing_key: Key,
    /// What all credentials of the account share.
    pub state: Arc<AccountState>,
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::launchdarkly::Listing;

    const OWN: &str = "61095542756dba551110ae20";
    const OTHER: &str = "61095542756dba551110ae21";

    fn listing(at: Timestamp, tokens: &[(&str, &str, &str)]) -> Listing {
        let tokens = tokens.iter().map(|(id, name, end)| Token {
            id: TokenId::new(*id),
            name: (*name).to_owned(),
            description: String::new(),
            service_token: true,
            role: Some("admin".to_owned()),
            custom_role_ids: Vec::new(),
            inline_role: Vec::new(),
            default_api_version: None,
            creation_time: None,
            last_used: None,
            expiry: None,
            last_four: Some(LastFour::of(end)),
        });
        Listing::new(tokens.collect(), at)
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// What is known to an object that has to do with both tokens.
    fn told(identity: &CallerIdentity, listing: Option<&Listing>) -> OwnToken {
        let key = Key::from_bytes(b"api-00000000-0000-4000-8000-0000000000aa").unwrap();
        let concerned = [OWN, OTHER].map(TokenId::new);
        CredentialToken::new(&key, identity, second(10)).own_token(listing, concerned.iter())
    }

    #[test]
    fn the_operators_own_token_is_told_by_name_and_end_of_its_key_i6() {
        let identity = CallerIdentity {
            token_name: Some("operator".to_owned()),
            ..CallerIdentity::default()
        };
        let shown = [(OWN, "operator", "00aa"), (OTHER, "operator", "00ab")];
        let since = second(10);
        let own = OwnToken::OneOf([TokenId::new(OWN)].into());
        let fresh = listing(second(10), &shown);
        assert_eq!(told(&identity, Some(&fresh)), own);
        assert_eq!(told(&identity, None), OwnToken::Unlisted { since });
        // The end of its key may have been another then.
        let old = listing(second(9), &shown);
        assert_eq!(told(&identity, Some(&old)), OwnToken::Unlisted { since });
    }

    #[test]
    fn while_it_is_not_found_it_may_be_any_i6() {
        let identity = CallerIdentity {
            token_name: Some("operator".to_owned()),
            ..CallerIdentity::default()
        };
        let told = |tokens: &[_]| told(&identity, Some(&listing(second(10), tokens)));
        let both = OwnToken::OneOf([OWN, OTHER].map(TokenId::new).into());
        assert_eq!(told(&[(OTHER, "ci", "00ab")]), both);
        let own = OwnToken::OneOf([TokenId::new(OWN)].into());
        // Renamed, and reset, since it was asked who it is.
        let renamed = [(OWN, "renamed", "00aa"), (OTHER, "ci", "00ab")];
        assert_eq!(told(&renamed), own);
        let reset = [(OWN, "operator", "00ff"), (OTHER, "ci", "00ab")];
        assert_eq!(told(&reset), own);
    }

    #[test]
    fn a_token_that_launchdarkly_names_is_the_one() {
        let identity = CallerIdentity {
            token_id: Some(TokenId::new(OTHER)),
            ..CallerIdentity::default()
        };
        assert_eq!(told(&identity, None), OwnToken::Named(TokenId::new(OTHER)));
    }
}
