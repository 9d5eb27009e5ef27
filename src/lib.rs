//! Keeps LaunchDarkly access tokens and the Secrets that hold their keys in line with `AccessToken` objects.
