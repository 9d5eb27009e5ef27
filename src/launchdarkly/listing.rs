//! Reads the list of tokens page by page, whatever the server says about where it ends.

use std::collections::HashSet;

use super::api::TokensApi;
use super::error::{ApiError, Operation};
use super::model::{Listing, Page};

/// How many tokens are asked for at once; more may not be allowed (unknown), 50 works (observed).
pub const PAGE_SIZE: usize = 50;

/// More pages than any account has: an endless list is the server's mistake.
const MAX_PAGES: usize = 1_000;

/// More tokens than any account has, however they are spread over pages.
const MAX_TOKENS: usize = MAX_PAGES * PAGE_SIZE;

/// Reads all pages.
///
/// The links, `totalCount` and a short page each hint at the end, and each is wrong somewhere (unknown which): the end
/// is an empty page, or a page after which no hint disagrees.
pub(super) async fn all_pages<A: TokensApi>(api: &A) -> Result<Listing, ApiError> {
    let mut page = api.list_page(0, PAGE_SIZE).await?;
    let started_at = page.asked_at;
    let mut tokens = Vec::new();
    let mut seen = HashSet::new();
    let mut offset = 0;
    for _ in 0..MAX_PAGES {
        offset += page.received;
        let ends_here = is_last(&page, offset);
        let fresh = page.items.into_iter();
        tokens.extend(fresh.filter(|token| seen.insert(token.id.clone())));
        if ends_here {
            return Ok(Listing { tokens, started_at });
        }
        if tokens.len() > MAX_TOKENS {
            break;
        }
        page = api.list_page(offset, PAGE_SIZE).await?;
    }
    Err(ApiError::Unreadable {
        operation: Operation::List,
        why: "has no end",
    })
}

fn is_last(page: &Page, offset_after: usize) -> bool {
    if page.received == 0 {
        return true;
    }
    let links_end = page.has_next.map(|more| !more);
    let count_ends = page.total.map(|total| offset_after >= total);
    let hints = [links_end, count_ends].into_iter().flatten();
    // Without another hint a short page only says that the server's pages are shorter than asked for.
    let agreed = hints.reduce(|a, b| a && b).unwrap_or(false);
    agreed && page.received < PAGE_SIZE
}
