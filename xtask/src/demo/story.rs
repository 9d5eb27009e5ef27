//! A story told step by step, each step checked.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use rig::RigError;
use serde_json::{Value, json};

use crate::console::lasted;
use crate::say;

/// Where the times end, so that a line fits into the usual 80 columns.
const COLUMN: usize = 74;

/// Tells a story and checks that it is true. It ends at the first check that fails.
pub struct Story {
    began: Instant,
    chapters: usize,
    passed: usize,
    terminal: bool,
}

/// A check failed; the reader has been told.
#[derive(Debug)]
pub struct Failed;

impl Story {
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            chapters: 0,
            passed: 0,
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        say!("\n{}. {title}", self.chapters);
    }

    /// Says something the reader should know.
    #[expect(clippy::unused_self, reason = "the story is the one who speaks")]
    pub fn tell(&self, text: &str) {
        say!("   {text}");
    }

    /// Shows a command as the reader could type it.
    #[expect(clippy::unused_self, reason = "the story is the one who speaks")]
    pub fn shell(&self, command: &str) {
        say!("   $ {command}");
    }

    /// Shows the command that changes the spec of an `AccessToken`.
    pub fn patch(&self, token: &str, spec: &Value) {
        self.shell(&format!(
            "kubectl patch accesstoken {token} --type=merge \\"
        ));
        say!("       --patch '{}'", json!({ "spec": spec }));
    }

    /// Claims `sentence`, does what proves it, and fails if that does.
    pub fn check<T>(
        &mut self,
        sentence: &str,
        proof: impl FnOnce() -> Result<T, RigError>,
    ) -> Result<T, Failed> {
        self.show(&format!("   … {sentence}"));
        let began = Instant::now();
        let result = proof();
        let took = began.elapsed();
        self.show("\r\x1b[K");
        if result.is_ok() {
            self.passed += 1;
            conclude('✓', sentence, took);
        }
        result.map_err(|error| fail(sentence, took, &error))
    }

    /// Does what a later check needs, and is silent about it unless it fails.
    #[expect(
        clippy::unused_self,
        reason = "it is a step of the story, although a silent one"
    )]
    pub fn prepare<T>(
        &mut self,
        what: &str,
        step: impl FnOnce() -> Result<T, RigError>,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        step().map_err(|error| fail(what, began.elapsed(), &error))
    }

    /// Ends the story, and tells whether all of it was true: nothing failed, and `planned` checks passed.
    pub fn end(self, outcome: &Result<(), Failed>, planned: usize) -> bool {
        let total = lasted(self.began.elapsed());
        let passed = self.passed;
        let good = outcome.is_ok() && passed == planned;
        if good {
            say!("\nAll {planned} checks passed in {total}.");
        } else {
            say!("\nFAILED after {total}: {passed} of {planned} checks passed.");
        }
        good
    }

    /// Shows a line that the next one overwrites.
    fn show(&self, text: &str) {
        if self.terminal {
            // A terminal that went away is no reason to stop.
            let _ = write!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
        }
    }
}

fn conclude(mark: char, sentence: &str, took: Duration) {
    let gap = COLUMN.saturating_sub(sentence.chars().count());
    say!("   {mark} {sentence}{:>gap$}", lasted(took).to_string());
}

fn fail(what: &str, after: Duration, error: &RigError) -> Failed {
    conclude('✗', what, after);
    for line in format!("{error:?}").lines() {
        say!("       {line}");
    }
    Failed
}

/// An error unless `holds`.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), RigError> {
    if holds {
        Ok(())
    } else {
        Err(RigError::Unexpected(otherwise()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_true_only_if_every_planned_check_ran_and_passed() {
        let told = |checks: &[bool], planned| {
            let mut story = Story::begin();
            let outcome = checks.iter().try_for_each(|holds| {
                story.check("so it is", || ensure(*holds, || "it is not".into()))
            });
            story.end(&outcome, planned)
        };
        assert!(told(&[true, true], 2));
        assert!(!told(&[true, false], 2));
        assert!(!told(&[true], 2), "a check that was left out is no success");
    }
}
