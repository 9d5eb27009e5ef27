//! The README tells every switch and every fault.

use launchdarkly_simulator::Switches;

const README: &str = include_str!("../../README.md");

#[test]
fn the_readme_lists_every_switch_with_its_values_default_first() {
    for (name, values) in Switches::catalogue() {
        let default = &Switches::default().to_json()[name];
        let shown: Vec<String> = match values.as_slice() {
            ["number"] => vec![format!("a number ({default})")],
            ["true", "false"] if default == false => vec!["`false`".into(), "`true`".into()],
            values => values.iter().map(|value| format!("`{value}`")).collect(),
        };
        let row = format!("| `{name}` | {} |", shown.join(", "));
        assert!(README.contains(&row), "the README lacks {row}");
    }
}

#[test]
fn the_readme_names_every_kind_of_fault() {
    for kind in [
        "drop-before",
        "drop-after",
        "delay",
        "status",
        "truncate",
        "reset",
    ] {
        assert!(
            README.contains(&format!("| `{kind}` |")),
            "the README lacks {kind}"
        );
    }
}
