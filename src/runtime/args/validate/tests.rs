use clap::{CommandFactory as _, Parser as _};

use crate::runtime::args::{Cli, Command, RunArgs};

fn run_with(flags: &[&str]) -> RunArgs {
    let fixed = [
        "operator",
        "run",
        "--namespace=operators",
        "--pod-name=operator-0",
    ];
    let cli = Cli::try_parse_from(fixed.iter().chain(flags)).unwrap();
    let Command::Run(args) = cli.command;
    *args
}

fn problems(flags: &[&str]) -> String {
    run_with(flags)
        .validate()
        .map_or_else(|wrong| wrong.to_string(), |()| String::new())
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(problems(&[]), "");
}

#[test]
fn the_short_times_of_tests_are_valid() {
    assert_eq!(
        problems(&[
            "--request-timeout=1s",
            "--settle-time=2s",
            "--publication-margin=2s",
            "--lease-duration=3s",
            "--drift-interval=5s",
            "--deletion-give-up-after=5s",
            "--allowed-api-host=127.0.0.1:18080"
        ]),
        ""
    );
}

#[test]
fn every_wrong_flag_is_named_with_what_it_must_be() {
    for (flag, message) in [
        (
            "--settle-time=15s",
            "--settle-time 15s must be at least 20s (twice --request-timeout)",
        ),
        (
            "--request-timeout=1ms",
            "--request-timeout 1ms must be at least 100ms (an answer needs some time)",
        ),
        (
            "--publication-margin=1s",
            "--publication-margin 1s must be at least 1m (--settle-time)",
        ),
        (
            "--otlp-endpoint=collector:4318",
            "--otlp-endpoint \"collector:4318\" must be a URL such as http://collector.example:4318, without user name, query or fragment; headers go into OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (
            "--drift-interval=0",
            "--drift-interval 0s must be at least 1s (LaunchDarkly limits its rates)",
        ),
        (
            "--deletion-give-up-after=1s",
            "--deletion-give-up-after 1s must be at least 1m (--settle-time)",
        ),
        (
            "--lease-duration=24s",
            "--lease-duration 24s must be at least 25s (2.5 times --request-timeout)",
        ),
        (
            "--lease-duration=30s500ms",
            "--lease-duration 30s500ms must be whole seconds from 3s to 1h",
        ),
        (
            "--lease-name=Upper",
            "--lease-name \"Upper\" must be a name that a Lease can have",
        ),
        ("--concurrency=0", "--concurrency 0 must be at least 1"),
        (
            "--watch-namespaces=a_b",
            "--watch-namespaces \"a_b\" must be the name of a namespace; leave the flag out for all",
        ),
        (
            "--opt-in-role=system:admin",
            "--opt-in-role \"system:admin\" must be the name of a ClusterRole, in small letters; leave the flag out if the operator may use all Secrets",
        ),
        (
            "--rate-limit-headroom=1",
            "--rate-limit-headroom 1 must be from 0 to 0.9",
        ),
        (
            "--allowed-api-host=",
            "--allowed-api-host must name at least one host",
        ),
    ] {
        assert_eq!(problems(&[flag]), message);
    }
    assert!(
        problems(&["--log-level=loud=louder"])
            .starts_with("--log-level \"loud=louder\" must be error, warn,")
    );
}

#[test]
fn all_problems_are_told_at_once() {
    assert_eq!(
        problems(&["--settle-time=1s", "--concurrency=0"])
            .lines()
            .count(),
        2
    );
}

#[test]
fn an_allowed_host_is_a_host_and_nothing_more() {
    for host in [
        "app.launchdarkly.com",
        "127.0.0.1",
        "127.0.0.1:8443",
        "[::1]:8443",
        "proxy.internal:444",
    ] {
        assert_eq!(
            problems(&[&format!("--allowed-api-host={host}")]),
            "",
            "{host}"
        );
    }
    for host in [
        "https://app.launchdarkly.com",
        "app.launchdarkly.com/",
        "App.launchdarkly.com",
        "a@b.c",
        "*.launchdarkly.com:x",
        "b.c:443",
    ] {
        let problem = problems(&[&format!("--allowed-api-host={host}")]);
        assert!(
            problem.contains("must be a host in small letters"),
            "{host}: {problem}"
        );
    }
}

#[test]
fn lists_may_be_repeated_or_separated_by_commas() {
    let args = run_with(&[
        "--watch-namespaces=a,b",
        "--watch-namespaces=c",
        "--watch-namespaces=",
    ]);
    assert_eq!(
        args.scope.namespaces().into_iter().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert!(run_with(&[]).scope.namespaces().is_empty());
    assert_eq!(run_with(&[]).remote.allowed_hosts().len(), 3);
}

#[test]
fn paused_is_a_flag_that_also_takes_a_value() {
    assert!(!run_with(&[]).leadership.paused);
    assert!(run_with(&["--paused"]).leadership.paused);
    assert!(run_with(&["--paused", "true"]).leadership.paused);
    assert!(!run_with(&["--paused=false"]).leadership.paused);
}

#[test]
fn a_malformed_duration_is_refused_with_an_example() {
    let refusal =
        Cli::try_parse_from(["operator", "run", "--namespace=a", "--settle-time=1d"]).unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("write it like 30s, 5m, 1h30m or 300ms"),
        "{refusal}"
    );
}

#[test]
fn every_flag_has_its_environment_variable() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    for flag in run.get_arguments() {
        let name = flag.get_long().unwrap();
        let expected = match name {
            "help" | "version" => continue,
            "namespace" => "POD_NAMESPACE".to_owned(),
            "pod-name" => "POD_NAME".to_owned(),
            // OpenTelemetry has names of its own.
            other if other.starts_with("otlp-") => {
                format!("OTEL_EXPORTER_{}", other.replace('-', "_").to_uppercase())
            }
            other => format!("LDTOKENS_{}", other.replace('-', "_").to_uppercase()),
        };
        assert_eq!(
            flag.get_env().and_then(|e| e.to_str()),
            Some(expected.as_str()),
            "--{name}"
        );
        assert!(flag.get_help().is_some(), "--{name} has no help");
    }
    command.debug_assert();
}
