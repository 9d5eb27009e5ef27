//! A picture of the dashboard, drawn from what a Prometheus saw of the story.

mod drawing;
mod panel;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rig::{Prometheus, RigError, workspace};
use serde_json::{Value, json};

use super::chapters::rotation;
use super::stage::{NAMESPACE, Stage, TOKEN};
use panel::Panel;

const DASHBOARD: &str = "charts/launchdarkly-token-operator/files/dashboard.json";

/// The story alone is too short for rates to show: keys are rotated so often afterwards, with this pause.
const ROTATIONS: u32 = 24;
const PAUSE: Duration = Duration::from_secs(5);

/// A Prometheus that watches the operator.
pub struct Picture {
    prometheus: Prometheus,
    began: f64,
}

impl Picture {
    /// Begins to watch.
    pub fn begin(stage: &Stage) -> Result<Self, RigError> {
        let target = stage.operator.url();
        let labels = [
            ("job", "launchdarkly-token-operator-metrics"),
            ("namespace", "launchdarkly-token-operator"),
            ("pod", "launchdarkly-token-operator"),
        ];
        let prometheus = Prometheus::start(target.trim_start_matches("http://"), &labels, &[])?;
        let began = now();
        Ok(Self { prometheus, began })
    }

    /// Lets more happen, and draws the panels of the dashboard into `file`, as SVG.
    pub fn draw(&self, stage: &Stage, file: &Path) -> Result<(), RigError> {
        live_on(stage)?;
        let span = self.began..now();
        let text = fs::read_to_string(workspace::root().join(DASHBOARD));
        let dashboard: Value = text
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
            .map_err(|error| RigError::Unexpected(format!("{DASHBOARD}: {error}")))?;
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let panels = panels
            .map(|panel| Panel::ask(&self.prometheus, panel, &span))
            .collect::<Result<Vec<_>, _>>()?;
        let svg = drawing::svg(&panels, span.end - span.start)
            .map_err(|error| RigError::Unexpected(format!("the picture: {error}")))?;
        fs::write(file, svg)
            .map_err(|error| RigError::Unexpected(format!("{}: {error}", file.display())))
    }
}

/// A token that cannot be, and rotations.
fn live_on(stage: &Stage) -> Result<(), RigError> {
    let refused = json!({
        "apiVersion": "ldtokens.dev/v1alpha1", "kind": "AccessToken",
        "metadata": {"name": "mistaken", "namespace": NAMESPACE},
        "spec": {"customRoles": ["no-such-role"]},
    });
    stage.apply(&refused.to_string())?;
    stage.begin_again()?;
    stage.apply_file(rotation::SAMPLE)?;
    for number in 0..ROTATIONS {
        for token in [TOKEN, rotation::ROTATED] {
            let trigger = json!({"rotation": {"trigger": format!("picture-{number}")}});
            stage.patch(token, &trigger)?;
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
