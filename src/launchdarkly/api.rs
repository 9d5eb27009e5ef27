//! The operations of the LaunchDarkly API that this program uses, as a trait, so that they can be simulated in memory; and reading the
//! list of tokens page by page, whatever the server says about where it ends.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use jiff::SignedDuration;

use super::error::{ApiError, Operation};
use super::model::{
    CallerIdentity, Deleted, Issued, Listing, NewToken, Page, PatchOp, Reset, Role, Token,
};
use crate::domain::ids::TokenId;
use crate::launchdarkly::rate_limit::Priority;
use crate::redaction::Key;

/// How many tokens are asked for at once; more may not be allowed (unknown), 50 works (observed).
pub const PAGE_SIZE: usize = 50;

/// More pages than any account has: an endless list is the server's mistake.
const MAX_PAGES: usize = 1_000;

/// More tokens than any account has, however they are spread over pages.
const MAX_TOKENS: usize = MAX_PAGES * PAGE_SIZE;

/// One credential's view of one LaunchDarkly account.
///
/// # Guarantees
/// - An effect is sent at most once after the gate was asked, and [`create`](TokensApi::create) and
///   [`reset`](TokensApi::reset) are never repeated in here, whatever happens.
/// - The credential's own token is never deleted, reset or given an expiry (I6).
pub trait TokensApi: Clone + Send + Sync + 'static {
    /// The same, with this priority for every call instead of its own; for a revocation.
    #[must_use]
    fn with_priority(&self, priority: Priority) -> Self;

    /// What to add to the local clock to get LaunchDarkly's, as far as it is known.
    fn clock_offset(&self) -> SignedDuration;

    /// Who the credential is.
    fn identify(&self) -> impl Future<Output = Result<CallerIdentity, ApiError>> + Send;

    /// Who a key is: the proof that it works.
    fn identify_with(
        &self,
        key: &Key,
    ) -> impl Future<Output = Result<CallerIdentity, ApiError>> + Send;

    /// One page of the tokens that the credential may see; for a service token all service tokens (documented).
    fn list_page(
        &self,
        offset: usize,
        limit: usize,
    ) -> impl Future<Output = Result<Page, ApiError>> + Send;

    /// All tokens that the credential may see, page by page.
    fn list_all(&self) -> impl Future<Output = Result<Listing, ApiError>> + Send {
        all_pages(self)
    }

    /// One token.
    fn get(&self, id: &TokenId) -> impl Future<Output = Result<Token, ApiError>> + Send;

    /// Creates a token. A durable intent must exist (I5). Dropping this future once it was polled is as uncertain as a
    /// lost answer.
    fn create(&self, desired: &NewToken) -> impl Future<Output = Result<Issued, ApiError>> + Send;

    /// Changes a token, all or nothing (inferred). Whether the change was applied is to be seen in the answer.
    fn patch(
        &self,
        id: &TokenId,
        changes: &[PatchOp],
    ) -> impl Future<Output = Result<Token, ApiError>> + Send;

    /// Deletes a token.
    fn delete(&self, id: &TokenId) -> impl Future<Output = Result<Deleted, ApiError>> + Send;

    /// Gives a token a new key; the previous one is asked to live for `previous_key_lives` from when the request leaves. A durable
    /// intent must exist (I5), and dropping this future is as uncertain as with [`create`](TokensApi::create).
    /// Deprecated since October 2026 (documented).
    fn reset(
        &self,
        id: &TokenId,
        previous_key_lives: Duration,
    ) -> impl Future<Output = Result<Reset, ApiError>> + Send;

    /// A custom role by key or id (documented).
    fn role(&self, key_or_id: &str) -> impl Future<Output = Result<Role, ApiError>> + Send;
}

/// Reads all pages.
///
/// The links, `totalCount` and a short page each hint at the end, and each is wrong somewhere (unknown which): the end
/// is an empty page, or a page after which no hint disagrees.
async fn all_pages<A: TokensApi>(api: &A) -> Result<Listing, ApiError> {
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
            return Ok(Listing::new(tokens, started_at));
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
