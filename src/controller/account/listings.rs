//! What each credential of an account last listed, and what its objects may conclude from that (I13).
//!
//! A token that any credential shows is there, for all. One that a credential does not show is not there only as far as that credential
//! can see: for its own objects, and for those of others if it showed the token before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{AccountMark, Fingerprint, ObjectUid, TokenId};
use crate::domain::marker::{Hold, Marker};
use crate::domain::memory::ShownListing;
use crate::launchdarkly::{Listing, Token};

/// A credential that may not list is passed over for so long, while another one may.
const PASSED_OVER: SignedDuration = SignedDuration::from_hours(1);

/// The newest listings of an account, one a credential.
#[derive(Debug, Default)]
pub(in crate::controller) struct Listings {
    newest: HashMap<Fingerprint, Listed>,
    views: HashMap<Fingerprint, Arc<View>>,
    turns: HashMap<Fingerprint, Turn>,
}

/// What a credential listed.
#[derive(Debug)]
struct Listed {
    listing: Arc<Listing>,
    now: HashSet<TokenId>,
    /// Tokens of all kept listings that it showed at some time: it can see them.
    ever: HashSet<TokenId>,
}

/// When a credential was asked to list.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: Timestamp,
    refused: bool,
}

/// All listings of an account, as the objects of one credential see them.
#[derive(Debug)]
pub(in crate::controller) struct View {
    own: Arc<Listing>,
    /// What listings of other credentials know better: since when a token is there, or is not.
    better: HashMap<TokenId, (Timestamp, Option<Token>)>,
    /// Which of these carry an object's marker.
    better_by_object: HashMap<ObjectUid, Vec<TokenId>>,
    /// Which of these are retained, by the account objects that they were made through.
    better_retained: HashMap<AccountMark, Vec<TokenId>>,
    newest: Timestamp,
}

impl View {
    /// Of a credential that has not listed yet.
    fn nothing() -> Arc<Listing> {
        Arc::new(Listing::new(Vec::new(), Timestamp::MIN))
    }

    /// When the newest of all listings began.
    pub(in crate::controller) fn newest(&self) -> Timestamp {
        self.newest
    }

    /// The tokens that were retained, of those made through this account object.
    pub(super) fn retained(&self, account: &AccountMark) -> impl Iterator<Item = &TokenId> {
        let own = self.own.retained(account).map(|token| &token.id);
        let better = self.better_retained.get(account).into_iter().flatten();
        own.filter(|id| !self.better.contains_key(*id))
            .chain(better)
    }
}

impl ShownListing<Token> for View {
    fn start_time(&self) -> Timestamp {
        self.own.started_at
    }

    fn known_at(&self, id: &TokenId) -> Timestamp {
        let better = self.better.get(id);
        better.map_or(self.own.started_at, |(at, _)| *at)
    }

    fn token(&self, id: &TokenId) -> Option<&Token> {
        match self.better.get(id) {
            Some((_, token)) => token.as_ref(),
            None => self.own.token(id),
        }
    }

    fn marked_for<'a>(&'a self, object: &ObjectUid) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        let better = self.better_by_object.get(object).into_iter().flatten();
        let better = better.filter_map(|id| self.better.get(id)?.1.as_ref());
        let own = self.own.marked_for(object);
        own.filter(|token| !self.better.contains_key(&token.id))
            .chain(better)
    }

    fn tokens<'a>(&'a self) -> impl Iterator<Item = &'a Token>
    where
        Token: 'a,
    {
        let better = self.better.values().filter_map(|(_, token)| token.as_ref());
        let own = self.own.tokens.iter();
        own.filter(|token| !self.better.contains_key(&token.id))
            .chain(better)
    }
}

impl Listings {
    /// What a credential's objects see; `None` before anything was listed.
    pub(in crate::controller) fn view(&mut self, key: &Fingerprint) -> Option<Arc<View>> {
        if self.newest.is_empty() {
            return None;
        }
        if let Some(view) = self.views.get(key) {
            return Some(Arc::clone(view));
        }
        let view = Arc::new(self.seen_by(key));
        self.views.insert(key.clone(), Arc::clone(&view));
        Some(view)
    }

    /// What a credential itself listed last.
    pub(in crate::controller) fn own(&self, key: &Fingerprint) -> Option<Arc<Listing>> {
        Some(Arc::clone(&self.newest.get(key)?.listing))
    }

