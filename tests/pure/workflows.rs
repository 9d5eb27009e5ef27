//! Who could publish in our name runs as little as possible: rules that the workflows keep, which no linter knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// The actions that may run where something can be written or signed.
const TRUSTED_ACTIONS: [&str; 3] = [
    "actions/attest",
    "actions/download-artifact",
    "sigstore/cosign-installer",
];

/// The commands that may run there: what pushes and signs, and tools of the runner.
const TRUSTED_COMMANDS: [&str; 12] = [
    "cosign login",
    "cosign sign",
    "docker login",
    "echo",
    "helm push",
    "helm registry login",
    "sed",
    "sha256sum",
    "skopeo copy",
    "skopeo inspect",
    "skopeo login",
    "tar",
];

/// Writes what passes through it, and runs nothing.
const TEE: &str = "tee";

/// How Rust is installed: the version is in one place.
const INSTALL_RUST: &str =
    r#"rustup toolchain install "$(cat xtask/rust-version)" --profile minimal"#;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All workflows, by the names of their files.
fn workflows() -> BTreeMap<String, Value> {
    let files = fs::read_dir(file(".github/workflows")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, parse(&fs::read_to_string(path).unwrap()))
    };
    paths.map(read).collect()
}

fn parse(workflow: &str) -> Value {
    serde_saphyr::from_str(workflow).unwrap()
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().unwrap().iter()
}

fn steps(job: &Value) -> impl Iterator<Item = &Value> {
    job["steps"].as_array().into_iter().flatten()
}

/// What a job or a step names as the code it runs.
fn uses(value: &Value) -> Option<&str> {
    value["uses"].as_str()
}

/// The commands of a script, each with what follows it up to the next one.
fn commands(script: &str) -> Vec<String> {
    let script = script.replace("\\\n", " ");
    let lines = script.lines().filter(|line| !line.trim().starts_with('#'));
    lines
        .flat_map(|line| {
            line.split("$(")
                .flat_map(|part| part.split(['|', ';', '&']))
        })
        .map(|part| part.trim().to_owned())
        // What follows the & of a redirection, and assignments.
        .filter(|part| {
            let first = part.split_whitespace().next().unwrap_or_default();
            !first.is_empty() && first != "1" && !first.contains('=')
        })
        .collect()
}

/// Whether a job could publish something, or sign as this repository.
fn is_trusted(job: &Value) -> bool {
    match &job["permissions"] {
        Value::Object(rights) => rights.values().any(|right| right == "write"),
        // All rights, or those of the workflow.
        _ => true,
    }
}

/// What runs in the trusted jobs of a workflow and should not.
fn runs_too_much(workflow: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, job) in jobs(workflow).filter(|(_, job)| is_trusted(job)) {
        wrong.extend(uses(job).map(|workflow| format!("{name}: {workflow}")));
        for part in ["container", "services"] {
            wrong.extend(job.get(part).map(|_| format!("{name}: {part}")));
        }
        for step in steps(job) {
            let action = uses(step).filter(|action| {
                let action = action.split('@').next().unwrap();
                !TRUSTED_ACTIONS.contains(&action)
            });
            wrong.extend(action.map(|action| format!("{name}: {action}")));
            let script = step["run"].as_str().unwrap_or_default();
            let foreign = commands(script).into_iter().filter(|command| {
                let is =
                    |known: &str| command == known || command.starts_with(&format!("{known} "));
                !is(TEE) && !TRUSTED_COMMANDS.into_iter().any(is)
            });
            wrong.extend(foreign.map(|command| format!("{name}: {command}")));
        }
    }
    wrong
}

/// Files that a trusted job takes in without comparing them with what an earlier job told.
fn takes_in_unchecked(workflow: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, job) in jobs(workflow).filter(|(_, job)| is_trusted(job)) {
        let steps: Vec<&Value> = steps(job).collect();
        for (number, step) in steps.iter().enumerate() {
            if !uses(step).is_some_and(|it| it.starts_with("actions/download-artifact@")) {
                continue;
            }
            let next = steps.get(number + 1);
            let is_checked = next.is_some_and(|next| {
                let checksum = next["env"]["CHECKSUM"].as_str().unwrap_or_default();
                let script = next["run"].as_str().unwrap_or_default();
                checksum.starts_with("${{ needs.")
                    && script.starts_with("echo \"$CHECKSUM  ")
                    && script
                        .lines()
                        .next()
                        .unwrap()
                        .ends_with(" | sha256sum --check --strict")
            });
            if !is_checked {
                wrong.push(format!("{name}: {}", step["with"]["name"]));
            }
        }
    }
    wrong
}

#[test]
fn a_job_that_can_write_or_sign_runs_only_what_pushes_signs_and_attests() {
    let mut trusted = 0;
    for (name, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{name}");
        assert_eq!(runs_too_much(&workflow), Vec::<String>::new(), "{name}");
        trusted += jobs(&workflow).filter(|(_, job)| is_trusted(job)).count();
    }
    assert_eq!(trusted, 3, "push, sign and attest");
}

