//! A cluster of one real node: kubelet and containerd beside the control plane, in namespaces of their own.

pub(crate) mod build;
mod possible;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Doing;
use crate::process::{Process, last_lines};
use crate::{ControlPlane, RigError, wait};
use build::NodePrograms;
pub use possible::impossible_here;

/// How to start a node.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// What pods can reach outside, beside the API server: an address that they find, as in `192.0.2.1:443`, and
    /// what is behind it, as in `127.0.0.1:8080`.
    pub reach: Vec<(String, String)>,
    /// How long the start may take, without the build.
    pub deadline: Duration,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            reach: Vec::new(),
            deadline: Duration::from_secs(90),
        }
    }
}

/// A running cluster of one node. It ends when dropped, and when this process ends, with all its pods.
#[derive(Debug)]
pub struct Node {
    plane: ControlPlane,
    programs: NodePrograms,
    keeper: Process,
    directory: PathBuf,
}

impl Node {
    /// Starts a cluster and returns when its node is Ready.
    ///
    /// # Errors
    /// Something cannot be built or started, or is not ready in time. Ask [`impossible_here`] first.
    pub fn start(options: &NodeOptions) -> Result<Self, RigError> {
        let programs = build::node()?;
        // Removed by the keeper, also if this process dies.
        let directory = tempfile::Builder::new()
            .prefix("ldtokens-node-")
            .tempdir()
            .doing(|| "create a temporary directory".into())?
            .keep();
        let mut command = Command::new(programs.runtime.join("node"));
        command.args(["run", "--deadline"]);
        command.arg(format!("{}ms", options.deadline.as_millis()));
        command.arg("--dir").arg(&directory);
        command.arg("--kubernetes").arg(&programs.kubernetes);
        command.arg("--kubelet").arg(&programs.kubelet);
        command.arg("--runc").arg(&programs.runc);
        for (inside, outside) in &options.reach {
            command.arg("--reach").arg(format!("{inside}={outside}"));
        }
        let log = directory.join("node.log");
        let mut keeper = Process::start("the node", &mut command, &log)?;
        // It keeps the deadline by itself; a little more than that is for one that hangs.
        let limit = options.deadline + Duration::from_secs(5);
        wait::until_ok(limit, "a ready node", || {
            let output = keeper.output();
            if output.lines().any(|line| line.starts_with("ready ")) {
                return Ok(Ok(()));
            }
            match keeper.must_run() {
                Ok(()) => Err(last_lines(&output, 3)),
                Err(ended) => Ok(Err(ended)),
            }
        })??;
        let kubeconfig = directory.join("kubeconfig");
        let plane = ControlPlane::of_cluster(programs.kubernetes.clone(), kubeconfig, &directory)?;
        let node = Self {
            plane,
            programs,
            keeper,
            directory,
        };
        node.pack("localhost/pause:1", &["pause"])?;
        Ok(node)
    }

    /// Its control plane, with the administrator's rights, from outside.
    #[must_use]
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// The process id of whoever keeps the namespaces.
    #[must_use]
    pub fn keeper_id(&self) -> u32 {
        self.keeper.id()
    }

    /// Where its files and logs are, until it ends.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes an image of our own program with these arguments, as in `["consume", "--key", "/key/token"]`.
    ///
    /// # Errors
    /// It cannot be written, or is refused.
    pub fn pack(&self, name: &str, arguments: &[&str]) -> Result<(), RigError> {
        let program = self.programs.runtime.join("node");
        let file = self.directory.join("image.tar");
        let mut pack = Command::new(&program);
        pack.args(["pack", "--name", name, "--program"])
            .arg(&program);
        pack.arg("--output").arg(&file).args(arguments);
        run(&mut pack)?;
        self.import(&file)
    }

    /// Makes the images of a file (a tar of the OCI image layout) known to the node.
    ///
    /// # Errors
    /// It cannot be read, or is refused.
    pub fn import(&self, file: &Path) -> Result<(), RigError> {
        run(self.containerd().args(["images", "import"]).arg(file))
    }

    /// Gives an image one more name.
    ///
    /// # Errors
    /// There is no such image.
    pub fn tag(&self, image: &str, name: &str) -> Result<(), RigError> {
        run(self.containerd().args(["images", "tag", image, name]))
    }

    /// containerd's own client.
    fn containerd(&self) -> Command {
        let mut client = Command::new(self.programs.runtime.join("ctr"));
        let socket = self.directory.join("containerd.sock");
        client.arg("--address").arg(socket);
        client.args(["--namespace", "k8s.io"]);
        client
    }

    /// The process id, outside, of the program that a pod runs, which must know its pod's name as `POD_NAME`.
    ///
    /// # Errors
    /// There is none.
    pub fn process_of(&self, pod: &str) -> Result<u32, RigError> {
        let wanted = format!("POD_NAME={pod}");
        let processes = fs::read_dir("/proc").doing(|| "read /proc".into())?;
        processes
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .find(|id| {
                // Whatever has ended meanwhile is not the one.
                let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
                environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable == wanted.as_bytes())
            })
            .ok_or_else(|| RigError::Unexpected(format!("no process of pod {pod}")))
    }

    /// Sends a signal, as in `STOP`, to the program that a pod runs; see [`Node::process_of`].
    ///
    /// # Errors
    /// There is none.
    pub fn signal(&self, pod: &str, signal: &str) -> Result<(), RigError> {
        let id = self.process_of(pod)?.to_string();
        run(Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &id]))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Killed by its own drop if it does not obey.
        let _ = self.keeper.close_input(Duration::from_secs(30));
    }
}

fn run(command: &mut Command) -> Result<(), RigError> {
    let output = command
        .output()
        .doing(|| format!("run {}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(RigError::command(format!("{command:?}"), &output))
}
