//! What is never sent.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use launchdarkly_token_operator::domain::ids::TokenId;
use launchdarkly_token_operator::gate::Gate;
use launchdarkly_token_operator::launchdarkly::{
    AllowedHosts, ApiError, Endpoint, HttpClient, Operation, Options, Overlap, PatchOp, TokensApi,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::support::*;

#[tokio::test]
async fn the_credentials_own_token_is_never_deleted_reset_or_expired() {
    let (server, client) = server_answering(ok(&issued_token())).await;
    let own = TokenId::from(OWN_ID);
    let expire = [PatchOp::describe("x"), PatchOp::expire_at(Timestamp::now())];
    for (error, operation) in [
        (client.delete(&own).await.err(), Operation::Delete),
        (
            client
                .reset(&own, Overlap::AtLeast(Duration::ZERO))
                .await
                .err(),
            Operation::Reset,
        ),
        (
            client.patch(&own, &expire).await.outcome.err(),
            Operation::Patch,
        ),
    ] {
        assert_eq!(error, Some(ApiError::SelfProtection { operation }));
    }
    assert!(received(&server).await.is_empty());
    let patched = client.patch(&own, &[PatchOp::describe("x")]).await;
    patched.outcome.unwrap();
}

#[tokio::test]
async fn an_id_that_cannot_exist_is_not_sent() {
    let (server, client) = server_answering(ok(&issued_token())).await;
    for odd in [
        "",
        ".",
        "..",
        "a/b",
        "a?b",
        "a b",
        "%2e",
        "ä",
        &"a".repeat(300),
    ] {
        let odd = TokenId::from(odd);
        let malformed = |operation| Some(ApiError::Malformed { operation });
        assert_eq!(
            client.get(&odd).await.outcome.err(),
            malformed(Operation::Get)
        );
        assert_eq!(
            client.delete(&odd).await.err(),
            malformed(Operation::Delete)
        );
        assert_eq!(
            client
                .reset(&odd, Overlap::AtLeast(Duration::ZERO))
                .await
                .err(),
            malformed(Operation::Reset)
        );
        assert_eq!(
            client.patch(&odd, &[]).await.outcome.err(),
            malformed(Operation::Patch)
        );
    }
    for odd in ["", ".", "..", "a\nb", &"a".repeat(300)] {
        assert!(
            matches!(
                client.role(odd).await.outcome,
                Err(ApiError::Malformed { .. })
            ),
            "{odd}"
        );
    }
    assert!(received(&server).await.is_empty());
}

#[tokio::test]
async fn no_effect_leaves_while_another_process_leads() {
    let (server, _) = server_answering(ok(&issued_token())).await;
    let gate: Arc<dyn Gate> = Arc::new(Gatekeeper {
        shut: true,
        ..Gatekeeper::default()
    });
    let client = client_of(&server.uri(), options(), gate);
    for operation in OPERATIONS {
        let outcome = attempt(&client, operation).await;
        let refused = matches!(outcome, Err(ApiError::NotLeading { .. }));
        assert_eq!(refused, operation.is_effect(), "{operation}: {outcome:?}");
    }
    let methods: Vec<_> = received(&server)
        .await
        .iter()
        .map(|request| request.method.to_string())
        .collect();
    assert!(methods.iter().all(|method| method == "GET"), "{methods:?}");
}

#[tokio::test]
async fn the_lease_must_outlive_the_request() {
    let (server, _) = server_answering(ok(&issued_token())).await;
    let gate = Arc::new(Gatekeeper::default());
    let client = client_of(
        &server.uri(),
        Options::default(),
        Arc::<Gatekeeper>::clone(&gate),
    );
    for operation in [
        Operation::Create,
        Operation::Reset,
        Operation::Patch,
        Operation::Delete,
    ] {
        attempt(&client, operation).await.unwrap();
    }
    let asked = gate.asked.lock().unwrap().clone();
    let ms = [15_000, 15_000, 22_500, 22_500].map(Duration::from_millis);
    assert_eq!(asked, ms);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any())
        .respond_with(ok(&issued_token()))
        .mount(&elsewhere)
        .await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("location", elsewhere.uri());
        for operation in OPERATIONS {
            let (_server, client) = server_answering(answer.clone()).await;
            let error = attempt(&client, operation).await.unwrap_err();
            assert_eq!(error, ApiError::Server { operation, status });
            assert!(!error.is_definite_refusal());
        }
    }
    assert!(received(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn a_bundle_without_a_usable_certificate_makes_no_client() {
    let url = "https://app.launchdarkly.com";
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let Ok(endpoint) = Endpoint::parse(url, Some(pem), &AllowedHosts::default()) else {
        return; // found out earlier: as good
    };
    let gate = Arc::new(Gatekeeper::default());
    let client = HttpClient::new(endpoint, key(CREDENTIAL), None, line(), options(), gate);
    let error = client.unwrap_err().to_string();
    assert_eq!(
        error,
        "caBundle has no certificate in PEM form that can be read"
    );
}
