//! Starts a control plane to try things on, and ends it with Ctrl-C.
#![expect(clippy::print_stdout, reason = "its output is what a user reads")]

use std::thread;

use rig::{ControlPlane, ControlPlaneOptions, RigError};

fn main() -> Result<(), RigError> {
    let control_plane = ControlPlane::start(ControlPlaneOptions::default())?;
    if let Some(id) = control_plane.supervisor_id() {
        println!("process {id}");
    }
    println!("{} get namespaces", control_plane.client().command_line());
    loop {
        thread::park();
    }
}
