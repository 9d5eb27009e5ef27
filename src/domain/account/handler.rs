//! Which installation of the operator handles an account. Two may be in one cluster; never do both write to one account.

use std::fmt;
use std::time::Duration;

/// An installation, known by the Lease that its leader holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControllerRef {
    /// The namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ControllerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// This installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThisInstallation {
    /// The class of accounts that it handles; `None` for those without one.
    pub class: Option<String>,
    /// The Lease that its leader holds.
    pub controller: ControllerRef,
}

impl ThisInstallation {
    /// Who handles an account of this class whose status names this controller.
    #[must_use]
    pub fn handler(&self, class: Option<&str>, controller: Option<ControllerRef>) -> Handler {
        match controller {
            _ if class != self.class.as_deref() => Handler::OtherClass,
            None => Handler::Nobody,
            Some(controller) if controller == self.controller => Handler::Us,
            Some(controller) => Handler::Another {
                controller,
                lease: Rival::Unread,
            },
        }
    }
}

/// Who handles an account, as its spec and its status say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handler {
    /// This installation.
    Us,
    /// Nobody yet, and this installation may.
    Nobody,
    /// An installation of the class that the spec names, which is not ours.
    OtherClass,
    /// Another installation of our class was there first.
    Another {
        /// Which.
        controller: ControllerRef,
        /// What its Lease shows of it.
        lease: Rival,
    },
}

/// What the Lease of another installation shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// It was not looked at yet.
    Unread,
    /// It cannot be looked at: whoever holds it may live.
    Unreadable,
    /// It is there, and would have to stay as it is for this long to count as left.
    Lives {
        /// How long.
        patience: Duration,
    },
    /// It is gone, or has been expired for long.
    Ended,
}

/// A Lease as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseReading {
    /// Tells it from another one of the same name.
    pub uid: String,
    /// Tells this version from every other: a holder that lives changes it with each renewal.
    pub version: String,
    /// How long it lasts without a renewal; `None` while nobody holds it.
    pub duration: Option<Duration>,
}

/// An installation that has been silent for so many durations of its Lease, after the one that it may act in, is gone. A process
/// that is replaced or restarted, and a machine that is rebooted, are back before.
const DURATIONS: u32 = 10;

/// The longest lease that any version of the operator takes; a Lease that says more was edited by a person, and must not lock
/// everybody out for good.
pub const LONGEST_LEASE: Duration = Duration::from_secs(3600);

impl Rival {
    /// What a Lease shows that has been as it is for `unchanged`, by our own clock: the other side's times are never compared with
    /// ours. `ours` is how long our own Lease lasts.
    #[must_use]
    pub fn of(found: Option<&LeaseReading>, unchanged: Duration, ours: Duration) -> Self {
        let needed = match found {
            // The holder of one that was just deleted may not know yet.
            None => ours,
            Some(LeaseReading { duration: None, .. }) => DURATIONS * ours,
            Some(LeaseReading {
                duration: Some(duration),
                ..
            }) => (DURATIONS + 1) * (*duration).clamp(ours.min(LONGEST_LEASE), LONGEST_LEASE),
        };
        match needed.checked_sub(unchanged) {
            Some(patience) if !patience.is_zero() => Self::Lives { patience },
            Some(_) | None => Self::Ended,
        }
    }
}

/// What is known of AccessTokens that use an account and that this process does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// There are none: it sees all that can use the account.
    None,
    /// It looks after some namespaces only, and has not counted.
    Uncounted,
    /// So many use it in the whole cluster.
    Counted(usize),
    /// It may not count them.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const OURS: Duration = Duration::from_secs(30);

    fn lease(duration: Option<u64>) -> LeaseReading {
        LeaseReading {
            uid: "uid".to_owned(),
            version: "7".to_owned(),
            duration: duration.map(Duration::from_secs),
        }
    }

    #[test]
    fn an_account_is_for_its_class_and_of_that_for_the_one_that_came_first() {
        let at = |name: &str| ControllerRef {
            namespace: "operators".to_owned(),
            name: name.to_owned(),
        };
        let other = Handler::Another {
            controller: at("other"),
            lease: Rival::Unread,
        };
        for own in [None, Some("blue")] {
            let us = ThisInstallation {
                class: own.map(str::to_owned),
                controller: at("us"),
            };
            for class in [None, Some("blue"), Some("green"), Some("")] {
                for (controller, of_our_class) in [
                    (None, &Handler::Nobody),
                    (Some(at("us")), &Handler::Us),
                    (Some(at("other")), &other),
                ] {
                    let handler = us.handler(class, controller);
                    let expected = if class == own {
                        of_our_class
                    } else {
                        &Handler::OtherClass
                    };
                    assert_eq!(handler, *expected, "{own:?} {class:?}");
                }
            }
        }
    }

    #[test]
    fn an_installation_ends_when_its_lease_has_been_expired_for_ten_durations() {
        for (situation, found, needed) in [
            ("deleted", None, 30),
            ("released", Some(lease(None)), 300),
            ("held as long as ours", Some(lease(Some(30))), 330),
            ("held for longer", Some(lease(Some(60))), 660),
            ("held for less", Some(lease(Some(3))), 330),
            ("a mistake", Some(lease(Some(86_400))), 39_600),
        ] {
            let at = |seconds: u64| Rival::of(found.as_ref(), Duration::from_secs(seconds), OURS);
            let patience = SECOND;
            assert_eq!(at(needed - 1), Rival::Lives { patience }, "{situation}");
            assert_eq!(at(needed), Rival::Ended, "{situation}");
            assert_eq!(at(needed + 1), Rival::Ended, "{situation}");
        }
    }
}
