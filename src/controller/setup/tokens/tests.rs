use std::collections::BTreeMap;

use kube::Config;
use kube::api::ObjectMeta;
use kube::runtime::reflector;
use kube::runtime::watcher::{self, watcher};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::api::access_token::AccessTokenSpec;
use crate::api::status::{AccessTokenStatus, SecretStatus};

#[tokio::test]
async fn lists_and_watches_of_secrets_ask_for_metadata_only() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    let none = serde_json::json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
        "metadata": {"resourceVersion": "1"}, "items": [],
    });
    let answer = ResponseTemplate::new(200).set_body_json(none);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
    for scope in [None, Some("team-a")] {
        let (secrets, ours) = secrets_of_ours(&client, scope);
        let mut changes = Box::pin(watcher(secrets, ours));
        let asked_twice = async {
            loop {
                // The answer to the watch is none, so that it ends in an error or begins anew.
                let _ = changes.next().await;
                if server.received_requests().await.unwrap().len() > 1 {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked_twice)
            .await
            .unwrap();
        let asked = server.received_requests().await.unwrap();
        let is_watch = |query: &str| query.contains("watch=true");
        assert!(asked.iter().any(|one| is_watch(one.url.query().unwrap())));
        for request in asked {
            let accept = request.headers["accept"].to_str().unwrap();
            assert!(
                accept.contains("as=PartialObjectMetadata"),
                "{}: {accept}",
                request.url
            );
            let query = request.url.query().unwrap();
            assert!(query.contains("labelSelector="), "{query}");
            assert!(is_watch(query) || query.contains("limit=10"), "{query}");
        }
        server.reset().await;
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": {"resourceVersion": "1"}, "items": [],
            })))
            .mount(&server)
            .await;
    }
}

/// An object whose status records this Secret.
fn object(namespace: &str, name: &str, secret: &str) -> AccessToken {
    let mut object = AccessToken::new(name, AccessTokenSpec::default());
    object.metadata.namespace = Some(namespace.to_owned());
    object.status = Some(AccessTokenStatus {
        secret: Some(SecretStatus {
            name: secret.to_owned(),
            uid: None,
            fingerprint: None,
            unproven: false,
            former: None,
        }),
        ..AccessTokenStatus::default()
    });
    object
}

fn secret(namespace: &str, name: &str, owner: Option<&str>) -> Shown<Secret> {
    let mark = owner.map(|owner| (annotation::OWNED_BY.to_owned(), owner.to_owned()));
    Shown::with(ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        annotations: Some(BTreeMap::from_iter(mark)),
        ..ObjectMeta::default()
    })
}

#[test]
fn a_secret_wakes_objects_of_its_own_namespace_only() {
    let (store, mut writer) = reflector::store();
    for (namespace, name) in [("team-a", "web"), ("team-b", "web")] {
        let object = object(namespace, name, "web");
        writer.apply_watcher_event(&watcher::Event::Apply(object));
    }
    let woken = |secret| -> Vec<String> {
        let owners = owners(&store, &secret);
        owners.iter().map(ToString::to_string).collect()
    };
    let ours = woken(secret("team-a", "web", Some("team-a/web")));
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert!(ours[0].contains("team-a"), "{ours:?}");
    // What names a stranger is as good as no mark.
    assert_eq!(woken(secret("team-a", "web", Some("team-b/web"))), ours);
    assert_eq!(woken(secret("team-a", "web", None)), ours);
    assert_eq!(
        woken(secret("team-a", "other", Some("team-b/web"))),
        [""; 0]
    );
}
