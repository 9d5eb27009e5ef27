//! libFuzzer on one of the targets: the one that the environment names.
#![no_main]

mod decide;
mod decide_properties;

use std::sync::LazyLock;

use launchdarkly_token_operator::fuzzing::TARGETS;
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("LDTOKENS_FUZZ_TARGET").unwrap_or_default();
    if name == "decide" {
        return decide::decide;
    }
    let named = TARGETS.iter().find(|target| target.name == name);
    named
        .expect("LDTOKENS_FUZZ_TARGET names a target: run this by `cargo xtask fuzz`")
        .run
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
