//! The concerns of the two decisions in `docs/architecture.md`, in their order.

use std::fmt::Write as _;

use launchdarkly_token_operator::domain::{account, decide};

const TOKENS: &str =
    "<!-- concerns: made from CONCERNS in src/domain/decide/mod.rs by `cargo xtask generate` -->";
const ACCOUNTS: &str = "<!-- concerns: made from CONCERNS in src/domain/account/decide.rs by `cargo xtask generate` -->";
const END: &str = "<!-- end of concerns -->";

/// The page with its tables of concerns as the code has them.
pub fn with_tables(page: &str) -> String {
    let tokens = decide::CONCERNS.iter().map(|one| (one.name, one.says));
    let accounts = account::decide::CONCERNS;
    let accounts = accounts.iter().map(|one| (one.name, one.says));
    let page = with_table(page, TOKENS, tokens);
    with_table(&page, ACCOUNTS, accounts)
}

fn with_table(
    page: &str,
    begin: &str,
    concerns: impl Iterator<Item = (&'static str, &'static str)>,
) -> String {
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut table = String::from("| order | concern | says |\n| --- | --- | --- |\n");
    for (number, (name, says)) in (1..).zip(concerns) {
        let _ = writeln!(table, "| {number} | `{name}` | {says} |");
    }
    format!("{before}{begin}\n\n{table}\n{END}{after}")
}
