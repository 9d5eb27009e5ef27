//! The release binary under its own service account, as tests handle it.

use std::time::Duration;

use rig::{ControlPlane, ControlPlaneOptions, Operator, OperatorOptions};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn it_can_be_started_stopped_killed_and_asked_to_end() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let options = OperatorOptions::fast().allowing("127.0.0.1:1");
    let mut operator = Operator::start(&plane, &options).unwrap();
    operator.await_ready(SOON).unwrap();
    assert!(operator.metrics().unwrap().contains("# TYPE"));

    operator.stop_process().unwrap();
    assert!(operator.is_running().unwrap());
    operator.cont_process().unwrap();

    operator.kill9().unwrap();
    assert!(!operator.is_running().unwrap());
    assert!(operator.ready().is_err(), "nobody answers any more");

    operator.restart().unwrap();
    operator.await_ready(SOON).unwrap();
    let status = operator.terminate(SOON).unwrap();
    assert!(status.success(), "{status}\n{}", operator.logs());
    assert!(!operator.is_running().unwrap());
}

#[test]
fn an_operator_that_cannot_start_says_why() {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).unwrap();
    let options = OperatorOptions::default().flag("--settle-time", "1s");
    let mut operator = Operator::start(&plane, &options).unwrap();
    let error = operator.await_ready(SOON).unwrap_err();
    assert!(
        format!("{error:?}").contains("--settle-time 1s must be at least"),
        "{error:?}"
    );
}
