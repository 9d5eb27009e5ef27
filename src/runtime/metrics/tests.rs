//! What is counted shows up, by the names and with the labels of the catalogue.

use super::*;

#[test]
fn every_metric_shows_up_under_its_name() {
    let metrics = Metrics::default();
    let took = Duration::from_millis(20);
    metrics.reconciled(Controller::AccessToken, OutcomeLabel::Success, took);
    let _under_way = metrics.reconciling(Controller::Account);
    metrics.set_api_queued("app.launchdarkly.com", 3);
    metrics.stepped("CreateToken");
    metrics.requested("create", Some(201), "ok", took);
    metrics.requested("reset", None, "Uncertain", took);
    metrics.requested("list", Some(429), "RateLimited", took);
    metrics.step_failed("CreateToken", Reason::Forbidden);
    metrics.became(Reason::SecretForeign);
    metrics.became(Reason::Drifted);
    metrics.set_ratelimit_remaining("app.launchdarkly.com", "route", 99);
    metrics.rotated("Schedule", OutcomeLabel::Success);
    metrics.set_tokens(TokenState::Stalled, 2);
    metrics.left_behind();
    metrics.set_leader(true);
    metrics.event("TokenCreated");
    metrics.task_ended(Task::AccountListing);
    let text = metrics.encode().unwrap();
    for line in [
        r#"launchdarkly_operator_reconciles_total{controller="AccessToken",result="success"} 1"#,
        r#"launchdarkly_operator_reconcile_duration_seconds_count{controller="AccessToken"} 1"#,
        r#"launchdarkly_operator_reconciles_under_way{controller="Account"} 1"#,
        r#"launchdarkly_operator_api_queue_depth{host="app.launchdarkly.com"} 3"#,
        r#"launchdarkly_operator_steps_total{step="CreateToken"} 1"#,
        r#"launchdarkly_operator_api_requests_total{operation="create",code="201",result="ok"} 1"#,
        r#"launchdarkly_operator_api_requests_total{operation="reset",code="none",result="Uncertain"} 1"#,
        r#"launchdarkly_operator_api_ratelimited_total{operation="list"} 1"#,
        r#"launchdarkly_operator_step_failures_total{step="CreateToken",reason="Forbidden"} 1"#,
        r#"launchdarkly_operator_secret_conflicts_total{reason="SecretForeign"} 1"#,
        r#"launchdarkly_operator_policy_denials_total{reason="NotAllowedByPolicy"} 0"#,
        r#"launchdarkly_operator_rotations_total{cause="LostKey",result="success"} 0"#,
        r#"controller_runtime_active_workers{controller="Account"} 1"#,
        r#"launchdarkly_operator_api_request_duration_seconds_count{operation="create"} 1"#,
        r#"launchdarkly_operator_api_ratelimit_remaining{host="app.launchdarkly.com",limit="route"} 99"#,
        r#"launchdarkly_operator_rotations_total{cause="Schedule",result="success"} 1"#,
        r#"launchdarkly_operator_tokens{state="stalled"} 2"#,
        "launchdarkly_operator_left_behind_total 1",
        "launchdarkly_operator_leader 1",
        r#"launchdarkly_operator_events_total{reason="TokenCreated"} 1"#,
        r#"launchdarkly_operator_task_ends_total{task="account-listing"} 1"#,
        r#"launchdarkly_operator_task_ends_total{task="elector"} 0"#,
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(text.contains("launchdarkly_operator_build_info{version="));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn the_oldest_reconcile_under_way_shows_how_long_it_takes() {
    let metrics = Metrics::default();
    let idle = r#"launchdarkly_operator_longest_reconcile_seconds{controller="AccessToken"} 0.0"#;
    let shows_idle = || metrics.encode().unwrap().lines().any(|line| line == idle);
    assert!(shows_idle());
    let under_way = metrics.reconciling(Controller::AccessToken);
    assert!(!shows_idle());
    drop(under_way);
    assert!(shows_idle());
}

#[test]
fn objects_are_asked_for_each_time_and_shown_with_escaped_names() {
    let metrics = Metrics::default();
    let names = Arc::new(std::sync::Mutex::new(vec!["web".to_owned()]));
    let asked = names.clone();
    metrics.show(move || Samples {
        tokens: asked
            .lock()
            .unwrap()
            .iter()
            .map(|name| TokenSample {
                namespace: "team-a".to_owned(),
                name: name.clone(),
                ready: Some(true),
                live_tokens: 2,
                ..TokenSample::default()
            })
            .collect(),
        accounts: Vec::new(),
    });
    let series = |name: &str| {
        format!(r#"launchdarkly_accesstoken_live_tokens{{namespace="team-a",name="{name}"}} 2"#)
    };
    assert!(metrics.encode().unwrap().contains(&series("web")));
    *names.lock().unwrap() = vec![r#"a"b"#.to_owned()];
    let text = metrics.encode().unwrap();
    assert!(text.contains(&series(r#"a\"b"#)), "{text}");
    assert!(!text.contains(&series("web")));
}

#[test]
fn every_metric_has_a_meaning() {
    let text = Metrics::default().encode().unwrap();
    let without: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("# HELP") && line.split(' ').count() < 5)
        .collect();
    assert_eq!(without, Vec::<&str>::new());
}
