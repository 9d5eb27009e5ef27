//! The client of the LaunchDarkly API.
