//! No part of a key in anything that can be printed (I7).

use std::fmt::{Debug, Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use launchdarkly_token_operator::clock::SystemClock;
use launchdarkly_token_operator::cluster::secret::manifest::SecretManifest;
use launchdarkly_token_operator::cluster::secret::snapshot::SecretSnapshot;
use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::launchdarkly::{
    AllowedHosts, Endpoint, HttpClient, Issued, LimiterOptions, Limiters, Operation, Overlap,
    Reset, TokensApi,
};
use launchdarkly_token_operator::redaction::{Key, LastFour};
use serde_json::json;
use wiremock::ResponseTemplate;

use super::support::*;

/// Collects what is printed, and finds parts of keys in it.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn debug(&mut self, value: &dyn Debug) {
        writeln!(self.0, "{value:?}\n{value:#?}").unwrap();
    }

    fn error(&mut self, error: &(dyn std::error::Error + 'static)) {
        self.debug(&error);
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.display(&error);
            cause = error.source();
        }
    }

    fn display(&mut self, value: &dyn Display) {
        writeln!(self.0, "{value}\n{value:#}").unwrap();
    }

    /// Whether 12 characters in a row of a key are in there, or the last four that LaunchDarkly shows.
    fn has_part_of_a_key(&self) -> bool {
        let text = self.0.to_lowercase();
        [CREDENTIAL, ISSUED].into_iter().any(|key| {
            let parts = (0..=key.len() - 12).map(|start| &key[start..start + 12]);
            parts
                .chain([&key[key.len() - 4..]])
                .any(|part| text.contains(part))
        })
    }
}

#[test]
fn the_search_finds_a_planted_part() {
    for part in [&ISSUED[5..17], &CREDENTIAL[20..32], "1A2B"] {
        let mut printed = Printed::default();
        printed.display(&format!("before {part} after"));
        assert!(printed.has_part_of_a_key(), "{part}");
    }
}

#[tokio::test]
async fn no_type_prints_a_key() {
    let mut printed = Printed::default();
    let (_server, client) = server_answering(ok(&issued_token())).await;
    printed.debug(&client);
    printed.debug(&client.limiter());
    printed.debug(&Limiters::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    ));
    printed.debug(&endpoint("http://127.0.0.1:1/x"));
    printed.debug(&options());
    printed.debug(&new_token());
    printed.debug(&client.identify().await);
    printed.debug(&client.create(&new_token()).await);
    printed.debug(
        &client
            .reset(&id(), Overlap::AtLeast(Duration::from_secs(1)))
            .await,
    );
    printed.debug(&client.get(&id()).await);
    printed.debug(&client.role("x").await);
    printed.debug(&key(ISSUED));
    printed.debug(&key(ISSUED).last_four());
    printed.debug(&key(ISSUED).fingerprint());
    printed.display(&key(ISSUED).fingerprint());
    let page = json!({ "items": [issued_token(), shown_token()] });
    let (_server, client) = server_answering(ok(&page)).await;
    printed.debug(&client.list_page(0, 50).await);
    printed.debug(&client.list_page(0, 50).await.unwrap().items);
    assert!(!printed.has_part_of_a_key(), "{}", printed.0);
    assert!(printed.0.len() > 1_000);
}

/// Does not compile when a type can be written out: the method would then be of two traits.
macro_rules! cannot_be_written_out {
    ($($type:ty),+ $(,)?) => {
        struct Shown;
        struct Serialized;
        trait Hidden<How> {
            fn is_hidden() {}
        }
        impl<T> Hidden<()> for T {}
        impl<T: Display> Hidden<Shown> for T {}
        impl<T: serde::Serialize> Hidden<Serialized> for T {}
        $(<$type as Hidden<_>>::is_hidden();)+
    };
}

#[test]
fn what_holds_a_key_has_no_display_and_no_serialize() {
    cannot_be_written_out!(
        Key,
        LastFour,
        Issued,
        Reset,
        HttpClient,
        SecretSnapshot,
        SecretManifest
    );
}

#[tokio::test]
async fn no_error_prints_a_key_that_launchdarkly_echoes() {
    let mut printed = Printed::default();
    for echoed in [CREDENTIAL, ISSUED] {
        let message = format!("token {echoed} in account x has \"{echoed}\"");
        for status in [400, 401, 403, 404, 405, 409, 413, 422, 429, 500] {
            let body = json!({
                "code": echoed, "message": message, "id": echoed,
                "access": { "action": message, "resource": format!("service-token/{echoed}") }
            });
            let answer = ResponseTemplate::new(status)
                .insert_header("retry-after", "0")
                .insert_header("x-echo", echoed)
                .set_body_json(body);
            let (_server, client) = server_answering(answer).await;
            printed.error(&attempt(&client, Operation::Create).await.unwrap_err());
        }
        for body in [
            format!("<html>{echoed}</html>"),
            format!("{{\"token\":\"{echoed}\""),
        ] {
            let (_server, client) =
                server_answering(ResponseTemplate::new(201).set_body_string(body)).await;
            printed.error(&attempt(&client, Operation::Create).await.unwrap_err());
            printed.error(&attempt(&client, Operation::Get).await.unwrap_err());
        }
    }
    assert!(!printed.has_part_of_a_key(), "{}", printed.0);
    assert!(printed.0.contains("[redacted]"));
}

#[tokio::test]
async fn no_error_names_an_address() {
    let mut printed = Printed::default();
    let dead = client_of(
        "http://127.0.0.1:9/secret-path",
        options(),
        Arc::new(AlwaysOpen),
    );
    for operation in OPERATIONS {
        printed.error(&attempt(&dead, operation).await.unwrap_err());
    }
    for url in [
        format!("https://user:{CREDENTIAL}@app.launchdarkly.com"),
        format!("https://{CREDENTIAL}.example"),
    ] {
        let error = Endpoint::parse(&url, None, &AllowedHosts::default()).unwrap_err();
        printed.error(&error);
    }
    assert!(!printed.has_part_of_a_key(), "{}", printed.0);
    assert!(!printed.0.contains("secret-path"), "{}", printed.0);
}
