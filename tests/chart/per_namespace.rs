//! `rbac.secretAccess: PerNamespace`: the rights in a namespace end with it, and that must not be the operator's end.

use rig::wait;

use crate::release::{PATIENCE, Stage};
use crate::render::{NAME, chart};

#[test]
fn a_namespace_that_is_looked_after_can_be_deleted_and_the_others_are_looked_after_all_the_same() {
    let stage = Stage::new();
    let narrow = [
        "--set=rbac.secretAccess=PerNamespace",
        "--set=watchNamespaces={team-a,team-b}",
    ];
    stage.helm(
        &[
            &["install", NAME, &chart(), "--create-namespace"][..],
            &narrow,
        ]
        .concat(),
    );
    stage.await_kinds();
    stage.await_rights(&[
        ("watch", "secrets", "team-a", true),
        ("watch", "secrets", "team-b", true),
        ("get", "secrets", "default", false),
    ]);
    let mut operator = stage.operator("narrow");
    stage.token("team-a");
    stage.token("team-b");
    let delete = ["delete", "namespace", "team-b", "--wait=false"];
    stage.plane.kubectl(&delete).unwrap();
    wait::until_true(PATIENCE, "the namespace to be gone", || {
        Ok(stage.plane.get("namespace", "", "team-b").is_err())
    })
    .unwrap();
    wait::until_ok(PATIENCE, "one token to be left", || {
        let left: Vec<_> = stage
            .simulator
            .created_tokens()
            .unwrap()
            .into_iter()
            .filter(|token| token.deleted_at.is_none())
            .map(|token| token.name)
            .collect();
        if left == ["team-a/web"] {
            Ok(())
        } else {
            Err(left.join(", "))
        }
    })
    .unwrap();
    // The flag still names the namespace that is gone.
    operator.restart().unwrap();
    operator.await_ready(PATIENCE).unwrap();
    stage.rotate("team-a");
    operator.terminate(PATIENCE).unwrap();
}
