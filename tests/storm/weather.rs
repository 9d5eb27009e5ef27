//! What LaunchDarkly is like in each account: everything that differs between instances or is unknown, drawn from the seed.

use crate::dice::Dice;

/// The switches that are drawn, with what each may be; what comes twice is drawn more often.
const SWITCHES: [(&str, &[&str]); 9] = [
    ("profile", &["2026-10", "2026-10", "2024", "reset-removed"]),
    ("callerIdentity.tokenId", &["always", "personal-only"]),
    ("reset.expirySource", &["query", "body", "either"]),
    ("reset.previousKeys", &["one", "many"]),
    ("list.order", &["ascending", "descending", "unstable"]),
    // Less than the settle time of the storm, 2 s.
    ("list.lag", &["0", "300", "1200"]),
    ("list.links", &["self+paging", "self", "none"]),
    ("error.code", &["present", "absent"]),
    ("arrays.empty", &["[]", "null", "omitted"]),
];

/// The switches of an account, as the simulator's command line takes them.
pub fn drawn(seed: u64, account: usize) -> Vec<String> {
    let mut dice = Dice::new(seed, &format!("the weather of account {account}"));
    let switches = SWITCHES.iter();
    let drawn = switches.map(|(name, values)| format!("{name}={}", dice.one_of(values)));
    drawn.collect()
}
