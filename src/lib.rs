//! Keeps LaunchDarkly access tokens and the Secrets that hold their keys in line with `AccessToken` objects.

pub mod api;
pub mod clock;
pub mod cluster;
pub mod controller;
pub mod domain;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
pub mod launchdarkly;
pub mod redaction;
pub mod runtime;
pub mod traces;
