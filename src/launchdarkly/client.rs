//! The client that talks to LaunchDarkly over HTTP.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;
use zeroize::Zeroizing;

use super::answer::{Answer, Sent};
use super::api::TokensApi;
use super::endpoint::{Endpoint, EndpointError};
use super::error::{ApiError, Operation, TransportError, TransportKind};
use super::model::{
    CallerIdentity, Deleted, Issued, NewToken, Overlap, Page, PatchOp, Reset, Role, Token,
};
use super::request::{Call, Wire};
use super::transport::{Group, Groups, Options};
use super::wire;
use crate::clock::Moment;
use crate::domain::ids::{Fingerprint, TokenId};
use crate::domain::time::RemoteOffset;
use crate::gate::Gate;
use crate::launchdarkly::rate_limit::{AccountLimiter, Party, Permit, Priority, RateHeaders};
use crate::launchdarkly::response;
use crate::redaction::Key;
use crate::traces;

/// The version of the API that all of this is written for; it overrides the credential's own (documented).
const API_VERSION: &str = "20240415";

/// How often a call that may be repeated is repeated after a 429.
const REPEATS: u32 = 2;

/// A credential's client. Clones share connections.
#[derive(Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    limiter: Arc<AccountLimiter>,
    own_token: Option<TokenId>,
    priority: Option<Priority>,
    party: Party,
}

struct Shared {
    endpoint: Endpoint,
    credential: Key,
    options: Options,
    gate: Arc<dyn Gate>,
    group: Arc<Group>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("endpoint", &self.shared.endpoint)
            .field("own_token", &self.own_token)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// An answer that says success.
struct Received {
    body: Zeroizing<Vec<u8>>,
    sent: Sent,
    previous_key_expiration_time: Option<Timestamp>,
}

impl HttpClient {
    /// A client for one credential. `own_token` is the credential's token id once it is known; see
    /// [`HttpClient::identified`].
    ///
    /// # Errors
    /// [`EndpointError::CaBundle`] or [`EndpointError::Client`] when TLS cannot be set up.
    pub fn new(
        endpoint: Endpoint,
        credential: Key,
        own_token: Option<TokenId>,
        limiter: Arc<AccountLimiter>,
        options: Options,
        gate: Arc<dyn Gate>,
    ) -> Result<Self, EndpointError> {
        let group = Arc::<Groups>::default().join(&endpoint, &options)?;
        let client = Self::over(group, (endpoint, credential), limiter, options, gate);
        Ok(Self {
            own_token,
            ..client
        })
    }

    /// A client that shares its connections with others.
    pub(super) fn over(
        group: Arc<Group>,
        (endpoint, credential): (Endpoint, Key),
        limiter: Arc<AccountLimiter>,
        options: Options,
        gate: Arc<dyn Gate>,
    ) -> Self {
        let shared = Shared {
            endpoint,
            credential,
            options,
            gate,
            group,
        };
        Self {
            shared: Arc::new(shared),
            limiter,
            own_token: None,
            priority: None,
            party: Party::from(""),
        }
    }

    /// The same credential, now that its account's limiter and its own token are known.
    #[must_use]
    pub fn identified(&self, limiter: Arc<AccountLimiter>, own_token: Option<TokenId>) -> Self {
        limiter.learn_clock_from(&self.limiter);
        Self {
            limiter,
            own_token,
            ..self.clone()
        }
    }

    /// The account's limiter.
    #[must_use]
    pub fn limiter(&self) -> &Arc<AccountLimiter> {
        &self.limiter
    }

    /// Makes a call, again after a 429 if it may be repeated: the limiter makes it wait.
    async fn call(&self, call: Call<'_>, key: &Key) -> Answer<Received> {
        if let Err(error) = call.check(self.own_token.as_ref()) {
            return Answer::unsent(error, self.limiter.moment());
        }
        let operation = call.operation();
        let mut repeats = if operation.issues_key() { 0 } else { REPEATS };
        let fingerprint = key.fingerprint();
        loop {
            let permit = self.enter(operation, &fingerprint).await;
            let answer = match permit {
                Ok(permit) => self.once(call, key, permit).await,
                Err(error) => Answer::unsent(error, self.limiter.moment()),
            };
            match answer.outcome {
                Err(ApiError::RateLimited { .. }) if repeats > 0 => repeats -= 1,
                outcome => return Answer { outcome, ..answer },
            }
        }
    }

    /// Waits at the limiter, and asks the gate.
    async fn enter(
        &self,
        operation: Operation,
        fingerprint: &Fingerprint,
    ) -> Result<Permit, ApiError> {
        let priority = self.priority.unwrap_or(Priority::of(operation));
        let who = (&self.party, fingerprint);
        let permit = self.limiter.enter(priority, operation, who).await?;
        if operation.is_effect() {
            let needed = self.shared.options.lease_needed(operation);
            let passed = self.shared.gate.pass(needed);
            passed.map_err(|_| ApiError::NotLeading { operation })?;
        }
        Ok(permit)
    }

    async fn once(&self, call: Call<'_>, key: &Key, mut permit: Permit) -> Answer<Received> {
        let operation = call.operation();
        let (moment, left_at) = (self.limiter.moment(), Instant::now());
        let sent = Sent::at(moment);
        let mut status = None;
        let span = traces::call(operation.route(), self.shared.endpoint.server());
        let outcome = self
            .exchange(call, key, moment, &mut permit, &mut status)
            .instrument(span.clone())
            .await;
        permit.ended(&outcome);
        drop(permit);
        let result = outcome.as_ref().err().map_or("ok", ApiError::reason);
        if let Err(error) = &outcome {
            traces::failed(&span, error.reason());
        }
        traces::answered(&span, status);
        let code = status.map(|status| status.as_u16());
        self.limiter
            .observe(operation, code, result, left_at.elapsed());
        Answer { sent, outcome }
    }

