//! A progress line for a build of several minutes.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// One line on standard error that tells how far a long build is. On a terminal it is rewritten every
/// second; in a log a new one is added every half minute. It shows nothing before there is something to say.
pub(crate) struct Progress {
    what: String,
    total: usize,
    done: usize,
    began: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// A line about `what`.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            total: 0,
            done: 0,
            began: Instant::now(),
            shown: None,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// Says how many things there are to build at most.
    pub(crate) fn expect(&mut self, total: usize) {
        self.total = total;
    }

    /// One more thing is built.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        let every = Duration::from_secs(if self.terminal { 1 } else { 30 });
        if self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        let of = if self.total > 0 {
            format!(" of {}", self.total)
        } else {
            String::new()
        };
        self.show(&format!("package {}{of}", self.done));
    }

    /// Ends the line, if there is one.
    pub(crate) fn finish(&mut self) {
        if self.shown.is_some() {
            self.show("done");
            if self.terminal {
                write("\n");
            }
        }
    }

    /// Shows what is going on now.
    pub(crate) fn show(&mut self, state: &str) {
        let seconds = self.began.elapsed().as_secs();
        let text = format!(
            "{}: {state}, {}:{:02}",
            self.what,
            seconds / 60,
            seconds % 60
        );
        if self.terminal {
            write(&format!("\r{text}\x1b[K"));
        } else {
            write(&format!("{text}\n"));
        }
        self.shown = Some(Instant::now());
    }
}

fn write(text: &str) {
    // A closed standard error is no reason to stop a build.
    let _ = io::stderr().write_all(text.as_bytes());
}
