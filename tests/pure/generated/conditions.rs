//! `docs/conditions.md`: what conditions and their reasons mean.

use std::fmt::Write as _;

use launchdarkly_token_operator::domain::conditions::ConditionType;
use launchdarkly_token_operator::domain::reason::Reason;

const INTRODUCTION: &str = "\
# Conditions and reasons

`kubectl get accesstoken NAME -o yaml` shows the conditions under `status.conditions`; `Ready` is the summary, and
`kubectl wait --for=condition=Ready accesstoken/NAME` waits for it. Tools that follow kstatus (Flux, Helm, kpt) and
Argo CD read the same conditions.
";

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Conditions\n\n| condition | says |\n| --- | --- |\n");
    for type_ in ConditionType::all() {
        let _ = writeln!(page, "| `{type_}` | {} |", type_.meaning());
    }
    page.push_str("\n## Reasons\n\n| reason | what it means | what to do |\n| --- | --- | --- |\n");
    for reason in Reason::all() {
        let _ = writeln!(
            page,
            "| `{reason}` | {} | {} |",
            reason.meaning(),
            reason.advice()
        );
    }
    page
}
