//! Reads what /metrics says.

use std::collections::BTreeMap;

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// All samples of a text in the `OpenMetrics` format.
pub fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    Sample {
        name: name.to_owned(),
        labels: read_labels(labels.strip_suffix('}').unwrap()),
        value: value.parse().unwrap(),
    }
}

/// `a="x",b="y"`; no value in these tests has a quote or a comma in it.
fn read_labels(text: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter(|label| !label.is_empty())
        .map(|label| {
            let (name, value) = label.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

/// The names of a text's families with their kinds, as its `# TYPE` lines say them.
pub fn kinds(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}
