//! Keeps the memory of the process, in which keys are, from everybody else.

use std::io;

#[cfg(target_os = "linux")]
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
    setrlimit,
};

/// Has the operating system neither dump the memory of this process nor let another process of the same user read or trace it. Elsewhere
/// than on Linux it does nothing.
///
/// # Errors
/// The operating system refuses; the process can go on.
pub fn keep() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let nothing = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        // One of them is better than none.
        let limited = setrlimit(Resource::Core, nothing);
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        limited?;
    }
    Ok(())
}

/// Whether that is so, as the operating system tells.
#[must_use]
pub fn is_kept() -> bool {
    #[cfg(target_os = "linux")]
    {
        let dumpable = dumpable_behavior();
        matches!(dumpable, Ok(DumpableBehavior::NotDumpable))
            && getrlimit(Resource::Core).current == Some(0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_is_private_once_it_is_kept_so() {
        keep().unwrap();
        assert!(is_kept());
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
