//! Worlds that nobody thought of: each part is that of another world of `tests/pure/decide_properties`, at any time. Such parts need not
//! fit together, so that only this is judged: there is a decision, and the same one each time.

use jiff::Timestamp;
use launchdarkly_token_operator::domain::decide::{decide as chosen, record_at_rest};
use launchdarkly_token_operator::domain::desired::Desired;
use launchdarkly_token_operator::domain::observed::Observed;
use launchdarkly_token_operator::domain::problem::Problem;
use launchdarkly_token_operator::domain::record::Record;
use launchdarkly_token_operator::domain::time::Clocks;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::decide_properties::generate::any_world;
use crate::decide_properties::worlds::Given;

thread_local! {
    /// One for each byte, always the same.
    static WORLDS: Vec<Given> = {
        let mut runner = TestRunner::deterministic();
        let worlds = any_world();
        (0..256)
            .map(|_| worlds.new_tree(&mut runner).expect("the generator filters nothing").current())
            .collect()
    };
}

/// Which world each part is of, a byte each; then eight bytes for each clock, in seconds, where there are so many.
pub fn decide(bytes: &[u8]) {
    let (desired, observed) = WORLDS.with(|worlds| mixed(worlds, bytes));
    let step = chosen(&desired, &observed);
    assert_eq!(chosen(&desired, &observed), step);
    let record = record_at_rest(&desired, &observed);
    assert_eq!(record_at_rest(&desired, &observed), record);
}

fn mixed(worlds: &[Given], bytes: &[u8]) -> (Result<Desired, Problem>, Observed) {
    let mut bytes = bytes.iter().copied();
    let mut next = || &worlds[usize::from(bytes.next().unwrap_or_default())];
    macro_rules! part {
        ($kind:ident, $of:ident, $($part:ident)+) => {
            $kind { $($part: $of(next()).$part.clone(),)+ }
        };
    }
    let desired = next().desired.clone();
    let mut mixed = part!(Observed, observed,
        identity generation finalizer deletion namespace_terminating record account secret former_secret call remote
        secret_key listed_at calls_ended_by resets_refused kept_key found gone life_limited roles roles_seen_at claimed_by retries clocks
        timing holder nonce
    );
    mixed.record = part!(Record, record,
        observed_generation account_id token secret former_secret rotation pending abandoned retiring history
    );
    if let Some(local) = moment(&mut bytes) {
        let remote = moment(&mut bytes).unwrap_or(local);
        mixed.clocks = Clocks { local, remote };
    }
    (desired, mixed)
}

fn observed(world: &Given) -> &Observed {
    &world.observed
}

fn record(world: &Given) -> &Record {
    &world.observed.record
}

fn moment(bytes: &mut impl Iterator<Item = u8>) -> Option<Timestamp> {
    let eight: Vec<u8> = bytes.take(8).collect();
    let seconds = i64::from_le_bytes(eight.try_into().ok()?);
    let bounds = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(seconds.clamp(bounds.0, bounds.1)).ok()
}
