//! The parts start.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Operator, SimulatorOptions, SimulatorProcess, build};

use crate::demo::stage::{Stage, Tempo};
use crate::demo::story::{Failed, Story};

/// How many checks this makes.
pub const CHECKS: usize = 4;

/// Builds and starts everything.
pub fn start(story: &mut Story, tempo: Tempo) -> Result<Stage, Failed> {
    story.chapter("The parts start");
    story.check("everything is built (the first time takes minutes)", || {
        build::operator()?;
        build::simulator()?;
        rig::Source::from_environment().map(drop)
    })?;
    let plane = story.check("Kubernetes is ready", || {
        ControlPlane::start(ControlPlaneOptions::default())
    })?;
    let simulator = story.check("the simulated LaunchDarkly is ready", || {
        // As real LaunchDarkly was seen to treat service tokens: it does not name one that asks who it is.
        let nameless = ["--switch", "callerIdentity.tokenId=personal-only"];
        SimulatorProcess::start(&SimulatorOptions {
            flags: nameless.map(str::to_owned).into(),
            ..SimulatorOptions::default()
        })
    })?;
    let operator = story.check(
        "the operator leads, with the rights of its own service account",
        || {
            let mut operator =
                Operator::start(&plane, &tempo.options().allowing(simulator.host()))?;
            operator.await_ready(Duration::from_secs(60))?;
            Ok(operator)
        },
    )?;
    Ok(Stage {
        operator,
        simulator,
        plane,
    })
}