    /// Notes the status of the answer, whatever becomes of the rest.
    async fn exchange(
        &self,
        call: Call<'_>,
        key: &Key,
        moment: Moment,
        permit: &mut Permit,
        status: &mut Option<StatusCode>,
    ) -> Result<Received, ApiError> {
        let operation = call.operation();
        let wire = call.prepare(&self.shared.endpoint, self.limiter.remote_now());
        let previous_key_expiration_time = wire.previous_key_expiration_time;
        let request = self.request(operation, wire, key)?;

        permit.sending();
        let response = request.send().await;
        let response = response.map_err(|error| response::no_answer(operation, &error))?;
        *status = Some(response.status());
        let headers = RateHeaders::read(response.status(), response.headers());
        permit.answered(&headers, moment);
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let until = permit.refused(&headers);
            return Err(ApiError::RateLimited { until });
        }
        permit.accepted();
        if !response.status().is_success() {
            return Err(response::refusal(operation, response, key).await);
        }
        Ok(Received {
            body: response::body(operation, response).await?,
            sent: Sent::at(moment),
            previous_key_expiration_time,
        })
    }

    fn request(
        &self,
        operation: Operation,
        wire: Wire,
        key: &Key,
    ) -> Result<RequestBuilder, ApiError> {
        let shared = &self.shared;
        let not_sent = |why: &dyn fmt::Display| {
            let source = TransportError::new(TransportKind::Connect, why);
            ApiError::NotSent { operation, source }
        };
        let mut authorization = HeaderValue::from_str(key.expose())
            .map_err(|_| not_sent(&"the key fits in no header"))?;
        authorization.set_sensitive(true);
        let connections = shared.group.connections();
        let connections = connections.map_err(|error| not_sent(&error))?;
        let client = if operation.issues_key() {
            &connections.fresh
        } else {
            &connections.pooled
        };
        let request = client
            .request(wire.method, wire.url)
            .timeout(shared.options.timeout(operation))
            .header(AUTHORIZATION, authorization)
            .header("LD-API-Version", API_VERSION)
            .header(ACCEPT, "application/json");
        Ok(match wire.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body),
            None => request,
        })
    }

    async fn with_credential<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(&Received) -> Result<T, wire::Why>,
    ) -> Answer<T> {
        let answer = self.call(call, &self.shared.credential).await;
        understood(call.operation(), answer, read)
    }
}

fn understood<T>(
    operation: Operation,
    answer: Answer<Received>,
    read: impl FnOnce(&Received) -> Result<T, wire::Why>,
) -> Answer<T> {
    let unreadable = |why| ApiError::Unreadable { operation, why };
    Answer {
        sent: answer.sent,
        outcome: answer
            .outcome
            .and_then(|received| read(&received).map_err(unreadable)),
    }
}

impl TokensApi for HttpClient {
    fn with_priority(&self, priority: Priority) -> Self {
        Self {
            priority: Some(priority),
            ..self.clone()
        }
    }

    fn on_behalf_of(&self, namespace: &str) -> Self {
        Self {
            party: namespace.into(),
            ..self.clone()
        }
    }

    fn clock_offset(&self) -> RemoteOffset {
        self.limiter.offset()
    }

    async fn identify(&self) -> Result<CallerIdentity, ApiError> {
        self.identify_with(&self.shared.credential).await.outcome
    }

    async fn identify_with(&self, key: &Key) -> Answer<CallerIdentity> {
        let answer = self.call(Call::Identify, key).await;
        understood(Operation::Identify, answer, |answer| {
            wire::identity(&answer.body)
        })
    }

    async fn list_page(&self, offset: usize, limit: usize) -> Result<Page, ApiError> {
        let call = Call::ListPage { offset, limit };
        self.with_credential(call, |answer| wire::page(&answer.body, answer.sent.at))
            .await
            .outcome
    }

    async fn get(&self, id: &TokenId) -> Answer<Token> {
        self.with_credential(Call::Get(id), |answer| wire::token(&answer.body))
            .await
    }

    async fn create(&self, desired: &NewToken) -> Result<Issued, ApiError> {
        self.with_credential(Call::Create(desired), |answer| wire::issued(&answer.body))
            .await
            .outcome
    }

    async fn patch(&self, id: &TokenId, changes: &[PatchOp]) -> Answer<Token> {
        self.with_credential(Call::Patch(id, changes), |answer| wire::token(&answer.body))
            .await
    }

    async fn delete(&self, id: &TokenId) -> Result<Deleted, ApiError> {
        let answer = self.with_credential(Call::Delete(id), |_| Ok(())).await;
        match answer.outcome {
            Ok(()) => Ok(Deleted::Deleted),
            Err(ApiError::NotFound { .. }) => Ok(Deleted::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    async fn reset(&self, id: &TokenId, previous_key: Overlap) -> Result<Reset, ApiError> {
        let call = Call::Reset { id, previous_key };
        let asked = self.limiter.moment().wall;
        self.with_credential(call, |answer| {
            Ok(Reset {
                issued: wire::issued(&answer.body)?,
                previous_key_expiration_time: answer.previous_key_expiration_time.unwrap_or(asked),
            })
        })
        .await
        .outcome
    }

    async fn role(&self, key_or_id: &str) -> Answer<Role> {
        self.with_credential(Call::Role(key_or_id), |answer| wire::role(&answer.body))
            .await
    }
}