#[test]
fn a_job_that_can_write_or_sign_takes_in_only_what_has_the_checksum_that_was_told() {
    for (name, workflow) in workflows() {
        assert_eq!(
            takes_in_unchecked(&workflow),
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[test]
fn what_runs_too_much_or_takes_in_too_much_is_found() {
    let workflow = parse(
        r#"
jobs:
  reads:
    permissions: {contents: read}
    steps: [{uses: a/builder@1}, {run: cargo build}]
  inherits:
    steps: [{run: make}]
  writes:
    permissions: {packages: write}
    services: {registry: {image: registry}}
    steps:
      - uses: actions/download-artifact@1
        with: {name: parts}
      - uses: a/scanner@1
      - run: |
          # cargo is fine in a comment
          version="${TAG#v}" # and an assignment runs nothing
          echo "digest=$(curl https://example.com)" >> "$GITHUB_OUTPUT"
          docker run image 2>&1 | tee log && ./script
          helm push \
            chart
  calls:
    permissions: {id-token: write}
    uses: a/workflow@1
"#,
    );
    let wrong = runs_too_much(&workflow);
    let expected = [
        "calls: a/workflow@1",
        "inherits: make",
        "writes: services",
        "writes: a/scanner@1",
        r#"writes: curl https://example.com)" >> "$GITHUB_OUTPUT""#,
        "writes: docker run image 2>",
        "writes: ./script",
    ];
    assert_eq!(wrong, expected);
    assert_eq!(takes_in_unchecked(&workflow), [r#"writes: "parts""#]);
}

#[test]
fn only_a_job_that_can_write_or_sign_is_given_a_secret() {
    for (name, workflow) in workflows() {
        for (job, value) in jobs(&workflow).filter(|(_, job)| !is_trusted(job)) {
            let text = value.to_string();
            for secret in ["secrets.", "github.token", "secrets:", "\"secrets\""] {
                assert!(!text.contains(secret), "{name}: {job} has {secret}");
            }
        }
        assert!(!workflow["env"].to_string().contains("secrets."), "{name}");
    }
}

#[test]
fn every_action_is_named_by_the_hash_of_a_commit() {
    let is_hash = |text: &str| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut named = 0;
    for (name, workflow) in workflows() {
        for (_, job) in jobs(&workflow) {
            for action in steps(job).chain([job]).filter_map(uses) {
                named += 1;
                // A workflow of this repository is of the same commit.
                let hash = action.split_once('@').map(|(_, hash)| hash);
                let is_fixed = action.starts_with("./") || hash.is_some_and(is_hash);
                assert!(is_fixed, "{name}: {action}");
            }
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn releases_and_checks_use_the_one_exact_version_of_rust_that_is_named() {
    let version = fs::read_to_string(file("xtask/rust-version")).unwrap();
    let numbers: Vec<&str> = version.trim_end().split('.').collect();
    let is_exact = numbers.len() == 3 && numbers.iter().all(|it| it.parse::<u32>().is_ok());
    assert!(is_exact, "{version:?}");
    for (name, workflow) in workflows() {
        for (job, value) in jobs(&workflow) {
            let scripts = steps(value).filter_map(|step| step["run"].as_str());
            let lines: Vec<&str> = scripts.flat_map(str::lines).map(str::trim).collect();
            let rust = |line: &&&str| line.contains("cargo") || line.contains(".ci/run");
            let installs = lines.iter().position(|line| line.starts_with(INSTALL_RUST));
            let Some(first) = lines.iter().position(|line| rust(&line)) else {
                continue;
            };
            let chosen = installs.and_then(|at| lines.get(at + 1));
            assert_eq!(
                chosen,
                Some(&r#"rustup default "$(cat xtask/rust-version)""#),
                "{name}: {job}"
            );
            assert!(installs < Some(first), "{name}: {job} runs Rust before");
            let rustup = lines.iter().filter(|line| line.contains("rustup")).count();
            assert_eq!(rustup, 2, "{name}: {job} chooses Rust twice");
            let overrides = lines.iter().any(|line| line.contains("cargo +"));
            assert!(!overrides, "{name}: {job}");
            assert!(
                !value.to_string().contains("RUSTUP_TOOLCHAIN"),
                "{name}: {job}"
            );
        }
    }
    assert!(!file("rust-toolchain.toml").exists(), "a second place");
}

#[test]
fn advisories_are_looked_up_every_day_and_where_dependencies_change() {
    let all = workflows();
    let workflow = &all["advisories.yaml"];
    let cron = workflow["on"]["schedule"][0]["cron"].as_str().unwrap();
    let [minute, hour, rest @ ..] = &cron.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{cron}");
    };
    assert!(
        minute.parse::<u8>().is_ok() && hour.parse::<u8>().is_ok(),
        "{cron}"
    );
    assert_eq!(rest, ["*", "*", "*"], "{cron}");
    for event in ["push", "pull_request"] {
        let paths = workflow["on"][event]["paths"].as_array().unwrap();
        assert!(paths.contains(&"**/Cargo.lock".into()), "{event}");
    }
    for (name, job) in jobs(workflow) {
        assert_eq!(
            job["permissions"],
            serde_json::json!({"contents": "read"}),
            "{name}"
        );
    }
    let mut steps = jobs(workflow).flat_map(|(_, job)| steps(job));
    assert!(steps.any(|step| step["run"] == "cargo xtask advisories"));
}
