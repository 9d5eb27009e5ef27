//! Leaked keys: they end, or it is said what keeps them alive.

use rig::{object, wait};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, accepted, refused, stage};

fn annotate(home: &Home<'_>, name: &str, annotation: &str, value: &str) {
    let change = json!({"metadata": {"annotations": {annotation: value}}});
    home.patch("accesstoken", name, &change);
}

fn revoke(home: &Home<'_>, name: &str, value: &str) {
    annotate(home, name, "ldtokens.dev/revoke", value);
}

#[test]
fn a_value_that_was_handled_and_comes_back_is_told_of_i15() {
    let calm = &stage().calm;
    let home = Home::at(calm, "leaks-again");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let mut key = home.key("web");
    for value in ["leak-1", "leak-2"] {
        revoke(&home, "web", value);
        key = home.new_key("web", &key);
        let status = home.settled("web")["status"].clone();
        assert_eq!(status["rotation"]["lastHandledRevoke"]["value"], value);
    }
    revoke(&home, "web", "leak-1");
    let note = home.event("web", "RequestRepeated");
    assert!(note.contains("ldtokens.dev/revoke"), "{note}");
    assert_eq!(home.key("web"), key);
}

#[test]
fn a_key_is_revoked_by_a_reset_where_the_policy_allows_no_new_token_i9() {
    let calm = &stage().calm;
    let home = Home::at(calm, "leaks-policy");
    home.token("web", &json!({"role": "writer"}));
    home.ready("web");
    let leaked = home.key("web");
    let tightened = json!({"spec": {"policy": {"roles": ["reader"]}}});
    home.patch("launchdarklyaccount", "default", &tightened);
    home.reason("web", "Ready", "NotAllowedByPolicy");
    revoke(&home, "web", "leak");
    wait::until_true(PATIENCE, "another key", || Ok(home.key("web") != leaked)).unwrap();
    accepted(calm, &home.key("web"));
}

#[test]
fn a_revocation_that_has_nowhere_to_put_the_new_key_is_blocked_and_a_cut_off_ends_it_i15() {
    let calm = &stage().calm;
    let home = Home::at(calm, "leaks-foreign");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    let leaked = home.key("web");
    let foreign = json!({"metadata": {"annotations": {"ldtokens.dev/owned-by": "thief/web", "ldtokens.dev/uid": "0"}}});
    home.patch("secret", "web", &foreign);
    home.reason("web", "Ready", "SecretForeign");
    revoke(&home, "web", "leak");
    let message = home.reason("web", "Ready", "RevokeBlocked");
    assert!(message.contains("ldtokens.dev/cut-off"), "{message}");
    home.event("web", "RevokeBlocked");
    accepted(calm, &leaked);
    annotate(&home, "web", "ldtokens.dev/cut-off", "now");
    home.dies(calm, &leaked);
    refused(calm, &leaked);
    home.event("web", "KeyCutOff");
    let message = home.reason("web", "Ready", "KeyCutOff");
    assert!(message.contains("Secret"), "{message}");
    home.delete("secret", "web");
    home.ready("web");
    accepted(calm, &home.key("web"));
    let causes = |object: &Value| object["status"]["history"][0]["cause"].clone();
    let token = home.get("accesstoken", "web");
    assert_eq!(causes(&token), "CutOff");
    assert!(object::ready(&token).is_ok());
}
