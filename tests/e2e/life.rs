//! The life of a token when nothing goes wrong.

use std::time::Duration;

use rig::{object, wait};
use serde_json::json;

use crate::stage::{Home, PATIENCE, accepted, refused, stage};

#[test]
fn a_token_is_created_patched_and_deleted() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-simple");
    home.token("web", &json!({"role": "reader", "description": "first"}));
    let token = home.ready("web");
    accepted(calm, &home.key("web"));
    let id = token["status"]["token"]["id"].as_str().unwrap().to_owned();

    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"description": "second"}}),
    );
    home.ready("web");
    let remote = home.remote(calm);
    assert_eq!(remote.len(), 1, "a new description needs no new token");
    assert_eq!(remote[0].id, id);
    assert!(
        remote[0].description.starts_with("second [ldtokens "),
        "{}",
        remote[0].description
    );

    let key = home.key("web");
    home.delete("accesstoken", "web");
    home.gone("accesstoken", "web");
    home.gone("secret", "web");
    home.remote_count(calm, 0);
    refused(calm, &key);
}

#[test]
fn an_inline_role_that_denies_nothing_is_ready_and_warned_of_once_a_generation() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-leaky");
    let allow =
        json!({"effect": "allow", "resources": ["proj/web:env/*:flag/*"], "actions": ["updateOn"]});
    let deny = json!({"effect": "deny", "notResources": ["proj/web"], "actions": ["viewProject"]});
    home.token("web", &json!({"inlineRole": [allow]}));
    home.ready("web");
    let message = home.reason("web", "LeakyPolicy", "LeakyPolicy");
    assert!(message.contains("viewProject"), "{message}");
    assert_eq!(home.event("web", "LeakyPolicy"), message);

    let inline = json!({"spec": {"inlineRole": [allow, deny]}});
    home.patch("accesstoken", "web", &inline);
    home.wait("accesstoken", "web", "no warning", |token| {
        let current = token["status"]["observedGeneration"] == token["metadata"]["generation"];
        match object::condition(token, "LeakyPolicy") {
            None if current => object::ready(token),
            said => Err(format!("{said:?}")),
        }
    });
    let said = home.events("web", "LeakyPolicy");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn a_changed_role_of_a_service_token_replaces_it_with_overlap() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-role");
    let rotation = json!({"gracePeriod": "10s"});
    home.token("web", &json!({"role": "reader", "rotation": rotation}));
    home.ready("web");
    let old = home.key("web");
    home.patch("accesstoken", "web", &json!({"spec": {"role": "writer"}}));
    let new = home.new_key("web", &old);
    accepted(calm, &old);
    accepted(calm, &new);
    assert!(object::condition(&home.get("accesstoken", "web"), "OverlapActive").is_some());
    wait::until_true(
        PATIENCE,
        "the previous key to be refused after its grace",
        || Ok(calm.call_with_key(&old)? == 401),
    )
    .unwrap();
    accepted(calm, &new);
    home.remote_count(calm, 1);
}

#[test]
fn a_trigger_resets_the_key_once_and_both_keys_work_during_the_grace() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-reset");
    let secret = json!({"previousKey": "previous"});
    home.token("web", &json!({"role": "reader", "secret": secret, "rotation": {"gracePeriod": "1m", "trigger": "a"}}));
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let old = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "b"}}}),
    );
    let new = home.new_key("web", &old);
    let token = home.ready("web");
    assert_eq!(
        token["status"]["token"]["id"], id,
        "a reset keeps the token"
    );
    assert_eq!(token["status"]["history"][0]["cause"], "Trigger");
    assert_eq!(
        token["status"]["history"].as_array().unwrap().len(),
        2,
        "one rotation: {}",
        token["status"]["history"]
    );
    assert_eq!(
        object::secret_entry(&home.get("secret", "web"), "previous").unwrap(),
        old
    );
    accepted(calm, &old);
    accepted(calm, &new);
    home.remote_count(calm, 1);
}

#[test]
fn a_schedule_rotates_by_replacement() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-schedule");
    let rotation = json!({"strategy": "Replace", "interval": "1m", "gracePeriod": "2s"});
    home.token("web", &json!({"role": "reader", "rotation": rotation}));
    home.ready("web");
    let old = home.key("web");
    // The interval is a minute, the least there is; it is waited for as a user would.
    let new = home.new_key_within(Duration::from_secs(90), "web", &old);
    accepted(calm, &new);
    assert_eq!(
        home.ready("web")["status"]["history"][0]["cause"],
        "Schedule"
    );
    home.remote_count(calm, 1);
}

#[test]
fn a_revocation_kills_every_previous_key_as_soon_as_the_new_one_is_published() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-revoke");
    home.token(
        "web",
        &json!({"role": "reader", "rotation": {"gracePeriod": "24h", "strategy": "Replace"}}),
    );
    home.ready("web");
    let first = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"trigger": "now"}}}),
    );
    let second = home.new_key("web", &first);
    accepted(calm, &first);
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"rotation": {"revoke": "leak"}}}),
    );
    let third = home.new_key("web", &second);
    for key in [&first, &second] {
        wait::until_true(PATIENCE, "a previous key to be refused", || {
            Ok(calm.call_with_key(key)? == 401)
        })
        .unwrap();
    }
    accepted(calm, &third);
    home.remote_count(calm, 1);
}

#[test]
fn a_retained_token_and_its_secret_outlive_the_object_and_are_taken_over() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-retain");
    home.token(
        "web",
        &json!({"role": "reader", "deletionPolicy": "Retain"}),
    );
    let id = home.ready("web")["status"]["token"]["id"].clone();
    let key = home.key("web");
    home.delete("accesstoken", "web");
    home.gone("accesstoken", "web");
    accepted(calm, &key);
    assert!(home.remote(calm)[0].description.contains(" retained]"));

    home.token("web", &json!({"role": "reader"}));
    let again = home.ready("web");
    assert_eq!(
        again["status"]["token"]["id"], id,
        "the token is taken over"
    );
    assert_eq!(home.key("web"), key, "and its key is not rotated");
    wait::until_ok(PATIENCE, "the marker of the new object", || {
        let uid = again["metadata"]["uid"].as_str().unwrap();
        let description = home.remote(calm)[0].description.clone();
        if description.contains(uid) {
            Ok(())
        } else {
            Err(description)
        }
    })
    .unwrap();
}

#[test]
fn a_suspended_object_is_left_alone_until_it_is_resumed() {
    let calm = &stage().calm;
    let home = Home::at(calm, "life-suspend");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let key = home.key("web");
    home.patch(
        "accesstoken",
        "web",
        &json!({"spec": {"suspend": true, "rotation": {"trigger": "x"}}}),
    );
    home.reason("web", "Ready", "Suspended");
    assert_eq!(home.key("web"), key);
    home.patch("accesstoken", "web", &json!({"spec": {"suspend": false}}));
    home.new_key("web", &key);
}
