//! What flags must satisfy beyond their own type, checked before anything starts.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use url::Url;

use super::{LeadershipArgs, LogArgs, RemoteArgs, RunArgs, ScopeArgs, TimingArgs, TraceArgs};
use crate::domain::durations;
use crate::runtime::leader::LONGEST_LEASE;
use crate::runtime::telemetry::log;

/// Everything that is wrong with the flags, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidArgs(Vec<String>);

impl fmt::Display for InvalidArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl RunArgs {
    /// Checks what no single flag can be checked for.
    ///
    /// # Errors
    /// [`InvalidArgs`] names every flag that is wrong and what it must be.
    pub fn validate(&self) -> Result<(), InvalidArgs> {
        let mut wrong = Wrong::default();
        self.timing.check(&mut wrong);
        self.leadership.check(&self.timing, &mut wrong);
        self.scope.check(&mut wrong);
        self.remote.check(&mut wrong);
        self.log.check(&mut wrong);
        self.traces.check(&mut wrong);
        if wrong.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidArgs(wrong.0))
        }
    }
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, right: bool, message: impl FnOnce() -> String) {
        if !right {
            self.0.push(message());
        }
    }

    fn unless_at_least(&mut self, flag: &str, is: Duration, least: Duration, why: &str) {
        self.unless(is >= least, || {
            format!(
                "{flag} {} must be at least {} ({why})",
                shown(is),
                shown(least)
            )
        });
    }
}

impl TimingArgs {
    fn check(&self, wrong: &mut Wrong) {
        let request = self.request_timeout;
        let settle = self.settle_time;
        wrong.unless_at_least(
            "--request-timeout",
            request,
            Duration::from_millis(100),
            "an answer needs some time",
        );
        // A request that was given up may still be handled until its timeout on the other side is over as well.
        wrong.unless_at_least(
            "--settle-time",
            settle,
            2 * request,
            "twice --request-timeout",
        );
        wrong.unless_at_least(
            "--publication-margin",
            self.publication_margin,
            settle,
            "--settle-time",
        );
        wrong.unless_at_least(
            "--drift-interval",
            self.drift_interval,
            Duration::from_secs(1),
            "LaunchDarkly limits its rates",
        );
        wrong.unless_at_least(
            "--deletion-give-up-after",
            self.deletion_give_up_after,
            settle,
            "--settle-time",
        );
    }
}

impl LeadershipArgs {
    fn check(&self, timing: &TimingArgs, wrong: &mut Wrong) {
        let lease = self.lease_duration;
        // Right before a renewal a sixth of the lease is gone; the longest call, twice the request timeout, must
        // still fit into the rest, else it could never begin: 5/6 lease >= 2 timeouts.
        wrong.unless_at_least(
            "--lease-duration",
            lease,
            timing.request_timeout * 5 / 2,
            "2.5 times --request-timeout",
        );
        wrong.unless(
            lease.subsec_nanos() == 0 && (Duration::from_secs(3)..=LONGEST_LEASE).contains(&lease),
            || {
                format!(
                    "--lease-duration {} must be whole seconds from 3s to 1h",
                    shown(lease)
                )
            },
        );
        wrong.unless(is_dns_label(&self.namespace), || {
            format!("--namespace {:?} must be the name of a namespace; in a pod, set POD_NAMESPACE from metadata.namespace", self.namespace)
        });
        wrong.unless(is_dns_subdomain(&self.pod_name), || {
            format!("--pod-name {:?} must be the name of a pod; in a pod, set POD_NAME from metadata.name", self.pod_name)
        });
        wrong.unless(is_dns_subdomain(&self.lease_name), || {
            format!(
                "--lease-name {:?} must be a name that a Lease can have",
                self.lease_name
            )
        });
    }
}

impl ScopeArgs {
    fn check(&self, wrong: &mut Wrong) {
        wrong.unless(self.concurrency >= 1, || {
            "--concurrency 0 must be at least 1".to_owned()
        });
        if let Some(role) = &self.opt_in_role {
            wrong.unless(is_dns_subdomain(role), || {
                format!("--opt-in-role {role:?} must be the name of a ClusterRole, in small letters; leave the flag out if the operator may use all Secrets")
            });
        }
        if let Some(class) = self.class() {
            wrong.unless(is_dns_label(class), || {
                format!("--controller-class {class:?} must be small letters, digits and -, 63 at most, as spec.controllerClass of an account; leave the flag out for accounts without a class")
            });
        }
        for namespace in self.namespaces() {
            wrong.unless(is_dns_label(namespace), || {
                format!("--watch-namespaces {namespace:?} must be the name of a namespace; leave the flag out for all")
            });
        }
    }
}

impl RemoteArgs {
    fn check(&self, wrong: &mut Wrong) {
        wrong.unless((0.0..=0.9).contains(&self.rate_limit_headroom), || {
            format!(
                "--rate-limit-headroom {} must be from 0 to 0.9",
                self.rate_limit_headroom
            )
        });
        let hosts = self.allowed_hosts();
        wrong.unless(!hosts.is_empty(), || {
            "--allowed-api-host must name at least one host".to_owned()
        });
        for host in hosts {
            wrong.unless(is_host(host), || {
                format!("--allowed-api-host {host:?} must be a host in small letters, with a port other than 443 if need be, like app.launchdarkly.com or 127.0.0.1:8443")
            });
        }
    }
}

impl LogArgs {
    fn check(&self, wrong: &mut Wrong) {
        if let Err(why) = log::filter(&self.log_level) {
            wrong.0.push(format!("--log-level {:?} must be error, warn, info, debug or trace, or a list like \"info,kube=debug\" ({why})", self.log_level));
        }
    }
}

impl TraceArgs {
    fn check(&self, wrong: &mut Wrong) {
        if let Err(why) = self.endpoint() {
            wrong.0.push(why.to_string());
        }
    }
}

/// A duration as it can be written in a flag.
fn shown(duration: Duration) -> String {
    durations::format(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX))
}

/// Whether `text` is exactly the host, and port where there is one, of a URL that consists of nothing else.
fn is_host(text: &str) -> bool {
    Url::parse(&format!("https://{text}"))
        .is_ok_and(|url| url.as_str() == format!("https://{text}/"))
        && !text.contains(['/', '@', '?', '#'])
}

/// RFC 1123 label, as names of namespaces are.
fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// RFC 1123 subdomain, as names of pods and Leases are.
fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

#[cfg(test)]
mod tests;
