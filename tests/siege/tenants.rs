//! What each tenant does, until it is told to stop.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use launchdarkly_token_operator::api::{AccessToken, LaunchDarklyAccount};
use rig::wait;
use serde_json::json;

use crate::stage::Stage;

/// Who makes and edits accounts.
pub const EDITOR: &str = "editor";
/// Who makes tokens, has them retained, and makes others.
pub const RETAINER: &str = "retainer";
/// How many tokens that tenant may have.
pub const MAX_TOKENS: usize = 5;

const AS_SOON_AS_READY: Duration = Duration::from_secs(5);

fn goes_on(stop: &AtomicBool) -> bool {
    !stop.load(Ordering::Relaxed)
}

/// Anybody who reaches the port of probes and metrics.
pub fn half_sent_requests(stage: &Stage, at_a_time: usize, stop: &AtomicBool) {
    let address = stage.operator.url().trim_start_matches("http://");
    let mut half = b"GET /metrics HTTP/1.1\r\nhost: operator\r\nx: ".to_vec();
    half.resize(350 << 10, b'a');
    let mut open = std::collections::VecDeque::new();
    while goes_on(stop) {
        let Ok(mut stranger) = TcpStream::connect(address) else {
            continue;
        };
        stranger.set_nonblocking(true).unwrap();
        let _ = stranger.write(&half);
        open.push_back(stranger);
        if open.len() > at_a_time {
            open.pop_front();
        }
        // As fast as a shell's loop would.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn account(name: &str, url: &str) -> LaunchDarklyAccount {
    let account = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "LaunchDarklyAccount", "metadata": {"name": name},
        "spec": {"apiUrl": url, "credentialsSecretRef": {"name": "managing-key"}},
    });
    serde_json::from_value(account).unwrap()
}

/// Two addresses of the same LaunchDarkly: each edit has its credential looked at again.
fn addresses(stage: &Stage) -> [String; 2] {
    let url = stage.simulator.url().to_owned();
    let other = url.replace("127.0.0.1", "localhost");
    [url, other]
}

/// Edits accounts in a loop.
pub fn edited_accounts(stage: &Stage, count: usize, stop: &AtomicBool) {
    let api = Api::<LaunchDarklyAccount>::namespaced(stage.client.clone(), EDITOR);
    let urls = addresses(stage);
    for n in 0..count {
        let account = account(&format!("edited-{n}"), &urls[0]);
        let as_usual = PostParams::default();
        let made = api.create(&as_usual, &account);
        let _ = stage.runtime.block_on(made);
    }
    for round in 1.. {
        for n in 0..count {
            if !goes_on(stop) {
                return;
            }
            let edit = Patch::Merge(json!({"spec": {"apiUrl": urls[round % 2]}}));
            let name = format!("edited-{n}");
            let as_usual = PatchParams::default();
            let _ = stage.runtime.block_on(api.patch(&name, &as_usual, &edit));
        }
    }
}

/// Makes accounts and deletes them at once.
pub fn short_lived_accounts(stage: &Stage, stop: &AtomicBool) {
    let api = Api::<LaunchDarklyAccount>::namespaced(stage.client.clone(), EDITOR);
    let [url, _] = addresses(stage);
    for n in 0.. {
        if !goes_on(stop) {
            return;
        }
        let name = format!("short-{n}");
        let account = account(&name, &url);
        let _ = stage
            .runtime
            .block_on(api.create(&PostParams::default(), &account));
        std::thread::park_timeout(Duration::from_millis(300));
        let _ = stage
            .runtime
            .block_on(api.delete(&name, &DeleteParams::default()));
    }
}

/// Makes a token, has it retained, and makes the next one.
pub fn retained_tokens(stage: &Stage, stop: &AtomicBool) {
    let api = Api::<AccessToken>::namespaced(stage.client.clone(), RETAINER);
    for n in 0.. {
        if !goes_on(stop) {
            return;
        }
        let name = format!("kept-{n}");
        let token = json!({
            "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken", "metadata": {"name": name},
            "spec": {"role": "reader", "deletionPolicy": "Retain"},
        });
        let token = serde_json::from_value(token).unwrap();
        let as_usual = PostParams::default();
        let made = api.create(&as_usual, &token);
        stage.runtime.block_on(made).unwrap();
        // Once there are enough, none becomes ready any more.
        let _ = wait::until_true(AS_SOON_AS_READY, "a token", || {
            let found = stage.runtime.block_on(api.get(&name)).unwrap();
            Ok(!goes_on(stop) || found.status.is_some_and(|it| it.token.is_some()))
        });
        let _ = stage
            .runtime
            .block_on(api.delete(&name, &DeleteParams::default()));
    }
}
