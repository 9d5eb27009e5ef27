//! Values of the chart.

use std::fs;
use std::sync::LazyLock;

use serde_json::Value;

use crate::{objects, pages};

static VALUES: LazyLock<Value> = LazyLock::new(|| {
    let file = pages::root().join("charts/launchdarkly-token-operator/values.yaml");
    serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap()
});

/// Whether a path leads to a value, or into one that is open.
pub fn is_known(path: &str) -> bool {
    let mut here = &*VALUES;
    for part in path.split('.') {
        match here {
            Value::Object(map) if map.is_empty() => return true,
            Value::Object(map) if map.contains_key(part) => here = &map[part],
            _ => return false,
        }
    }
    true
}

#[test]
fn every_value_of_the_chart_that_the_documentation_names_exists() {
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for page in pages::all() {
        let spans = page.spans.iter().map(String::as_str);
        let named = spans.filter(|span| {
            let root = span.split('.').next().unwrap_or_default();
            span.contains('.') && !pages::is_file(span) && VALUES.get(root).is_some()
        });
        let words: Vec<_> = page.shell_words().collect();
        let mut set: Vec<_> = words
            .windows(2)
            .filter(|two| two[0] == "--set")
            .map(|two| two[1])
            .collect();
        set.extend(words.iter().filter_map(|word| word.strip_prefix("--set=")));
        for name in named.chain(set) {
            looked_up += 1;
            let path = name.split(['=', ':', ' ']).next().unwrap_or_default();
            // `policy` is a value of the chart, and a field of accounts.
            if !is_known(path) && !objects::is_known(path) {
                wrong.push(format!("{}: {name}", page.path.display()));
            }
        }
    }
    assert!(looked_up > 20, "only {looked_up} values were looked up");
    pages::verdict("values that the chart does not have", &wrong);
}
