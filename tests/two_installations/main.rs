//! Two installations of the real program in one cluster: each handles what is its own, and none takes from the other.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

mod stage;

use rig::{install, wait};
use serde_json::json;

use stage::{SECOND, SOON, Stage, reason, untouched};

#[test]
fn the_later_of_two_whose_scopes_overlap_leaves_the_account_alone_and_says_so() {
    let stage = Stage::start();
    let _first = stage.first(&[]);
    stage.account("shared", None);
    for number in 0..4 {
        stage.token("team-y", &format!("web-{number}"), "shared");
    }
    for number in 0..4 {
        stage.ready("team-y", &format!("web-{number}"));
    }
    let held = |account: &serde_json::Value| account["metadata"]["finalizers"].is_array();
    stage.await_account("shared", "an account in use", held);

    let second = stage.second(&[("--watch-namespaces", "team-x")]);
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{} writes: {writes:#?}", writes.len());
    let by = json!({"namespace": install::NAMESPACE, "name": install::NAMESPACE});
    assert_eq!(stage.get_account("shared")["status"]["controller"], by);
    let said = second.logs();
    let said: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("another installation"))
        .collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("shared"), "{said:?}");
    assert!(stage.may_read_leases_in("team-x"));
    let left = second.metric("launchdarkly_operator_accounts_left_alone", &[]);
    assert!((left.unwrap() - 1.0).abs() < 0.1);

    stage.delete("clusterlaunchdarklyaccount", "", "shared");
    stage.await_account("shared", "a word on who uses it", |account| {
        reason(account, "Ready").as_deref() == Some("InUse")
    });
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{} writes: {writes:#?}", writes.len());
    assert!(held(&stage.get_account("shared")));
}

#[test]
fn who_sees_some_namespaces_only_takes_over_from_one_that_is_gone_and_keeps_what_others_use() {
    let stage = Stage::start();
    let mut first = stage.first(&[]);
    stage.account("shared", None);
    for (namespace, name) in [("team-x", "web"), ("team-y", "web"), ("team-x", "gone")] {
        stage.token(namespace, name, "shared");
    }
    for (namespace, name) in [("team-x", "web"), ("team-y", "web"), ("team-x", "gone")] {
        stage.ready(namespace, name);
    }
    first.terminate(SOON).unwrap();

    let _second = stage.second(&[("--watch-namespaces", "team-x")]);
    stage.await_account("shared", "another controller", |account| {
        account["status"]["controller"]["name"] == SECOND
    });
    stage.delete("accesstoken", "team-x", "gone");
    stage.delete("accesstoken", "team-x", "web");
    for name in ["gone", "web"] {
        wait::until_true(SOON, "it to be gone", || {
            Ok(stage.plane.get("accesstoken", "team-x", name).is_err())
        })
        .unwrap();
    }
    // In its own namespaces nobody uses the account any more.
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    stage.delete("clusterlaunchdarklyaccount", "", "shared");
    stage.await_account("shared", "a word on who uses it", |account| {
        reason(account, "Ready").as_deref() == Some("InUse")
    });
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    assert!(stage.get_account("shared")["metadata"]["finalizers"].is_array());
}