    /// Keeps a listing, unless a newer one of the credential is there.
    pub(in crate::controller) fn keep(&mut self, key: &Fingerprint, listing: Listing) {
        self.took_turn(key, listing.started_at, false);
        let known = self.newest.get(key);
        if known.is_some_and(|known| known.listing.started_at > listing.started_at) {
            return;
        }
        let shown: HashSet<TokenId> = listing.tokens.iter().map(|it| it.id.clone()).collect();
        let mut ever = self
            .newest
            .remove(key)
            .map_or_else(HashSet::new, |known| known.ever);
        ever.extend(shown.iter().cloned());
        let listed = Listed {
            listing: Arc::new(listing),
            now: shown,
            ever,
        };
        self.newest.insert(key.clone(), listed);
        self.settle();
    }

    /// A credential was asked to list.
    pub(in crate::controller) fn took_turn(
        &mut self,
        key: &Fingerprint,
        at: Timestamp,
        refused: bool,
    ) {
        self.turns.insert(key.clone(), Turn { at, refused });
    }

    /// Forgets credentials that are not in use any more.
    pub(in crate::controller) fn retain(&mut self, keys: &HashSet<&Fingerprint>) {
        let before = self.newest.len();
        self.newest.retain(|key, _| keys.contains(key));
        self.turns.retain(|key, _| keys.contains(key));
        if self.newest.len() != before {
            self.settle();
        }
    }

    /// Who is to list next, by turns: whoever listed longest ago, and then the others, in case it is refused. One that was refused a
    /// moment ago is asked only if all were.
    pub(in crate::controller) fn turns<T>(
        &self,
        credentials: Vec<T>,
        key: impl Fn(&T) -> &Fingerprint,
        now: Timestamp,
    ) -> Vec<T> {
        let turn = |one: &T| self.turns.get(key(one)).copied();
        let is_refused = |one: &T| {
            turn(one).is_some_and(|turn| turn.refused && now.duration_since(turn.at) < PASSED_OVER)
        };
        let (mut refused, mut others): (Vec<T>, Vec<T>) =
            credentials.into_iter().partition(is_refused);
        let by_turn = |one: &T| (turn(one).map(|turn| turn.at), key(one).clone());
        others.sort_by_cached_key(by_turn);
        if others.is_empty() {
            refused.sort_by_cached_key(by_turn);
            refused.truncate(1);
            return refused;
        }
        others
    }

    /// Whether a token is in nobody's listing, as far as this credential and all others can see.
    pub(in crate::controller) fn lack(&self, key: &Fingerprint, id: &TokenId) -> bool {
        let mut all = self.newest.values();
        self.newest.contains_key(key) && !all.any(|listed| listed.now.contains(id))
    }

    fn settle(&mut self) {
        let all: Vec<&HashSet<TokenId>> = self.newest.values().map(|listed| &listed.now).collect();
        let shown: HashSet<TokenId> = if all.len() > 1 {
            all.into_iter().flatten().cloned().collect()
        } else {
            HashSet::new() // alone, nobody asks what it showed before
        };
        for listed in self.newest.values_mut() {
            listed
                .ever
                .retain(|id| shown.contains(id) || listed.now.contains(id));
        }
        // Made anew when somebody looks.
        self.views.clear();
    }

