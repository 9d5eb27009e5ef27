//! The metrics of a running operator against their catalogue.

use std::collections::{BTreeMap, BTreeSet};

use launchdarkly_token_operator::runtime::metrics::catalogue::{self, Kind, Metric};

use crate::exposition::{Sample, kinds};
use crate::stage::{TEAM, stage};

/// The name of the family that a `# TYPE` line has.
fn family(metric: &Metric) -> &str {
    let suffix = match metric.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram => "",
    };
    metric.name.strip_suffix(suffix).unwrap()
}

/// What the catalogue has and no sample is of.
pub fn missing(samples: &[Sample]) -> Vec<&'static str> {
    let is_there = |metric: &&Metric| {
        let name = match metric.kind {
            Kind::Histogram => format!("{}_bucket", metric.name),
            _ => metric.name.to_owned(),
        };
        !samples.iter().any(|sample| sample.name == name)
    };
    catalogue::all()
        .filter(is_there)
        .map(|metric| metric.name)
        .collect()
}

#[test]
fn the_catalogue_has_every_metric_of_a_running_operator_with_its_kind_and_labels_and_no_other() {
    let stage = stage();
    let samples = stage.samples();
    assert_eq!(missing(&samples), Vec::<&str>::new());

    let expected: BTreeMap<_, _> = catalogue::all()
        .map(|metric| (family(metric).to_owned(), metric.kind.to_string()))
        .collect();
    assert_eq!(kinds(&stage.operator.metrics().unwrap()), expected);

    for sample in &samples {
        let suffixes = ["", "_bucket", "_sum", "_count"];
        let metric = suffixes.iter().find_map(|suffix| {
            let name = sample.name.strip_suffix(suffix)?;
            catalogue::all().find(|metric| metric.name == name)
        });
        let metric = metric.unwrap_or_else(|| panic!("{} is not in the catalogue", sample.name));
        let mut wanted: BTreeSet<&str> = metric.labels.iter().copied().collect();
        if sample.name.ends_with("_bucket") {
            wanted.insert("le");
        }
        let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
        // The cluster kind has no namespace.
        if metric.name.starts_with("launchdarkly_account_") {
            assert!(labels.is_subset(&wanted), "{sample:?}");
        } else {
            assert_eq!(labels, wanted, "{sample:?}");
        }
    }
}

/// The value of the series with these labels.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |sample: &&Sample, (label, value): &(&str, &str)| {
        sample.labels.get(*label).map(String::as_str) == Some(*value)
    };
    samples
        .iter()
        .filter(|sample| sample.name == name)
        .find(|sample| labels.iter().all(|label| has(sample, label)))
        .map(|sample| sample.value)
}

#[test]
fn single_objects_are_shown_as_they_are() {
    let samples = stage().samples();
    let of = |name: &str, object: &str, label: (&str, &str)| {
        let name = format!("launchdarkly_accesstoken_{name}");
        value(
            &samples,
            &name,
            &[("namespace", TEAM), ("name", object), label],
        )
    };
    let itself = ("namespace", TEAM);
    assert_eq!(of("ready_status", "web", ("condition", "True")), Some(1.0));
    assert_eq!(of("ready_status", "web", ("condition", "False")), Some(0.0));
    assert_eq!(
        of("ready_status", "foreign", ("condition", "True")),
        Some(0.0)
    );
    assert_eq!(
        of("ready_status", "foreign", ("condition", "False")),
        Some(1.0)
    );
    let reason = |object, reason| of("status_reason", object, ("reason", reason));
    assert_eq!(reason("foreign", "SecretForeign"), Some(1.0));
    assert_eq!(reason("forbidden", "NotAllowedByPolicy"), Some(1.0));
    assert_eq!(reason("web", "SecretForeign"), None);
    assert_eq!(of("info", "batch", ("strategy", "Replace")), Some(1.0));
    assert_eq!(of("info", "web", ("grant", "writer")), Some(1.0));
    // A reset leaves one token with two keys, a replacement two tokens.
    assert_eq!(of("live_tokens", "web", itself), Some(1.0));
    assert_eq!(of("live_tokens", "batch", itself), Some(2.0));
    assert_eq!(
        of("expiration_timestamp_seconds", "batch", itself),
        Some(1_965_000_000.0)
    );
    let last = of("last_rotation_timestamp_seconds", "web", itself).unwrap();
    let next = of("next_rotation_timestamp_seconds", "web", itself).unwrap();
    assert!((3000.0..=3600.0).contains(&(next - last)), "{last} {next}");
    assert_eq!(of("next_rotation_timestamp_seconds", "batch", itself), None);
}

#[test]
fn accounts_are_shown_with_what_is_wrong_with_them() {
    let samples = stage().samples();
    let of = |name: &str, account: &str, label: (&str, &str)| {
        let name = format!("launchdarkly_account_{name}");
        let kind = ("kind", "LaunchDarklyAccount");
        value(&samples, &name, &[kind, ("name", account), label])
    };
    let itself = ("namespace", TEAM);
    assert_eq!(
        of("status_reason", "default", ("reason", "Available")),
        Some(1.0)
    );
    assert_eq!(
        of("status_reason", "broken", ("reason", "CredentialMissing")),
        Some(1.0)
    );
    assert_eq!(
        of("ready_status", "broken", ("condition", "False")),
        Some(1.0)
    );
    assert_eq!(of("orphaned_tokens", "default", itself), Some(0.0));
    assert_eq!(of("orphaned_tokens", "broken", itself), None);
    assert!(of("access_tokens", "default", itself).unwrap() >= 3.0);
    assert!(of("clock_offset_seconds", "default", itself).unwrap().abs() < 10.0);
}

#[test]
fn what_happened_was_counted() {
    let samples = stage().samples();
    let of = |name: &str, labels: &[(&str, &str)]| {
        value(&samples, &format!("launchdarkly_operator_{name}"), labels).unwrap_or_default()
    };
    let failed = [("cause", "Created"), ("result", "error")];
    assert!(of("rotations_total", &failed) >= 1.0);
    let trigger = [("cause", "Trigger"), ("result", "success")];
    assert!(of("rotations_total", &trigger) >= 2.0);
    assert!(of("rotation_duration_seconds_count", &[("cause", "Trigger")]) >= 2.0);
    let refused = [("reason", "NotAllowedByPolicy")];
    assert!(of("policy_denials_total", &refused) >= 1.0);
    let foreign = [("reason", "SecretForeign")];
    assert!(of("secret_conflicts_total", &foreign) >= 1.0);
    assert!(of("api_ratelimited_total", &[("operation", "create")]) >= 1.0);
    let created = [("operation", "create"), ("code", "201"), ("result", "ok")];
    assert!(of("api_requests_total", &created) >= 3.0);
    let limited = [("step", "CreateToken"), ("reason", "RateLimited")];
    assert!(of("step_failures_total", &limited) >= 1.0);
}

#[test]
fn the_series_of_a_deleted_object_vanish() {
    let stage = stage();
    stage.another_token("passing");
    let shown = || {
        let samples = stage.samples();
        let of_it = |sample: &&Sample| sample.labels.get("name").is_some_and(|n| n == "passing");
        samples.iter().filter(of_it).count()
    };
    assert!(shown() >= 5);
    stage.delete("passing");
    assert_eq!(shown(), 0);
}
