//! Namespaces that are being deleted: nothing new is made for them, and their deletion ends (I11).

use rig::wait;
use serde_json::json;

use crate::stage::{Home, PATIENCE, stage};

impl Home<'_> {
    /// Deletes the namespace without waiting.
    fn end(&self) {
        let arguments = ["delete", "namespace", &self.namespace, "--wait=false"];
        stage().plane.kubectl(&arguments).unwrap();
    }
}

#[test]
fn nothing_is_created_in_a_namespace_that_is_being_deleted_and_its_deletion_ends() {
    let calm = &stage().calm;
    let home = Home::at(calm, "ending-new");
    home.token("web", &json!({"role": "reader", "suspend": true}));
    home.reason("web", "Ready", "Suspended");
    home.end();
    // For the first seconds of a namespace's end its objects are still there, and may be edited.
    home.patch("accesstoken", "web", &json!({"spec": {"suspend": false}}));
    let message = home.reason("web", "Ready", "NamespaceTerminating");
    assert!(message.contains("being deleted"), "{message}");
    home.gone("namespace", "ending-new");
    home.remote_count(calm, 0);
    let history = calm.history(0).unwrap();
    assert!(!history.is_empty());
    let of_ours = |event: &&serde_json::Value| event.to_string().contains("ending-new/");
    assert_eq!(
        history.iter().filter(of_ours).count(),
        0,
        "no token was ever made"
    );
}

#[test]
fn a_namespace_that_is_deleted_takes_its_tokens_along() {
    let calm = &stage().calm;
    let home = Home::at(calm, "ending-all");
    home.token("web", &json!({"role": "reader"}));
    home.token(
        "kept",
        &json!({"role": "reader", "deletionPolicy": "Retain"}),
    );
    home.ready("web");
    home.ready("kept");
    home.end();
    home.gone("namespace", "ending-all");
    wait::until_ok(PATIENCE, "only the retained token to be left", || {
        let names: Vec<_> = home.remote(calm).into_iter().map(|t| t.name).collect();
        if names == ["ending-all/kept"] {
            Ok(())
        } else {
            Err(names.join(", "))
        }
    })
    .unwrap();
}
