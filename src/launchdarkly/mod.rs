//! The client of the LaunchDarkly API: six operations on access tokens, caller identity and custom roles.
//!
//! What the API does is marked in here by how certain it is: (documented) by LaunchDarkly, (observed) by those who
//! talked to it, (inferred) from these, or (unknown), on which nothing depends.

mod answer;
mod api;
mod client;
mod differences;
mod endpoint;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod key;
mod line;
mod listing;
mod model;
mod request;
mod text;
mod wire;

pub use api::TokensApi;
pub use client::{HttpClient, Options};
pub use differences::{differences, patch_towards};
pub use endpoint::{AllowedHost, AllowedHosts, Endpoint, EndpointError};
pub use error::{ApiError, Operation, RetryClass, TransportError, TransportKind};
pub use key::{Key, KeyError, LastFour};
pub use line::{AccountLine, CallObserver, Family, Lane, LineOptions, Lines, RateLeft};
pub use listing::PAGE_SIZE;
pub use model::{
    Deleted, Identity, Issued, Listing, Member, NewToken, Page, PatchOp, Reset, ResolvedGrant,
    Role, Token,
};
pub use text::MAX_SHOWN;
pub(crate) use text::presentable_reply;
