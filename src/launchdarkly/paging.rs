//! Reading the list of tokens page by page, whatever the server says about where it ends, and whatever is deleted meanwhile.
//!
//! Pages overlap by one token. A page that does not show the last token of the one before does not meet it: a deletion has moved
//! tokens to a page that was read already. Then all pages are read again.

use std::collections::HashMap;

use jiff::Timestamp;

use super::error::{ApiError, Operation};
use super::model::{Listing, Page, Token};
use crate::domain::ids::TokenId;

/// How many tokens are asked for at once; more may not be allowed (unknown), 50 works (observed).
pub const PAGE_SIZE: usize = 50;

/// More pages than any account has: an endless list is the server's mistake.
const MAX_PAGES: usize = 1_000;

/// More tokens than any account has, however they are spread over pages.
const MAX_TOKENS: usize = MAX_PAGES * PAGE_SIZE;

/// How often all pages are read until they meet. An account where tokens are deleted all the time is not read for ever.
const PASSES: usize = 3;

/// Reads all pages with what asks for the one at an offset. A token that any pass shows is there: only what none shows counts as
/// absent.
pub(super) async fn all_pages<F: Future<Output = Result<Page, ApiError>>>(
    ask: impl Fn(usize) -> F,
) -> Result<Listing, ApiError> {
    let mut tokens = Tokens::default();
    let mut started_at = None;
    for _ in 0..PASSES {
        let first = ask(0).await?;
        // What happened after the first request of the first pass may be missing.
        started_at.get_or_insert(first.asked_at);
        if pass(&ask, first, &mut tokens).await? {
            break;
        }
    }
    let started_at = started_at.unwrap_or(Timestamp::MIN);
    Ok(Listing::new(tokens.all, started_at))
}

/// Reads the pages that follow the first; whether all of them met.
///
/// The links, `totalCount` and a short page each hint at the end, and each is wrong somewhere (unknown which): the end
/// is a page with nothing behind the overlap, or one after which no hint disagrees.
async fn pass<F: Future<Output = Result<Page, ApiError>>>(
    ask: &impl Fn(usize) -> F,
    first: Page,
    tokens: &mut Tokens,
) -> Result<bool, ApiError> {
    let mut page = first;
    let (mut offset, mut read) = (0, 0);
    let mut meets = true;
    for _ in 0..MAX_PAGES {
        let end = offset + page.received;
        let is_over = end <= read || is_last(&page, end);
        let last = page.items.last().map(|token| token.id.clone());
        let overlap = offset_of_last(&page, offset).filter(|overlap| *overlap > offset);
        tokens.take_in(page.items);
        if is_over {
            return Ok(meets);
        }
        if tokens.all.len() > MAX_TOKENS {
            break;
        }
        read = end;
        offset = overlap.unwrap_or(end);
        page = ask(offset).await?;
        meets &= match last.filter(|_| overlap.is_some()) {
            Some(last) => page.items.iter().any(|token| token.id == last),
            // One token, or none that can be read, is no page to overlap with.
            None => page.received == 0,
        };
    }
    Err(ApiError::Unreadable {
        operation: Operation::List,
        why: "has no end",
    })
}

/// Where the last token of a page is in the whole list, if any could be read.
fn offset_of_last(page: &Page, offset: usize) -> Option<usize> {
    let behind = page.unread_at_end + 1;
    page.received
        .checked_sub(behind)
        .map(|before| offset + before)
}

fn is_last(page: &Page, end: usize) -> bool {
    if page.received == 0 {
        return true;
    }
    let links_end = page.has_next.map(|more| !more);
    let count_ends = page.total.map(|total| end >= total);
    let hints = [links_end, count_ends].into_iter().flatten();
    // Without another hint a short page only says that the server's pages are shorter than asked for.
    let agreed = hints.reduce(|a, b| a && b).unwrap_or(false);
    agreed && page.received < PAGE_SIZE
}

/// Each token once, as it was shown last.
#[derive(Default)]
struct Tokens {
    all: Vec<Token>,
    places: HashMap<TokenId, usize>,
}

