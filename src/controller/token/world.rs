//! What a round is about: the world as it was read, and what is needed to act on it.

use std::sync::Arc;

use crate::controller::account::listings::View;
use crate::controller::account::registry::Session;
use crate::controller::failure::Failure;
use crate::domain::account::AccountKey;
use crate::domain::desired::Desired;
use crate::domain::observed::Observed;
use crate::domain::problem::Problem;
use crate::domain::secret::SecretLayout;

/// The world around one object, with what is needed to act on it.
pub(in crate::controller) struct World<L> {
    pub(super) desired: Result<Desired, Problem>,
    pub(super) observed: Observed,
    pub(super) session: Option<Session<L>>,
    pub(super) account_key: AccountKey,
    /// Where the key is and belongs, whatever the spec says now.
    pub(super) layout: SecretLayout,
    /// What the account's listings show.
    pub(super) listing: Option<Arc<View>>,
}

impl<L> World<L> {
    /// The session for calls to LaunchDarkly.
    pub(super) fn session(&self) -> Result<&Session<L>, Failure> {
        let session = self.session.as_ref();
        session.ok_or_else(|| Failure::unsettled("the account cannot be used now"))
    }
}

/// Whether the user asks for a default version of the API.
pub(super) fn asks_version(desired: &Result<Desired, Problem>) -> bool {
    matches!(desired, Ok(desired) if desired.settings.default_api_version.is_some())
}
