//! What a reader who follows a page has: a shell with kubectl, helm and curl, a cluster, and an account at LaunchDarkly.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rig::{Node, NodeOptions, SimulatorOptions, SimulatorProcess, build};
use serde_json::{Value, json};

use crate::pages::{self, Page};

/// The address that stands for LaunchDarkly in pods.
const LAUNCHDARKLY: &str = "192.0.2.1";
const NAMESPACE: &str = "launchdarkly-token-operator";
const CONSUMER_IMAGE: &str = "localhost/consumer:1";
/// What the consumer calls itself.
pub const CONSUMER: &str = "consumer/launchdarkly";

/// A page, and where it is carried out.
pub struct Walk {
    page: Page,
    pub node: Node,
    pub simulator: SimulatorProcess,
    /// The reader's home directory.
    home: PathBuf,
    /// The reader's working directory: the repository, and what the page says to save.
    here: PathBuf,
}

impl Walk {
    pub fn start(page: &str) -> Self {
        let curl = Command::new("curl").arg("--version").output();
        assert!(curl.is_ok(), "the page needs curl; apt-get install curl");
        let simulator = SimulatorProcess::start(&SimulatorOptions {
            tls: true,
            flags: vec!["--tls-name=app.launchdarkly.com".into()],
            ..SimulatorOptions::default()
        })
        .unwrap();
        let node = Node::start(&NodeOptions {
            reach: vec![(format!("{LAUNCHDARKLY}:443"), simulator.host().to_owned())],
            ..NodeOptions::default()
        })
        .unwrap();
        let home = node.directory().join("reader");
        let walk = Self {
            page: pages::all()
                .into_iter()
                .find(|one| one.path.ends_with(page))
                .unwrap(),
            here: home.join(NAMESPACE),
            home,
            simulator,
            node,
        };
        walk.furnish();
        walk
    }

    fn furnish(&self) {
        let programs = self.home.join("bin");
        fs::create_dir_all(&programs).unwrap();
        fs::create_dir_all(&self.here).unwrap();
        for folder in ["charts", "crds", "deploy"] {
            symlink(pages::root().join(folder), self.here.join(folder)).unwrap();
        }
        self.write("ca.pem", self.simulator.ca().unwrap());
        self.write("values.json", &Self::stand_in_values().to_string());
        self.write(
            ".curlrc",
            &format!(
                "connect-to = \"app.launchdarkly.com:443:{}\"\ncacert = \"{}\"\n",
                self.simulator.host(),
                self.home.join("ca.pem").display()
            ),
        );
        let kubectl = format!("exec {} \"$@\"", self.node.plane().client().command_line());
        // With the authority of the simulated LaunchDarkly, as a company's proxy would have one.
        let helm = format!(
            "set -e\ncase $1 in\ninstall)\n{helm} \"$@\" --values {values}\n{}\n;;\n*) exec {helm} \"$@\" ;;\nesac",
            self.authority(NAMESPACE),
            helm = build::helm().unwrap().display(),
            values = self.home.join("values.json").display(),
        );
        for (name, script) in [("kubectl", kubectl), ("helm", helm)] {
            let program = programs.join(name);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let arguments = [
            "consume",
            "--keys=/var/run/launchdarkly/token",
            "--ca=/authority/ca.pem",
        ];
        self.node.pack(CONSUMER_IMAGE, &arguments).unwrap();
    }

    /// The command that makes the authority of the simulated LaunchDarkly known in a namespace.
    fn authority(&self, namespace: &str) -> String {
        let file = self.home.join("ca.pem");
        let file = file.display();
        format!("kubectl create configmap authority --namespace {namespace} --from-file={file}")
    }

    /// What the operator needs to know of the simulated LaunchDarkly: its address, since the node has no DNS, and its authority.
    fn stand_in_values() -> Value {
        json!({
            "hostAliases": host_aliases(),
            "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/authority/ca.pem"}],
            "extraVolumes": [{"name": "authority", "configMap": {"name": "authority"}}],
            "extraVolumeMounts": [{"name": "authority", "mountPath": "/authority", "readOnly": true}],
        })
    }

    /// The page's commands under a heading, which must be so many blocks.
    pub fn commands<const N: usize>(&self, heading: &str) -> [&str; N] {
        let blocks = self.page.section(heading, "sh");
        blocks.try_into().unwrap()
    }

    /// The page's files under a heading, which must be so many.
    pub fn files<const N: usize>(&self, heading: &str) -> [&str; N] {
        let blocks = self.page.section(heading, "yaml");
        blocks.try_into().unwrap()
    }

    pub fn save(&self, name: &str, text: &str) {
        fs::write(self.here.join(name), text).unwrap();
    }

    /// Saves a Deployment with the reader's own image, and what that needs to know of the simulated LaunchDarkly.
    pub fn save_consumer(&self, name: &str, text: &str) {
        self.run(&self.authority("team-a"));
        let mut deployment: Value = serde_saphyr::from_str(text).unwrap();
        let pod = &mut deployment["spec"]["template"]["spec"];
        pod["hostAliases"] = host_aliases();
        pod["containers"][0]["image"] = CONSUMER_IMAGE.into();
        for (list, more) in [
            (
                "/volumes",
                json!({"name": "authority", "configMap": {"name": "authority"}}),
            ),
            (
                "/containers/0/volumeMounts",
                json!({"name": "authority", "mountPath": "/authority"}),
            ),
        ] {
            let list = pod.pointer_mut(list).unwrap().as_array_mut().unwrap();
            list.push(more);
        }
        self.save(name, &deployment.to_string());
    }

    /// Runs commands and returns what they print.
    pub fn run(&self, commands: &str) -> String {
        self.run_with_input(commands, "")
    }

    /// The same with what the reader types.
    pub fn run_with_input(&self, commands: &str, typed: &str) -> String {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.home.join("bin").display());
        let mut shell = Command::new("sh")
            .args(["-eu", "-c", commands])
            .current_dir(&self.here)
            .env("PATH", path)
            .env("HOME", &self.home)
            .env("CURL_HOME", &self.home)
            .env("KUBECONFIG", self.node.plane().kubeconfig())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(typed.as_bytes()).unwrap();
        drop(input);
        let output = shell.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}\n{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.home.join(name), text).unwrap();
    }
}

fn host_aliases() -> Value {
    json!([{"ip": LAUNCHDARKLY, "hostnames": ["app.launchdarkly.com"]}])
}
