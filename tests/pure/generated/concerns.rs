//! The concerns of the decision in `docs/architecture.md`, in their order.

use std::fmt::Write as _;

use launchdarkly_token_operator::domain::decide::CONCERNS;

const BEGIN: &str =
    "<!-- concerns: made from CONCERNS in src/domain/decide/mod.rs by `cargo xtask generate` -->";
const END: &str = "<!-- end of concerns -->";

/// The page with its table of concerns as the code has them.
pub fn with_table(page: &str) -> String {
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    format!("{before}{BEGIN}\n\n{}\n{END}{after}", table())
}

fn table() -> String {
    let mut table = String::from("| order | concern | says |\n| --- | --- | --- |\n");
    for (number, concern) in (1..).zip(CONCERNS) {
        let _ = writeln!(
            table,
            "| {number} | `{}` | {} |",
            concern.name, concern.says
        );
    }
    table
}
