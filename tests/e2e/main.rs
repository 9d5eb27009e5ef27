//! The shipped binary against a real API server and the simulated LaunchDarkly, as users meet it.
#![expect(
    clippy::unwrap_used,
    reason = "the lints' exceptions for tests do not see helper functions"
)]

mod account_trouble;
mod canary;
mod crowd;
mod home;
mod keys;
mod leaks;
mod life;
mod losses;
mod managing_key;
mod namespaces;
mod odd_answers;
mod one_pace;
mod quiet;
mod remote_trouble;
mod secrets;
mod stage;
mod tls;
mod unknown_tokens;
