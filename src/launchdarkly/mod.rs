//! The client of the LaunchDarkly API: six operations on access tokens, caller identity and custom roles.
//!
//! What the API does is marked in here by how certain it is: (documented) by LaunchDarkly, (observed) by those who
//! talked to it, (inferred) from these, or (unknown), on which nothing depends.

mod answer;
mod api;
mod client;
mod connect;
mod convert;
mod differences;
mod endpoint;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod model;
mod paging;
mod rate_limit;
mod request;
mod response;
mod transport;
mod wire;

pub use answer::{Answer, Sent};
pub use api::TokensApi;
pub use client::HttpClient;
pub use connect::{Connect, HttpConnect};
pub use differences::{differences, patch_towards};
pub use endpoint::{AllowedHost, AllowedHosts, Endpoint, EndpointError};
pub use error::{ApiError, Operation, RetryClass, TransportError, TransportKind};
pub use model::{
    CallerIdentity, Deleted, Issued, Listing, Member, NewToken, Overlap, Page, PatchOp, Reset,
    ResolvedGrant, Role, Token,
};
pub use paging::PAGE_SIZE;
pub use rate_limit::{
    AccountLimiter, CallObserver, Family, LimiterOptions, Limiters, Priority, RateLeft,
};
pub use transport::Options;
