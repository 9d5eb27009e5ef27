//! From a credential to the calls that can be made with it, as a trait, so that tests can stand between.

use std::fmt;
use std::sync::Arc;

use super::api::TokensApi;
use super::client::HttpClient;
use super::endpoint::{Endpoint, EndpointError};
use super::rate_limit::Limiters;
use super::transport::{Groups, Options};
use crate::domain::ids::{AccountId, TokenId};
use crate::gate::Gate;
use crate::redaction::Key;

/// Makes calls possible with a credential.
pub trait Connect: Send + Sync + 'static {
    /// What calls are made with.
    type Api: TokensApi;

    /// For a credential whose account is not known yet: it is good for one call, which asks.
    ///
    /// # Errors
    /// [`EndpointError::Client`].
    fn connect(&self, endpoint: &Endpoint, key: Key) -> Result<Self::Api, EndpointError>;

    /// The same credential in the limiter of its account (I13). Its own token is protected from then on (I6).
    fn identified(
        &self,
        api: &Self::Api,
        host: &str,
        account: &AccountId,
        credential: Option<TokenId>,
    ) -> Self::Api;
}

/// Speaks HTTP.
pub struct HttpConnect {
    limiters: Arc<Limiters>,
    options: Options,
    gate: Arc<dyn Gate>,
    groups: Arc<Groups>,
}

impl fmt::Debug for HttpConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnect").finish_non_exhaustive()
    }
}

impl HttpConnect {
    /// Every call asks the gate before it leaves.
    #[must_use]
    pub fn new(limiters: Arc<Limiters>, options: Options, gate: Arc<dyn Gate>) -> Self {
        Self {
            limiters,
            options,
            gate,
            groups: Arc::default(),
        }
    }

    /// One limiter for each account on a host.
    #[must_use]
    pub fn limiters(&self) -> &Arc<Limiters> {
        &self.limiters
    }
}

impl Connect for HttpConnect {
    type Api = HttpClient;

    fn connect(&self, endpoint: &Endpoint, key: Key) -> Result<HttpClient, EndpointError> {
        Ok(HttpClient::over(
            self.groups.join(endpoint, &self.options)?,
            (endpoint.clone(), key),
            self.limiters.of_newcomers(&endpoint.host()),
            self.options.clone(),
            self.gate.clone(),
        ))
    }

    fn identified(
        &self,
        api: &HttpClient,
        host: &str,
        account: &AccountId,
        credential: Option<TokenId>,
    ) -> HttpClient {
        api.identified(self.limiters.get(host, account), credential)
    }
}
