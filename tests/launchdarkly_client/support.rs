//! A client of a server that answers as told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use launchdarkly_token_operator::clock::SystemClock;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::domain::settings::BaseRole;
use launchdarkly_token_operator::gate::{AlwaysOpen, Gate, GateClosed};
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, AllowedHosts, ApiError, CallObserver, Endpoint, HttpClient, LimiterOptions,
    NewToken, Operation, Options, Overlap, PatchOp, ResolvedGrant, TokensApi,
};
use launchdarkly_token_operator::redaction::Key;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The managing key. No number ends like it, so that its last four characters are found only where it is.
pub const CREDENTIAL: &str = "api-c0ffee00-1111-4222-8333-44445555cafe";
/// A key that LaunchDarkly issues.
pub const ISSUED: &str = "api-3f0b3c52-6a1d-4a57-9d0e-5c2f9b7e1a2b";
/// A token.
pub const ID: &str = "6a1f0c4be4b0a1c3d5e6f708";
/// The managing key's own token.
pub const OWN_ID: &str = "61095542756dba551110ae21";

pub fn key(text: &str) -> Key {
    Key::from_bytes(text.as_bytes()).unwrap()
}

pub fn id() -> TokenId {
    TokenId::from(ID)
}

pub fn options() -> Options {
    Options {
        request_timeout: Duration::from_secs(2),
        ..Options::default()
    }
}

pub fn line() -> Arc<AccountLimiter> {
    AccountLimiter::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    )
}

pub fn endpoint(uri: &str) -> Endpoint {
    let host = uri
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let allowed = AllowedHosts::new([host.unwrap().parse().unwrap()]);
    Endpoint::parse(uri, None, &allowed).unwrap()
}

pub fn client_of(uri: &str, options: Options, gate: Arc<dyn Gate>) -> HttpClient {
    let own = Some(TokenId::from(OWN_ID));
    HttpClient::new(endpoint(uri), key(CREDENTIAL), own, line(), options, gate).unwrap()
}

pub fn client(uri: &str) -> HttpClient {
    client_of(uri, options(), Arc::new(AlwaysOpen))
}

/// A server that gives every request this answer.
pub async fn server_answering(answer: ResponseTemplate) -> (MockServer, HttpClient) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = client(&server.uri());
    (server, client)
}

/// A success with a JSON body.
pub fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A token as the create of a service token answers it, key included.
pub fn issued_token() -> Value {
    json!({
        "_id": ID, "ownerId": "569f514156e003339cfd3917", "memberId": "569f514183f2164430000002",
        "name": "ci", "description": "deploys", "creationDate": 1_793_000_000_000_i64,
        "lastModified": 1_793_000_000_000_i64, "role": "reader", "customRoleIds": [], "inlineRole": [],
        "token": ISSUED, "serviceToken": true, "defaultApiVersion": 20_240_415, "lastUsed": 0,
        "_links": { "self": { "href": format!("/api/v2/tokens/{ID}"), "type": "application/json" } }
    })
}

/// The same token as every other answer shows it.
pub fn shown_token() -> Value {
    let mut token = issued_token();
    token["token"] = json!("1a2b");
    token
}

pub fn new_token() -> NewToken {
    NewToken {
        name: "ci".to_owned(),
        description: "deploys".to_owned(),
        grant: ResolvedGrant::Role(BaseRole::Reader),
        service_token: true,
        default_api_version: None,
        expiry: None,
    }
}

/// All operations, in the order in which a token's life has them.
pub const OPERATIONS: [Operation; 8] = [
    Operation::Identify,
    Operation::Role,
    Operation::Create,
    Operation::Get,
    Operation::List,
    Operation::Patch,
    Operation::Reset,
    Operation::Delete,
];

/// Does one operation and keeps only its error.
pub async fn attempt(client: &HttpClient, operation: Operation) -> Result<(), ApiError> {
    match operation {
        Operation::Identify => client.identify().await.map(drop),
        Operation::List => client.list_page(0, 50).await.map(drop),
        Operation::Get => client.get(&id()).await.outcome.map(drop),
        Operation::Create => client.create(&new_token()).await.map(drop),
        Operation::Patch => client
            .patch(&id(), &[PatchOp::describe("x")])
            .await
            .outcome
            .map(drop),
        Operation::Delete => client.delete(&id()).await.map(drop),
        Operation::Reset => client
            .reset(&id(), Overlap::AtLeast(Duration::from_secs(60)))
            .await
            .map(drop),
        Operation::Role => client.role("deployer").await.outcome.map(drop),
    }
}

pub async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// A gate that is shut, or remembers what it was asked.
#[derive(Default)]
pub struct Gatekeeper {
    pub shut: bool,
    pub asked: Mutex<Vec<Duration>>,
}

impl Gate for Gatekeeper {
    fn pass(&self, needed: Duration) -> Result<(), GateClosed> {
        self.asked.lock().unwrap().push(needed);
        if self.shut { Err(GateClosed) } else { Ok(()) }
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub struct Tally(pub Mutex<Vec<(Operation, &'static str)>>);

impl CallObserver for Tally {
    fn called(
        &self,
        operation: Operation,
        _code: Option<u16>,
        result: &'static str,
        _took: Duration,
    ) {
        self.0.lock().unwrap().push((operation, result));
    }
}
