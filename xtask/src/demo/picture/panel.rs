//! What a panel of the dashboard shows, as Prometheus answers its queries.

use std::ops::Range;

use rig::{Prometheus, RigError};
use serde_json::Value;

/// A panel with its data.
pub struct Panel {
    pub title: String,
    /// As Grafana calls it: `s`, `bytes`, `reqps`; empty for plain numbers.
    pub unit: String,
    /// In Grafana's grid of 24 columns.
    pub place: Place,
    pub content: Content,
}

/// Where a panel is, in cells of the grid.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
}

/// What is in it.
pub enum Content {
    /// The title of a section.
    Row,
    /// One number.
    Stat(Option<f64>),
    /// Names and numbers.
    Table(Vec<(String, f64)>),
    /// Lines over time.
    Lines(Vec<Line>),
}

/// A line: points of seconds since the begin, and values.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Labels that say who was asked, not what about.
const PLUMBING: [&str; 8] = [
    "__name__",
    "instance",
    "job",
    "pod",
    "container",
    "endpoint",
    "service",
    "uid",
];

impl Panel {
    /// Asks for the data of a panel, within these seconds since 1970.
    pub fn ask(
        prometheus: &Prometheus,
        panel: &Value,
        span: &Range<f64>,
    ) -> Result<Self, RigError> {
        let cell = |name: &str| {
            let cells = panel["gridPos"][name].as_i64().unwrap_or_default();
            i32::try_from(cells).unwrap_or_default()
        };
        let mut found = Vec::new();
        let over_time = panel["type"] == "timeseries";
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = sent(text(&target["expr"]));
            let series = if over_time {
                range(prometheus, &query, span)?
            } else {
                prometheus.query(&query)?
            };
            let format = text(&target["legendFormat"]);
            found.extend(
                series
                    .into_iter()
                    .map(|one| (legend(format, &one["metric"]), one)),
            );
        }
        let content = match text(&panel["type"]) {
            "timeseries" => Content::Lines(
                found
                    .into_iter()
                    .map(|(name, one)| line(name, &one, span))
                    .collect(),
            ),
            "table" => Content::Table(
                found
                    .iter()
                    .map(|(_, one)| (labels(&one["metric"]), number(&one["value"][1])))
                    .collect(),
            ),
            "stat" => Content::Stat(found.first().map(|(_, one)| number(&one["value"][1]))),
            _ => Content::Row,
        };
        Ok(Self {
            title: text(&panel["title"]).to_owned(),
            unit: text(&panel["fieldConfig"]["defaults"]["unit"]).to_owned(),
            place: Place {
                x: cell("x"),
                y: cell("y"),
                w: cell("w"),
                h: cell("h"),
            },
            content,
        })
    }
}

/// A query as Grafana sends it: all jobs and namespaces chosen, and rates over four scrapes or more.
fn sent(query: &str) -> String {
    query
        .replace("$__rate_interval", "20s")
        .replace("$job", ".*")
        .replace("$namespace", ".*")
}

fn range(prometheus: &Prometheus, query: &str, span: &Range<f64>) -> Result<Vec<Value>, RigError> {
    let (start, end) = (span.start.to_string(), span.end.to_string());
    let parameters = [
        ("query", query),
        ("start", &start),
        ("end", &end),
        ("step", "2"),
    ];
    let answer = prometheus.ask("query_range", &parameters)?;
    Ok(answer["result"].as_array().cloned().unwrap_or_default())
}

fn line(name: String, series: &Value, span: &Range<f64>) -> Line {
    let points = series["values"].as_array().into_iter().flatten();
    let points = points
        .map(|point| (number(&point[0]) - span.start, number(&point[1])))
        .filter(|(_, value)| value.is_finite());
    Line {
        name,
        points: points.collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Prometheus writes values as text, and times as numbers.
fn number(value: &Value) -> f64 {
    let written = value.as_str().and_then(|text| text.parse().ok());
    written.or_else(|| value.as_f64()).unwrap_or(f64::NAN)
}

/// `{{operation}} {{code}}` with the labels of a series.
fn legend(format: &str, labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    labels.fold(format.to_owned(), |filled, (name, value)| {
        filled.replace(&format!("{{{{{name}}}}}"), text(value))
    })
}

/// What a series is about.
fn labels(metric: &Value) -> String {
    let labels = metric.as_object().into_iter().flatten();
    let telling = labels.filter(|(name, _)| !PLUMBING.contains(&name.as_str()));
    let values: Vec<_> = telling
        .map(|(_, value)| text(value))
        .filter(|value| !value.is_empty())
        .collect();
    values.join(" ")
}
