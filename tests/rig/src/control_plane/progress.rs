//! A progress line for a build of several minutes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// One line on standard error that tells how far a long build is. On a terminal it is rewritten every
/// second; in a log a new one is added every half minute.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    began: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    /// Starts the line.
    pub(crate) fn new(what: &'static str) -> Self {
        let progress = Self {
            what,
            total: 0,
            done: 0,
            began: Instant::now(),
            shown: Instant::now(),
            terminal: io::stderr().is_terminal(),
        };
        progress.show("fetching modules");
        progress
    }

    /// Says how many things there are to build at most.
    pub(crate) fn expect(&mut self, total: usize) {
        self.total = total;
    }

    /// One more thing is built.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        let every = Duration::from_secs(if self.terminal { 1 } else { 30 });
        if self.shown.elapsed() >= every {
            self.show(&format!("{} of {} packages", self.done, self.total));
            self.shown = Instant::now();
        }
    }

    /// Ends the line.
    pub(crate) fn finish(&self) {
        self.show("done");
        if self.terminal {
            Self::write("\n");
        }
    }

    fn show(&self, state: &str) {
        let seconds = self.began.elapsed().as_secs();
        let text = format!(
            "{}: {state}, {}:{:02}",
            self.what,
            seconds / 60,
            seconds % 60
        );
        if self.terminal {
            Self::write(&format!("\r{text}\x1b[K"));
        } else {
            Self::write(&format!("{text}\n"));
        }
    }

    fn write(text: &str) {
        // A closed standard error is no reason to stop a build.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
