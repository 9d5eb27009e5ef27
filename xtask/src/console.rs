//! What a task prints.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};
use std::time::Duration;

/// Prints one line on standard output at once, also when it goes to a file.
pub fn line(text: Arguments<'_>) {
    let mut output = io::stdout().lock();
    // A reader that went away is no reason to stop a task.
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// Prints a formatted line; see [`line`].
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::console::line(format_args!($($text)*)) };
}

/// A duration as people read it: `0.4 s`, `12 s`, `3 min 05 s`.
#[must_use]
pub fn lasted(duration: Duration) -> impl Display {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        let shown = |milliseconds| lasted(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(shown(420), "0.4 s");
        assert_eq!(shown(12_900), "12 s");
        assert_eq!(shown(185_000), "3 min 05 s");
    }
}
