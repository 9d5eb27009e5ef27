//! Keys that are lost again and again, or many at once: what nobody asked for is done a few times only (I14).

use rig::{object, wait};
use serde_json::{Value, json};

use crate::stage::{Home, PATIENCE, accepted, stage};

/// Deletes Secrets of this namespace without waiting.
fn plunder(home: &Home<'_>, names: &[String]) {
    let mut arguments = vec![
        "delete",
        "secret",
        "--wait=false",
        "--namespace",
        &home.namespace,
    ];
    arguments.extend(names.iter().map(String::as_str));
    stage().plane.kubectl(&arguments).unwrap();
}

#[test]
fn many_secrets_lost_at_once_are_not_all_replaced_and_the_account_says_so() {
    let plundered = &stage().plundered;
    let home = Home::at(plundered, "losses-many");
    let names: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    for name in &names {
        home.token(name, &json!({"role": "reader"}));
    }
    let before: Vec<String> = names
        .iter()
        .map(|name| {
            home.ready(name);
            home.key(name)
        })
        .collect();
    plunder(&home, &names);

    let says = |object: &Value| object::condition(object, "Ready").map(|ready| ready.reason);
    let replaced = wait::until_ok(PATIENCE, "the budget to hold all but a few", || {
        let objects: Vec<Value> = names
            .iter()
            .map(|name| home.get("accesstoken", name))
            .collect();
        let reasons: Vec<String> = objects.iter().filter_map(says).collect();
        let replaced = objects
            .iter()
            .filter(|object| object["status"]["history"][0]["cause"] == "SecretDeleted")
            .count();
        let held = reasons
            .iter()
            .filter(|reason| *reason == "MassChange")
            .count();
        if replaced + held == names.len() {
            Ok(replaced)
        } else {
            Err(reasons.join(", "))
        }
    })
    .unwrap();
    // None when all losses are seen within the time that losses are gathered, three if they are seen one after the other.
    assert!(replaced <= 3, "{replaced} were replaced");
    for key in &before {
        accepted(plundered, key);
    }
    home.touch_account();
    let message = home.reason_of("launchdarklyaccount", "default", "MassChange", "MassChange");
    assert!(message.contains("ten minutes"), "{message}");
    home.remote_count(plundered, names.len() + replaced);
}

#[test]
fn the_losses_of_one_namespace_hold_no_other_namespace_of_the_account_up_i14() {
    let plundered = &stage().plundered;
    let (here, there) = (
        Home::at(plundered, "losses-here"),
        Home::at(plundered, "losses-there"),
    );
    let names: Vec<String> = (0..6).map(|n| format!("t{n}")).collect();
    for name in &names {
        here.token(name, &json!({"role": "reader"}));
    }
    there.token("web", &json!({"role": "reader"}));
    for name in &names {
        here.ready(name);
    }
    there.ready("web");
    let old = there.key("web");
    plunder(&here, &names);
    // Which of them are replaced before it is seen that there are many is chance.
    let held = wait::until_ok(PATIENCE, "one that is held", || {
        let held = names.iter().find(|name| {
            let object = here.get("accesstoken", name);
            object::condition(&object, "Ready").is_some_and(|ready| ready.reason == "MassChange")
        });
        held.ok_or("none")
    })
    .unwrap();

    there.delete("secret", "web");
    let new = there.new_key("web", &old);
    there.ready("web");
    accepted(plundered, &old);
    accepted(plundered, &new);
    let message = here.reason(held, "Ready", "MassChange");
    assert!(message.contains("namespace"), "{message}");
    assert!(message.contains("ldtokens.dev/rotate"), "{message}");
}

#[test]
fn a_secret_that_somebody_keeps_deleting_is_contested() {
    let contested = &stage().contested;
    let home = Home::at(contested, "losses-again");
    home.token("web", &json!({"role": "reader"}));
    home.ready("web");
    for _ in 0..2 {
        let old = home.key("web");
        home.delete("secret", "web");
        home.new_key("web", &old);
    }
    let last = home.key("web");
    home.delete("secret", "web");
    let message = home.reason("web", "Stalled", "SecretContested");
    assert!(message.contains("three times"), "{message}");
    accepted(contested, &last);
}
