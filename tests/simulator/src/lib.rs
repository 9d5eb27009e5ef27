//! A stateful stand-in for the LaunchDarkly access-token API.
