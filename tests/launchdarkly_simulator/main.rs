//! The LaunchDarkly client against the simulator: whole lives of tokens, under the habits that instances may have.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know test functions, but not the helpers beside them"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use launchdarkly_simulator::{Config, Running, Simulator};
use launchdarkly_token_operator::clock::SystemClock;
use launchdarkly_token_operator::domain::settings::{BaseRole, Effect, Statement};
use launchdarkly_token_operator::gate::AlwaysOpen;
use launchdarkly_token_operator::launchdarkly::{
    AccountLimiter, AllowedHosts, ApiError, Deleted, Endpoint, HttpClient, LimiterOptions,
    NewToken, Options, Overlap, PatchOp, ResolvedGrant, TokensApi, differences, patch_towards,
};
use launchdarkly_token_operator::redaction::Key;
use serde_json::{Value, json};

mod listing;
mod rights;
mod trouble;

const HOUR: Duration = Duration::from_secs(3_600);
const AN_HOUR: Overlap = Overlap::AtLeast(HOUR);

async fn simulator(config: Config) -> Running {
    Simulator::start(config).await.unwrap()
}

fn client_with_ca(running: &Running, ca_bundle: Option<&str>) -> HttpClient {
    let credential = Key::from_credential(running.managing_key().as_bytes()).unwrap();
    client_with_key(running, ca_bundle, credential)
}

fn client_with_key(running: &Running, ca_bundle: Option<&str>, credential: Key) -> HttpClient {
    let allowed = AllowedHosts::new([running.address().to_string().parse().unwrap()]);
    let endpoint = Endpoint::parse(&running.url(), ca_bundle, &allowed).unwrap();
    let line = AccountLimiter::new(
        LimiterOptions::default(),
        Arc::new(()),
        Arc::new(SystemClock),
    );
    let options = Options {
        request_timeout: Duration::from_secs(5),
        ..Options::default()
    };
    HttpClient::new(
        endpoint,
        credential,
        None,
        line,
        options,
        Arc::new(AlwaysOpen),
    )
    .unwrap()
}

fn client(running: &Running) -> HttpClient {
    client_with_ca(running, running.ca_pem())
}

async fn with_switches(switches: Value) -> (Running, HttpClient) {
    let running = simulator(Config::default().role("deployer").role("viewer")).await;
    running.simulator().set_switches(&switches).unwrap();
    let client = client(&running);
    (running, client)
}

fn wish(grant: ResolvedGrant) -> NewToken {
    NewToken {
        name: "ci".to_owned(),
        description:
            "deploys [ldtokens i=0a1b2c3d o=11111111-2222-4333-8444-555555555555 a=9f8e7d6c]"
                .to_owned(),
        grant,
        service_token: true,
        default_api_version: Some(20_240_415),
        expiry: None,
    }
}

fn reader() -> ResolvedGrant {
    ResolvedGrant::Role(BaseRole::Reader)
}

fn inline() -> ResolvedGrant {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let statement = |effect, resources: &[&str], not_actions: &[&str]| Statement {
        effect,
        resources: owned(resources),
        not_resources: Vec::new(),
        actions: Vec::new(),
        not_actions: owned(not_actions),
    };
    ResolvedGrant::Inline(vec![
        statement(
            Effect::Allow,
            &["proj/b:env/*:flag/*", "proj/a:env/*:flag/*"],
            &["updateOn"],
        ),
        statement(
            Effect::Deny,
            &["proj/c:env/*:flag/*"],
            &["deleteFlag", "createFlag"],
        ),
    ])
}

async fn custom(client: &HttpClient, keys: &[&str]) -> ResolvedGrant {
    let mut ids = BTreeSet::new();
    for key in keys {
        ids.insert(client.role(key).await.outcome.unwrap().id);
    }
    ResolvedGrant::CustomRoles(ids)
}

