//! The operations of the LaunchDarkly API that this program uses, as a trait, so that they can be simulated in memory.

use std::future::Future;

use super::answer::Answer;
use super::error::ApiError;
use super::model::{
    CallerIdentity, Deleted, Issued, Listing, NewToken, Overlap, Page, PatchOp, Reset, Role, Token,
};
use super::paging::{PAGE_SIZE, all_pages};
use crate::domain::ids::TokenId;
use crate::domain::time::RemoteOffset;
use crate::launchdarkly::rate_limit::Priority;
use crate::redaction::Key;

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

    /// The same, for calls that an object of a namespace needs: of one priority the namespaces take turns (I13).
    #[must_use]
    fn on_behalf_of(&self, namespace: &str) -> Self;

    /// What to add to the local clock to get LaunchDarkly's, as far as it is known.
    fn clock_offset(&self) -> RemoteOffset;

    /// Who the credential is.
    fn identify(&self) -> impl Future<Output = Result<CallerIdentity, ApiError>> + Send;

    /// Who a key is: the proof that it works.
    fn identify_with(&self, key: &Key) -> impl Future<Output = Answer<CallerIdentity>> + Send;

    /// One page of the tokens that the credential may see; for a service token all service tokens (documented).
    fn list_page(
        &self,
        offset: usize,
        limit: usize,
    ) -> impl Future<Output = Result<Page, ApiError>> + Send;

    /// All tokens that the credential may see, page by page.
    fn list_all(&self) -> impl Future<Output = Result<Listing, ApiError>> + Send {
        all_pages(|offset| self.list_page(offset, PAGE_SIZE))
    }

    /// One token.
    fn get(&self, id: &TokenId) -> impl Future<Output = Answer<Token>> + Send;

    /// Creates a token. A durable intent must exist (I5). Dropping this future once it was polled is as uncertain as a
    /// lost answer.
    fn create(&self, desired: &NewToken) -> impl Future<Output = Result<Issued, ApiError>> + Send;

    /// Changes a token, all or nothing (inferred). Whether the change was applied is to be seen in the answer.
    fn patch(
        &self,
        id: &TokenId,
        changes: &[PatchOp],
    ) -> impl Future<Output = Answer<Token>> + Send;

    /// Deletes a token.
    fn delete(&self, id: &TokenId) -> impl Future<Output = Result<Deleted, ApiError>> + Send;

    /// Gives a token a new key; the previous one is asked to live on as long as that says. Unless it is to die, a durable
    /// intent must exist (I5), and dropping this future is as uncertain as with [`create`](TokensApi::create).
    /// Deprecated since October 2026 (documented).
    fn reset(
        &self,
        id: &TokenId,
        previous_key: Overlap,
    ) -> impl Future<Output = Result<Reset, ApiError>> + Send;

    /// A custom role by key or id (documented).
    fn role(&self, key_or_id: &str) -> impl Future<Output = Answer<Role>> + Send;
}