/// It knows who uses the account although all of that came to be while it left the account alone.
#[test]
fn who_takes_over_from_one_that_was_killed_keeps_what_was_made_meanwhile() {
    let stage = Stage::start();
    let mut first = stage.first(&[]);
    stage.account("shared", None);
    let ours = |account: &serde_json::Value| {
        account["status"]["controller"]["name"] == install::NAMESPACE
            && reason(account, "Ready").as_deref() == Some("Available")
    };
    stage.await_account("shared", "the first installation's account", ours);
    let _second = stage.second(&[]);
    for namespace in ["team-x", "team-y"] {
        stage.token(namespace, "web", "shared");
        stage.ready(namespace, "web");
    }
    stage.delete("clusterlaunchdarklyaccount", "", "shared");
    stage.await_account("shared", "a word on who uses it", |account| {
        reason(account, "Ready").as_deref() == Some("InUse")
    });
    let mark = stage.plane.audit_mark().unwrap();
    first.kill9().unwrap();
    stage.await_account("shared", "another controller", |account| {
        account["status"]["controller"]["name"] == SECOND
    });
    stage.rotate("team-x", "web", "1");
    wait::until_true(SOON, "a rotation by the other one", || {
        let token = stage.get_token("team-x", "web");
        let handled = &token["status"]["history"][0]["cause"];
        Ok(handled == "Trigger" && reason(&token, "Ready").as_deref() == Some("Available"))
    })
    .unwrap();
    // Nor was it said for a moment that the account did not exist.
    let said = stage.plane.audit_text().unwrap();
    let said = &said[usize::try_from(mark).unwrap()..];
    assert!(!said.contains("AccountNotFound"));
    let account = stage.get_account("shared");
    assert!(account["metadata"]["finalizers"].is_array());
    assert_eq!(reason(&account, "Ready").as_deref(), Some("InUse"));
}

/// An operator that was upgraded before its definitions: the account works as before, and the log says what is not kept.
#[test]
fn definitions_that_do_not_keep_who_handles_an_account_do_not_stop_it() {
    let stage = Stage::start();
    stage.forget_controllers();
    let first = stage.first(&[]);
    stage.account("shared", None);
    stage.token("team-x", "web", "shared");
    stage.ready("team-x", "web");
    let account = stage.await_account("shared", "an account in use", |account| {
        account["metadata"]["finalizers"].is_array()
    });
    assert_eq!(account["status"].get("controller"), None);
    stage
        .plane
        .kubectl(&[
            "annotate",
            "clusterlaunchdarklyaccount",
            "shared",
            "touched=1",
        ])
        .unwrap();
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    let said = first.logs();
    assert_eq!(said.matches("drop status.controller").count(), 1);
}

#[test]
fn each_class_handles_its_own_accounts_and_the_access_tokens_of_these_and_nothing_else() {
    let stage = Stage::start();
    let mut blue = stage.second(&[("--controller-class", "blue")]);
    for (account, class) in [("plain", None), ("blue", Some("blue"))] {
        stage.account(account, class);
        stage.token("team-x", account, account);
    }
    stage.token("team-x", "lost", "nowhere");
    stage.ready("team-x", "blue");
    assert_eq!(
        stage.get_token("team-x", "blue")["status"]["controllerClass"],
        "blue"
    );
    stage.writes_in_a_while();
    assert!(untouched(&stage.get_account("plain")));
    for name in ["plain", "lost"] {
        let token = stage.get_token("team-x", name);
        assert!(untouched(&token), "{token:#}");
        assert_eq!(stage.events("team-x", name), [""; 0]);
    }

    let _plain = stage.first(&[]);
    stage.ready("team-x", "plain");
    let lost = stage.get_token("team-x", "lost");
    assert_eq!(reason(&lost, "Ready").as_deref(), Some("AccountNotFound"));
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    let token = stage.get_token("team-x", "plain");
    assert_eq!(token["status"].get("controllerClass"), None);

    // Nobody is there for the other class, and nobody says so for it.
    blue.terminate(SOON).unwrap();
    stage.account("green", Some("green"));
    stage.token("team-y", "green", "green");
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    assert!(untouched(&stage.get_account("green")));
    assert!(untouched(&stage.get_token("team-y", "green")));
    assert_eq!(stage.events("team-y", "green"), [""; 0]);

    // What was bound under a class stays that class's, whatever becomes of its account.
    let before = stage.get_token("team-x", "blue");
    stage.delete("clusterlaunchdarklyaccount", "", "blue");
    let let_go = json!({"metadata": {"finalizers": null}}).to_string();
    let patch = [
        "patch",
        "clusterlaunchdarklyaccount",
        "blue",
        "--type=merge",
        "--patch",
        &let_go,
    ];
    stage.plane.kubectl(&patch).unwrap();
    let writes = stage.writes_in_a_while();
    assert!(writes.is_empty(), "{writes:#?}");
    let after = stage.get_token("team-x", "blue");
    assert_eq!(
        before["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
}
