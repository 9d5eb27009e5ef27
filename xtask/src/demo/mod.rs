//! `cargo xtask demo`: the life of a token, on real parts, told and checked.

mod chapters;
mod picture;
mod stage;
mod story;

use std::path::{Path, PathBuf};
use std::thread;

use crate::say;
use picture::Picture;
use stage::{Stage, Tempo};
use story::{Failed, Story};

/// How to tell it.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Leave everything running afterwards, and say how to play with it.
    #[arg(long)]
    keep: bool,
    /// Shorten the operator's waits.
    #[arg(long)]
    fast: bool,
    /// Have a Prometheus watch, let more happen for two minutes, and draw the Grafana dashboard from it into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

const INTRODUCTION: &str = "\
The life of a LaunchDarkly access token: created, changed, rotated, recovered,
deleted. Kubernetes is real, and so is the operator: the release binary, with
no more rights than its manifests grant. LaunchDarkly is simulated. Keys are
masked.";

/// Tells the story, and returns whether every check passed.
pub fn run(arguments: &Arguments) -> bool {
    say!("{INTRODUCTION}");
    let tempo = if arguments.fast {
        Tempo::Fast
    } else {
        Tempo::Calm
    };
    let mut story = Story::begin();
    let mut stage = None;
    let picture = arguments.picture.as_deref();
    let outcome = tell(&mut story, tempo, &mut stage, picture);
    let good = story.end(&outcome, chapters::CHECKS);
    if let Some(stage) = stage.as_ref().filter(|_| !good) {
        say!("The operator's last words:\n{}", stage.last_words());
    }
    if let Some(stage) = stage.filter(|_| arguments.keep) {
        stay(&stage, good);
    }
    good
}

/// The parts are left on `stage`, so that they can be kept, also after a failure.
fn tell(
    story: &mut Story,
    tempo: Tempo,
    stage: &mut Option<Stage>,
    file: Option<&Path>,
) -> Result<(), Failed> {
    let stage = stage.insert(chapters::parts::start(story, tempo)?);
    let watch = || file.map(|_| Picture::begin(stage)).transpose();
    let picture = story.prepare("a Prometheus watches", watch)?;
    chapters::account::connect(story, stage)?;
    chapters::creation::apply(story, stage)?;
    chapters::changes::describe(story, stage)?;
    chapters::changes::change_role(story, stage)?;
    chapters::rotation::trigger(story, stage)?;
    chapters::crash::kill_between_reset_and_save(story, stage)?;
    chapters::deletion::delete(story, stage)?;
    match (picture, file) {
        (Some(picture), Some(file)) => {
            story.tell("More happens for two minutes, and the dashboard is drawn from it.");
            story.prepare("a picture", || picture.draw(stage, file))
        }
        _ => Ok(()),
    }
}

/// Serves until Ctrl-C, which ends every part.
fn stay(stage: &Stage, good: bool) {
    if good && let Err(error) = stage.begin_again() {
        say!("\nThe sample could not be applied once more: {error:?}");
    }
    say!("\n{}\n\nCtrl-C ends everything.", stage.invitation());
    loop {
        thread::park();
    }
}
