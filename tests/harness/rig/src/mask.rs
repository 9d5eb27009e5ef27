//! How keys are shown.

/// A key as it may be shown: its kind and its last four characters, as LaunchDarkly's own pages do.
///
/// ```
/// assert_eq!(rig::mask("api-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"), "api-…e1f0");
/// assert_eq!(rig::mask("short"), "…");
/// ```
#[must_use]
pub fn mask(key: &str) -> String {
    let shown = key
        .strip_prefix("api-")
        .filter(|rest| rest.len() >= 32)
        .and_then(|rest| rest.get(rest.len() - 4..));
    match shown {
        Some(last_four) => format!("api-…{last_four}"),
        None => "…".to_owned(),
    }
}