    fn seen_by(&self, key: &Fingerprint) -> View {
        let own = self.newest.get(key);
        let mut view = View {
            own: own.map_or_else(View::nothing, |own| Arc::clone(&own.listing)),
            better: HashMap::new(),
            better_by_object: HashMap::new(),
            better_retained: HashMap::new(),
            newest: Timestamp::MIN,
        };
        view.newest = view.own.started_at;
        let others = self.newest.iter().filter(|(other, _)| *other != key);
        let mut others: Vec<&Listed> = others.map(|(_, listed)| listed).collect();
        others.sort_by_key(|listed| listed.listing.started_at);
        for other in others {
            let at = other.listing.started_at;
            let is_newer = at > view.own.started_at;
            view.newest = view.newest.max(at);
            for token in &other.listing.tokens {
                // What it could see and does not show any more is gone.
                let is_gone = own.is_some_and(|own| own.ever.contains(&token.id));
                if is_newer || !is_gone {
                    view.better
                        .insert(token.id.clone(), (at, Some(token.clone())));
                }
            }
            if is_newer {
                for id in other.ever.difference(&other.now) {
                    view.better.insert(id.clone(), (at, None));
                }
            }
        }
        let shown = view.better.values().filter_map(|(_, token)| token.as_ref());
        for token in shown {
            if let Some(marker) = Marker::parse(&token.description) {
                if let Hold::Retained(Some(account)) = marker.hold {
                    let of_account = view.better_retained.entry(account);
                    of_account.or_default().push(token.id.clone());
                }
                let of_object = view.better_by_object.entry(marker.object);
                of_object.or_default().push(token.id.clone());
            }
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Fingerprint {
        Fingerprint::of(name.as_bytes())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn token(id: &str) -> Token {
        Token {
            id: TokenId::new(id),
            name: String::new(),
            description: String::new(),
            service_token: true,
            role: None,
            custom_role_ids: Vec::new(),
            inline_role: Vec::new(),
            default_api_version: None,
            creation_time: None,
            last_used: None,
            expiry: None,
            last_four: None,
        }
    }

    /// What credentials listed, one after the other, a second apart: `one: a b`.
    fn listings(all: &[(&str, &str)]) -> Listings {
        let mut listings = Listings::default();
        for (second, (name, tokens)) in (1..).zip(all) {
            let tokens = tokens.split_whitespace().map(token).collect();
            let listing = Listing::new(tokens, at(second));
            listings.keep(&key(name), listing);
        }
        listings
    }

    /// What a credential's objects see: each token, and as of when.
    fn seen(listings: &mut Listings, name: &str) -> String {
        let view = listings.view(&key(name)).unwrap();
        let mut ids: Vec<_> = view.tokens().map(|token| token.id.clone()).collect();
        ids.sort();
        let shown = ids.iter().map(|id| {
            assert!(view.token(id).is_some());
            format!("{id}{}", view.known_at(id).as_second())
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// As of when a token is known not to be there.
    fn lacks(listings: &mut Listings, name: &str, id: &str) -> Option<i64> {
        let view = listings.view(&key(name)).unwrap();
        let id = TokenId::new(id);
        let known_at = view.known_at(&id).as_second();
        view.token(&id).is_none().then_some(known_at)
    }

    #[test]
    fn a_token_that_any_credential_shows_is_there_for_all_i13() {
        let mut listings = listings(&[("one", "a b"), ("other", "b c")]);
        assert_eq!(seen(&mut listings, "one"), "a1 b2 c2");
        assert_eq!(seen(&mut listings, "other"), "a1 b2 c2");
        assert_eq!(seen(&mut listings, "new"), "a1 b2 c2");
    }

    #[test]
    fn what_another_credential_never_showed_is_not_missing_because_it_does_not_i13() {
        let mut listings = listings(&[("one", "a"), ("other", ""), ("other", "")]);
        assert_eq!(seen(&mut listings, "one"), "a1");
        assert_eq!(seen(&mut listings, "other"), "a1");
        // Nor is a token that nobody shows, but for the one that would.
        assert_eq!(lacks(&mut listings, "one", "lost"), Some(1));
        assert_eq!(lacks(&mut listings, "other", "lost"), Some(3));
    }

    #[test]
    fn what_another_credential_showed_and_does_not_any_more_is_missing() {
        let mut listings = listings(&[("other", "a"), ("one", "a"), ("other", "")]);
        assert_eq!(lacks(&mut listings, "one", "a"), Some(3));
        assert_eq!(lacks(&mut listings, "other", "a"), Some(3));
        assert_eq!(seen(&mut listings, "one"), "");
    }

    #[test]
    fn a_credential_that_is_not_in_use_any_more_shows_nothing() {
        let mut listings = listings(&[("one", "a"), ("other", "a b")]);
        listings.retain(&HashSet::from([&key("one")]));
        assert_eq!(seen(&mut listings, "one"), "a1");
        assert!(listings.lack(&key("one"), &TokenId::new("b")));
        assert!(!listings.lack(&key("one"), &TokenId::new("a")));
        // Who has not listed cannot tell.
        assert!(!listings.lack(&key("other"), &TokenId::new("b")));
    }

    #[test]
    fn credentials_list_by_turns_and_those_that_are_refused_are_passed_over_i13() {
        let mut listings = listings(&[("one", ""), ("other", ""), ("third", "")]);
        let all = || ["one", "other", "third"].map(key).to_vec();
        let names = |listings: &Listings, now| listings.turns(all(), |key| key, at(now));
        assert_eq!(names(&listings, 9), ["one", "other", "third"].map(key));
        listings.took_turn(&key("one"), at(10), true);
        assert_eq!(names(&listings, 11), ["other", "third"].map(key));
        listings.took_turn(&key("other"), at(12), true);
        listings.took_turn(&key("third"), at(13), true);
        assert_eq!(names(&listings, 14), [key("one")], "one call an interval");
        assert_eq!(names(&listings, 3_611), ["one"].map(key));
    }
}
