//! `docs/metrics.md`: every metric, from the catalogue of the operator, and every alert, from the chart.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use launchdarkly_token_operator::runtime::metrics::catalogue::GROUPS;
use serde_json::Value;

const INTRODUCTION: &str = "\
# Metrics, alerts and the dashboard

`/metrics` on port 8080 of every pod, in the OpenMetrics text format. No label holds a key, a part of one, or the ID of a token.
`namespace` and `name` are those of the object, so scrape with `honorLabels: true`, as the chart's monitors do. A histogram `x` is asked
for as `x_bucket`, `x_sum` and `x_count`.

`tests/observability` compares these tables with a running operator, in both directions.
";

const ALERTS: &str = "
## Alerts

`monitoring.prometheusRule.enabled` of the chart installs them; `monitoring.prometheusRule.alerts` changes single ones. Per object: only
with `--metrics-per-object=true`, the default; totals: only without. The expressions are in
[alerts.yaml](../charts/launchdarkly-token-operator/files/alerts.yaml), and `tests/chart/alerts` has cases for each, firing and silent.

| alert | threshold | for | severity | only |
| --- | --- | --- | --- | --- |
";

const DASHBOARD: &str = "
## Dashboard

`monitoring.dashboard.enabled` of the chart makes a ConfigMap with a Grafana dashboard
([dashboard.json](../charts/launchdarkly-token-operator/files/dashboard.json)), labelled for the sidecar of Grafana's chart. By call: import
that file. A real Prometheus answers each of its queries in `tests/observability`.

![The panels of the dashboard, with lines and tables from a few minutes of the demonstration](dashboard.svg)

This is a drawing, not a screenshot of Grafana: `cargo xtask demo --picture docs/dashboard.svg` has a real Prometheus watch the demonstration
and some rotations after it, asks it for every panel's queries, and draws what it answers.
";

/// The whole page.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for group in GROUPS {
        let (title, about) = (group.title, group.about);
        let _ = write!(page, "\n## {title}\n\n{about}\n\n");
        page.push_str("| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n");
        for metric in group.metrics {
            let labels: Vec<_> = metric.labels.iter().map(|one| format!("`{one}`")).collect();
            let (name, kind, labels) = (metric.name, metric.kind, labels.join(", "));
            let _ = writeln!(
                page,
                "| `{name}` | {kind} | {labels} | {} |",
                metric.meaning
            );
        }
    }
    page.push_str(ALERTS);
    for alert in alerts() {
        let text = |field: &str| match &alert[field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let name = text("alert");
        let _ = writeln!(
            page,
            "| [{name}](runbooks/{name}.md) | {} | {} | {} | {} |",
            text("threshold"),
            text("for"),
            text("severity"),
            text("only"),
        );
    }
    page.push_str(DASHBOARD);
    page
}

fn alerts() -> Vec<Value> {
    let file = "charts/launchdarkly-token-operator/files/alerts.yaml";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}