impl Tokens {
    fn take_in(&mut self, shown: Vec<Token>) {
        for token in shown {
            let place = self.places.get(&token.id);
            if let Some(known) = place.and_then(|place| self.all.get_mut(*place)) {
                *known = token;
            } else {
                self.places.insert(token.id.clone(), self.all.len());
                self.all.push(token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;

    use futures::FutureExt as _;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::launchdarkly::wire;

    /// A list from which a token is deleted before some of the requests.
    struct Shrinking {
        tokens: RefCell<Vec<usize>>,
        /// Before which request, and the token at which place.
        deletions: Vec<(usize, usize)>,
        page: usize,
        requests: Cell<usize>,
    }

    impl Shrinking {
        fn of(tokens: usize, page: usize, deletions: Vec<(usize, usize)>) -> Self {
            Self {
                tokens: RefCell::new((0..tokens).collect()),
                deletions,
                page,
                requests: Cell::new(0),
            }
        }

        fn ask(&self, offset: usize) -> Page {
            let mut tokens = self.tokens.borrow_mut();
            for (_, place) in self
                .deletions
                .iter()
                .filter(|it| it.0 == self.requests.get())
            {
                if *place < tokens.len() {
                    tokens.remove(*place);
                }
            }
            self.requests.set(self.requests.get() + 1);
            let shown = tokens.iter().skip(offset).take(self.page);
            let items: Vec<_> = shown
                .map(|number| serde_json::json!({ "_id": format!("{number:024x}") }))
                .collect();
            let body = serde_json::json!({ "items": items, "totalCount": tokens.len() });
            wire::page(body.to_string().as_bytes(), Timestamp::UNIX_EPOCH).unwrap()
        }

        fn list(&self) -> Vec<String> {
            let listing = all_pages(|offset| ready(Ok(self.ask(offset)))).now_or_never();
            let tokens = listing.unwrap().unwrap().tokens;
            tokens.iter().map(|token| token.id.to_string()).collect()
        }

        /// Tokens that are there and were not listed.
        fn missing(&self, listed: &[String]) -> Vec<usize> {
            let mut left = self.tokens.borrow().clone();
            left.retain(|number| !listed.contains(&format!("{number:024x}")));
            left
        }
    }

    #[test]
    fn what_slips_between_pages_in_every_pass_but_one_is_listed() {
        // Three pages: each of the first two passes loses a token at a boundary.
        let list = Shrinking::of(120, PAGE_SIZE, vec![(1, 3), (4, 3)]);
        let listed = list.list();
        assert_eq!(list.missing(&listed), Vec::<usize>::new());
        assert_eq!(list.requests.get(), 9);
    }

    #[test]
    fn pages_that_never_meet_are_read_three_times_and_no_more() {
        let list = Shrinking::of(120, PAGE_SIZE, vec![(1, 3), (4, 3), (7, 3), (10, 3)]);
        let listed = list.list();
        assert_eq!(list.requests.get(), 9);
        // What one pass does not show, another does.
        assert_eq!(list.missing(&listed), Vec::<usize>::new());
    }

    #[test]
    fn a_page_of_one_token_is_no_reason_to_read_on() {
        let list = Shrinking::of(1, PAGE_SIZE, Vec::new());
        assert_eq!((list.list().len(), list.requests.get()), (1, 1));
        let pages_of_one = Shrinking::of(4, 1, Vec::new());
        assert_eq!(pages_of_one.list().len(), 4);
    }

    proptest! {
        #[test]
        fn what_stays_is_listed_whatever_few_tokens_are_deleted_meanwhile_i1(
            tokens in 0_usize..170,
            page in 2..=PAGE_SIZE,
            deletions in vec((1_usize..6, 0_usize..170), 0..6),
        ) {
            let list = Shrinking::of(tokens, page, deletions);
            let listed = list.list();
            prop_assert_eq!(list.missing(&listed), Vec::<usize>::new());
        }
    }
}
