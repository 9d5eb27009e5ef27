//! Signs that a Secret may have changed, kept until the object that knows the Secret is reconciled.

use std::collections::HashMap;
use std::time::Duration;

/// The newest sign of each Secret. Most are of Secrets that nobody here knows: whoever may write Secrets makes as many as they like, so
/// that those that no longer matter have to be [forgotten](SecretChanges::forget_before).
#[derive(Debug, Default)]
pub(in crate::controller) struct SecretChanges(HashMap<(String, String), SecretChange>);

#[derive(Debug)]
struct SecretChange {
    version: Option<String>,
    /// Since boot.
    at: Duration,
}

impl SecretChanges {
    /// Notes that a Secret was seen with this version.
    pub(in crate::controller) fn note(
        &mut self,
        namespace: &str,
        name: &str,
        version: Option<String>,
        now: Duration,
    ) {
        let sign = SecretChange { version, at: now };
        self.0.insert((namespace.to_owned(), name.to_owned()), sign);
    }

    /// Takes the sign of a Secret; whether it was one of a version other than `known`.
    pub(in crate::controller) fn take(
        &mut self,
        namespace: &str,
        name: &str,
        known: Option<&str>,
    ) -> bool {
        let sign = self.0.remove(&(namespace.to_owned(), name.to_owned()));
        sign.is_some_and(|sign| sign.version.as_deref() != known)
    }

    /// Forgets what was noted before a time: whatever was read by then is not believed any more anyway.
    pub(in crate::controller) fn forget_before(&mut self, time: Duration) {
        self.0.retain(|_, sign| sign.at >= time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_another_version_is_a_change() {
        let mut signs = SecretChanges::default();
        signs.note("team-a", "web", Some("7".into()), SECOND);
        assert!(!signs.take("team-b", "web", Some("6")));
        assert!(signs.take("team-a", "web", Some("6")));
        assert!(!signs.take("team-a", "web", Some("6")), "it was taken");
        signs.note("team-a", "web", Some("7".into()), SECOND);
        assert!(!signs.take("team-a", "web", Some("7")));
        signs.note("team-a", "web", Some("8".into()), SECOND);
        assert!(signs.take("team-a", "web", None));
    }

    #[test]
    fn secrets_that_come_and_go_leave_nothing_behind() {
        let mut signs = SecretChanges::default();
        for number in 0..1_000 {
            signs.note("team-a", &format!("flood-{number}"), None, SECOND);
        }
        signs.note("team-a", "web", None, 3 * SECOND);
        signs.forget_before(2 * SECOND);
        assert_eq!(signs.0.len(), 1);
        assert!(signs.take("team-a", "web", Some("6")));
    }
}
