//! Secrets that may have changed, kept until the object that knows the Secret is reconciled.

use std::collections::HashMap;
use std::time::Duration;

/// The newest change of each Secret. Most are of Secrets that no object knows: a user who may write Secrets makes any number of them, so
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
        let change = SecretChange { version, at: now };
        self.0
            .insert((namespace.to_owned(), name.to_owned()), change);
    }

    /// Takes the change of a Secret; whether it was one of a version other than `known`.
    pub(in crate::controller) fn take(
        &mut self,
        namespace: &str,
        name: &str,
        known: Option<&str>,
    ) -> bool {
        let change = self.0.remove(&(namespace.to_owned(), name.to_owned()));
        change.is_some_and(|change| change.version.as_deref() != known)
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
        let mut changes = SecretChanges::default();
        changes.note("team-a", "web", Some("7".into()), SECOND);
        assert!(!changes.take("team-b", "web", Some("6")));
        assert!(changes.take("team-a", "web", Some("6")));
        assert!(!changes.take("team-a", "web", Some("6")), "it was taken");
        changes.note("team-a", "web", Some("7".into()), SECOND);
        assert!(!changes.take("team-a", "web", Some("7")));
        changes.note("team-a", "web", Some("8".into()), SECOND);
        assert!(changes.take("team-a", "web", None));
    }

    #[test]
    fn secrets_that_come_and_go_leave_nothing_behind() {
        let mut changes = SecretChanges::default();
        for number in 0..1_000 {
            changes.note("team-a", &format!("flood-{number}"), None, SECOND);
        }
        changes.note("team-a", "web", None, 3 * SECOND);
        changes.forget_before(2 * SECOND);
        assert_eq!(changes.0.len(), 1);
        assert!(changes.take("team-a", "web", Some("6")));
    }
}
