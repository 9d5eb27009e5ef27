//! LaunchDarkly at the other end of a wire, asked by the real client; and what may never be asked of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::FakeCluster;
use launchdarkly_simulator::Simulator;
use launchdarkly_simulator::state::changes::Actor;
use launchdarkly_token_operator::api::AccessTokenStatus;
use launchdarkly_token_operator::api::status::Pending;
use launchdarkly_token_operator::clock::Clock as _;
use launchdarkly_token_operator::domain::cause::Cause;
use launchdarkly_token_operator::domain::ids::{Attempt, TokenId};
use launchdarkly_token_operator::domain::marker::Marker;
use launchdarkly_token_operator::domain::record::PendingOperation;
use launchdarkly_token_operator::domain::time::RemoteOffset;
use launchdarkly_token_operator::launchdarkly::{
    Answer, ApiError, CallerIdentity, Deleted, HttpClient, Issued, NewToken, Operation, Overlap,
    Page, PatchOp, Priority, Reset, Role, Sent, Token, TokensApi, TransportError, TransportKind,
};
use launchdarkly_token_operator::redaction::Key;

use crate::clock::TestClock;
use crate::wire::{Call, Wire};
use crate::world::{NAME, NAMESPACE};

#[derive(Clone)]
pub struct WiredApi {
    pub far: HttpClient,
    pub wire: Arc<Wire>,
    pub clock: Arc<TestClock>,
    pub warden: Arc<Warden>,
}

/// Watches, at the moment of each call, what holds for every call (I5).
pub struct Warden {
    pub cluster: FakeCluster,
    pub simulator: Simulator,
    /// Attempts whose call may have taken effect.
    pub sent: Mutex<BTreeMap<Attempt, usize>>,
    pub complaints: Mutex<Vec<String>>,
    /// The token, by its place among all that ever were, that somebody deletes after the next first page of a listing.
    pub slip: Mutex<Option<usize>>,
    /// What the limiter holds up.
    pub jams: Mutex<Vec<Jam>>,
}

/// Calls that wait at the limiter before they leave.
pub struct Jam {
    pub operation: Operation,
    pub wait: Duration,
    /// How many of them.
    pub calls: usize,
}

impl Warden {
    pub fn new(cluster: &FakeCluster, simulator: &Simulator) -> Self {
        Self {
            cluster: cluster.clone(),
            simulator: simulator.clone(),
            sent: Mutex::default(),
            complaints: Mutex::default(),
            slip: Mutex::default(),
            jams: Mutex::default(),
        }
    }

    pub fn complain(&self, complaint: impl Into<String>) {
        self.complaints.lock().unwrap().push(complaint.into());
    }

    fn pending(&self) -> Option<Pending> {
        let status = self.cluster.object(NAMESPACE, NAME)?.status;
        status.and_then(|status: AccessTokenStatus| status.pending)
    }

    /// A create must be announced with the attempt that its marker names.
    fn announces_create(&self, wish: &NewToken) -> Option<Attempt> {
        let Some(marker) = Marker::parse(&wish.description) else {
            self.complain("I5: a create without a marker");
            return None;
        };
        if is_probe(&wish.description) {
            return None;
        }
        let attempt = marker.attempt().cloned()?;
        let announced = self.pending().is_some_and(|pending| {
            pending.operation == PendingOperation::Create && pending.attempt == attempt
        });
        if !announced {
            self.complain(format!("I5: create {attempt} without an intent"));
        }
        Some(attempt)
    }

    /// A reset must be announced, and no key of the token may be in its grace.
    fn announces_reset(&self, id: &TokenId) -> Option<Attempt> {
        let tokens = self.simulator.tokens();
        let token = tokens.iter().find(|token| token.id == id.as_str())?;
        if is_probe(&token.description) {
            return None;
        }
        let revokes = self
            .pending()
            .is_some_and(|pending| pending.cause == Cause::Revoke);
        if !revokes && token.keys.iter().filter(|key| key.valid).count() > 1 {
            self.complain(format!(
                "I5: {id} is reset while a previous key is in its grace"
            ));
        }
        let announced = self.pending().filter(|pending| {
            pending.operation == PendingOperation::Reset && pending.token_id.as_ref() == Some(id)
        });
        if announced.is_none() {
            self.complain(format!("I5: reset of {id} without an intent"));
        }
        announced.map(|pending| pending.attempt)
    }

    /// What a call on this token is called in stories.
    fn name(&self, operation: Operation, id: &TokenId) -> String {
        let tokens = self.simulator.tokens();
        let token = tokens.iter().find(|token| token.id == id.as_str());
        if token.is_some_and(|token| is_probe(&token.description)) {
            format!("{operation} of the probe")
        } else {
            operation.to_string()
        }
    }

