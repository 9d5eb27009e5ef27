//! Tokens at LaunchDarkly that carry an object's marker and that it did not make.

use rig::wait;
use serde_json::json;

use crate::stage::{Home, PATIENCE, stage};

#[test]
fn a_token_with_a_copied_marker_is_told_and_left_alone_until_it_is_claimed_i6() {
    let calm = &stage().calm;
    let home = Home::at(calm, "unknown-copied");
    let spec = json!({"role": "reader", "rotation": {"gracePeriod": "5s"}});
    let mut kept = spec.clone();
    kept["deletionPolicy"] = json!("Retain");
    home.token("other", &kept);
    let id = home.ready("other")["status"]["token"]["id"].clone();
    let id = id.as_str().unwrap();
    let key = home.key("other");
    home.delete("accesstoken", "other");
    home.gone("accesstoken", "other");
    home.token("web", &spec);
    home.ready("web");
    let mut tokens = home.remote(calm);
    tokens.retain(|token| token.id != id);
    let original = tokens.remove(0);

    let copy = json!({"description": original.description});
    calm.patch_token(id, &copy).unwrap();
    let message = home.reason("web", "Ready", "UnknownTokens");
    assert!(
        message.contains(id) && message.contains("ldtokens.dev/claim"),
        "{message}"
    );
    assert_eq!(home.event("web", "UnknownTokens"), message);
    assert_eq!(
        home.get("accesstoken", "web")["status"]["unknownTokens"],
        json!([id])
    );
    wait::until_ok(PATIENCE, "the account to tell of it", || {
        let unknown = home.get("launchdarklyaccount", "default")["status"]["unknownTokens"].clone();
        if unknown
            .as_array()
            .is_some_and(|ids| ids.contains(&json!(id)))
        {
            Ok(())
        } else {
            Err(unknown)
        }
    })
    .unwrap();
    crate::stage::accepted(calm, &key);

    let claim = json!({"metadata": {"annotations": {"ldtokens.dev/claim": id}}});
    home.patch("accesstoken", "web", &claim);
    home.remote_count(calm, 1);
    assert_eq!(home.remote(calm)[0].id, original.id);
    home.reason("web", "Ready", "Available");
}
