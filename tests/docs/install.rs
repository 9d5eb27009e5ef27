//! docs/install.md carried out on a real node: its commands and its files, in their order and as they are written. What stands in for
//! the reader's own cluster and account is in [`crate::walk`].

use std::io::{self, Write as _};
use std::time::Duration;

use rig::{build, node_impossible, object, wait};
use serde_json::Value;

use crate::walk::{CONSUMER, Walk};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn install_md_leads_from_an_image_to_a_rotated_key_and_back_to_nothing() {
    if let Some(reason) = node_impossible() {
        // Not by a macro: the output of tests that pass is not shown.
        let _ = writeln!(io::stderr(), "docs/install.md is not carried out: {reason}");
        return;
    }
    let walk = Walk::start("docs/install.md");

    // kind and a registry are other ways to the same: the node knows the image.
    let [_build, _kind, _registry] = walk.commands("1. The image");
    walk.node.import(&build::image().unwrap()).unwrap();
    let [install, _from_registry, rolled_out] = walk.commands("2. The operator");
    walk.run(install);
    walk.run(rolled_out);
    let [credential] = walk.commands("3. The managing key");
    walk.run_with_input(credential, walk.simulator.managing_key());

    let [account] = walk.files("4. The account");
    walk.save("account.yaml", account);
    let [apply] = walk.commands("4. The account");
    walk.run(apply);

    let [token] = walk.files("5. The first token");
    walk.save("token.yaml", token);
    let [apply, who_it_is] = walk.commands("5. The first token");
    let listed = walk.run(apply);
    assert!(listed.contains("launchdarkly-flag-exporter"), "{listed}");
    let caller: Value = serde_json::from_str(&walk.run(who_it_is)).unwrap();
    let tokens = walk.simulator.created_tokens().unwrap();
    let made = tokens.iter().find(|t| t.name == "team-a/flag-exporter");
    assert_eq!(caller["tokenId"], made.unwrap().id.as_str());

    let [consumer] = walk.files("6. A consumer");
    walk.save_consumer("consumer.yaml", consumer);
    let [apply] = walk.commands("6. A consumer");
    walk.run(apply);
    walk.run("kubectl --namespace team-a rollout status deployment/flag-exporter --timeout=1m");

    let first = walk.key();
    let [rotate] = walk.commands("7. A rotation");
    let noted = walk.run(rotate);
    assert!(noted.contains("previousKeyExpirationTime"), "{noted}");
    let second = walk.key();
    assert_ne!(first, second);
    for key in [&first, &second] {
        assert_eq!(walk.simulator.call_with_key(key).unwrap(), 200);
    }
    wait::until_true(PATIENCE, "a consumer with the new key", || {
        let calls = walk.consumer_calls();
        assert!(calls.iter().all(|call| call["status"] == 200), "{calls:?}");
        Ok(calls.last().is_some_and(|call| call["callerKey"] == 1))
    })
    .unwrap();

    let [upgrade] = walk.commands("Upgrade");
    let (_image, upgrade) = upgrade.split_once('\n').unwrap();
    walk.run(upgrade);
    walk.run(rolled_out);
    assert_eq!(walk.key(), second);

    let [uninstall] = walk.commands("Uninstall");
    walk.run(uninstall);
    walk.nothing_is_left();

    let [apply] = walk.commands("Without Helm");
    walk.run(apply);
    walk.run(rolled_out);
    walk.run("kubectl delete -f deploy/install.yaml");
    walk.run("kubectl delete -f crds/");
    walk.nothing_is_left();
}

impl Walk {
    /// The key in the Secret of the page's `AccessToken`.
    fn key(&self) -> String {
        let secret = self
            .node
            .plane()
            .get("secret", "team-a", "launchdarkly-flag-exporter");
        object::secret_entry(&secret.unwrap(), "token").unwrap()
    }

    /// What the consumer has asked LaunchDarkly.
    fn consumer_calls(&self) -> Vec<Value> {
        let calls = self.simulator.requests(0).unwrap();
        calls
            .into_iter()
            .filter(|call| call["userAgent"] == CONSUMER)
            .collect()
    }

    /// Asserts that neither LaunchDarkly nor the cluster has anything of the operator.
    fn nothing_is_left(&self) {
        let tokens = self.simulator.created_tokens().unwrap();
        assert!(tokens.iter().all(|token| token.deleted_at.is_some()));
        let kinds = "customresourcedefinitions,clusterroles,clusterrolebindings,namespaces,secrets";
        let names = self.run(&format!(
            "kubectl get {kinds} --all-namespaces --output=name"
        ));
        let ours = |name: &&str| name.contains("ldtokens") || name.contains("launchdarkly");
        assert_eq!(names.lines().find(ours), None);
    }
}