    fn note<T>(&self, attempt: Option<Attempt>, answer: &Result<T, ApiError>) {
        let Some(attempt) = attempt else { return };
        if answer.as_ref().is_err_and(ApiError::is_definite_refusal) {
            return;
        }
        let mut sent = self.sent.lock().unwrap();
        let times = sent.entry(attempt.clone()).or_default();
        *times += 1;
        if *times > 1 {
            self.complain(format!("I5: attempt {attempt} was sent {times} times"));
        }
    }
}

impl WiredApi {
    async fn effect<T>(
        &self,
        operation: Operation,
        name: String,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let lost = || Err(lost(operation));
        self.wire.carry(Call::Effect(name), call, lost).await
    }

    async fn look<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let lost = || Err(lost(operation));
        self.wire.carry(Call::Look, call, lost).await
    }

    async fn dated_look<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        self.held_up(operation);
        let lost = || self.unanswered(operation);
        self.wire.carry(Call::Look, call, lost).await
    }

    /// What the caller sees of a lost answer.
    fn unanswered<T>(&self, operation: Operation) -> Answer<T> {
        Answer {
            sent: Sent {
                at: self.clock.steady(),
            },
            outcome: Err(lost(operation)),
        }
    }

    /// Lets a call wait at the limiter for as long as the test says.
    fn held_up(&self, operation: Operation) {
        let mut jams = self.warden.jams.lock().unwrap();
        let Some(jam) = jams
            .iter_mut()
            .find(|jam| jam.operation == operation && jam.calls > 0)
        else {
            return;
        };
        jam.calls -= 1;
        let ms = i64::try_from(jam.wait.as_millis()).unwrap();
        self.clock.advance(ms);
        self.warden.simulator.advance_clock(ms);
    }
}

/// Whether a throw-away token is spoken of.
fn is_probe(description: &str) -> bool {
    description.contains(" o=probe-")
}

fn lost(operation: Operation) -> ApiError {
    let source = TransportError::new(TransportKind::Broken, &"the answer was lost");
    ApiError::Uncertain { operation, source }
}

impl TokensApi for WiredApi {
    fn with_priority(&self, priority: Priority) -> Self {
        Self {
            far: self.far.with_priority(priority),
            ..self.clone()
        }
    }

    fn on_behalf_of(&self, namespace: &str) -> Self {
        Self {
            far: self.far.on_behalf_of(namespace),
            ..self.clone()
        }
    }

    fn clock_offset(&self) -> RemoteOffset {
        self.far.clock_offset()
    }

    async fn identify(&self) -> Result<CallerIdentity, ApiError> {
        self.look(Operation::Identify, self.far.identify()).await
    }

    async fn identify_with(&self, key: &Key) -> Answer<CallerIdentity> {
        let call = self.far.identify_with(key);
        self.dated_look(Operation::Identify, call).await
    }

    async fn list_page(&self, offset: usize, limit: usize) -> Result<Page, ApiError> {
        if offset == 0 {
            // Others may come to wait for the same listing.
            tokio::task::yield_now().await;
            self.held_up(Operation::List);
        }
        let call = self.far.list_page(offset, limit);
        let page = self.look(Operation::List, call).await?;
        if offset == 0
            && let Some(index) = self.warden.slip.lock().unwrap().take()
        {
            self.warden.simulator.world().delete(index, Actor::Admin);
        }
        Ok(page)
    }

    async fn get(&self, id: &TokenId) -> Answer<Token> {
        self.dated_look(Operation::Get, self.far.get(id)).await
    }

    async fn create(&self, wish: &NewToken) -> Result<Issued, ApiError> {
        let attempt = self.warden.announces_create(wish);
        let call = async {
            let answer = self.far.create(wish).await;
            self.warden.note(attempt, &answer);
            answer
        };
        let name = if is_probe(&wish.description) {
            "create of the probe"
        } else {
            "create"
        };
        self.effect(Operation::Create, name.to_owned(), call).await
    }

    async fn patch(&self, id: &TokenId, changes: &[PatchOp]) -> Answer<Token> {
        self.held_up(Operation::Patch);
        let name = self.warden.name(Operation::Patch, id);
        let call = self.far.patch(id, changes);
        let lost = || self.unanswered(Operation::Patch);
        self.wire.carry(Call::Effect(name), call, lost).await
    }

    async fn delete(&self, id: &TokenId) -> Result<Deleted, ApiError> {
        let name = self.warden.name(Operation::Delete, id);
        let call = self.far.delete(id);
        self.effect(Operation::Delete, name, call).await
    }

    async fn reset(&self, id: &TokenId, previous_key: Overlap) -> Result<Reset, ApiError> {
        let attempt = self.warden.announces_reset(id);
        let call = async {
            let answer = self.far.reset(id, previous_key).await;
            self.warden.note(attempt, &answer);
            answer
        };
        let name = self.warden.name(Operation::Reset, id);
        self.effect(Operation::Reset, name, call).await
    }

    async fn role(&self, key_or_id: &str) -> Answer<Role> {
        let call = self.far.role(key_or_id);
        self.dated_look(Operation::Role, call).await
    }
}