async fn works(client: &HttpClient, key: &Key) -> bool {
    match client.identify_with(key).await.outcome {
        Ok(_) => true,
        Err(ApiError::Unauthorized) => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn a_token_lives_from_create_to_delete() {
    let running = simulator(Config::default()).await;
    let anonymous = client(&running);
    let own = anonymous.identify().await.unwrap();
    assert_eq!(
        own.account_id.unwrap().as_str(),
        running.simulator().account_id()
    );
    assert_eq!(own.service_token, Some(true));
    let client = anonymous.identified(Arc::clone(anonymous.limiter()), own.token_id.clone());

    let wish = wish(reader());
    let issued = client.create(&wish).await.unwrap();
    let id = issued.token.id.clone();
    assert_eq!(differences(&wish, &issued.token), Vec::<&str>::new());
    let proof = client.identify_with(&issued.key).await.outcome.unwrap();
    assert_eq!(proof.token_id.as_ref(), Some(&id));

    let shown = client.get(&id).await.outcome.unwrap();
    assert_eq!(differences(&wish, &shown), Vec::<&str>::new());
    assert_eq!(shown.last_four, Some(issued.key.last_four()));
    let listed = client.list_all().await.unwrap().tokens;
    assert_eq!(listed.iter().filter(|token| token.id == id).count(), 1);

    let renamed = NewToken {
        name: "ci-2".to_owned(),
        ..wish
    };
    let patched = client
        .patch(&id, &patch_towards(&renamed, &shown))
        .await
        .outcome
        .unwrap();
    assert_eq!(differences(&renamed, &patched), Vec::<&str>::new());

    let reset = client.reset(&id, AN_HOUR).await.unwrap();
    assert_eq!(reset.issued.token.id, id);
    assert!(works(&client, &reset.issued.key).await && works(&client, &issued.key).await);
    running.simulator().advance_clock(3_590_000);
    assert!(works(&client, &issued.key).await);
    running.simulator().advance_clock(20_000);
    assert!(!works(&client, &issued.key).await);
    assert!(works(&client, &reset.issued.key).await);

    assert_eq!(client.delete(&id).await.unwrap(), Deleted::Deleted);
    assert_eq!(client.delete(&id).await.unwrap(), Deleted::AlreadyGone);
    assert_eq!(
        client.get(&id).await.outcome.unwrap_err().reason(),
        "NotFound"
    );
    assert!(!works(&client, &reset.issued.key).await);
    let own = own.token_id.unwrap();
    assert_eq!(
        client.delete(&own).await.unwrap_err().reason(),
        "SelfProtection"
    );
}

#[tokio::test]
async fn every_kind_of_grant_comes_back_as_wished_in_whatever_form() {
    for arrays in ["[]", "omitted", "null"] {
        for order in ["as-sent", "sorted", "shuffled"] {
            let switches = json!({ "arrays.empty": arrays, "inlineRole.normalise": order });
            let (_running, client) = with_switches(switches).await;
            let roles = custom(&client, &["deployer", "viewer"]).await;
            for grant in [reader(), roles, inline()] {
                let wish = wish(grant);
                let issued = client.create(&wish).await.unwrap();
                let shown = client.get(&issued.token.id).await.outcome.unwrap();
                assert_eq!(
                    differences(&wish, &issued.token),
                    Vec::<&str>::new(),
                    "{arrays} {order}"
                );
                assert_eq!(
                    differences(&wish, &shown),
                    Vec::<&str>::new(),
                    "{arrays} {order}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_personal_token_is_patched_from_any_grant_to_any_other() {
    let mut config = Config::default().role("deployer").role("viewer");
    config.managing.service = false;
    let running = simulator(config).await;
    let client = client(&running);
    let grants = [
        reader(),
        custom(&client, &["deployer"]).await,
        custom(&client, &["deployer", "viewer"]).await,
        inline(),
    ];
    let personal = |grant| NewToken {
        service_token: false,
        ..wish(grant)
    };
    let mut token = client.create(&personal(reader())).await.unwrap().token;
    for to in grants.iter().cycle().take(5).chain(grants.iter().rev()) {
        let wish = personal(to.clone());
        let changes = patch_towards(&wish, &client.get(&token.id).await.outcome.unwrap());
        token = client.patch(&token.id, &changes).await.outcome.unwrap();
        assert_eq!(differences(&wish, &token), Vec::<&str>::new(), "{wish:?}");
    }
}

#[tokio::test]
async fn an_expiry_is_set_or_seen_to_be_ignored() {
    for (profile, applied) in [("2026-10", true), ("2024", false)] {
        let (running, client) = with_switches(json!({ "profile": profile })).await;
        let at = Timestamp::from_millisecond(running.simulator().now_ms()).unwrap() + HOUR;
        let wish = NewToken {
            expiry: Some(at),
            ..wish(reader())
        };
        let issued = client.create(&wish).await.unwrap();
        assert_eq!(
            differences(&wish, &issued.token).is_empty(),
            applied,
            "{profile}"
        );
        let later = at + HOUR;
        let patched = client
            .patch(&issued.token.id, &[PatchOp::expire_at(later)])
            .await;
        let is_set = patched.outcome.is_ok_and(|token| {
            token.expiry.map(Timestamp::as_millisecond) == Some(later.as_millisecond())
        });
        assert_eq!(is_set, applied, "{profile}");
    }
}

#[tokio::test]
async fn a_reset_is_understood_wherever_the_instance_looks_for_the_expiry() {
    for source in ["query", "body", "either"] {
        for content_type in ["lenient", "400", "415"] {
            let switches =
                json!({ "reset.expirySource": source, "reset.contentType": content_type });
            let (_running, client) = with_switches(switches).await;
            let issued = client.create(&wish(reader())).await.unwrap();
            client.reset(&issued.token.id, AN_HOUR).await.unwrap();
            assert!(works(&client, &issued.key).await, "{source} {content_type}");
        }
    }
}

#[tokio::test]
async fn a_reset_route_that_is_gone_is_a_definite_refusal() {
    for status in ["404", "410"] {
        let switches = json!({ "profile": "reset-removed", "reset.removedStatus": status });
        let (_running, client) = with_switches(switches).await;
        let issued = client.create(&wish(reader())).await.unwrap();
        let error = client.reset(&issued.token.id, AN_HOUR).await.unwrap_err();
        assert!(error.is_definite_refusal(), "{error:?}");
    }
}

#[tokio::test]
async fn times_are_sent_on_launchdarklys_clock() {
    let config = Config {
        clock_offset_ms: 9 * 3_600_000,
        ..Config::default()
    };
    let running = simulator(config).await;
    let client = client(&running);
    let issued = client.create(&wish(reader())).await.unwrap();
    // A clock so far off is believed when an answer of another second confirms it.
    let confirmed = async {
        while client.clock_offset().likely.is_zero() {
            client.identify().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), confirmed)
        .await
        .unwrap();
    let error = client.clock_offset().likely - SignedDuration::from_hours(9);
    assert!(error.abs() <= SignedDuration::from_secs(1), "{error}");
    let reset = client.reset(&issued.token.id, AN_HOUR).await.unwrap();
    let there = Timestamp::from_millisecond(running.simulator().now_ms()).unwrap();
    let error =
        reset.previous_key_expiration_time.duration_since(there) - SignedDuration::from_hours(1);
    assert!(error.abs() <= SignedDuration::from_secs(3), "{error}");
    assert!(works(&client, &issued.key).await);
}

#[tokio::test]
async fn a_list_is_whole_whatever_the_instances_habits() {
    for total in ["total", "page", "absent"] {
        for links in ["self+paging", "self", "none"] {
            for order in ["ascending", "descending"] {
                let switches = json!({
                    "list.totalCount": total, "list.links": links, "list.order": order,
                    "rateLimits.global": 0, "rateLimits.route": 0, "rateLimits.token": 0
                });
                let (running, client) = with_switches(switches).await;
                let wish = wish(reader());
                for _ in 0..57 {
                    client.create(&wish).await.unwrap();
                }
                let listed = client.list_all().await.unwrap().tokens.len();
                assert_eq!(
                    listed,
                    running.simulator().tokens().len(),
                    "{total} {links} {order}"
                );
            }
        }
    }
}
